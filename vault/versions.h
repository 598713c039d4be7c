// Pure rules of versions: which one a selector means, whether it can be read, what a new or removed
// version does to the metadata, and how it is shown. No store, no clock: everything is an argument.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/limits.h"
#include "keyturn/v1/secret_service.pb.h"
#include "vault/records.h"

namespace keyturn {

inline bool IsDestroyed(const VersionRecord& version) {
  return version.state() == static_cast<uint32_t>(v1::VERSION_STATE_DESTROYED);
}
inline bool IsExpired(const VersionRecord& version, absl::Time now) {
  return version.expire_ms() != 0 && version.expire_ms() <= absl::ToUnixMillis(now);
}

// nullptr when the metadata has no such version (any more).
const VersionRecord* FindVersion(const SecretMetadata& metadata, uint64_t number);
VersionRecord* FindVersion(SecretMetadata* metadata, uint64_t number);

// The one that is to be current next, if there is one already: STAGED, and fit to be used.
const VersionRecord* FindStaged(const SecretMetadata& metadata);

// The version that a selector means, if it can be read at `now`. NOT_FOUND (VERSION_NOT_FOUND,
// VERSION_DESTROYED, VERSION_EXPIRED) or FAILED_PRECONDITION (VERSION_DELETED, VERSION_PENDING,
// VERSION_ABANDONED, VERSION_RETIRED, VERSION_COMPROMISED), with the reason.
absl::StatusOr<const VersionRecord*> SelectVersion(const SecretMetadata& metadata,
                                                   const v1::VersionSelector& selector,
                                                   absl::Time now);

// Adds version newest+1 as the current one (BecomeCurrent).
VersionRecord* AddVersion(SecretMetadata* metadata, absl::Time now, absl::string_view principal,
                          absl::Duration ttl, size_t size);

// Pruned with one new version, whose batch holds what others are told of it as well; the next one
// goes on.
inline constexpr size_t kVersionsPrunedByOne = limits::kVersionsPerUpdateMax / 2;
inline constexpr size_t kOtherKeysOfOne = 16;  // its data, the metadata, a run, hints, ...
static_assert(2 * kVersionsPrunedByOne + limits::kWebhooksMax + kOtherKeysOfOne <=
              limits::kBatchKeysMax);
// Takes the oldest versions beyond max_versions out of the metadata, `at_once` at most and none
// that is live; returns them, for their data to be deleted.
std::vector<VersionRecord> PruneVersions(SecretMetadata* metadata,
                                         size_t at_once = limits::kVersionsPerUpdateMax);

// Marks a version destroyed. Its record stays, so that its number tells its story.
void MarkDestroyed(VersionRecord* version);

v1::VersionInfo ToInfo(const VersionRecord& version);
v1::SecretInfo ToInfo(absl::string_view path, const Uuid& secret, const SecretMetadata& metadata,
                      bool with_versions);

// Merges custom metadata: an empty value removes its key. INVALID_ARGUMENT for bad keys or values
// or too many.
absl::Status MergeCustomMetadata(const google::protobuf::Map<std::string, std::string>& changes,
                                 SecretMetadata* metadata);

}  // namespace keyturn
