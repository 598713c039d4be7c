#include "rotation/listing.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rotation/runs.h"
#include "rotation/status.h"
#include "vault/page_token.h"
#include "vault/path.h"
#include "vault/tree.h"
#include "vault/visible_walk.h"

namespace keyturn {
namespace {

struct Found {
  Uuid secret;
  SecretMetadata metadata;
};

absl::StatusOr<Found> Find(const KeyringSnapshot& keys, const View& view, const std::string& text) {
  ASSIGN_OR_RETURN(const SecretPath path, SecretPath::Parse(text));
  ASSIGN_OR_RETURN(const Located located, NeedSecret(keys, view, path));
  ASSIGN_OR_RETURN(std::optional<SecretMetadata> metadata,
                   ReadMetadata(keys, view, located.secret));
  if (!metadata.has_value()) {
    return absl::DataLossError(absl::StrCat(text, " has a name but no metadata"));
  }
  return Found{located.secret, *std::move(metadata)};
}

}  // namespace

absl::StatusOr<v1::RotationStatus> ReadRotationStatus(const RotationContext& context,
                                                      const std::string& path) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context.keyring.Snapshot());
  const std::shared_ptr<const Snapshot> snapshot = context.store.GetSnapshot();
  ASSIGN_OR_RETURN(const Found found, Find(*keys, *snapshot, path));
  ASSIGN_OR_RETURN(const std::optional<v1::RotationRun> run,
                   ReadOpenRun(*keys, *snapshot, found.metadata));
  v1::RotationStatus status = StatusOf(path, found.metadata, run, context.clock.Now(), true);
  if (context.consumers) AddConsumers(context.consumers(found.secret, found.metadata), &status);
  return status;
}

absl::StatusOr<v1::ListRotationsResponse> ListRotations(const RotationContext& context,
                                                        const v1::ListRotationsRequest& request,
                                                        VisibleFn visible) {
  ASSIGN_OR_RETURN(const SecretPath directory, SecretPath::ParseDirectory(request.path()));
  ASSIGN_OR_RETURN(const size_t page_size, PageSize(request.page_size()));
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context.keyring.Snapshot());
  const std::string binding = absl::StrCat("rotations", directory.text());
  ASSIGN_OR_RETURN(WalkPosition position, DecodePageToken(*keys, binding, request.page_token()));
  const std::shared_ptr<const Snapshot> snapshot = context.store.GetSnapshot();
  const absl::Time now = context.clock.Now();
  v1::ListRotationsResponse response;
  const auto add = [&](const std::string& path, const Uuid& secret) -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(const std::optional<SecretMetadata> metadata,
                     ReadMetadata(*keys, *snapshot, secret));
    if (!metadata.has_value() || !metadata->has_rotation()) return true;
    if (static_cast<size_t>(response.rotations_size()) >= page_size) return false;
    ASSIGN_OR_RETURN(const std::optional<v1::RotationRun> run,
                     ReadOpenRun(*keys, *snapshot, *metadata));
    *response.add_rotations() = StatusOf(path, *metadata, run, now, false);
    return true;
  };
  ASSIGN_OR_RETURN(const bool ended,
                   WalkVisible(*keys, *snapshot, directory, visible, &position, add));
  if (!ended) {
    ASSIGN_OR_RETURN(*response.mutable_next_page_token(),
                     EncodePageToken(*keys, binding, position));
  }
  return response;
}

absl::StatusOr<v1::ListRotationRunsResponse> ListRotationRuns(
    const RotationContext& context, const v1::ListRotationRunsRequest& request) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context.keyring.Snapshot());
  const std::shared_ptr<const Snapshot> snapshot = context.store.GetSnapshot();
  ASSIGN_OR_RETURN(const Found found, Find(*keys, *snapshot, request.path()));
  const record::v1::RotationState& rotation = found.metadata.rotation();
  v1::ListRotationRunsResponse response;
  for (uint64_t number = rotation.newest_run(); number != 0 && number >= rotation.oldest_run();
       --number) {
    ASSIGN_OR_RETURN(const std::optional<v1::RotationRun> run,
                     ReadRun(*keys, *snapshot, found.secret, number));
    if (run.has_value()) *response.add_runs() = *run;
  }
  return response;
}

}  // namespace keyturn
