// Strong types shared by the rooms: ids, versions, revisions and the kind of a secret.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace keyturn {

// A 16-byte identifier (RFC 9562 version 4 when made by crypto/random.h). Never a secret.
class Uuid {
 public:
  static constexpr size_t kSize = 16;

  // The nil id: no object.
  Uuid() = default;
  explicit Uuid(const std::array<uint8_t, kSize>& bytes) : bytes_(bytes) {}

  // From exactly 16 raw bytes, as stored; DATA_LOSS for any other length.
  static absl::StatusOr<Uuid> FromBytes(absl::string_view bytes);
  // From the 36-character text form; INVALID_ARGUMENT otherwise.
  static absl::StatusOr<Uuid> FromString(absl::string_view text);

  absl::string_view bytes() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }
  // Lower-case 8-4-4-4-12 hexadecimal.
  std::string ToString() const;
  bool is_nil() const { return *this == Uuid(); }

  friend auto operator<=>(const Uuid&, const Uuid&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const Uuid& id) {
    return H::combine(std::move(state), id.bytes_);
  }

 private:
  std::array<uint8_t, kSize> bytes_{};
};

// An unsigned integer that does not mix with other unsigned integers.
template <typename Tag>
class StrongNumber {
 public:
  constexpr StrongNumber() = default;
  constexpr explicit StrongNumber(uint64_t value) : value_(value) {}
  constexpr uint64_t value() const { return value_; }
  friend constexpr auto operator<=>(StrongNumber, StrongNumber) = default;
  template <typename H>
  friend H AbslHashValue(H state, StrongNumber n) {
    return H::combine(std::move(state), n.value_);
  }

 private:
  uint64_t value_ = 0;
};

// Number of a secret's version, from 1. 0 means "none".
using SecretVersion = StrongNumber<struct SecretVersionTag>;
// Position of a change in the store's total order, from 1. 0 is the empty store.
using Revision = StrongNumber<struct RevisionTag>;
// Number of a key-encryption key, from 1.
using KekTerm = StrongNumber<struct KekTermTag>;

}  // namespace keyturn
