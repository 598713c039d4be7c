// The records of API keys: an index of all of them in memory, and a bounded cache of opened ones.
// Both follow the commits, in their order and before anybody is told of them. Thread-safe.
//
// Common errors: FAILED_PRECONDITION while sealed; NOT_FOUND for an id that is not there; DATA_LOSS
// for a record that does not open.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "auth/sealed_table.h"
#include "rotation/api_key/context.h"
#include "rotation/api_key/ended_legacy.h"
#include "rotation/api_key/index.h"
#include "rotation/api_key/record.h"
#include "rotation/api_key/uses.h"
#include "vault/generations.h"

namespace keyturn {

class ApiKeyStore {
 public:
  // `context` outlives this.
  explicit ApiKeyStore(const ApiKeyContext& context) : context_(context) {}

  // At unseal: reads all records. One that does not open is passed over, and named in the log by
  // nothing but that: its key is unknown. At seal: forgets them.
  absl::Status Load();
  void Clear();
  // On the committing thread.
  void OnCommitted(absl::Span<const CommittedUpdate> group);

  // For strangers: see ApiKeyIndex. The record that may be meant, or nullptr; by its id, and by the
  // MAC of a key that was made elsewhere.
  absl::StatusOr<std::shared_ptr<const ApiKeyRecord>> Match(absl::string_view id,
                                                            absl::string_view mac);
  absl::StatusOr<std::shared_ptr<const ApiKeyRecord>> MatchLegacy(absl::string_view mac);
  // Of one that MatchLegacy does not find: the id of the key that it was of, which may be gone; ""
  // when it never was there.
  absl::StatusOr<std::string> EndedLegacy(absl::string_view mac) const;

  absl::StatusOr<std::shared_ptr<const ApiKeyRecord>> Get(absl::string_view id);
  // "" for an id that is not there.
  std::string PathOf(absl::string_view id);

  // New records, in one update, noted by their ids and paths. RESOURCE_EXHAUSTED when there are
  // limits::kApiKeysMax.
  absl::Status Add(Updater& updater, absl::Span<const ApiKeyRecord> records);
  // Changes the record as it is then, inside the update, so `change` must be pure. `reason` is for
  // the audit log, "" for none.
  using ChangeFn = absl::FunctionRef<absl::Status(ApiKeyRecord* record)>;
  absl::Status Change(Updater& updater, absl::string_view id, absl::string_view reason,
                      ChangeFn change);

  // The keys at and below `path` ("": all) after a place, in order, until `fn` returns false.
  void ForEachPlace(const std::string& path, ApiKeyIndex::Place after,
                    absl::FunctionRef<bool(const ApiKeyIndex::Place& place)> fn) const;
  // Ids of keys that ended before `time`; at most `limit`.
  std::vector<std::string> EndedBefore(absl::Time time, size_t limit) const;
  // As ApiKeys::EndingBetween.
  std::vector<ApiKeyEnd> EndingBetween(absl::Time from, absl::Time to) const;
  // Removes those of them that still are so. What they had from elsewhere stays known as ended.
  absl::Status Remove(absl::Span<const std::string> ids, absl::Time ended_before);
  // Adds what was used to the records, in one update. Keys that are gone are passed over.
  absl::Status AddUses(const ApiKeyUses::Map& uses);

  struct Sizes {
    size_t keys = 0;
    size_t due = 0;  // end by `due_before` and are not revoked
    size_t cached = 0;
  };
  Sizes sizes(absl::Time due_before) const;

 private:
  // Reads all anew if a commit could not be followed.
  absl::Status EnsureLoaded();
  absl::Status Reload();
  absl::StatusOr<std::unique_ptr<ApiKeyIndex>> ReadAll() const;
  // A stretch of them, so that a long list holds up nobody; `*after` is the last one that was
  // looked at. Whether there may be more.
  bool SomePlaces(const std::string& path, ApiKeyIndex::Place* after,
                  std::vector<ApiKeyIndex::Place>* out) const;
  absl::Status CheckOpen() const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  absl::StatusOr<std::shared_ptr<const ApiKeyRecord>> Read(absl::string_view id);
  std::vector<std::string> LegacyMacsOf(absl::string_view id) const;
  absl::StatusOr<bool> RemoveOne(const KeyringSnapshot& keys, const View& view,
                                 const std::string& id, absl::Time ended_before,
                                 Batch& batch) const;
  void Apply(const KeyringSnapshot& keys, const Batch::Operation& operation)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const ApiKeyContext& context_;
  const SealedTable table_{Purpose::kApiKey};
  const EndedLegacyKeys ended_;
  // A commit could not be followed, as when the arena is full: read all anew.
  std::atomic<bool> behind_{false};
  absl::Mutex loading_;  // who reads all anew
  mutable absl::Mutex mu_ ABSL_ACQUIRED_AFTER(loading_);
  std::string prefix_ ABSL_GUARDED_BY(mu_);  // of the table's keys; "" while sealed
  uint64_t epoch_ ABSL_GUARDED_BY(mu_) = 0;  // grows with each commit that touches a key
  std::unique_ptr<ApiKeyIndex> index_ ABSL_GUARDED_BY(mu_) = std::make_unique<ApiKeyIndex>();
  Generations<std::string, std::shared_ptr<const ApiKeyRecord>> cache_ ABSL_GUARDED_BY(mu_){
      limits::kApiKeyCacheMax};
};

}  // namespace keyturn
