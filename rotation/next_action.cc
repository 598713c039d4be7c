#include "rotation/next_action.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "vault/rotation_rules.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

using google::protobuf::util::TimeUtil;

absl::Time FromMillis(int64_t millis) { return absl::FromUnixMillis(millis); }

absl::Time NextAttempt(const v1::RotationRun& run) {
  if (!run.has_next_attempt_time()) return absl::InfinitePast();
  return FromMillis(TimeUtil::TimestampToMilliseconds(run.next_attempt_time()));
}

// The earliest that was offered; what is due counts as soon as it is.
class Earliest {
 public:
  explicit Earliest(absl::Time now) : now_(now) {}
  void Offer(Action::Kind kind, absl::Time when, uint64_t version = 0) {
    if (when <= now_) {
      if (best_.kind == Action::Kind::kNone) best_ = {kind, when, version};
    } else if (best_.kind == Action::Kind::kNone) {
      best_.when = std::min(best_.when, when);
    }
  }
  // Of what does not happen by time now, but may at `when`.
  const Action& best() const { return best_; }

 private:
  const absl::Time now_;
  Action best_;
};

void OfferRun(const SecretMetadata& metadata, const v1::RotationRun& run, absl::Time now,
              Earliest* earliest) {
  using Kind = Action::Kind;
  const bool begun = run.step() >= v1::RotationRun::ANNOUNCE;
  if (metadata.current_version() != run.previous_version() && !begun) {
    earliest->Offer(
        run.state() == v1::RotationRun::AWAITING_VALUE ? Kind::kFulfil : Kind::kCancelRun, now);
    return;
  }
  // A key that signs needs nothing of the one before it: what leaked, and was destroyed for that,
  // is replaced all the same. Nor does the way back.
  const bool back = run.cause() == v1::RotationRun::ROLLBACK;
  const bool replaces = back || (metadata.has_jwt() && run.cause() != v1::RotationRun::SCHEDULED);
  if (!begun && !replaces) {
    const Readable readable = IsReadable(metadata, now);
    if (readable == Readable::kNeverAgain) earliest->Offer(Kind::kCancelRun, now);
    // What somebody asked for goes on in a pause.
    const bool paused = metadata.rotation().paused() && run.cause() == v1::RotationRun::SCHEDULED;
    if (readable != Readable::kYes || paused) return;
  }
  if (run.state() == v1::RotationRun::AWAITING_VALUE) {
    earliest->Offer(Kind::kRemind, NextAttempt(run));
    return;
  }
  const VersionRecord* const version = FindVersion(metadata, run.version());
  // A next key that was taken out of the key set must not sign; a value that its target has taken
  // must be told to those who read, or nobody could use it.
  const bool taken_out = metadata.has_jwt() && version != nullptr &&
                         (version->deleted_ms() != 0 || version->compromised());
  const bool ended = version == nullptr || !IsLive(*version) ||
                     IsState(*version, v1::VERSION_STATE_RETIRING) ||
                     (back && !IsState(*version, v1::VERSION_STATE_GRACE));
  const bool gone = run.version() != 0 && (ended || taken_out);
  if (gone && !begun) {
    earliest->Offer(Kind::kCancelRun, now);
    return;
  }
  earliest->Offer(Kind::kStep, NextAttempt(run));
}

// Whether the target does not know yet when the version will end.
bool IsUntold(const SecretMetadata& metadata, const VersionRecord& version,
              const std::optional<v1::RotationRun>& run, absl::Time now) {
  if (TargetOf(metadata, version).empty()) return false;
  if (!IsState(version, v1::VERSION_STATE_GRACE)) return false;
  if (version.armed_ms() == version.grace_end_ms()) return false;
  if (FromMillis(version.grace_end_ms()) <= now) return false;
  // The run does it itself.
  return !run.has_value() || run->step() != v1::RotationRun::ANNOUNCE ||
         run->previous_version() != version.version();
}

void OfferVersions(const SecretMetadata& metadata, const std::optional<v1::RotationRun>& run,
                   absl::Time now, bool frozen, Earliest* earliest) {
  using Kind = Action::Kind;
  for (const VersionRecord& version : metadata.versions()) {
    // It is about to be the current one again.
    if (run.has_value() && run->cause() == v1::RotationRun::ROLLBACK &&
        run->version() == version.version() && IsState(version, v1::VERSION_STATE_GRACE)) {
      continue;
    }
    if (IsUntold(metadata, version, run, now)) {
      earliest->Offer(Kind::kArm, FromMillis(version.retire_next_ms()), version.version());
    }
    if (IsState(version, v1::VERSION_STATE_RETIRING)) {
      earliest->Offer(Kind::kRetire, FromMillis(version.retire_next_ms()), version.version());
    }
    if (frozen) continue;
    if (IsState(version, v1::VERSION_STATE_GRACE)) {
      earliest->Offer(Kind::kEndGrace, FromMillis(version.grace_end_ms()), version.version());
    }
    const bool destroyable = IsState(version, v1::VERSION_STATE_RETIRED) ||
                             IsState(version, v1::VERSION_STATE_ABANDONED);
    if (destroyable && version.destroy_ms() != 0) {
      earliest->Offer(Kind::kDestroyData, FromMillis(version.destroy_ms()), version.version());
    }
  }
}

}  // namespace

Readable IsReadable(const SecretMetadata& metadata, absl::Time now) {
  const VersionRecord* const current = FindVersion(metadata, metadata.current_version());
  if (current == nullptr || IsDestroyed(*current) || IsExpired(*current, now)) {
    return Readable::kNeverAgain;
  }
  // It was deleted for good, and is retired at its target before its data is destroyed.
  const bool ends =
      IsState(*current, v1::VERSION_STATE_RETIRING) || IsState(*current, v1::VERSION_STATE_RETIRED);
  if (ends) return Readable::kNeverAgain;
  return current->deleted_ms() == 0 ? Readable::kYes : Readable::kNotNow;
}

bool MayStart(const SecretMetadata& metadata, absl::Time now) {
  return !metadata.rotation().paused() && IsReadable(metadata, now) == Readable::kYes;
}

Action NextAction(const SecretMetadata& metadata, const std::optional<v1::RotationRun>& run,
                  absl::Time now, bool frozen) {
  Earliest earliest(now);
  if (!metadata.has_rotation()) return earliest.best();
  const record::v1::RotationState& rotation = metadata.rotation();
  if (run.has_value()) OfferRun(metadata, *run, now, &earliest);
  OfferVersions(metadata, run, now, frozen, &earliest);
  if (metadata.has_jwt() && !run.has_value() && FindStaged(metadata) == nullptr &&
      MayStart(metadata, now)) {
    earliest.Offer(Action::Kind::kStage, now);
  }
  if (rotation.due_ms() == 0) {
    // Without a version there is nothing to plan from.
    if (rotation.promoted_ms() != 0) earliest.Offer(Action::Kind::kPlan, now);
  } else if (!run.has_value() && !frozen && MayStart(metadata, now)) {
    earliest.Offer(Action::Kind::kStart,
                   FromMillis(std::max(rotation.due_ms(), rotation.hold_until_ms())));
  }
  return earliest.best();
}

}  // namespace keyturn
