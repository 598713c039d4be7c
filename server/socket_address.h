// Who is at the two ends of a socket. Thread-safe.
#pragma once

#include <string>

#include "auth/cidr.h"

namespace keyturn {

struct SocketAddresses {
  std::string peer, local;  // "127.0.0.1:4321", "[::1]:4321"; of a unix socket "unix" and its path
  IpAddress source;         // not present for a unix socket
};
SocketAddresses AddressesOf(int fd);

}  // namespace keyturn
