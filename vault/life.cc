#include "vault/life.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "storage/schema.h"
#include "vault/at_target.h"
#include "vault/rotation_rules.h"
#include "vault/version_data.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

// With the secret's name in one update: two records each, the runs of its rotation, and its uses.
constexpr size_t kVersionsWithSecret =
    limits::kVersionsPerUpdateMax - limits::kRotationRunsKept / 2;
static_assert(2 * kVersionsWithSecret + limits::kRotationRunsKept + 16 <= limits::kBatchKeysMax);

absl::Status NoVersion(uint64_t number) {
  return WithReason(absl::NotFoundError(absl::StrCat("version ", number, " does not exist")),
                    "VERSION_NOT_FOUND");
}

// The versions a request means; NOT_FOUND for one that is not there or is destroyed.
absl::StatusOr<std::vector<uint64_t>> LiveVersions(const SecretMetadata& metadata,
                                                   absl::Span<const uint64_t> wanted, bool all) {
  std::vector<uint64_t> out;
  if (all) {
    for (const VersionRecord& version : metadata.versions()) {
      if (!IsDestroyed(version)) out.push_back(version.version());
    }
    return out;
  }
  for (const uint64_t number : wanted) {
    const VersionRecord* version = FindVersion(metadata, number);
    if (version == nullptr || IsDestroyed(*version)) return NoVersion(number);
    out.push_back(number);
  }
  return out;
}

// The command that has a version retired at its target.
absl::string_view HowItEnds(const VersionRecord& version) {
  if (IsState(version, v1::VERSION_STATE_PENDING)) return "keyturn rotation cancel";
  if (IsState(version, v1::VERSION_STATE_CURRENT)) {
    return "keyturn secret delete, which does that after the recovery window";
  }
  return "keyturn rotation retire";
}

// What its target still takes is retired there first: without its value nobody could do that. Notes
// those that are left there.
absl::Status CheckNotAtTarget(const SecretMetadata& metadata, absl::Span<const uint64_t> numbers,
                              bool leave_at_target, Batch* batch) {
  std::vector<uint64_t> left;
  for (const uint64_t number : numbers) {
    const VersionRecord* const version = FindVersion(metadata, number);
    if (version == nullptr || !WorksAtTarget(metadata, *version)) continue;
    left.push_back(number);
    if (leave_at_target) continue;
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "version ", number, " still works at target ", TargetOf(metadata, *version),
            ", where it is to be retired first: run ", HowItEnds(*version),
            ", and see keyturn rotation status; with leave_at_target it is destroyed, and works on "
            "there")),
        "STILL_AT_TARGET");
  }
  if (!left.empty() && batch != nullptr) {
    batch->Note("left_at_target", absl::StrJoin(left, ","));
  }
  return absl::OkStatus();
}

absl::Status CheckVersionCount(int count) {
  if (count <= static_cast<int>(limits::kVersionsKeptMax)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("versions: ", count, " given; at most ", limits::kVersionsKeptMax));
}

absl::Status CheckMetadataRequest(const v1::UpdateMetadataRequest& request) {
  if (request.max_versions() > limits::kVersionsKeptMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "max_versions: ", request.max_versions(), "; allowed are 1 to ", limits::kVersionsKeptMax));
  }
  if (request.version_ttl_seconds() < -1 ||
      request.version_ttl_seconds() > limits::kVersionTtlSecondsMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "version_ttl_seconds: allowed are -1 (never) to ", limits::kVersionTtlSecondsMax));
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::Duration> RecoveryWindow(int64_t seconds) {
  if (seconds == 0) return absl::Seconds(limits::kRecoverySecondsDefault);
  if (seconds < limits::kRecoverySecondsMin || seconds > limits::kRecoverySecondsMax) {
    return absl::InvalidArgumentError(absl::StrCat("recovery_window_seconds: ", seconds,
                                                   "; allowed are ", limits::kRecoverySecondsMin,
                                                   " to ", limits::kRecoverySecondsMax));
  }
  return absl::Seconds(seconds);
}

}  // namespace

