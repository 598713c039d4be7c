#include "vault/writer.h"

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "crypto/random.h"
#include "storage/schema.h"
#include "vault/database_fields.h"
#include "vault/fields.h"
#include "vault/rotation_rules.h"
#include "vault/tree.h"
#include "vault/version_data.h"
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
  if (metadata.has_jwt() && !is_new) {
    return WithReason(
        absl::FailedPreconditionError(
            "the secret holds keys that sign tokens, which its rotation makes; run: keyturn "
            "rotation run"),
        "MANAGED_KEY");
  }
  return absl::OkStatus();
}

SecretMetadata NewMetadata(const PutParams& params, const Uuid& secret, absl::Time now) {
  SecretMetadata metadata;
  metadata.set_uuid(std::string(secret.bytes()));
  metadata.set_kind(
      static_cast<uint32_t>(params.kind == v1::KIND_UNSPECIFIED ? v1::KIND_GENERIC : params.kind));
  metadata.set_max_versions(limits::kVersionsKeptDefault);
  if (RotatesByDefault(static_cast<v1::Kind>(metadata.kind()))) metadata.mutable_rotation();
  if (params.jwt.has_value()) *metadata.mutable_jwt() = *params.jwt;
  if (metadata.has_rotation()) *metadata.mutable_rotation()->mutable_policy() = params.policy;
  metadata.set_created_ms(absl::ToUnixMillis(now));
  return metadata;
}

// Told apart from the errors that callers see.
absl::Status Moved() { return WithReason(absl::AbortedError("moved"), "MOVED"); }

}  // namespace

// Whatever is out of date here, the update finds out.
absl::Status Writer::Locate(const KeyringSnapshot& keys, const PutParams& params, bool use_cache,
                            Plan* plan) const {
  VaultCache& cache = context_.cache;
  const VaultCache::Epoch epoch = cache.epoch();
  const std::optional<VaultCache::Secret> known =
      use_cache ? cache.Find(params.path.text()) : std::nullopt;
  if (known.has_value()) {
    plan->moves = known->moves;
    plan->secret = known->id;
    plan->metadata = *known->metadata;
    plan->old_record = known->identity;
    return absl::OkStatus();
  }
  // One moment, as in Reader::Open: what is found here goes into the cache that readers believe.
  const std::shared_ptr<const Snapshot> snapshot = context_.store.GetSnapshot();
  const View& view = *snapshot;
  ASSIGN_OR_RETURN(plan->moves, ReadMoves(view));
  std::optional<Uuid> secret = cache.FindPath(params.path.text(), plan->moves);
  if (!secret.has_value()) {
    ASSIGN_OR_RETURN(const std::optional<Located> located, FindSecret(keys, view, params.path));
    if (located.has_value()) secret = located->secret;
  }
  plan->is_new = !secret.has_value();
  if (plan->is_new) {
    plan->secret = RandomUuid();
    plan->metadata = NewMetadata(params, plan->secret, plan->now);
    return absl::OkStatus();
  }
  plan->secret = *secret;
  ASSIGN_OR_RETURN(std::optional<std::string> sealed,
                   view.Get(Family::kRecords, schema::SecretMetadataKey(plan->secret)));
  if (!sealed.has_value()) return Moved();
  plan->old_record = IdentityOf(*sealed);
  ASSIGN_OR_RETURN(plan->metadata, OpenMetadata(keys, plan->secret, *sealed));
  cache.Add(epoch, params.path.text(),
            {plan->secret, plan->moves, std::make_shared<const SecretMetadata>(plan->metadata),
             plan->old_record});
  return absl::OkStatus();
}

absl::Status Writer::SealValue(const KeyringSnapshot& keys, const PutParams& params,
                               const SecretBytes& data, Plan* plan) const {
  SecretBytes merged;
  const SecretBytes* value = &data;
  if (!params.replace && !plan->is_new) {
    const auto current = SelectVersion(plan->metadata, v1::VersionSelector(), plan->now);
    // A secret whose current version cannot be read has nothing to merge with.
    if (current.ok()) {
      absl::StatusOr<SecretBytes> old =
          reader_.ReadData(keys, plan->secret, plan->metadata, **current);
      if (absl::IsNotFound(old.status())) return Moved();
      RETURN_IF_ERROR(old.status());
      ASSIGN_OR_RETURN(merged, MergeData(old->ExposeForCrypto(), data.ExposeForCrypto()));
      if (plan->metadata.kind() == v1::KIND_DB_CREDENTIAL) {
        ASSIGN_OR_RETURN(merged, MatchDatabaseFields(old->ExposeForCrypto(), data.ExposeForCrypto(),
                                                     std::move(merged)));
      }
      value = &merged;
    }
  }
  const google::protobuf::Map<std::string, std::string> changes(params.custom_metadata.begin(),
                                                                params.custom_metadata.end());
  RETURN_IF_ERROR(MergeCustomMetadata(changes, &plan->metadata));
  plan->next_ms = plan->metadata.rotation().next_ms();
  plan->former = plan->metadata.current_version();
  const VersionRecord* const version =
      AddVersion(&plan->metadata, plan->now, params.principal, params.ttl, value->size());
  plan->version = SecretVersion(version->version());
  plan->expire_ms = version->expire_ms();
  ASSIGN_OR_RETURN(plan->sealed, SealVersion(keys, PlaceOf(plan->secret, plan->metadata, *version),
                                             value->ExposeForCrypto()));
  plan->pruned = PruneVersions(&plan->metadata, kVersionsPrunedByOne);
  if (plan->metadata.versions_size() <= static_cast<int>(limits::kVersionsKeptMax)) {
    return absl::OkStatus();
  }
  return WithReason(absl::FailedPreconditionError(
                        absl::StrCat(limits::kVersionsKeptMax,
                                     " versions still work, each until its grace ends; retire one, "
                                     "or write less often than once a grace")),
                    "GRACE_ACTIVE");
}

