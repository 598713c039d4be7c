// Which API keys there are, in memory, without what they may do: enough to say which key and secret
// a text is of, and to list keys by path. Built by one scan, then kept up to date.
//
// Match is the one question that strangers may ask. It takes the same time for an unknown id as for
// a wrong secret of a known one: a fixed number of steps through a sorted row, without branches,
// then a comparison with the secrets of whatever stands there, which is a dummy where nothing does
// (tests/timing). Only what it lets through is looked up in the records.
// About 330 bytes a key. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/numeric/int128.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/limits.h"
#include "rotation/api_key/record.h"

namespace keyturn {

class ApiKeyIndex {
 public:
  ApiKeyIndex();

  // A new key, or what an older one is now. Put keeps the rows in order; Append leaves that to
  // Sort, for many at once that are not there yet.
  void Put(const ApiKeyRecord& record);
  void Append(const ApiKeyRecord& record);
  void Sort();
  void Erase(absl::string_view id);

  // Whether `mac` may be that of a secret of `id`: half of it is kept here. `id` has 16 characters.
  bool Match(absl::string_view id, absl::string_view mac) const;
  // The id of a key that was made elsewhere; "" when there is none.
  std::string FindLegacy(absl::string_view mac) const;

  struct Summary {
    std::string path;
    absl::Time end;  // EndOf
    bool revoked = false;
    std::vector<std::string> legacy_macs;
  };
  // nullptr when it is not there. Until the next change.
  const Summary* Find(absl::string_view id) const;

  // By path, then id.
  using Place = std::pair<std::string, std::string>;
  const std::set<Place>& places() const { return places_; }
  // In no order, to be looked through.
  const absl::flat_hash_map<std::string, Summary>& summaries() const { return summaries_; }

  // Of the keys that are not revoked: how many end until then, or have ended; and the ids of those
  // that end after `from` and not after `to`, in the order of their ends.
  size_t CountEndingBy(absl::Time time) const;
  std::vector<std::string> EndingBetween(absl::Time from, absl::Time to) const;

 private:
  static constexpr size_t kMacBytes = 16;
  using HalfMac = std::array<char, kMacBytes>;
  // One line of the processor's cache.
  struct Entry {
    absl::uint128 id;
    std::array<HalfMac, limits::kApiKeySecretsMax> macs;
  };
  using Row = std::vector<Entry>;

  static size_t RowOf(absl::string_view id);
  static absl::uint128 NumberOf(absl::string_view id);
  static size_t LowerBound(const Row& row, absl::uint128 id);
  Entry EntryOf(const ApiKeyRecord& record) const;
  void PutSummary(const ApiKeyRecord& record);
  void ForgetEnd(absl::string_view id, const Summary& summary);

  HalfMac dummy_;              // of secrets that are not there: random
  std::array<Row, 256> rows_;  // each ends with an entry that no id has
  absl::flat_hash_map<std::string, Summary> summaries_;
  std::set<Place> places_;
  absl::flat_hash_map<std::string, std::string> legacy_;        // by mac
  absl::btree_set<std::pair<absl::Time, absl::uint128>> ends_;  // of those not revoked
};

}  // namespace keyturn
