// Which stored tokens there are, for the one question that strangers may ask: are these an id and a
// secret that belong together? The answer takes the same time for an unknown id as for a wrong
// secret of a known one, so that nobody learns which ids exist: a fixed number of steps through a
// sorted row, without branches, then one comparison with whatever stands there (tests/timing).
// Not thread-safe.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/strings/string_view.h"

namespace keyturn {

class TokenIndex {
 public:
  // `id`: as tokens carry it, "kts-" and 32 hexadecimal digits; others are left out. `secret_hash`:
  // SHA-256. Replaces what it had for the id.
  void Put(absl::string_view id, absl::string_view secret_hash);
  // As Put of many that are not there yet, which by itself would move those behind each. Nothing
  // matches before Sort().
  void Append(absl::string_view id, absl::string_view secret_hash);
  void Sort();
  void Erase(absl::string_view id);
  void Clear() { entries_.clear(); }

  // `raw_id`: the 16 bytes that the digits of an id say. Digits take longer or shorter to read.
  bool Matches(absl::string_view raw_id, absl::string_view secret_hash) const;

 private:
  struct Entry {
    absl::uint128 id;
    std::array<char, 32> secret_hash;
  };

  // std::nullopt for what is left out.
  static std::optional<Entry> EntryOf(absl::string_view id, absl::string_view secret_hash);
  // The place of the first entry that is not below `id`.
  size_t LowerBound(absl::uint128 id) const;

  std::vector<Entry> entries_;  // sorted by id
};

}  // namespace keyturn
