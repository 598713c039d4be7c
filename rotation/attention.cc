#include "rotation/attention.h"

#include <algorithm>

#include "rotation/next_action.h"
#include "rotation/status.h"
#include "storage/schema.h"

namespace keyturn {
namespace {

using Run = v1::RotationRun;

bool HasUnended(const SecretMetadata& metadata) {
  return std::any_of(metadata.versions().begin(), metadata.versions().end(),
                     [](const VersionRecord& version) { return !version.retire_error().empty(); });
}

// When it is overdue, if nobody may look at it before that; else 0. What starts in time is looked
// at then, and what is open, paused or held is not on its way. What is deleted is not in use.
int64_t DeadlineOf(const SecretMetadata& metadata, absl::Time now) {
  const record::v1::RotationState& rotation = metadata.rotation();
  if (rotation.due_ms() == 0 || IsReadable(metadata, now) != Readable::kYes) return 0;
  const int64_t start_ms = std::max(rotation.due_ms(), rotation.hold_until_ms());
  const bool on_its_way = rotation.open_run() == 0 && !rotation.paused() &&
                          rotation.due_ms() > absl::ToUnixMillis(now) &&
                          start_ms <= rotation.deadline_ms();
  return on_its_way ? 0 : rotation.deadline_ms();
}

}  // namespace

bool Attention::Concerns(const SecretMetadata& metadata, absl::Time now) {
  if (!metadata.has_rotation()) return false;
  return metadata.rotation().open_run() != 0 || HasUnended(metadata) ||
         DeadlineOf(metadata, now) != 0;
}

Attention::Need Attention::NeedOf(const RotatingSecret& secret, absl::Time now) {
  Need need;
  need.blocked = HasUnended(secret.metadata);
  need.deadline_ms = DeadlineOf(secret.metadata, now);
  if (!secret.run.has_value()) return need;
  need.blocked = need.blocked || secret.run->state() == Run::BLOCKED;
  need.awaiting_value =
      secret.run->state() == Run::AWAITING_VALUE && !IsFulfilled(secret.metadata, *secret.run);
  return need;
}

void Attention::Saw(const RotatingSecret& secret, absl::Time now, const View& newest) {
  const Need need = NeedOf(secret, now);
  const absl::MutexLock lock(&mu_);
  Drop(secret.id);
  if (!need.blocked && !need.awaiting_value && need.deadline_ms == 0) return;
  // Asked with the lock held: an erasure that is not seen here comes to Forget after this.
  const absl::StatusOr<std::optional<std::string>> there =
      newest.Get(Family::kRecords, schema::SecretMetadataKey(secret.id));
  if (there.ok() && !there->has_value()) return;
  needs_[secret.id] = need;
  if (need.blocked) ++counts_.blocked;
  if (need.awaiting_value) ++counts_.awaiting_value;
  if (need.deadline_ms != 0) deadlines_.insert({need.deadline_ms, secret.id});
}

void Attention::Drop(const Uuid& secret) {
  const auto found = needs_.find(secret);
  if (found == needs_.end()) return;
  const Need& need = found->second;
  if (need.blocked) --counts_.blocked;
  if (need.awaiting_value) --counts_.awaiting_value;
  if (need.late) {
    --counts_.overdue;
  } else if (need.deadline_ms != 0) {
    deadlines_.erase({need.deadline_ms, secret});
  }
  needs_.erase(found);
}

void Attention::Forget(const Uuid& secret) {
  const absl::MutexLock lock(&mu_);
  Drop(secret);
}

void Attention::OnCommitted(absl::Span<const CommittedUpdate> group) {
  for (const CommittedUpdate& update : group) {
    for (const Batch::Operation& operation : *update.operations) {
      const std::optional<Uuid> secret = schema::SecretOf(operation);
      if (secret.has_value() && operation.is_delete) Forget(*secret);
    }
  }
}

void Attention::Clear() {
  const absl::MutexLock lock(&mu_);
  needs_.clear();
  deadlines_.clear();
  counts_ = {};
}

Attention::Counts Attention::CountsAt(absl::Time now) {
  const int64_t now_ms = absl::ToUnixMillis(now);
  const absl::MutexLock lock(&mu_);
  while (!deadlines_.empty() && deadlines_.begin()->first < now_ms) {
    needs_[deadlines_.begin()->second].late = true;
    ++counts_.overdue;
    deadlines_.erase(deadlines_.begin());
  }
  return counts_;
}

}  // namespace keyturn
