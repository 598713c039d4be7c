// Which addresses may be connected to from the server: public ones, and those that its owner
// allows. Whatever is near the server (loopback, private networks, the metadata service of a cloud)
// trusts it more than it should trust who names an address. Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "auth/cidr.h"

namespace keyturn {

// Not of a block for special purposes (RFC 6890, RFC 4291 and the registries of IANA), nor one in
// which another address is written (6to4, Teredo, NAT64).
bool IsPublicAddress(const IpAddress& address);

// `text` is an address without port or zone; anything else may not be connected to.
bool MayConnect(const std::string& text, const std::vector<Cidr>& allowed);

}  // namespace keyturn
