// What keeps the log short: dropping what does not count any more, and snapshots.
#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "base/status_macros.h"
#include "revocation/change.h"
#include "revocation/log.h"
#include "storage/schema.h"

namespace keyturn {
namespace {

uint64_t BytesOf(const HeldRecords& held) {
  return held.bytes + held.records * limits::kRevocationRecordOverhead;
}

}  // namespace

void RevocationLog::Count(uint32_t hour, size_t bytes) {
  const auto count = [&](HeldRecords& held) {
    ++held.records;
    held.bytes += bytes;
  };
  count(state_.held[hour]);
  if (attempt_) count(attempt_->held[hour]);
  log_bytes_ += BytesOf({.records = 1, .bytes = bytes});
}

void RevocationLog::SetState(LogState state) {
  state_ = std::move(state);
  uint64_t bytes = 0;
  for (const auto& [hour, held] : state_.held) bytes += BytesOf(held);
  log_bytes_ = bytes;
  // Of what the state does not count, something may be there.
  drop_from_ = schema::RevlogKey(kStateHour, Revision(1));
}

absl::Status RevocationLog::Sweep(int64_t now_ms) {
  const absl::MutexLock lock(&disk_mu_);
  if (!sealer_.has_value() || broken()) return absl::OkStatus();
  for (size_t update = 0; update < limits::kRevocationDropUpdatesMax; ++update) {
    if (!drop_from_.empty()) {
      ASSIGN_OR_RETURN(const bool dropped, DropSome());
      if (dropped) continue;
    }
    if (state_.held.empty() || state_.held.begin()->first > HourNow(now_ms)) break;
    RETURN_IF_ERROR(BeginDrop(HourNow(now_ms) + 1));
  }
  return absl::OkStatus();
}

// From here on the state vouches for what is there, since groups are about to have gaps.
absl::Status RevocationLog::PutState(LogState state) {
  ASSIGN_OR_RETURN(const std::string sealed, SealState(*sealer_, state));
  const auto put = [&sealed](const View&, Batch& batch) {
    batch.Put(Family::kRevlog, schema::RevlogKey(kStateHour, Revision(0)), sealed);
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(store_.Update(put).status());
  SetState(std::move(state));
  return absl::OkStatus();
}

absl::Status RevocationLog::BeginDrop(uint32_t hours_from) {
  const auto forget = [hours_from](std::map<uint32_t, HeldRecords>* held) {
    held->erase(held->begin(), held->lower_bound(hours_from));
  };
  LogState state = state_;
  state.hours_from = hours_from;
  forget(&state.held);
  RETURN_IF_ERROR(PutState(std::move(state)));
  if (attempt_) forget(&attempt_->held);
  return absl::OkStatus();
}

bool RevocationLog::Counts(const schema::RevlogItem& item) const {
  if (item.hour == kStateHour) {
    const uint64_t id = item.revision.value();
    const SnapshotMark& mark = state_.snapshot;
    return (ChunkId(mark.number, 0) <= id && id < ChunkId(mark.number, mark.chunks)) ||
           (attempt_ && SnapshotOfChunk(id) == attempt_->mark.number);
  }
  return item.hour >= state_.hours_from && item.revision > state_.snapshot.revision;
}

// Where to look on behind a key that counts, since what is like it counts as well.
std::string RevocationLog::KeyBehind(const schema::RevlogItem& item) const {
  if (item.hour == kStateHour) {
    const uint64_t number = SnapshotOfChunk(item.revision.value());
    const uint64_t next = number == state_.snapshot.number ? ChunkId(number, state_.snapshot.chunks)
                                                           : ChunkId(number + 1, 0);
    return schema::RevlogKey(kStateHour, Revision(next));
  }
  return item.hour == kHourForever ? "" : schema::RevlogKey(item.hour + 1, Revision(0));
}

// False when there was nothing left.
absl::StatusOr<bool> RevocationLog::DropSome() {
  std::vector<std::string> keys;
  const std::shared_ptr<const Snapshot> snapshot = store_.GetSnapshot();
  while (!drop_from_.empty() && keys.size() < limits::kRevocationDropKeysPerUpdate) {
    std::string next;
    const auto take = [&](absl::string_view key,
                          absl::string_view) ABSL_EXCLUSIVE_LOCKS_REQUIRED(disk_mu_) {
      const std::optional<schema::RevlogItem> item = schema::ParseRevlogKey(key);
      if (item && Counts(*item)) {
        next = KeyBehind(*item);
        return false;
      }
      keys.emplace_back(key);
      next = keys.back() + '\0';
      return keys.size() < limits::kRevocationDropKeysPerUpdate;
    };
    RETURN_IF_ERROR(snapshot->Scan(Family::kRevlog, drop_from_, "", take));
    drop_from_ = std::move(next);
  }
  if (keys.empty()) return false;
  const auto drop = [&keys](const View&, Batch& batch) {
    for (const std::string& key : keys) batch.Delete(Family::kRevlog, key);
    return absl::OkStatus();
  };
  const absl::Status status = store_.Update(drop).status();
  // They are still there, so they are looked at again.
  if (!status.ok()) drop_from_ = keys.front();
  RETURN_IF_ERROR(status);
  return true;
}

bool RevocationLog::snapshot_begun() const {
  const absl::MutexLock lock(&disk_mu_);
  return attempt_.has_value();
}

bool RevocationLog::WantsSnapshot(uint64_t log_bytes_min) const {
  const absl::MutexLock lock(&disk_mu_);
  if (!sealer_.has_value() || attempt_ || broken()) return false;
  return log_bytes() >= std::max(log_bytes_min, snapshot_bytes_ / 4);
}

absl::Status RevocationLog::BeginSnapshot() {
  const absl::MutexLock lock(&disk_mu_);
  if (!sealer_.has_value()) return absl::FailedPreconditionError("nothing is loaded");
  // There is a state from the first chunk on, so that one without the other is noticed.
  RETURN_IF_ERROR(PutState(state_));
  attempt_ = Attempt();
  attempt_->mark.number = state_.snapshot.number + 1;
  attempt_->mark.group = state_.counted;
  // No group is under way: those that are counted are up to here, all others will be behind.
  attempt_->mark.revision = store_.LastRevision();
  return absl::OkStatus();
}

absl::Status RevocationLog::PutChunk(absl::string_view body) {
  uint64_t id = 0;
  std::string sealed;
  {
    const absl::MutexLock lock(&disk_mu_);
    if (!attempt_) return absl::FailedPreconditionError("no snapshot is begun");
    id = ChunkId(attempt_->mark.number, attempt_->mark.chunks);
    ASSIGN_OR_RETURN(sealed, sealer_->SealChunk(id, body));
  }
  const auto put = [&](const View&, Batch& batch) {
    batch.Put(Family::kRevlog, schema::RevlogKey(kStateHour, Revision(id)), sealed);
    return absl::OkStatus();
  };
  // Without the lock: groups of changes do not wait for half a megabyte.
  RETURN_IF_ERROR(store_.Update(put).status());
  const absl::MutexLock lock(&disk_mu_);
  if (!attempt_) return absl::FailedPreconditionError("the snapshot was ended meanwhile");
  ++attempt_->mark.chunks;
  attempt_->digest.Add(sealed);
  attempt_->bytes += sealed.size();
  return absl::OkStatus();
}

absl::Status RevocationLog::EndSnapshot() {
  const absl::MutexLock lock(&disk_mu_);
  if (!attempt_) return absl::FailedPreconditionError("no snapshot is begun");
  LogState state = state_;
  state.snapshot = attempt_->mark;
  state.snapshot.digest = attempt_->digest.Finish();
  state.held = attempt_->held;
  RETURN_IF_ERROR(PutState(std::move(state)));
  snapshot_bytes_ = attempt_->bytes;
  attempt_.reset();
  ++snapshots_;
  return absl::OkStatus();
}

void RevocationLog::AbandonSnapshot() {
  const absl::MutexLock lock(&disk_mu_);
  attempt_.reset();
}

}  // namespace keyturn
