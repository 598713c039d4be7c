// What is known of one key of the revocation list, and when. Values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace keyturn {

enum class KeyType : uint8_t { kString = 1, kSet = 2 };

// Milliseconds of the Unix clock. A key is there until the millisecond before.
inline constexpr int64_t kNoExpiry = INT64_MAX;

struct KeyInfo {
  KeyType type = KeyType::kString;
  std::string value;   // of a string
  size_t members = 0;  // of a set
  int64_t expires_ms = kNoExpiry;
};

// The same moment by two clocks (revocation/list_clock.h), in milliseconds of the Unix clock.
struct ListTime {
  int64_t now_ms = 0;   // what has expired by now is gone; never ahead of wall_ms
  int64_t wall_ms = 0;  // what is put for a time to live ends at this plus that
};

}  // namespace keyturn
