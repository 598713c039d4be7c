#include "vault/versions.h"

#include <google/protobuf/util/time_util.h>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "vault/rotation_rules.h"
#include "vault/utf8.h"

namespace keyturn {
namespace {

using google::protobuf::util::TimeUtil;

absl::Status NoVersion(uint64_t number, absl::string_view why, absl::string_view reason) {
  return WithReason(absl::NotFoundError(absl::StrCat("version ", number, " ", why)), reason);
}

// Of those in grace the one that was current last, which after a rollback need not be the one that
// became so last; else the newest below the current one.
uint64_t Previous(const SecretMetadata& metadata) {
  uint64_t previous = 0;
  int64_t last_ms = -1;
  for (const VersionRecord& version : metadata.versions()) {
    const int64_t ms = version.replaced_ms() != 0 ? version.replaced_ms() : version.promoted_ms();
    if (!IsState(version, v1::VERSION_STATE_GRACE) || ms < last_ms) continue;
    last_ms = ms;
    previous = version.version();
  }
  if (previous != 0) return previous;
  for (const VersionRecord& version : metadata.versions()) {
    if (version.version() < metadata.current_version() &&
        IsState(version, v1::VERSION_STATE_PREVIOUS)) {
      previous = version.version();
    }
  }
  return previous;
}

uint64_t Resolve(const SecretMetadata& metadata, const v1::VersionSelector& selector) {
  if (selector.number() != 0) return selector.number();
  if (selector.alias() != v1::VersionSelector::PREVIOUS) return metadata.current_version();
  return Previous(metadata);
}

absl::Status NotInUse(const VersionRecord& version, absl::string_view why,
                      absl::string_view reason) {
  return WithReason(absl::FailedPreconditionError(absl::StrCat("version ", version.version(), " ",
                                                               why, "; read the current one")),
                    reason);
}

// Of a version that is there: what its state has to say against reading it.
absl::Status CheckState(const VersionRecord& version) {
  if (version.compromised()) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "version ", version.version(), " may be known to others and is not given any more")),
        "VERSION_COMPROMISED");
  }
  switch (version.state()) {
    case v1::VERSION_STATE_PENDING:
    case v1::VERSION_STATE_STAGED:
      return NotInUse(version, "is not in use yet", "VERSION_PENDING");
    case v1::VERSION_STATE_ABANDONED:
      return NotInUse(version, "was never in use", "VERSION_ABANDONED");
    case v1::VERSION_STATE_RETIRING:
    case v1::VERSION_STATE_RETIRED:
      return NotInUse(version, "is retired", "VERSION_RETIRED");
    default:
      return absl::OkStatus();
  }
}

absl::Status CheckMetadataItem(absl::string_view key, absl::string_view value) {
  if (key.empty() || key.size() > limits::kCustomMetadataKeyBytesMax || !IsUtf8(key) ||
      HasControlCharacter(key)) {
    return absl::InvalidArgumentError(absl::StrCat("custom metadata key: allowed are 1 to ",
                                                   limits::kCustomMetadataKeyBytesMax,
                                                   " bytes of UTF-8 without control characters"));
  }
  if (value.size() > limits::kCustomMetadataValueBytesMax || !IsUtf8(value) ||
      HasControlCharacter(value)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "custom metadata ", key, ": allowed are at most ", limits::kCustomMetadataValueBytesMax,
        " bytes of UTF-8 without control characters"));
  }
  return absl::OkStatus();
}

}  // namespace

const VersionRecord* FindVersion(const SecretMetadata& metadata, uint64_t number) {
  // The newest are asked for most.
  for (int i = metadata.versions_size() - 1; i >= 0; --i) {
    if (metadata.versions(i).version() == number) return &metadata.versions(i);
  }
  return nullptr;
}

VersionRecord* FindVersion(SecretMetadata* metadata, uint64_t number) {
  for (VersionRecord& version : *metadata->mutable_versions()) {
    if (version.version() == number) return &version;
  }
  return nullptr;
}

const VersionRecord* FindStaged(const SecretMetadata& metadata) {
  for (const VersionRecord& version : metadata.versions()) {
    const bool fit = version.deleted_ms() == 0 && !version.compromised();
    if (IsState(version, v1::VERSION_STATE_STAGED) && fit) return &version;
  }
  return nullptr;
}

absl::StatusOr<const VersionRecord*> SelectVersion(const SecretMetadata& metadata,
                                                   const v1::VersionSelector& selector,
                                                   absl::Time now) {
  const uint64_t number = Resolve(metadata, selector);
  if (number == 0) {
    return WithReason(absl::NotFoundError("the secret has no such version"), "VERSION_NOT_FOUND");
  }
  const VersionRecord* version = FindVersion(metadata, number);
  if (version == nullptr) return NoVersion(number, "does not exist", "VERSION_NOT_FOUND");
  if (IsDestroyed(*version)) return NoVersion(number, "is destroyed", "VERSION_DESTROYED");
  if (IsExpired(*version, now)) return NoVersion(number, "has expired", "VERSION_EXPIRED");
  if (version->deleted_ms() != 0) {
    return WithReason(absl::FailedPreconditionError(absl::StrCat(
                          "version ", number,
                          " is deleted; run: keyturn secret undelete, or read another version")),
                      "VERSION_DELETED");
  }
  RETURN_IF_ERROR(CheckState(*version));
  return version;
}

