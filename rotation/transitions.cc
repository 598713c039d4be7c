#include "rotation/transitions.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "base/timestamps.h"
#include "storage/schema.h"
#include "vault/rotation_rules.h"
#include "vault/utf8.h"
#include "vault/version_data.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

using google::protobuf::util::TimeUtil;

// Of a run that has failed once more: whether it goes on by itself.
bool TriesAgain(Failure failure, absl::Time now, const v1::RotationRun& run) {
  if (failure == Failure::kPolicy) return run.refused_values() < limits::kRotationValuesMax;
  if (failure != Failure::kTransient && failure != Failure::kAmbiguous) return false;
  return run.attempts() - run.refused_values() < limits::kRotationAttemptsMax &&
         now - ToTime(run.failing_since_time()) < absl::Seconds(limits::kRotationFailingSecondsMax);
}

// What a start that is due may have to wait for, by the policy.
std::string WaitsOf(const v1::RotationPolicy& policy) {
  v1::RotationPolicy out;
  *out.mutable_windows() = policy.windows();
  out.set_enforcement(policy.enforcement());
  *out.mutable_after() = policy.after();
  out.set_max_live_versions(policy.max_live_versions());
  return out.SerializeAsString();
}

}  // namespace

absl::Status AddPrepared(const PreparedVersion& prepared, absl::Time now, RotatingSecret* secret,
                         Batch& batch) {
  SecretMetadata& metadata = secret->metadata;
  const uint64_t number = prepared.record.version();
  if (metadata.newest_version() + 1 != number) {
    return WithReason(absl::AbortedError("the secret has a newer version"), "MOVED");
  }
  metadata.set_newest_version(number);
  VersionRecord& added = *metadata.add_versions();
  added = prepared.record;
  if (IsState(added, v1::VERSION_STATE_STAGED)) added.set_staged_ms(absl::ToUnixMillis(now));
  for (const VersionRecord& pruned : PruneVersions(&metadata, kVersionsPrunedByOne)) {
    DeleteVersionData(secret->id, SecretVersion(pruned.version()), batch);
  }
  const SecretVersion version(number);
  batch.Insert(Family::kRecords, schema::PayloadKey(secret->id, version), prepared.sealed.payload);
  batch.Insert(Family::kDeks, schema::DekKey(secret->id, version), prepared.sealed.wrapped_dek);
  return absl::OkStatus();
}

absl::Status AddPending(const PreparedVersion& prepared, absl::Time now, RotatingSecret* secret,
                        v1::RotationRun* run, Batch& batch) {
  RETURN_IF_ERROR(AddPrepared(prepared, now, secret, batch));
  run->set_version(prepared.record.version());
  return absl::OkStatus();
}

void Abandon(RotatingSecret* secret, const v1::RotationRun& run, absl::Time now) {
  VersionRecord* const record = FindVersion(&secret->metadata, run.version());
  if (record == nullptr || !IsState(*record, v1::VERSION_STATE_PENDING)) return;
  // A target that was asked to set it may have done so, and the server have died before it heard.
  const bool asked = run.step() == v1::RotationRun::APPLY;
  if (asked) record->set_target(TargetOf(secret->metadata, *record));
  if (!record->target().empty()) return EndGraceNow(record, now);
  record->set_state(v1::VERSION_STATE_ABANDONED);
  record->set_retired_ms(absl::ToUnixMillis(now));
  record->set_destroy_ms(
      absl::ToUnixMillis(now + DestroyAfterOf(secret->metadata.rotation().policy())));
}

void LeaveTarget(absl::string_view next, RotatingSecret* secret, absl::Time now) {
  std::optional<v1::RotationRun>& run = secret->run;
  if (secret->metadata.rotation().policy().target() == next || !run.has_value()) return;
  if (run->step() != v1::RotationRun::APPLY) return;
  const VersionRecord* const pending = FindVersion(secret->metadata, run->version());
  const bool unsure = pending != nullptr && IsState(*pending, v1::VERSION_STATE_PENDING) &&
                      pending->target().empty();
  if (!unsure) return;
  Abandon(secret, *run, now);
  run->set_version(0);
  run->set_step(v1::RotationRun::GENERATE);
}

void MarkRetired(RotatingSecret* secret, uint64_t version, absl::Time now) {
  VersionRecord* const record = FindVersion(&secret->metadata, version);
  record->set_state(v1::VERSION_STATE_RETIRED);
  record->set_retired_ms(absl::ToUnixMillis(now));
  ForgetEnding(record);
  if (secret->metadata.rotation().waits_for_room()) HoldUntil(now, &secret->metadata);
  const absl::Duration kept = record->compromised()
                                  ? absl::ZeroDuration()
                                  : DestroyAfterOf(secret->metadata.rotation().policy());
  record->set_destroy_ms(absl::ToUnixMillis(now + kept));
}

void DestroyData(RotatingSecret* secret, uint64_t version, Batch& batch) {
  MarkDestroyed(FindVersion(&secret->metadata, version));
  DeleteVersionData(secret->id, SecretVersion(version), batch);
}

void AwaitUntil(absl::Time when, v1::RotationRun::State state, v1::RotationRun* run) {
  run->set_state(state);
  *run->mutable_next_attempt_time() = TimeUtil::MillisecondsToTimestamp(absl::ToUnixMillis(when));
}