absl::StatusOr<v1::SecretInfo> Life::Change(Updater& updater, const SecretPath& path,
                                            v1::WatchResponse::Type type, uint64_t version,
                                            Edit edit, Revision* revision) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  const absl::Time now = context_.clock.Now();
  v1::SecretInfo info;
  ASSIGN_OR_RETURN(
      const Revision committed, updater.Update([&](const View& view, Batch& batch) -> absl::Status {
        ASSIGN_OR_RETURN(const Located located, NeedSecret(*keys, view, path));
        ASSIGN_OR_RETURN(std::optional<SecretMetadata> metadata,
                         ReadMetadata(*keys, view, located.secret));
        if (!metadata.has_value()) {
          return absl::DataLossError(absl::StrCat(path.text(), " has a name but no metadata"));
        }
        RETURN_IF_ERROR(edit(located.secret, now, &*metadata, batch));
        LookAgain(located.secret, now, &*metadata, batch);
        RETURN_IF_ERROR(WriteMetadata(*keys, located.secret, now, &*metadata, batch));
        RETURN_IF_ERROR(WriteChange(*keys, type, path.text(), "", version, now, batch));
        info = ToInfo(path.text(), located.secret, *metadata, true);
        return absl::OkStatus();
      }));
  if (revision != nullptr) *revision = committed;
  return info;
}

absl::StatusOr<v1::SecretInfo> Life::UpdateMetadata(
    Updater& updater, const v1::UpdateMetadataRequest& request) const {
  ASSIGN_OR_RETURN(const SecretPath path, SecretPath::Parse(request.path()));
  RETURN_IF_ERROR(CheckMetadataRequest(request));
  absl::StatusOr<v1::SecretInfo> info = absl::InternalError("not updated");
  bool more = true;
  // A lower max_versions may take several updates; each leaves a secret that is whole.
  while (more) {
    info = Change(
        updater, path, v1::WatchResponse::METADATA, 0,
        [&](const Uuid& secret, absl::Time, SecretMetadata* metadata, Batch& batch) {
          if (request.replace_custom_metadata()) metadata->clear_custom_metadata();
          RETURN_IF_ERROR(MergeCustomMetadata(request.custom_metadata(), metadata));
          if (request.max_versions() > 0) {
            metadata->set_max_versions(request.max_versions());
          }
          if (request.version_ttl_seconds() != 0) {
            metadata->set_version_ttl_seconds(std::max<int64_t>(0, request.version_ttl_seconds()));
          }
          if (request.require_if_version() != v1::UpdateMetadataRequest::UNCHANGED) {
            metadata->set_require_if_version(request.require_if_version() ==
                                             v1::UpdateMetadataRequest::REQUIRED);
          }
          const std::vector<VersionRecord> pruned = PruneVersions(metadata);
          for (const VersionRecord& version : pruned) {
            DeleteVersionData(secret, SecretVersion(version.version()), batch);
          }
          more = pruned.size() == limits::kVersionsPerUpdateMax;
          return absl::OkStatus();
        });
    RETURN_IF_ERROR(info.status());
  }
  return info;
}

