// The batches of one commit group, stacked: a view over the database plus what the group has
// changed so far, and the bookkeeping (accumulators, revision) that goes into the same write. Not
// thread-safe: the committing thread's own.
#pragma once

#include <rocksdb/utilities/write_batch_with_index.h>

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "storage/accumulators.h"
#include "storage/rocks_db.h"
#include "storage/store.h"

namespace keyturn {

class Group : public View {
 public:
  // `hasher` may be null: then covered families refuse changes. All outlive the group.
  Group(const RocksDb& db, const RecordHasher* hasher, Accumulators& accumulators, Revision last);

  absl::StatusOr<std::optional<std::string>> Get(Family family,
                                                 absl::string_view key) const override;

  // Runs `fn`; on success its batch is part of the group and has the next revision. On failure the
  // group is as before. An empty batch takes no revision and gives the last one.
  absl::StatusOr<Revision> Run(UpdateFn fn);

  bool empty() const { return batches_.empty(); }
  Revision last() const { return last_; }
  // What the listener is told. Valid as long as the group.
  std::vector<CommittedUpdate> Committed() const;

  // Adds revision and accumulators, and writes all with one sync.
  absl::Status Write(bool sync);

 private:
  absl::Status Check(const Batch& batch) const;
  absl::Status Apply(const Batch& batch);

  const RocksDb& db_;
  const RecordHasher* const hasher_;
  Accumulators& accumulators_;
  Revision last_;
  mutable rocksdb::WriteBatchWithIndex writes_;
  std::vector<std::unique_ptr<Batch>> batches_;
};

}  // namespace keyturn
