// The batches of one commit group, stacked: a view over the database plus what the group has
// changed so far, and the bookkeeping (accumulators, revision) that goes into the same write. Not
// thread-safe: the committing thread's own.
#pragma once

#include <rocksdb/write_batch.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "storage/accumulators.h"
#include "storage/recent_records.h"
#include "storage/rocks_db.h"
#include "storage/store.h"

namespace keyturn {

class Group : public View {
 public:
  // `hasher` may be null: then covered families refuse changes. All outlive the group.
  Group(const RocksDb& db, const RecordHasher* hasher, Accumulators& accumulators,
        RecentRecords& recent, Revision last);

  absl::StatusOr<std::optional<std::string>> Get(Family family,
                                                 absl::string_view key) const override;

  // Runs `fn`; on success its batch is part of the group and has the next revision. On failure the
  // group is as before. An empty batch takes no revision and gives the last one.
  absl::StatusOr<Revision> Run(UpdateFn fn);

  bool empty() const { return batches_.empty(); }
  Revision last() const { return last_; }
  // What the listener is told. Valid as long as the group.
  std::vector<CommittedUpdate> Committed() const;

  // Adds revision and accumulators, and writes all with one sync. What was written is recent then.
  absl::Status Write(bool sync);

 private:
  using Place = std::pair<Family, absl::string_view>;
  using Hash = RecentRecords::Hash;

  absl::Status Check(const Batch& batch) const;
  absl::Status Apply(const Batch& batch);
  // The hash of what `operation` replaces: in the batch before it, in the group, or in the
  // database.
  absl::StatusOr<std::optional<Hash>> Replaced(const Batch& batch, size_t operation) const;

  const RocksDb& db_;
  const RecordHasher* const hasher_;
  Accumulators& accumulators_;
  RecentRecords& recent_;
  Revision last_;
  rocksdb::WriteBatch writes_;
  std::vector<std::unique_ptr<Batch>> batches_;
  // The newest operation of the group on each key; keys are the batches' own.
  struct Changed {
    const Batch::Operation* operation = nullptr;
    std::optional<Hash> hash;  // of a covered record that is there
  };
  absl::flat_hash_map<Place, Changed> changed_;
  // The same of one group, of families that are not kept longer: what a function looked at is often
  // what it replaces. The database does not change meanwhile.
  mutable absl::flat_hash_map<std::pair<Family, std::string>, std::optional<std::string>> read_;
};

}  // namespace keyturn
