// What the revocation list holds, in memory. A key is in one of two places: in the index alone, as
// a fingerprint, when it has a usual value and a life of its measure ("hot"); or by its name in the
// side table, and then the index has a marker for it, so that a question for a name that is nowhere
// still reads one cache line and takes no lock.
//
// A key that moves is put where it goes before it leaves where it was, and who finds a marker but
// nothing behind it looks again: nobody ever sees a revoked token as absent because it moved.
//
// Readers are thread-safe and run beside the one writer, who takes turns outside.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "revocation/change.h"
#include "revocation/fingerprint.h"
#include "revocation/index.h"
#include "revocation/key_info.h"
#include "revocation/side_table.h"

namespace keyturn {

struct ListKey {
  absl::string_view name;
  Fingerprint print;
};

class Keyspace {
 public:
  struct Options {
    size_t index_bytes_max = 0;
    size_t side_bytes_max = 0;
    bool keep_names = false;  // nothing is hot
  };
  static absl::StatusOr<std::unique_ptr<Keyspace>> Create(const Options& options);

  // As RevocationList's, for readers.
  bool Exists(const ListKey& key, int64_t now_ms) const;
  void ExistsMany(absl::Span<const absl::string_view> names, absl::Span<const Fingerprint> prints,
                  int64_t now_ms, absl::Span<bool> results) const;
  std::optional<KeyInfo> Find(const ListKey& key, int64_t now_ms) const;
  absl::Status FindMembers(const ListKey& key, absl::Span<const absl::string_view> members,
                           int64_t now_ms, absl::Span<bool> results) const;
  uint64_t Scan(uint64_t cursor, size_t count, int64_t now_ms,
                absl::FunctionRef<void(absl::string_view name, KeyType type)> fn) const;

  // For the writer. A former state is what Restore takes to undo the change; nullptr when there was
  // none. Errors: RESOURCE_EXHAUSTED, with nothing changed.
  using Former = std::unique_ptr<SideKey>;
  // REQUIRES: expires_ms is after now_ms.
  absl::StatusOr<Former> Put(const ListKey& key, absl::string_view value, int64_t expires_ms,
                             int64_t now_ms);
  // nullptr when it was not there.
  Former Erase(const ListKey& key, int64_t now_ms);
  // REQUIRES: it is a set; expires_ms is after now_ms.
  absl::StatusOr<Former> RetimeSet(const ListKey& key, int64_t expires_ms, int64_t now_ms);
  struct Added {
    std::vector<std::string> members = {};  // that were new
    bool created = false;
    int64_t expires_ms = kNoExpiry;  // of the set
  };
  // REQUIRES: the key is not there, or of a set.
  absl::StatusOr<Added> AddMembers(const ListKey& key, absl::Span<const absl::string_view> members,
                                   int64_t now_ms);
  // The members that were there and are not any more, in a former state; nullptr when none was. A
  // set without members is gone. REQUIRES: as AddMembers.
  Former RemoveMembers(const ListKey& key, absl::Span<const absl::string_view> members,
                       int64_t now_ms);

  // Everything. Returns how many keys there were. What was there is kept for UndoClear until
  // ForgetCleared, which may come from any thread; while it is kept, what a further Clear clears is
  // not.
  uint64_t Clear();
  bool keeps_cleared() const;
  void ForgetCleared();
  // What was cleared is there again, beside what came since. The last change of all but Restore.
  void UndoClear();
  // To the safe side: what ended or was erased since is there again, what was put since stays.
  void Restore(Former former, int64_t now_ms);
  // Of changes in their order; nullptr is a Clear.
  void Undo(std::vector<Former> changes, int64_t now_ms);

  // A change from the log, whatever has ended by now; in their order. Not bounded but by the index:
  // what was acknowledged has a place. REQUIRES: no reader.
  absl::Status Apply(const ListChange& change, const Fingerprint& print, int64_t now_ms);
  // What is in a snapshot of all: tokens of a region that have a usual value, and the rest by name
  // (SideTable::Copy). For one thread, beside the writer: who copies sees a key that does not
  // change meanwhile.
  void CopyRegion(uint32_t region, int64_t now_ms, std::vector<IndexedToken>* tokens) const;
  SideCursor CopySide(const SideCursor& from, int64_t now_ms,
                      absl::FunctionRef<bool(const ListChange&)> fn) const;
  // Puts back what CopyRegion gave at the second `taken_s`, but for what has ended by now. Takes
  // what it needs of `tokens`. Errors as RevocationIndex::Fill. REQUIRES: no reader; nothing of
  // this region is there.
  absl::Status FillRegion(uint32_t region, int64_t taken_s, int64_t now_ms,
                          std::vector<IndexedToken>* tokens);

  // Frees side keys that have ended, so many at most, and calls `fn` with each; how many. By the
  // writer.
  size_t SweepSide(int64_t now_ms, size_t count, absl::FunctionRef<void(absl::string_view)> fn);
  size_t SweepSide(int64_t now_ms, size_t count) {
    return SweepSide(now_ms, count, [](absl::string_view) {});
  }
  // As RevocationIndex::Sweep. From any thread.
  void SweepIndex(int64_t now_ms, uint32_t regions);
  void ForgetAll();

  struct Stats {
    uint64_t keys = 0;
    uint64_t side_keys = 0;
    size_t index_bytes = 0;
    size_t side_bytes = 0;
  };
  Stats stats() const;

 private:
  Keyspace(const Options& options, std::unique_ptr<RevocationIndex> one,
           std::unique_ptr<RevocationIndex> other);

  std::optional<RevokedEntry> LookUp(const Fingerprint& print, int64_t now_s) const;
  template <typename HotFn, typename SideFn>
  bool See(const ListKey& key, int64_t now_ms, const HotFn& hot, const SideFn& side) const;
  bool IsHot(std::optional<uint8_t> value, int64_t expires_ms, int64_t now_ms) const;
  const SideKey* FindSide(const ListKey& key, int64_t now_ms) const;
  absl::StatusOr<Former> Put(const ListKey& key, absl::string_view value, int64_t expires_ms,
                             int64_t now_ms, bool bounded);
  absl::StatusOr<Former> PutHot(const ListKey& key, const RevokedEntry& entry, int64_t now_ms);
  absl::StatusOr<Former> PutSide(Former key, int64_t now_ms, bool bounded);
  absl::Status SetEnd(const ListKey& key, int64_t from_ms, int64_t to_ms, int64_t now_ms);
  absl::Status ApplyAdd(const ListChange& change, const ListKey& key, const SideKey* known,
                        int64_t now_ms);
  void EraseAny(const ListKey& key, int64_t now_ms);
  RevocationIndex& Other() const;

  const bool keep_names_;
  const std::array<std::unique_ptr<RevocationIndex>, 2> indexes_;
  std::atomic<RevocationIndex*> index_;  // the one in use
  // What an undone Clear had cleared: asked when the one in use has nothing.
  std::atomic<RevocationIndex*> fallback_{nullptr};
  SideTable side_;

  mutable absl::Mutex cleared_mu_;
  bool keeps_cleared_ ABSL_GUARDED_BY(cleared_mu_) = false;
  SideTable::Contents cleared_ ABSL_GUARDED_BY(cleared_mu_);
};

}  // namespace keyturn
