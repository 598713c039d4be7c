#include "server/socket_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "absl/strings/str_cat.h"

namespace keyturn {
namespace {

struct End {
  std::string text, host;
};

End EndOf(const sockaddr_storage& address) {
  char host[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, host, sizeof(host));
    return {absl::StrCat(host, ":", ntohs(v4.sin_port)), host};
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof(host));
    // What came over IPv4 to a socket of both is an address of IPv4.
    absl::string_view name = host;
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      name.remove_prefix(name.rfind(':') + 1);
      return {absl::StrCat(name, ":", ntohs(v6.sin6_port)), std::string(name)};
    }
    return {absl::StrCat("[", name, "]:", ntohs(v6.sin6_port)), std::string(name)};
  }
  const auto& local = reinterpret_cast<const sockaddr_un&>(address);
  return {local.sun_path[0] == '\0' ? "unix" : local.sun_path, ""};
}

}  // namespace

SocketAddresses AddressesOf(int fd) {
  SocketAddresses out;
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    const End end = EndOf(address);
    out.peer = end.text;
    if (const auto source = IpAddress::Parse(end.host); source.ok()) out.source = *source;
  }
  address = {};
  size = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    out.local = EndOf(address).text;
  }
  return out;
}

}  // namespace keyturn
