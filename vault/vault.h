// Versioned secrets in directories. The vault knows nothing of callers: whoever calls it has been
// authorised, and passes the updater that its changes go through (one that audits) and, to
// listings, the question "may this caller see this?".
//
// Names are confidential at rest: docs/FORMAT.md. Reads take an immutable snapshot; writes are
// single updates that either happen or do not. Resolved directories, opened metadata and unwrapped
// DEKs are cached in bounded memory, dropped before a change is acknowledged and at seal.
// Thread-safe. Common errors of all methods: FAILED_PRECONDITION while sealed, NOT_FOUND for a path
// without a secret, DATA_LOSS for a record that does not open, RESOURCE_EXHAUSTED when the arena is
// full, ABORTED when a write lost a race more than limits::kUpdateRetriesMax times.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/progress.h"
#include "base/types.h"
#include "crypto/secret_bytes.h"
#include "keyring/keyring.h"
#include "keyturn/record/v1/vault.pb.h"
#include "keyturn/v1/secret_service.pb.h"
#include "storage/store.h"
#include "vault/path.h"
#include "vault/put_news.h"

namespace keyturn {

struct PutParams {
  SecretPath path;
  v1::Kind kind = v1::KIND_UNSPECIFIED;  // of a new secret; must agree with an existing one if set
  bool replace = false;                  // false merges with the current version's fields
  std::optional<SecretVersion> if_version;  // ABORTED (reason VERSION_MISMATCH) unless newest
  std::map<std::string, std::string> custom_metadata;  // merged; empty value removes
  absl::Duration ttl = absl::ZeroDuration();
  std::string principal;  // recorded as created_by
  // Of a new secret of kind jwt_key whose values are keys that sign; with the policy by which they
  // rotate. Otherwise such a secret is not written to: its keys are made by its rotation.
  std::optional<v1::JwtKeySettings> jwt;
  v1::RotationPolicy policy;
};

struct PutResult {
  SecretVersion version;
  absl::Time create_time;
  Revision revision;
};

// Everything a reply to Get holds. `info` has no data field set.
struct ReadResult {
  Uuid secret;
  v1::GetResponse info;
  SecretBytes data;  // stored form (vault/fields.h)
};

// A secret as it is now; immutable.
struct FoundSecret {
  Uuid id;
  std::shared_ptr<const record::v1::SecretMetadata> metadata;
};

// What EraseVersions (vault/eraser.h) did.
struct EraseResult {
  v1::DestroyResponse destroyed;
  uint64_t keys = 0;  // wrapped data keys that were looked for in the files
  FileSearch search;  // which found none
};

// Whether the caller may see the secret at `path` (or, with directory, anything below it).
using VisibleFn = absl::FunctionRef<bool(absl::string_view path, bool directory)>;

struct WatchEvent {
  v1::WatchResponse response;
};

class Vault {
 public:
  // `store`, `keyring` and `clock` outlive this. Without `tell_of_put` nobody is told.
  static std::unique_ptr<Vault> Create(Store& store, Keyring& keyring, Clock& clock,
                                       PutTeller tell_of_put = nullptr);
  virtual ~Vault() = default;

  // After unseal: fills the queue of due items. At seal (and before SetRecordHasher(nullptr)):
  // drops every cache.
  virtual absl::Status OnUnsealed() = 0;
  virtual void OnSealed() = 0;
  // For the server's one commit listener: drops cached copies of what changed, and wakes watchers.
  virtual void OnCommitted(absl::Span<const CommittedUpdate> group) = 0;

  // `data` is in stored form. Missing directories are made. FAILED_PRECONDITION when the secret
  // requires if_version and none is given.
  virtual absl::StatusOr<PutResult> Put(Updater& updater, const PutParams& params,
                                        const SecretBytes& data) = 0;
  // NOT_FOUND for a version that never was or is destroyed or expired; FAILED_PRECONDITION (reason
  // VERSION_DELETED) for one that is soft-deleted, or (NOT_READABLE) a key that only signs. Waits
  // for request.min_revision() up to `deadline`, then DEADLINE_EXCEEDED; OUT_OF_RANGE (reason
  // REVISION_AHEAD) at once when it is more than limits::kRevisionAheadMax ahead of the newest;
  // RESOURCE_EXHAUSTED (reason BUSY) when limits::kRevisionWaitersMax calls wait already.
  virtual absl::StatusOr<ReadResult> Get(const v1::GetRequest& request, absl::Time deadline) = 0;
  virtual absl::StatusOr<v1::SecretInfo> Describe(const SecretPath& path) = 0;
  // `path` need not be valid: INVALID_ARGUMENT. Fast for what was asked lately.
  virtual absl::StatusOr<FoundSecret> Find(const std::string& path) = 0;

