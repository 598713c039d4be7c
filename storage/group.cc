#include "storage/group.h"

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "storage/schema.h"

namespace keyturn {

Group::Group(const RocksDb& db, const RecordHasher* hasher, Accumulators& accumulators,
             RecentRecords& recent, Revision last)
    : db_(db),
      hasher_(hasher),
      accumulators_(accumulators),
      recent_(recent),
      last_(last),
      writes_(0, 0, /*protection_bytes_per_key=*/8, 0) {}

absl::StatusOr<std::optional<std::string>> Group::Get(Family family, absl::string_view key) const {
  const auto changed = changed_.find(Place(family, key));
  if (changed != changed_.end()) {
    const Batch::Operation& operation = *changed->second.operation;
    return operation.is_delete ? std::nullopt : std::optional<std::string>(operation.value);
  }
  if (RecentRecords::Keeps(family)) {
    if (const RecentRecords::Value* const known = recent_.Find(family, key)) return *known;
    ASSIGN_OR_RETURN(RecentRecords::Value value, db_.Get(rocksdb::ReadOptions(), family, key));
    recent_.Keep(family, key, value);
    return value;
  }
  std::pair<Family, std::string> place(family, key);
  const auto known = read_.find(place);
  if (known != read_.end()) return known->second;
  ASSIGN_OR_RETURN(std::optional<std::string> value, db_.Get(rocksdb::ReadOptions(), family, key));
  read_.emplace(std::move(place), value);
  return value;
}

absl::StatusOr<Revision> Group::Run(UpdateFn fn) {
  auto batch = std::make_unique<Batch>(Revision(last_.value() + 1));
  RETURN_IF_ERROR(fn(*this, *batch));
  if (batch->operations().empty()) return last_;
  RETURN_IF_ERROR(Check(*batch));
  RETURN_IF_ERROR(Apply(*batch));
  last_ = batch->revision();
  batches_.push_back(std::move(batch));
  return last_;
}

absl::Status Group::Check(const Batch& batch) const {
  if (batch.operations().size() > limits::kBatchKeysMax) {
    return absl::InvalidArgumentError(absl::StrCat("a change of ", batch.operations().size(),
                                                   " records; at most ", limits::kBatchKeysMax,
                                                   " fit in one"));
  }
  if (batch.bytes() > limits::kBatchBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a change of ", batch.bytes(), " bytes; at most ", limits::kBatchBytesMax, " fit in one"));
  }
  if (hasher_ != nullptr) return absl::OkStatus();
  for (const Batch::Operation& operation : batch.operations()) {
    if (IsCovered(operation.family)) {
      return absl::FailedPreconditionError("the vault is sealed; run: keyturn operator unseal");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Group::Hash>> Group::Replaced(const Batch& batch,
                                                           size_t operation) const {
  const Batch::Operation& now = batch.operations()[operation];
  for (size_t i = operation; i-- > 0;) {
    const Batch::Operation& earlier = batch.operations()[i];
    if (earlier.family != now.family || earlier.key != now.key) continue;
    if (earlier.is_delete) return std::optional<Hash>();
    return std::optional<Hash>(hasher_->Hash(now.family, now.key, earlier.value));
  }
  const auto changed = changed_.find(Place(now.family, now.key));
  if (changed != changed_.end()) return changed->second.hash;
  if (RecentRecords::Keeps(now.family)) {
    if (const Hash* const known = recent_.FindHash(now.family, now.key))
      return std::optional(*known);
  }
  ASSIGN_OR_RETURN(const std::optional<std::string> value, Get(now.family, now.key));
  if (!value.has_value()) return std::optional<Hash>();
  return std::optional<Hash>(hasher_->Hash(now.family, now.key, *value));
}

// The reads come first, because they can fail; then nothing can, so no roll-back is needed.
absl::Status Group::Apply(const Batch& batch) {
  std::vector<std::optional<Hash>> old(batch.operations().size());
  for (size_t i = 0; i < old.size(); ++i) {
    if (!IsCovered(batch.operations()[i].family) || batch.operations()[i].is_new) continue;
    ASSIGN_OR_RETURN(old[i], Replaced(batch, i));
  }
  for (size_t i = 0; i < old.size(); ++i) {
    const Batch::Operation& operation = batch.operations()[i];
    Changed& changed = changed_[Place(operation.family, operation.key)];
    changed = {&operation, std::nullopt};
    if (old[i].has_value()) accumulators_.Subtract(operation.key, *old[i]);
    if (operation.is_delete) {
      writes_.Delete(db_.family(operation.family), operation.key);
      continue;
    }
    writes_.Put(db_.family(operation.family), operation.key, operation.value);
    if (!IsCovered(operation.family)) continue;
    changed.hash = hasher_->Hash(operation.family, operation.key, operation.value);
    accumulators_.Add(operation.key, *changed.hash);
  }
  return absl::OkStatus();
}

std::vector<CommittedUpdate> Group::Committed() const {
  std::vector<CommittedUpdate> out;
  out.reserve(batches_.size());
  for (const auto& batch : batches_) out.push_back({batch->revision(), &batch->operations()});
  return out;
}

absl::Status Group::Write(bool sync) {
  rocksdb::ColumnFamilyHandle* const meta = db_.family(Family::kMeta);
  accumulators_.TakeDirty([&](absl::string_view key, absl::string_view value) {
    writes_.Put(meta, ToSlice(key), ToSlice(value));
  });
  writes_.Put(meta, ToSlice(schema::kRevisionKey), BigEndian64(last_.value()));
  rocksdb::WriteOptions options;
  options.sync = sync;
  RETURN_IF_ERROR(FromRocks(db_.db().Write(options, &writes_)));
  for (const auto& [place, changed] : changed_) {
    const Batch::Operation& operation = *changed.operation;
    if (!RecentRecords::Keeps(operation.family)) continue;
    recent_.Keep(operation.family, operation.key,
                 operation.is_delete ? std::nullopt : std::optional(operation.value), changed.hash);
  }
  return absl::OkStatus();
}

}  // namespace keyturn
