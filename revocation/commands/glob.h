// Patterns of KEYS, SCAN and CONFIG GET, which match what redis-server 7.0.15 matches with them
// (util.c, stringmatchlen), its oddities included: a range compares signed bytes, a class without
// an end reaches to the end of the pattern, a byte that is escaped within a class has a case
// always, and nothing but the empty pattern matches the empty text. Unlike there, the time for a
// text is at most its size times the pattern's. Immutable, so thread-safe.
#pragma once

#include <bitset>
#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"

namespace keyturn {

class GlobPattern {
 public:
  enum class Case { kCounts, kIgnored };
  explicit GlobPattern(absl::string_view pattern, Case letters = Case::kCounts);

  bool Matches(absl::string_view text) const;

 private:
  using Bytes = std::bitset<256>;
  struct Atom {
    enum class Kind : uint8_t { kByte, kAny, kClass, kStar };
    Kind kind;
    unsigned char byte = 0;
    uint32_t bytes = 0;  // of a class, in classes_
  };

  size_t AddClass(absl::string_view rest);
  bool Takes(const Atom& atom, char c) const;

  const Case letters_;
  std::vector<Atom> atoms_;
  std::vector<Bytes> classes_;
  size_t bytes_min_ = 0;  // of a text that can match
};

}  // namespace keyturn
