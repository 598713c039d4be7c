// What a slot of the index says of a token in 32 bits: when it stops being revoked, and a value id.
//
// The time is a second of the Unix clock modulo 2^27 (4.25 years), taken as the nearest such second
// to now: up to 3/4 of the circle ahead, 1/4 behind. So a token is forgotten neither early nor when
// the clock is set back, by as much as a year, and the sweep has a year to free its slot.
#pragma once

#include <cstdint>
#include <optional>

namespace keyturn {

struct RevokedEntry {
  static constexpr int64_t kNever = INT64_MAX;
  // Longest time to live: half a circle.
  static constexpr int64_t kTtlSecondsMax = int64_t{1} << 26;
  static constexpr uint8_t kValueIds = 32;

  // The first second, of the Unix clock, in which the token is not revoked any more; kNever.
  int64_t expires_s = 0;
  // Below kValueIds; what they stand for is the caller's.
  uint8_t value = 0;

  friend bool operator==(const RevokedEntry&, const RevokedEntry&) = default;
};

namespace packed_entry {

inline constexpr uint32_t kCircle = uint32_t{1} << 27;
inline constexpr uint32_t kBehind = kCircle / 4;
inline constexpr uint32_t kNever = kCircle - 1;

// REQUIRES: expires_s is kNever, or at most kTtlSecondsMax after the time of packing.
inline uint32_t Pack(const RevokedEntry& entry) {
  uint32_t second = kNever;
  if (entry.expires_s != RevokedEntry::kNever) {
    second = static_cast<uint32_t>(static_cast<uint64_t>(entry.expires_s) % kCircle);
    if (second == kNever) second = 0;  // a second later
  }
  return second << 5 | entry.value;
}

// std::nullopt when it has expired. 32 bits are enough of `now_s`, a second of the Unix clock.
inline std::optional<RevokedEntry> Unpack(uint32_t packed, int64_t now_s) {
  const uint32_t second = packed >> 5;
  const uint8_t value = packed % RevokedEntry::kValueIds;
  if (second == kNever) return RevokedEntry{.expires_s = RevokedEntry::kNever, .value = value};
  const uint32_t ahead = (second - static_cast<uint32_t>(now_s)) % kCircle;
  if (ahead == 0 || ahead >= kCircle - kBehind) return std::nullopt;
  return RevokedEntry{.expires_s = now_s + ahead, .value = value};
}

}  // namespace packed_entry
}  // namespace keyturn