absl::StatusOr<Writer::Plan> Writer::MakePlan(const KeyringSnapshot& keys, const PutParams& params,
                                              const SecretBytes& data, bool use_cache) const {
  Plan plan;
  plan.now = context_.clock.Now();
  RETURN_IF_ERROR(Locate(keys, params, use_cache, &plan));
  RETURN_IF_ERROR(CheckConditions(params, plan.metadata, plan.is_new));
  RETURN_IF_ERROR(SealValue(keys, params, data, &plan));
  if (!plan.is_new) {
    ASSIGN_OR_RETURN(plan.new_record, SealMetadata(keys, plan.secret, plan.now, &plan.metadata));
  }
  return plan;
}

// Whether the plan is still for the secret as it is.
absl::Status Writer::CheckPlan(const KeyringSnapshot& keys, const PutParams& params,
                               const Plan& plan, const View& view, uint64_t* moves) {
  ASSIGN_OR_RETURN(*moves, ReadMoves(view));
  if (plan.is_new || *moves != plan.moves) {
    ASSIGN_OR_RETURN(const std::optional<Located> located, FindSecret(keys, view, params.path));
    if (located.has_value() == plan.is_new) return Moved();
    if (plan.is_new) return absl::OkStatus();
    if (located->secret != plan.secret) return Moved();
  }
  ASSIGN_OR_RETURN(const std::optional<std::string> record,
                   view.Get(Family::kRecords, schema::SecretMetadataKey(plan.secret)));
  const bool same = record.has_value() && IdentityOf(*record) == plan.old_record;
  return same ? absl::OkStatus() : Moved();
}

absl::Status Writer::Apply(const KeyringSnapshot& keys, const PutParams& params, const Plan& plan,
                           const View& view, Batch& batch, VaultCache::Secret* written) const {
  RETURN_IF_ERROR(CheckPlan(keys, params, plan, view, &written->moves));
  written->id = plan.secret;
  std::string record = plan.new_record;
  if (plan.is_new) {
    const std::string& name = params.path.segments().back();
    ASSIGN_OR_RETURN(const Uuid directory,
                     MakeDirectories(keys, view, ParentSegments(params.path), batch));
    RETURN_IF_ERROR(WriteEntry(keys, directory, Entry{name, false, plan.secret}, batch));
    SecretMetadata metadata = plan.metadata;
    metadata.set_parent_uuid(std::string(directory.bytes()));
    metadata.set_path_hint(name);
    ASSIGN_OR_RETURN(record, SealMetadata(keys, plan.secret, plan.now, &metadata));
    written->metadata = std::make_shared<const SecretMetadata>(std::move(metadata));
  }
  batch.Put(Family::kRecords, schema::SecretMetadataKey(plan.secret), record);
  written->identity = IdentityOf(record);
  if (plan.expire_ms != 0) {
    const absl::Time expires = absl::FromUnixMillis(plan.expire_ms);
    batch.Put(Family::kDue, schema::DueKey(plan.secret, expires, kDueExpire), "");
  }
  MoveRotationHint(plan.secret, plan.next_ms, plan.metadata, batch);
  for (const VersionRecord& pruned : plan.pruned) {
    DeleteVersionData(plan.secret, SecretVersion(pruned.version()), batch);
  }
  // A version's number is given once, whatever becomes of the version.
  batch.Insert(Family::kRecords, schema::PayloadKey(plan.secret, plan.version),
               plan.sealed.payload);
  batch.Insert(Family::kDeks, schema::DekKey(plan.secret, plan.version), plan.sealed.wrapped_dek);
  batch.Note("version", absl::StrCat(plan.version.value()));
  if (!plan.is_new && plan.metadata.has_rotation() && context_.tell_of_put != nullptr) {
    const PutNews news = {params.path.text(), plan.now, plan.metadata, plan.former};
    RETURN_IF_ERROR(context_.tell_of_put(news, keys, view, batch));
  }
  return WriteChange(keys, v1::WatchResponse::WRITTEN, params.path.text(), "", plan.version.value(),
                     plan.now, batch);
}

absl::StatusOr<PutResult> Writer::Put(Updater& updater, const PutParams& params,
                                      const SecretBytes& data) const {
  RETURN_IF_ERROR(CheckParams(params));
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  for (int attempt = 0; attempt <= limits::kUpdateRetriesMax; ++attempt) {
    absl::StatusOr<Plan> plan = MakePlan(*keys, params, data, attempt == 0);
    if (ReasonOf(plan.status()) == "MOVED") continue;
    RETURN_IF_ERROR(plan.status());
    VaultCache::Secret written;
    const absl::StatusOr<Revision> revision = updater.Update([&](const View& view, Batch& batch) {
      return Apply(*keys, params, *plan, view, batch, &written);
    });
    if (ReasonOf(revision.status()) == "MOVED") continue;
    RETURN_IF_ERROR(revision.status());
    if (!plan->is_new) {
      written.metadata = std::make_shared<const SecretMetadata>(std::move(plan->metadata));
    }
    context_.cache.AddWritten(*revision, params.path.text(), written);
    return PutResult{.version = plan->version, .create_time = plan->now, .revision = *revision};
  }
  return WithReason(
      absl::AbortedError(absl::StrCat("the secret changed ", limits::kUpdateRetriesMax + 1,
                                      " times while it was being written; try again")),
      "CONTENTION");
}

}  // namespace keyturn
