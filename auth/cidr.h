// IP addresses and CIDR blocks (RFC 4632, RFC 4291). IPv4-mapped IPv6 addresses count as IPv4.
// Pure values; thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace keyturn {

class IpAddress {
 public:
  // No address: a unix socket. Matches no CIDR.
  IpAddress() = default;
  // "192.0.2.1" or "2001:db8::1", without port or zone.
  static absl::StatusOr<IpAddress> Parse(absl::string_view text);
  // From a gRPC peer string: "ipv4:192.0.2.1:4711", "ipv6:%5B::1%5D:4711", "unix:...". Never fails:
  // what it does not know has no address.
  static IpAddress FromGrpcPeer(absl::string_view peer);

  bool present() const { return bits_ != 0; }
  // 4 or 16 bytes in network order, none without address: for keys of maps.
  absl::string_view bytes() const {
    return {reinterpret_cast<const char*>(bytes_.data()), static_cast<size_t>(bits_ / 8)};
  }
  // What counts as one source where a single address is cheap to change: the /24 of IPv4 (3 bytes),
  // and the /64 of IPv6 (8 bytes), which one customer of a provider has at least.
  absl::string_view network() const { return bytes().substr(0, bits_ == 32 ? 3 : 8); }
  std::string ToString() const;  // "" without address
  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  friend class Cidr;
  std::array<uint8_t, 16> bytes_{};
  int bits_ = 0;  // 32, 128, or 0
};

// What limits by source count as one where no neighbour may be shut out: an address of IPv4, which
// many services may be close to, and the /64 of IPv6, in which one machine has as many addresses as
// it likes. Empty without address.
inline absl::string_view LimitedSource(const IpAddress& source) {
  return source.bytes().substr(0, 8);
}

class Cidr {
 public:
  // "10.0.0.0/8"; a bare address is a block of one. INVALID_ARGUMENT also when host bits are set.
  static absl::StatusOr<Cidr> Parse(absl::string_view text);
  bool Contains(const IpAddress& address) const;
  // Whether each address of `other` is in this block.
  bool Covers(const Cidr& other) const;
  std::string ToString() const;

 private:
  IpAddress network_;
  int prefix_ = 0;
};

// Whether what is bound to these blocks, in text form, may be used from `source`: from anywhere
// when there are none.
template <typename Strings>
bool MayComeFrom(const Strings& cidrs, const IpAddress& source) {
  if (cidrs.empty()) return true;
  return std::any_of(cidrs.begin(), cidrs.end(), [&source](const std::string& text) {
    const absl::StatusOr<Cidr> cidr = Cidr::Parse(text);
    return cidr.ok() && cidr->Contains(source);
  });
}

}  // namespace keyturn
