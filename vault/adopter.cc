#include "vault/adopter.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "storage/schema.h"
#include "vault/database_fields.h"
#include "vault/rotation_rules.h"
#include "vault/tree.h"
#include "vault/version_data.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

absl::Status Moved() { return WithReason(absl::AbortedError("moved"), "MOVED"); }

absl::Status CheckRequest(const v1::AdoptRequest& request) {
  const v1::Kind kind = request.kind();
  if (kind == v1::KIND_GENERIC || kind == v1::KIND_UNSPECIFIED || !v1::Kind_IsValid(kind)) {
    return absl::InvalidArgumentError("kind: allowed are api_key, jwt_key, db_credential");
  }
  if (!request.take_apart() || kind == v1::KIND_DB_CREDENTIAL) return absl::OkStatus();
  return absl::InvalidArgumentError("take_apart: allowed with kind db_credential alone");
}

absl::Status CheckAdoptable(const SecretMetadata& metadata) {
  if (metadata.kind() != v1::KIND_GENERIC) {
    return WithReason(absl::FailedPreconditionError(absl::StrCat(
                          "the secret is of kind ",
                          absl::AsciiStrToLower(absl::StripPrefix(
                              v1::Kind_Name(static_cast<v1::Kind>(metadata.kind())), "KIND_")),
                          " already; only a generic one becomes another")),
                      "KIND_MISMATCH");
  }
  if (metadata.rotation().open_run() == 0) return absl::OkStatus();
  return WithReason(absl::FailedPreconditionError(
                        "a rotation is under way; wait for it, or run: keyturn rotation cancel"),
                    "ROTATION_IN_PROGRESS");
}

// One update must hold all that is sealed anew.
absl::Status CheckSize(size_t versions, size_t bytes) {
  constexpr size_t kBytesMax = limits::kBatchBytesMax - limits::kBatchBytesMax / 8;
  if (versions <= limits::kVersionsPerUpdateMax && bytes <= kBytesMax) return absl::OkStatus();
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          versions, " versions with ", bytes, " bytes; at most ", limits::kVersionsPerUpdateMax,
          " with ", kBytesMax, " can be adopted at once: destroy old ones, or lower max_versions")),
      "TOO_MANY_VERSIONS");
}

// The parts of its URL beside it. Former versions may be anything, and are not looked at by who
// adopts: one that has no such URL stays as it is.
absl::Status TakeApart(bool current, SecretBytes* data, VersionRecord* version) {
  absl::StatusOr<SecretBytes> apart = TakeUrlApart(data->ExposeForCrypto());
  if (absl::IsInvalidArgument(apart.status()) && !current) return absl::OkStatus();
  RETURN_IF_ERROR(apart.status());
  *data = *std::move(apart);
  version->set_size(static_cast<uint32_t>(data->size()));
  return absl::OkStatus();
}

// A policy that the secret has goes on, but for what its new kind cannot have made here.
void RotateAs(v1::Kind kind, absl::Time now, SecretMetadata* metadata) {
  if (!metadata->has_rotation()) BeginRotating(now, v1::RotationPolicy(), metadata);
  record::v1::RotationState& rotation = *metadata->mutable_rotation();
  if (kind == v1::KIND_DB_CREDENTIAL && rotation.policy().source().has_generate()) {
    rotation.mutable_policy()->clear_source();
  }
  HoldStarts(metadata, now);
  rotation.set_next_ms(absl::ToUnixMillis(now));
}

}  // namespace

struct Adopter::Plan {
  Uuid secret;
  RecordIdentity record{};  // of its metadata as read
  SecretMetadata metadata;  // of the new kind
  int64_t next_ms = 0;      // rotation.next_ms as read
  struct Version {
    SecretVersion number;
    SealedVersion sealed;
  };
  std::vector<Version> versions;
};