VersionRecord* AddVersion(SecretMetadata* metadata, absl::Time now, absl::string_view principal,
                          absl::Duration ttl, size_t size) {
  const uint64_t number = metadata->newest_version() + 1;
  metadata->set_newest_version(number);
  VersionRecord* version = metadata->add_versions();
  version->set_version(number);
  BecomeCurrent(metadata, version, now);
  version->set_created_ms(absl::ToUnixMillis(now));
  version->set_created_by(std::string(principal));
  version->set_size(static_cast<uint32_t>(size));
  if (ttl <= absl::ZeroDuration()) ttl = absl::Seconds(metadata->version_ttl_seconds());
  if (ttl > absl::ZeroDuration()) version->set_expire_ms(absl::ToUnixMillis(now + ttl));
  return version;
}

std::vector<VersionRecord> PruneVersions(SecretMetadata* metadata, size_t at_once) {
  const auto most = static_cast<int>(metadata->max_versions());
  const int surplus = std::min(metadata->versions_size() - most, static_cast<int>(at_once));
  std::vector<VersionRecord> pruned;
  for (int i = 0; i < metadata->versions_size() && static_cast<int>(pruned.size()) < surplus;) {
    if (IsLive(metadata->versions(i))) {
      ++i;
      continue;
    }
    pruned.push_back(metadata->versions(i));
    metadata->mutable_versions()->DeleteSubrange(i, 1);
  }
  return pruned;
}

void MarkDestroyed(VersionRecord* version) {
  version->set_state(static_cast<uint32_t>(v1::VERSION_STATE_DESTROYED));
  version->set_purge_ms(0);
  version->set_size(0);
  ForgetEnding(version);
}

v1::VersionInfo ToInfo(const VersionRecord& version) {
  v1::VersionInfo info;
  info.set_version(version.version());
  info.set_state(static_cast<v1::VersionState>(version.state()));
  info.set_created_by(version.created_by());
  info.set_compromised(version.compromised());
  *info.mutable_create_time() = TimeUtil::MillisecondsToTimestamp(version.created_ms());
  if (version.deleted_ms() != 0) {
    *info.mutable_delete_time() = TimeUtil::MillisecondsToTimestamp(version.deleted_ms());
  }
  if (version.purge_ms() != 0) {
    *info.mutable_purge_time() = TimeUtil::MillisecondsToTimestamp(version.purge_ms());
  }
  if (version.expire_ms() != 0) {
    *info.mutable_expire_time() = TimeUtil::MillisecondsToTimestamp(version.expire_ms());
  }
  if (version.grace_end_ms() != 0) {
    *info.mutable_grace_end_time() = TimeUtil::MillisecondsToTimestamp(version.grace_end_ms());
  }
  if (version.promoted_ms() != 0) {
    *info.mutable_promote_time() = TimeUtil::MillisecondsToTimestamp(version.promoted_ms());
  }
  if (version.retired_ms() != 0) {
    *info.mutable_retire_time() = TimeUtil::MillisecondsToTimestamp(version.retired_ms());
  }
  info.set_target(version.target());
  info.set_retire_error(version.retire_error());
  if (version.retire_next_ms() != 0) {
    *info.mutable_retire_retry_time() = TimeUtil::MillisecondsToTimestamp(version.retire_next_ms());
  }
  return info;
}

v1::SecretInfo ToInfo(absl::string_view path, const Uuid& secret, const SecretMetadata& metadata,
                      bool with_versions) {
  v1::SecretInfo info;
  info.set_path(std::string(path));
  info.set_id(secret.ToString());
  info.set_kind(static_cast<v1::Kind>(metadata.kind()));
  info.set_current_version(metadata.current_version());
  info.set_newest_version(metadata.newest_version());
  *info.mutable_custom_metadata() = metadata.custom_metadata();
  info.set_max_versions(metadata.max_versions());
  *info.mutable_create_time() = TimeUtil::MillisecondsToTimestamp(metadata.created_ms());
  *info.mutable_update_time() = TimeUtil::MillisecondsToTimestamp(metadata.updated_ms());
  info.set_require_if_version(metadata.require_if_version());
  info.set_version_ttl_seconds(metadata.version_ttl_seconds());
  if (!with_versions) return info;
  for (int i = metadata.versions_size() - 1; i >= 0; --i) {
    *info.add_versions() = ToInfo(metadata.versions(i));
  }
  return info;
}

absl::Status MergeCustomMetadata(const google::protobuf::Map<std::string, std::string>& changes,
                                 SecretMetadata* metadata) {
  for (const auto& [key, value] : changes) {
    if (absl::Status status = CheckMetadataItem(key, value); !status.ok()) return status;
    if (value.empty()) {
      metadata->mutable_custom_metadata()->erase(key);
    } else {
      (*metadata->mutable_custom_metadata())[key] = value;
    }
  }
  if (metadata->custom_metadata().size() > limits::kCustomMetadataEntriesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("custom metadata: ", metadata->custom_metadata().size(), " entries; at most ",
                     limits::kCustomMetadataEntriesMax, " are allowed"));
  }
  return absl::OkStatus();
}

}  // namespace keyturn
