#include "rotation/target/addresses.h"

#include <algorithm>

namespace keyturn {
namespace {

constexpr const char* kSpecial[] = {
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    // Of those in 2000::/3, outside of which nothing is global unicast.
    "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"};
constexpr char kGlobalUnicast[] = "2000::/3";
constexpr char kAllOfV4[] = "0.0.0.0/0";

bool IsIn(const char* block, const IpAddress& address) {
  const absl::StatusOr<Cidr> cidr = Cidr::Parse(block);
  return cidr.ok() && cidr->Contains(address);
}

}  // namespace

bool IsPublicAddress(const IpAddress& address) {
  if (!IsIn(kAllOfV4, address) && !IsIn(kGlobalUnicast, address)) return false;
  return std::none_of(std::begin(kSpecial), std::end(kSpecial),
                      [&address](const char* block) { return IsIn(block, address); });
}

bool MayConnect(const std::string& text, const std::vector<Cidr>& allowed) {
  const absl::StatusOr<IpAddress> address = IpAddress::Parse(text);
  if (!address.ok()) return false;
  return IsPublicAddress(*address) ||
         std::any_of(allowed.begin(), allowed.end(),
                     [&address](const Cidr& block) { return block.Contains(*address); });
}

}  // namespace keyturn