absl::StatusOr<v1::SecretInfo> Life::Delete(Updater& updater,
                                            const v1::DeleteRequest& request) const {
  ASSIGN_OR_RETURN(const SecretPath path, SecretPath::Parse(request.path()));
  RETURN_IF_ERROR(CheckVersionCount(request.versions_size()));
  ASSIGN_OR_RETURN(const absl::Duration window, RecoveryWindow(request.recovery_window_seconds()));
  return Change(updater, path, v1::WatchResponse::DELETED,
                request.versions_size() == 1 ? request.versions(0) : 0,
                [&](const Uuid& secret, absl::Time now, SecretMetadata* metadata,
                    Batch& batch) -> absl::Status {
                  std::vector<uint64_t> wanted(request.versions().begin(),
                                               request.versions().end());
                  if (wanted.empty()) wanted.push_back(metadata->current_version());
                  ASSIGN_OR_RETURN(const std::vector<uint64_t> numbers,
                                   LiveVersions(*metadata, wanted, request.all()));
                  const absl::Time purge = now + window;
                  for (const uint64_t number : numbers) {
                    VersionRecord* version = FindVersion(metadata, number);
                    if (version->deleted_ms() != 0) continue;
                    version->set_deleted_ms(absl::ToUnixMillis(now));
                    version->set_purge_ms(absl::ToUnixMillis(purge));
                  }
                  batch.Put(Family::kDue, schema::DueKey(secret, purge, kDuePurge), "");
                  batch.Note("versions", absl::StrJoin(numbers, ","));
                  return absl::OkStatus();
                });
}

absl::StatusOr<v1::SecretInfo> Life::Undelete(Updater& updater,
                                              const v1::UndeleteRequest& request) const {
  ASSIGN_OR_RETURN(const SecretPath path, SecretPath::Parse(request.path()));
  RETURN_IF_ERROR(CheckVersionCount(request.versions_size()));
  return Change(
      updater, path, v1::WatchResponse::UNDELETED,
      request.versions_size() == 1 ? request.versions(0) : 0,
      [&](const Uuid&, absl::Time, SecretMetadata* metadata, Batch& batch) -> absl::Status {
        const std::vector<uint64_t> wanted(request.versions().begin(), request.versions().end());
        ASSIGN_OR_RETURN(const std::vector<uint64_t> numbers,
                         LiveVersions(*metadata, wanted, wanted.empty()));
        for (const uint64_t number : numbers) {
          VersionRecord* version = FindVersion(metadata, number);
          version->set_deleted_ms(0);
          version->set_purge_ms(0);
        }
        batch.Note("versions", absl::StrJoin(numbers, ","));
        return absl::OkStatus();
      });
}

absl::Status Life::DestroySome(Updater& updater, const SecretPath& path,
                               absl::Span<const uint64_t> numbers,
                               const v1::DestroyRequest& request, v1::DestroyResponse* out) const {
  Revision revision;
  std::vector<uint64_t> live;
  bool nothing_left = false;
  const absl::Status changed =
      Change(
          updater, path, v1::WatchResponse::DESTROYED, numbers.size() == 1 ? numbers[0] : 0,
          [&](const Uuid& secret, absl::Time, SecretMetadata* metadata,
              Batch& batch) -> absl::Status {
            // Somebody may have been faster since Destroy's look.
            live.clear();
            for (const uint64_t number : numbers) {
              const VersionRecord* version = FindVersion(*metadata, number);
              if (version != nullptr && !IsDestroyed(*version)) {
                live.push_back(number);
              } else if (!request.all()) {
                return NoVersion(number);
              }
            }
            nothing_left = live.empty();
            if (nothing_left) return NoVersion(numbers[0]);
            RETURN_IF_ERROR(CheckNotAtTarget(*metadata, live, request.leave_at_target(), &batch));
            for (const uint64_t number : live) {
              MarkDestroyed(FindVersion(metadata, number));
              DeleteVersionData(secret, SecretVersion(number), batch);
            }
            batch.Note("versions", absl::StrJoin(live, ","));
            return absl::OkStatus();
          },
          &revision)
          .status();
  // What others have destroyed they have told of.
  if (nothing_left) return absl::OkStatus();
  RETURN_IF_ERROR(changed);
  out->set_revision(revision.value());
  for (const uint64_t number : live) out->add_versions(number);
  return absl::OkStatus();
}

