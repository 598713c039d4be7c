#include "auth/cidr.h"

#include <arpa/inet.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

bool BitIsSet(const std::array<uint8_t, 16>& bytes, int bit) {
  return (bytes[static_cast<size_t>(bit / 8)] >> (7 - bit % 8) & 1) != 0;
}

}  // namespace

absl::StatusOr<IpAddress> IpAddress::Parse(absl::string_view text) {
  const absl::Status bad = absl::InvalidArgumentError(
      "an address must be like 192.0.2.1 or 2001:db8::1, without port or zone");
  IpAddress address;
  const std::string copy(text);
  if (absl::StrContains(copy, '\0')) return bad;  // inet_pton would stop there
  if (inet_pton(AF_INET, copy.c_str(), address.bytes_.data()) == 1) {
    address.bits_ = 32;
    return address;
  }
  std::array<uint8_t, 16> v6;
  if (inet_pton(AF_INET6, copy.c_str(), v6.data()) != 1) return bad;
  if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), v6.begin())) {
    std::copy(v6.begin() + 12, v6.end(), address.bytes_.begin());
    address.bits_ = 32;
  } else {
    address.bytes_ = v6;
    address.bits_ = 128;
  }
  return address;
}

IpAddress IpAddress::FromGrpcPeer(absl::string_view peer) {
  const size_t colon = peer.rfind(':');
  if (colon == absl::string_view::npos) return {};
  absl::string_view host = peer.substr(0, colon);
  if (absl::ConsumePrefix(&host, "ipv4:")) return Parse(host).value_or(IpAddress());
  if (!absl::ConsumePrefix(&host, "ipv6:")) return {};
  if (!absl::ConsumePrefix(&host, "%5B") && !absl::ConsumePrefix(&host, "[")) return {};
  if (!absl::ConsumeSuffix(&host, "%5D") && !absl::ConsumeSuffix(&host, "]")) return {};
  // A zone ("%25eth0") names an interface of this machine, not a part of the address.
  return Parse(host.substr(0, host.find('%'))).value_or(IpAddress());
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN] = {};
  if (bits_ == 0) return "";
  inet_ntop(bits_ == 32 ? AF_INET : AF_INET6, bytes_.data(), text, sizeof(text));
  return text;
}

absl::StatusOr<Cidr> Cidr::Parse(absl::string_view text) {
  const absl::Status bad = absl::InvalidArgumentError(
      "a CIDR block must be like 10.0.0.0/8 or 2001:db8::/32, with no bits set beyond the prefix");
  const size_t slash = text.find('/');
  Cidr cidr;
  const absl::StatusOr<IpAddress> address = IpAddress::Parse(text.substr(0, slash));
  if (!address.ok()) return bad;
  cidr.network_ = *address;
  cidr.prefix_ = cidr.network_.bits_;
  if (slash == absl::string_view::npos) return cidr;
  const absl::string_view digits = text.substr(slash + 1);
  const bool plain =
      !digits.empty() && digits.size() <= 3 &&
      std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!plain || !absl::SimpleAtoi(digits, &cidr.prefix_) || cidr.prefix_ > cidr.network_.bits_) {
    return bad;
  }
  for (int bit = cidr.prefix_; bit < cidr.network_.bits_; ++bit) {
    if (BitIsSet(cidr.network_.bytes_, bit)) return bad;
  }
  return cidr;
}

bool Cidr::Contains(const IpAddress& address) const {
  if (address.bits_ != network_.bits_) return false;
  for (int bit = 0; bit < prefix_; ++bit) {
    if (BitIsSet(address.bytes_, bit) != BitIsSet(network_.bytes_, bit)) return false;
  }
  return true;
}

bool Cidr::Covers(const Cidr& other) const {
  return prefix_ <= other.prefix_ && Contains(other.network_);
}

std::string Cidr::ToString() const { return absl::StrCat(network_.ToString(), "/", prefix_); }

}  // namespace keyturn
