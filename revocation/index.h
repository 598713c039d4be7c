// Which tokens are revoked, in memory: about 16 bytes each, one cache line for most questions, and
// nobody who asks ever waits (docs/REVOCATION.md). It keeps fingerprints, not names: it may take a
// token for a revoked one, with the odds given there, and never the other way round.
//
// A fingerprint's region has a block of buckets that only grows, shrinks or moves as a whole: the
// new one is filled first, then shown. Readers take no lock; they look again if their region's
// block changed or lost a token while they read, since what they read may be another's by then.
//
// Thread-safe. Find and FindMany are lock-free; the others take turns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "revocation/block_pool.h"
#include "revocation/entry.h"
#include "revocation/fingerprint.h"
#include "revocation/mapped_memory.h"

namespace keyturn {

// A token of some region, as it is kept there.
struct IndexedToken {
  uint64_t tag = 0;
  uint32_t entry = 0;  // packed_entry

  friend bool operator==(const IndexedToken&, const IndexedToken&) = default;
};

// Times are seconds of the Unix clock; `now_s` may go back (revocation/entry.h).
class RevocationIndex {
 public:
  // Look-ups in flight: as many lines as a core waits for at once.
  static constexpr size_t kBatch = 16;

  // Never takes more than `bytes_max` for its buckets. RESOURCE_EXHAUSTED when the system has no
  // such range of addresses.
  static absl::StatusOr<std::unique_ptr<RevocationIndex>> Create(size_t bytes_max);

  // std::nullopt when it was never put, was erased or has expired.
  std::optional<RevokedEntry> Find(const Fingerprint& print, int64_t now_s) const;
  // As Find of each, but waits for memory once for all and not once for each: half the time for 16.
  // REQUIRES: as many results as fingerprints.
  void FindMany(absl::Span<const Fingerprint> prints, int64_t now_s,
                absl::Span<std::optional<RevokedEntry>> results) const;

  // Whoever calls Find after this returned finds it. Replaces what was put before for the same
  // fingerprint. RESOURCE_EXHAUSTED, with nothing changed, when there is no memory left. REQUIRES:
  // entry.expires_s at most RevokedEntry::kTtlSecondsMax after now_s.
  absl::Status Put(const Fingerprint& print, const RevokedEntry& entry, int64_t now_s);
  // Whether it was there, expired or not.
  bool Erase(const Fingerprint& print);
  void Clear();

  // All tokens of a region that have not expired, as of one moment, in place of what `tokens` had.
  void Copy(uint32_t region, int64_t now_s, std::vector<IndexedToken>* tokens) const;
  // Puts tokens into an empty region at once, which takes a tenth of the time that it takes to put
  // each: for a start. FAILED_PRECONDITION when the region has any, RESOURCE_EXHAUSTED as Put.
  // REQUIRES: their tags differ.
  absl::Status Fill(uint32_t region, absl::Span<const IndexedToken> tokens);

  // Frees the slots of what has expired in the next so many regions, round and round. Returns how
  // many. A token's slot must be looked at within a year of its expiry. 400 ns a region at most
  // without expired tokens, 10 us with.
  size_t Sweep(int64_t now_s, uint32_t regions);

  struct Stats {
    uint64_t tokens = 0;  // with those expired and not swept
    size_t bytes = 0;     // memory of the buckets
  };
  Stats stats() const;

 private:
  // 16 bytes for each of limits::kRevocationRegions.
  struct Region {
    uint64_t block;    // place and buckets, in one number so that they belong together
    uint32_t version;  // grows before the block's memory, or a slot of it, may become another's
    uint16_t tokens;
    uint16_t freed;  // slots, since the block was filled: their overflow bits remain
  };

  RevocationIndex(MappedMemory regions, BlockPool pool);

  std::optional<RevokedEntry> FindIn(Region& region, uint64_t tag, int64_t now_s) const;
  // Fills a new block with what has not expired, with room for one more, and shows it.
  absl::Status Rebuild(uint32_t region, int64_t now_s) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Show(Region& region, BlockPool::Block block);
  void GiveBack(BlockPool::Block block) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  size_t SweepRegion(uint32_t region, int64_t now_s) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  static void FreeSlot(Region& region, bucket::Slot slot);

  MappedMemory memory_;
  Region* regions_;
  mutable absl::Mutex mu_;  // of writers: regions' counts, and the pool but for what is read there
  BlockPool pool_;
  uint64_t tokens_ ABSL_GUARDED_BY(mu_) = 0;
  uint32_t sweep_at_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace keyturn