// Takes name, metadata and the data that is left away in one update. The versions are few enough:
// Destroy has seen to that.
absl::Status Life::RemoveSecret(Updater& updater, const SecretPath& path, bool leave_at_target,
                                v1::DestroyResponse* out) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  const absl::Time now = context_.clock.Now();
  std::vector<uint64_t> removed;
  ASSIGN_OR_RETURN(const Revision revision, updater.Update([&](const View& view,
                                                               Batch& batch) -> absl::Status {
    ASSIGN_OR_RETURN(const Located located, NeedSecret(*keys, view, path));
    ASSIGN_OR_RETURN(const std::optional<SecretMetadata> metadata,
                     ReadMetadata(*keys, view, located.secret));
    removed.clear();
    if (metadata.has_value()) {
      ASSIGN_OR_RETURN(removed, LiveVersions(*metadata, {}, true));
      RETURN_IF_ERROR(CheckNotAtTarget(*metadata, removed, leave_at_target, &batch));
    }
    if (removed.size() > kVersionsWithSecret) {
      return WithReason(absl::AbortedError("the secret grew while it was being destroyed"),
                        "CONTENTION");
    }
    for (const uint64_t number : removed) {
      DeleteVersionData(located.secret, SecretVersion(number), batch);
    }
    for (uint64_t run = metadata.has_value() ? metadata->rotation().oldest_run() : 0;
         run != 0 && run <= metadata->rotation().newest_run(); ++run) {
      batch.Delete(Family::kRecords, schema::RotationRunKey(located.secret, run));
    }
    batch.Delete(Family::kRecords, schema::UsageKey(located.secret));
    batch.Delete(Family::kRecords, schema::SecretMetadataKey(located.secret));
    batch.Delete(Family::kIndex, EntryKey(*keys, located.directory, path.segments().back(), false));
    CountMove(batch);
    batch.Note("versions", absl::StrJoin(removed, ","));
    return WriteChange(*keys, v1::WatchResponse::DESTROYED, path.text(), "", 0, now, batch);
  }));
  out->set_revision(revision.value());
  for (const uint64_t number : removed) out->add_versions(number);
  return absl::OkStatus();
}

absl::StatusOr<v1::DestroyResponse> Life::Destroy(Updater& updater,
                                                  const v1::DestroyRequest& request) const {
  ASSIGN_OR_RETURN(const SecretPath path, SecretPath::Parse(request.path()));
  RETURN_IF_ERROR(CheckVersionCount(request.versions_size()));
  if (request.all() == !request.versions().empty()) {
    return absl::InvalidArgumentError("give either versions or all");
  }
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  // A refusal may rest on this look alone, so it must not see what reads do not see yet.
  const std::shared_ptr<const Snapshot> snapshot = context_.store.GetSnapshot();
  ASSIGN_OR_RETURN(const Located located, NeedSecret(*keys, *snapshot, path));
  ASSIGN_OR_RETURN(const std::optional<SecretMetadata> metadata,
                   ReadMetadata(*keys, *snapshot, located.secret));
  if (!metadata.has_value()) return NoSecret(path);
  const std::vector<uint64_t> wanted(request.versions().begin(), request.versions().end());
  ASSIGN_OR_RETURN(const std::vector<uint64_t> numbers,
                   LiveVersions(*metadata, wanted, request.all()));
  RETURN_IF_ERROR(CheckNotAtTarget(*metadata, numbers, request.leave_at_target(), nullptr));
  v1::DestroyResponse out;
  absl::Span<const uint64_t> rest = numbers;
  // What does not fit in one update goes first, in updates of its own.
  const size_t last = request.all() ? kVersionsWithSecret : 0;
  while (rest.size() > last) {
    const absl::Span<const uint64_t> some =
        rest.first(std::min(limits::kVersionsPerUpdateMax, rest.size() - last));
    RETURN_IF_ERROR(DestroySome(updater, path, some, request, &out));
    rest.remove_prefix(some.size());
  }
  if (request.all()) {
    RETURN_IF_ERROR(RemoveSecret(updater, path, request.leave_at_target(), &out));
  }
  return out;
}

}  // namespace keyturn
