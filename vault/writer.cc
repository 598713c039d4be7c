#include "vault/writer.h"

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "crypto/random.h"
#include "storage/schema.h"
#include "vault/fields.h"
#include "vault/tree.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

absl::Status CheckParams(const PutParams& params) {
  if (params.ttl < absl::ZeroDuration() ||
      params.ttl > absl::Seconds(limits::kVersionTtlSecondsMax)) {
    return absl::InvalidArgumentError(
        absl::StrCat("ttl_seconds: allowed are 0 to ", limits::kVersionTtlSecondsMax));
  }
  if (params.kind != v1::KIND_UNSPECIFIED && !v1::Kind_IsValid(params.kind)) {
    return absl::InvalidArgumentError("kind: allowed are generic, api_key, jwt_key, db_credential");
  }
  return absl::OkStatus();
}

// The conditions that the caller set on the secret as it is.
absl::Status CheckConditions(const PutParams& params, const SecretMetadata& metadata, bool is_new) {
  if (params.if_version.has_value() && params.if_version->value() != metadata.newest_version()) {
    const std::string have =
        is_new ? "there is no secret yet"
               : absl::StrCat("the newest version is ", metadata.newest_version());
    return WithReason(absl::AbortedError(absl::StrCat(have, ", not ", params.if_version->value(),
                                                      "; read it and try again")),
                      "VERSION_MISMATCH");
  }
  if (!params.if_version.has_value() && metadata.require_if_version()) {
    return WithReason(absl::FailedPreconditionError(
                          "this secret takes only writes with if_version (compare and set)"),
                      "IF_VERSION_REQUIRED");
  }
  if (!is_new && params.kind != v1::KIND_UNSPECIFIED &&
      static_cast<uint32_t>(params.kind) != metadata.kind()) {
    return WithReason(absl::FailedPreconditionError("the secret exists with another kind"),
                      "KIND_MISMATCH");
  }
  return absl::OkStatus();
}

SecretMetadata NewMetadata(const PutParams& params, const Uuid& secret, absl::Time now) {
  SecretMetadata metadata;
  metadata.set_uuid(std::string(secret.bytes()));
  metadata.set_kind(
      static_cast<uint32_t>(params.kind == v1::KIND_UNSPECIFIED ? v1::KIND_GENERIC : params.kind));
  metadata.set_max_versions(limits::kVersionsKeptDefault);
  metadata.set_created_ms(absl::ToUnixMillis(now));
  return metadata;
}

// Told apart from the errors that callers see.
absl::Status Moved() { return WithReason(absl::AbortedError("moved"), "MOVED"); }

void DeletePruned(const Uuid& secret, SecretMetadata* metadata, Batch& batch) {
  for (const VersionRecord& version : PruneVersions(metadata)) {
    batch.Delete(Family::kRecords, schema::PayloadKey(secret, SecretVersion(version.version())));
    batch.Delete(Family::kDeks, schema::DekKey(secret, SecretVersion(version.version())));
  }
}

}  // namespace

absl::StatusOr<Writer::Plan> Writer::MakePlan(const KeyringSnapshot& keys, const PutParams& params,
                                              const SecretBytes& data) const {
  Plan plan;
  plan.now = context_.clock.Now();
  const View& view = context_.store.Newest();
  ASSIGN_OR_RETURN(const std::optional<Located> located, FindSecret(keys, view, params.path));
  plan.is_new = !located.has_value();
  plan.secret = plan.is_new ? RandomUuid() : located->secret;
  if (plan.is_new) {
    plan.metadata = NewMetadata(params, plan.secret, plan.now);
  } else {
    ASSIGN_OR_RETURN(std::optional<SecretMetadata> metadata, ReadMetadata(keys, view, plan.secret));
    if (!metadata.has_value()) return Moved();
    plan.metadata = *std::move(metadata);
  }
  RETURN_IF_ERROR(CheckConditions(params, plan.metadata, plan.is_new));

  SecretBytes merged;
  const SecretBytes* value = &data;
  if (!params.replace && !plan.is_new) {
    const auto current = SelectVersion(plan.metadata, v1::VersionSelector(), plan.now);
    // A secret whose current version cannot be read has nothing to merge with.
    if (current.ok()) {
      absl::StatusOr<SecretBytes> old =
          reader_.ReadData(keys, plan.secret, plan.metadata, **current);
      if (absl::IsNotFound(old.status())) return Moved();
      RETURN_IF_ERROR(old.status());
      ASSIGN_OR_RETURN(merged, MergeData(old->ExposeForCrypto(), data.ExposeForCrypto()));
      value = &merged;
    }
  }
  plan.size = value->size();
  const VersionPlace place{.secret = plan.secret,
                           .version = SecretVersion(plan.metadata.newest_version() + 1),
                           .kind = plan.metadata.kind(),
                           .created_ms = absl::ToUnixMillis(plan.now)};
  ASSIGN_OR_RETURN(plan.sealed, SealVersion(keys, place, value->ExposeForCrypto()));
  return plan;
}