void ClearFailures(v1::RotationRun* run) {
  run->set_state(v1::RotationRun::RUNNING);
  run->set_attempts(0);
  run->set_refused_values(0);
  run->clear_failing_since_time();
  run->set_uncertain(false);
  run->clear_next_attempt_time();
  run->clear_error_class();
  run->clear_error();
}

void TryBlockedNow(std::optional<v1::RotationRun>* run) {
  if (!run->has_value() || (*run)->state() != v1::RotationRun::BLOCKED) return;
  (*run)->clear_next_attempt_time();
  (*run)->clear_failing_since_time();
}

void AwaitValue(absl::Time now, v1::RotationRun* run) {
  AwaitUntil(now + absl::Seconds(limits::kRotationBlockedSeconds), v1::RotationRun::AWAITING_VALUE,
             run);
}

void GoBackTo(SecretMetadata* metadata, VersionRecord* version, absl::Time now) {
  const int64_t held_until_ms = metadata->rotation().hold_until_ms();
  // One that is destroyed already is no current one to end, and leaked all the same.
  VersionRecord* const bad = FindVersion(metadata, metadata->current_version());
  if (bad != nullptr && metadata->rotation().emergency()) bad->set_compromised(true);
  // From before there was a policy.
  if (version->promoted_ms() == 0) version->set_promoted_ms(version->created_ms());
  BecomeCurrent(metadata, version, now);
  HoldUntil(absl::FromUnixMillis(held_until_ms), metadata);
}

VersionRecord* FirstToEnd(SecretMetadata* metadata, bool counted) {
  VersionRecord* first = nullptr;
  for (VersionRecord& version : *metadata->mutable_versions()) {
    if (!IsState(version, v1::VERSION_STATE_GRACE)) continue;
    if (counted && version.promoted_ms() == 0) continue;
    if (first == nullptr || version.grace_end_ms() < first->grace_end_ms()) first = &version;
  }
  return first;
}

void EndGraceNow(VersionRecord* version, absl::Time now) {
  version->set_state(v1::VERSION_STATE_RETIRING);
  version->set_grace_end_ms(absl::ToUnixMillis(now));
  ForgetEnding(version);
}

void WaitUntil(absl::Time until, WaitsFor what, SecretMetadata* metadata) {
  record::v1::RotationState& rotation = *metadata->mutable_rotation();
  rotation.set_hold_until_ms(absl::ToUnixMillis(until));
  rotation.set_waits(true);
  rotation.set_waits_for_room(what == WaitsFor::kRoom);
}

absl::Time PlannedStart(const SecretMetadata& metadata, const v1::RotationPolicy& policy) {
  const record::v1::RotationState& rotation = metadata.rotation();
  if (rotation.due_ms() == 0) return absl::InfiniteFuture();
  if (rotation.waits() && WaitsOf(rotation.policy()) != WaitsOf(policy)) {
    return absl::InfiniteFuture();
  }
  return absl::FromUnixMillis(rotation.due_ms());
}

// Stored in messages whose texts are UTF-8, or they would not be read again.
std::string ShownError(const absl::Status& status) {
  std::string text(status.message());
  if (!IsUtf8(text)) {
    text.clear();
    for (const char c : status.message()) {
      if (absl::ascii_isascii(static_cast<unsigned char>(c))) {
        text.push_back(c);
      } else {
        absl::StrAppend(&text, "\\x", absl::Hex(static_cast<unsigned char>(c)));
      }
    }
  }
  return std::string(Utf8Prefix(text, limits::kRotationErrorBytesMax));
}

absl::Duration WaitAfter(const absl::Status& failure, uint32_t failures, double share) {
  int64_t seconds = limits::kRotationBackoffSecondsMin;
  for (uint32_t i = 1; i < failures && seconds < limits::kRotationBackoffSecondsMax; ++i) {
    seconds *= 2;
  }
  return std::max(share * absl::Seconds(std::min(seconds, limits::kRotationBackoffSecondsMax)),
                  RetryAfterOf(failure));
}

void TakeFailure(const absl::Status& status, double share, absl::Time now, v1::RotationRun* run) {
  const Failure failure = FailureOf(status);
  run->set_attempts(run->attempts() + 1);
  if (failure == Failure::kPolicy) {
    run->set_refused_values(run->refused_values() + 1);
  } else if (!run->has_failing_since_time()) {
    *run->mutable_failing_since_time() = ToTimestamp(now);
  }
  if (failure == Failure::kAmbiguous) run->set_uncertain(true);
  run->set_error_class(std::string(FailureName(failure)));
  run->set_error(ShownError(status));
  if (!TriesAgain(failure, now, *run)) {
    AwaitUntil(now + absl::Seconds(limits::kRotationBlockedSeconds), v1::RotationRun::BLOCKED, run);
  } else if (failure == Failure::kPolicy) {
    AwaitUntil(now, v1::RotationRun::RETRY_WAIT, run);
  } else {
    const absl::Duration wait = WaitAfter(status, run->attempts() - run->refused_values(), share);
    AwaitUntil(now + wait, v1::RotationRun::RETRY_WAIT, run);
  }
}

}  // namespace keyturn