absl::StatusOr<Adopter::Plan> Adopter::MakePlan(const KeyringSnapshot& keys, const SecretPath& path,
                                                const v1::AdoptRequest& request) const {
  const std::shared_ptr<const Snapshot> snapshot = context_.store.GetSnapshot();
  ASSIGN_OR_RETURN(const Located located, NeedSecret(keys, *snapshot, path));
  ASSIGN_OR_RETURN(const std::optional<std::string> sealed,
                   snapshot->Get(Family::kRecords, schema::SecretMetadataKey(located.secret)));
  if (!sealed.has_value()) return Moved();
  Plan plan;
  plan.secret = located.secret;
  plan.record = IdentityOf(*sealed);
  ASSIGN_OR_RETURN(plan.metadata, OpenMetadata(keys, plan.secret, *sealed));
  RETURN_IF_ERROR(CheckAdoptable(plan.metadata));
  if (request.take_apart()) {
    RETURN_IF_ERROR(
        SelectVersion(plan.metadata, v1::VersionSelector(), context_.clock.Now()).status());
  }
  plan.next_ms = plan.metadata.rotation().next_ms();
  size_t bytes = 0;
  const SecretMetadata before = plan.metadata;
  plan.metadata.set_kind(static_cast<uint32_t>(request.kind()));
  for (VersionRecord& version : *plan.metadata.mutable_versions()) {
    if (IsDestroyed(version)) continue;
    ASSIGN_OR_RETURN(SecretBytes data,
                     ReadVersionData(keys, *snapshot, PlaceOf(plan.secret, before, version)));
    if (request.take_apart()) {
      const bool current = version.version() == before.current_version();
      RETURN_IF_ERROR(TakeApart(current, &data, &version));
    }
    ASSIGN_OR_RETURN(
        SealedVersion anew,
        SealVersion(keys, PlaceOf(plan.secret, plan.metadata, version), data.ExposeForCrypto()));
    bytes += anew.payload.size() + anew.wrapped_dek.size();
    plan.versions.push_back({SecretVersion(version.version()), std::move(anew)});
    RETURN_IF_ERROR(CheckSize(plan.versions.size(), bytes));
  }
  return plan;
}

absl::StatusOr<v1::SecretInfo> Adopter::Adopt(Updater& updater, const SecretPath& path,
                                              const v1::AdoptRequest& request) const {
  RETURN_IF_ERROR(CheckRequest(request));
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  for (int attempt = 0; attempt <= limits::kUpdateRetriesMax; ++attempt) {
    absl::StatusOr<Plan> plan = MakePlan(*keys, path, request);
    if (ReasonOf(plan.status()) == "MOVED") continue;
    RETURN_IF_ERROR(plan.status());
    const absl::Time now = context_.clock.Now();
    v1::SecretInfo info;
    const absl::Status done =
        updater
            .Update([&](const View& view, Batch& batch) -> absl::Status {
              ASSIGN_OR_RETURN(const Located located, NeedSecret(*keys, view, path));
              ASSIGN_OR_RETURN(const std::optional<std::string> record,
                               view.Get(Family::kRecords, schema::SecretMetadataKey(plan->secret)));
              const bool same = located.secret == plan->secret && record.has_value() &&
                                IdentityOf(*record) == plan->record;
              if (!same) return Moved();
              for (const Plan::Version& version : plan->versions) {
                batch.Put(Family::kRecords, schema::PayloadKey(plan->secret, version.number),
                          version.sealed.payload);
                batch.Put(Family::kDeks, schema::DekKey(plan->secret, version.number),
                          version.sealed.wrapped_dek);
              }
              SecretMetadata metadata = plan->metadata;
              RotateAs(request.kind(), now, &metadata);
              MoveRotationHint(plan->secret, plan->next_ms, metadata, batch);
              RETURN_IF_ERROR(WriteMetadata(*keys, plan->secret, now, &metadata, batch));
              info = ToInfo(path.text(), plan->secret, metadata, true);
              return WriteChange(*keys, v1::WatchResponse::METADATA, path.text(), "", 0, now,
                                 batch);
            })
            .status();
    if (ReasonOf(done) == "MOVED") continue;
    RETURN_IF_ERROR(done);
    return info;
  }
  return WithReason(absl::AbortedError("the secret changed while it was adopted; try again"),
                    "CONTENTION");
}

}  // namespace keyturn