absl::Status Writer::Apply(const KeyringSnapshot& keys, const PutParams& params, const Plan& plan,
                           const View& view, Batch& batch, PutResult* result) const {
  ASSIGN_OR_RETURN(const std::optional<Located> located, FindSecret(keys, view, params.path));
  SecretMetadata metadata = plan.metadata;
  if (plan.is_new) {
    if (located.has_value()) return Moved();
    ASSIGN_OR_RETURN(const Uuid directory,
                     MakeDirectories(keys, view, ParentSegments(params.path), batch));
    RETURN_IF_ERROR(WriteEntry(keys, directory,
                               Entry{params.path.segments().back(), false, plan.secret}, batch));
    metadata.set_parent_uuid(std::string(directory.bytes()));
    metadata.set_path_hint(params.path.segments().back());
  } else {
    if (!located.has_value() || located->secret != plan.secret) return Moved();
    ASSIGN_OR_RETURN(const std::optional<SecretMetadata> now_there,
                     ReadMetadata(keys, view, plan.secret));
    if (!now_there.has_value() || now_there->generation() != plan.metadata.generation()) {
      return Moved();
    }
  }
  google::protobuf::Map<std::string, std::string> changes(params.custom_metadata.begin(),
                                                          params.custom_metadata.end());
  RETURN_IF_ERROR(MergeCustomMetadata(changes, &metadata));
  const VersionRecord* version =
      AddVersion(&metadata, plan.now, params.principal, params.ttl, plan.size);
  const SecretVersion number(version->version());
  if (version->expire_ms() != 0) {
    batch.Put(Family::kDue,
              schema::DueKey(plan.secret, absl::FromUnixMillis(version->expire_ms()), kDueExpire),
              "");
  }
  DeletePruned(plan.secret, &metadata, batch);
  batch.Put(Family::kRecords, schema::PayloadKey(plan.secret, number), plan.sealed.payload);
  batch.Put(Family::kDeks, schema::DekKey(plan.secret, number), plan.sealed.wrapped_dek);
  RETURN_IF_ERROR(WriteMetadata(keys, plan.secret, plan.now, &metadata, batch));
  RETURN_IF_ERROR(WriteChange(keys, v1::WatchResponse::WRITTEN, params.path.text(), "",
                              number.value(), plan.now, batch));
  batch.Note("version", absl::StrCat(number.value()));
  result->version = number;
  result->create_time = plan.now;
  return absl::OkStatus();
}

absl::StatusOr<PutResult> Writer::Put(Updater& updater, const PutParams& params,
                                      const SecretBytes& data) const {
  RETURN_IF_ERROR(CheckParams(params));
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  for (int attempt = 0; attempt <= limits::kUpdateRetriesMax; ++attempt) {
    absl::StatusOr<Plan> plan = MakePlan(*keys, params, data);
    if (ReasonOf(plan.status()) == "MOVED") continue;
    RETURN_IF_ERROR(plan.status());
    PutResult result;
    const absl::StatusOr<Revision> revision = updater.Update([&](const View& view, Batch& batch) {
      return Apply(*keys, params, *plan, view, batch, &result);
    });
    if (ReasonOf(revision.status()) == "MOVED") continue;
    RETURN_IF_ERROR(revision.status());
    result.revision = *revision;
    return result;
  }
  return WithReason(
      absl::AbortedError(absl::StrCat("the secret changed ", limits::kUpdateRetriesMax + 1,
                                      " times while it was being written; try again")),
      "CONTENTION");
}

}  // namespace keyturn