  virtual absl::StatusOr<v1::ListResponse> List(const v1::ListRequest& request,
                                                VisibleFn visible) = 0;
  virtual absl::StatusOr<v1::SearchResponse> Search(const v1::SearchRequest& request,
                                                    VisibleFn visible) = 0;

  // A generic secret becomes one of `kind`, in one update. FAILED_PRECONDITION (reason
  // KIND_MISMATCH) for one of another kind, (ROTATION_IN_PROGRESS) under an open rotation,
  // (TOO_MANY_VERSIONS) when one update cannot hold its versions. With take_apart INVALID_ARGUMENT
  // as TakeUrlApart (vault/database_fields.h) says of the current version, and what Get says of one
  // that cannot be read.
  virtual absl::StatusOr<v1::SecretInfo> Adopt(Updater& updater,
                                               const v1::AdoptRequest& request) = 0;
  virtual absl::StatusOr<v1::SecretInfo> UpdateMetadata(
      Updater& updater, const v1::UpdateMetadataRequest& request) = 0;
  virtual absl::StatusOr<v1::SecretInfo> Delete(Updater& updater,
                                                const v1::DeleteRequest& request) = 0;
  virtual absl::StatusOr<v1::SecretInfo> Undelete(Updater& updater,
                                                  const v1::UndeleteRequest& request) = 0;
  virtual absl::StatusOr<v1::DestroyResponse> Destroy(Updater& updater,
                                                      const v1::DestroyRequest& request) = 0;
  // ALREADY_EXISTS when new_path is taken; INVALID_ARGUMENT for a directory into itself.
  virtual absl::StatusOr<v1::RenameResponse> Rename(Updater& updater,
                                                    const v1::RenameRequest& request) = 0;

  // Changes at or below `path` with revisions in (after, ...], oldest first, at most `limit`;
  // `*reached` is the revision up to which the answer is complete: while it is below
  // Store::LastRevision there may be more, even after an empty answer (a call looks at no more than
  // limits::kChangesScanMax changes). OUT_OF_RANGE when `after` is older than the changes kept.
  virtual absl::StatusOr<std::vector<v1::WatchResponse>> ChangesSince(const SecretPath& path,
                                                                      Revision after, size_t limit,
                                                                      Revision* reached) = 0;
  // Calls `wake` (cheap, any thread) after each committed change, until the returned handle dies.
  virtual std::shared_ptr<void> OnChange(std::function<void()> wake) = 0;

  // Does what has fallen due: expires versions, destroys what is past its purge time, drops old
  // change records. Bounded work per call; returns how many items were done, and when the next
  // falls due in `*next` (wall time).
  virtual absl::StatusOr<int> RunDue(Updater& updater, absl::Time* next) = 0;

  // Rebuilds the hints by which RunDue finds what is due, from the metadata of all secrets; returns
  // how many were missing. For once a day.
  virtual absl::StatusOr<int> SweepDue(Updater& updater, ProgressFn progress) = 0;

  // After a rotation of the KEK: vault/rewrap.h.
  virtual absl::StatusOr<record::v1::RewrapState> ReadRewrapState() = 0;
  virtual absl::StatusOr<record::v1::RewrapState> Rewrap(Updater& updater, ProgressFn progress) = 0;
  virtual absl::StatusOr<uint64_t> CountOutside(KekTerm term, ProgressFn progress) = 0;

  // Reads and opens every record reachable and unreachable: each index entry leads to metadata,
  // each live version to a payload and a DEK that open. Complements Store::Verify.
  virtual absl::StatusOr<std::vector<StoreProblem>> Verify(ProgressFn progress) = 0;
};

}  // namespace keyturn
