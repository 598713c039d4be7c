// A chunk of a snapshot of the revocation list: tokens of some regions of the index, and changes
// that make the keys that are kept by name (docs/FORMAT.md, "The revocation log"). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "revocation/change.h"
#include "revocation/index.h"

namespace keyturn {

// Not thread-safe.
class SnapshotChunk {
 public:
  // `taken_s`: the second of the Unix clock by which the entries of regions are read.
  SnapshotChunk(int64_t taken_s, size_t bytes_max) : taken_s_(taken_s), bytes_max_(bytes_max) {}

  // False, and nothing was added, when it would have more than `bytes_max`; the first always fits.
  bool AddRegion(uint32_t region, absl::Span<const IndexedToken> tokens);
  bool Add(const ListChange& change);

  bool empty() const { return regions_.empty() && changes_.empty(); }
  // RevocationSnapshotChunk.
  std::string Encode() const;

 private:
  bool Fits(size_t more) const;

  int64_t taken_s_;
  size_t bytes_max_;
  std::string regions_;
  std::string changes_;
  ChangeEncoder encoder_;
};

// Calls `fill` for each region and `apply` for each change of a chunk; a status that is not OK ends
// it. `fill` may change the tokens. INVALID_ARGUMENT when the body is malformed.
using FillFn = absl::FunctionRef<absl::Status(uint32_t region, int64_t taken_s,
                                              std::vector<IndexedToken>* tokens)>;
using ApplyFn = absl::FunctionRef<absl::Status(const ListChange&)>;
absl::Status ReadChunk(absl::string_view body, FillFn fill, ApplyFn apply);

}  // namespace keyturn
