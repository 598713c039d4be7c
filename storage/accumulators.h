// Integrity of the set of records: 256 buckets by first key byte, each the wrapping sum of the
// keyed hashes of its records. A record that was removed, replaced, added or brought back from an
// older state changes its bucket's sum, and only who holds the key can compute the sum that fits.
// (An additive multiset hash: D. Clarke et al., "Incremental Multiset Hash Functions", 2003.) Not
// thread-safe: the committer's own.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "storage/store.h"

namespace keyturn {

class Accumulators {
 public:
  static constexpr int kBuckets = 256;
  using Sum = std::array<uint64_t, 4>;

  static int BucketOf(absl::string_view key) {
    return key.empty() ? 0 : static_cast<uint8_t>(key.front());
  }

  // From the stored form of all buckets; DATA_LOSS for one of a wrong size. Absent is zero.
  absl::Status Load(const View& view);

  // The hash of a record with this key.
  void Add(absl::string_view key, const Sum& hash);
  void Subtract(absl::string_view key, const Sum& hash);

  // Calls `put` with key and value of each bucket that changed since the last call.
  void TakeDirty(absl::FunctionRef<void(absl::string_view key, absl::string_view value)> put);

  const Sum& sum(int bucket) const { return sums_[bucket]; }

 private:
  std::array<Sum, kBuckets> sums_{};
  std::bitset<kBuckets> dirty_;
};

}  // namespace keyturn
