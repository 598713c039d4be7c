#include "rotation/jwt/admin.h"

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "rotation/jwt/key_set.h"
#include "rotation/jwt/listed_keys.h"
#include "rotation/jwt/settings.h"
#include "rotation/order_cycle.h"
#include "rotation/policy.h"
#include "rotation/transitions.h"
#include "storage/schema.h"
#include "vault/fields.h"
#include "vault/rotation_rules.h"
#include "vault/tree.h"
#include "vault/version_data.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

absl::Status Exists(const std::string& path) {
  return WithReason(
      absl::AlreadyExistsError(absl::StrCat(
          "there is a secret at ", path,
          "; choose another path, or run: keyturn jwt adopt, if it is of kind jwt_key")),
      "SECRET_EXISTS");
}

absl::StatusOr<SecretBytes> DataOf(const SecretBytes& text) {
  const FieldView field{kJwtField, v1::ENCODING_TEXT, text.ExposeForCrypto()};
  ASSIGN_OR_RETURN(const SecretBytes encoded, EncodeFields({&field, 1}));
  return CanonicalData(encoded.ExposeForCrypto());
}

absl::Status CheckAdoptable(const SecretMetadata& metadata) {
  if (metadata.kind() != v1::KIND_JWT_KEY) {
    return WithReason(absl::FailedPreconditionError(
                          "the secret is not of kind jwt_key; only such a one can be adopted"),
                      "KIND_MISMATCH");
  }
  if (metadata.has_jwt()) {
    return WithReason(
        absl::FailedPreconditionError(
            "the secret signs already; run: keyturn jwt update, to change its settings"),
        "ALREADY_SIGNS");
  }
  if (metadata.rotation().open_run() != 0) {
    return WithReason(absl::FailedPreconditionError(
                          "a rotation is under way; wait for it, or run: keyturn rotation cancel"),
                      "ROTATION_IN_PROGRESS");
  }
  return absl::OkStatus();
}

// Deleted ones too, which may come back.
bool Works(const VersionRecord& version) {
  return IsState(version, v1::VERSION_STATE_CURRENT) || IsState(version, v1::VERSION_STATE_GRACE);
}

// The policy of a key that signs says nothing of where values come from.
v1::RotationPolicy WithoutSource(v1::RotationPolicy policy) {
  policy.clear_source();
  return policy;
}

// Lists the secret that a change makes, within that change.
class ListingUpdater : public Updater {
 public:
  ListingUpdater(Updater& updater, const KeyringSnapshot& keys, const v1::JwtKeySettings& settings)
      : updater_(updater), keys_(keys), settings_(settings) {}

  absl::StatusOr<Revision> Update(UpdateFn fn) override {
    return updater_.Update([&](const View& view, Batch& batch) -> absl::Status {
      RETURN_IF_ERROR(fn(view, batch));
      ASSIGN_OR_RETURN(const Uuid secret, SecretIn(batch));
      return ListKey(keys_, view, secret, settings_, batch);
    });
  }

 private:
  static absl::StatusOr<Uuid> SecretIn(const Batch& batch) {
    for (const Batch::Operation& operation : batch.operations()) {
      if (const std::optional<Uuid> secret = schema::SecretOf(operation)) return *secret;
    }
    return absl::InternalError("a secret was put without metadata");
  }

  Updater& updater_;
  const KeyringSnapshot& keys_;
  const v1::JwtKeySettings& settings_;
};

}  // namespace

absl::StatusOr<v1::JwtKey> JwtAdmin::Create(Updater& updater,
                                            const v1::CreateJwtKeyRequest& request,
                                            const std::string& principal) const {
  RETURN_IF_ERROR(CheckJwtSettings(request.settings()));
  RETURN_IF_ERROR(CheckRotationPolicy(request.policy(), v1::KIND_JWT_KEY));
  RETURN_IF_ERROR(CheckJwtPolicy(request.settings(), request.policy()));
  const absl::StatusOr<FoundSecret> there = context_.vault.Find(request.path());
  if (there.ok()) return Exists(request.path());
  if (!absl::IsNotFound(there.status())) return there.status();
  ASSIGN_OR_RETURN(const auto keys, context_.keyring.Snapshot());
  RETURN_IF_ERROR(CheckNoOrderCycle(*keys, context_.store.Newest(), request.path(),
                                    /*stored=*/{}, request.policy()));
  PutParams params;
  ASSIGN_OR_RETURN(params.path, SecretPath::Parse(request.path()));
  params.kind = v1::KIND_JWT_KEY;
  params.if_version = SecretVersion(0);
  params.principal = principal;
  params.jwt = request.settings();
  params.policy = request.policy();
  ASSIGN_OR_RETURN(const SecretBytes text, MakeJwtValue(request.settings()));
  ASSIGN_OR_RETURN(const SecretBytes data, DataOf(text));
  const absl::Status put = Put(updater, params, data);
  if (ReasonOf(put) == "VERSION_MISMATCH") return Exists(request.path());
  RETURN_IF_ERROR(put);
  return Staged(request.path());
}

// Looks within the change once more whether the secret would wait for itself: the key may have
// taken seconds to make.
class OrderedUpdater : public Updater {
 public:
  OrderedUpdater(Updater& updater, const KeyringSnapshot& keys, const PutParams& params)
      : updater_(updater), keys_(keys), params_(params) {}

  absl::StatusOr<Revision> Update(UpdateFn fn) override {
    return updater_.Update([&](const View& view, Batch& batch) -> absl::Status {
      RETURN_IF_ERROR(CheckNoOrderCycle(keys_, view, std::string(params_.path.text()),
                                        /*stored=*/{}, params_.policy));
      return fn(view, batch);
    });
  }

 private:
  Updater& updater_;
  const KeyringSnapshot& keys_;
  const PutParams& params_;
};

absl::Status JwtAdmin::Put(Updater& updater, const PutParams& params,
                           const SecretBytes& data) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  OrderedUpdater ordered(updater, *keys, params);
  if (!IsListed(*params.jwt)) return context_.vault.Put(ordered, params, data).status();
  ListingUpdater listing(ordered, *keys, *params.jwt);
  const absl::MutexLock lock(&listing_);
  RETURN_IF_ERROR(CheckListHasRoom(*keys, *context_.store.GetSnapshot()));
  return context_.vault.Put(listing, params, data).status();
}

absl::StatusOr<v1::JwtKey> JwtAdmin::Staged(const std::string& path) const {
  ASSIGN_OR_RETURN(const FoundSecret found, context_.vault.Find(path));
  if (const absl::Status worked = context_.rotation.WorkOn(found.id); !worked.ok()) {
    LogWarning("the next key that signs was not made at once",
               {{"secret", found.id.ToString()}, {"error", std::string(worked.message())}});
  }
  return Get(path);
}

absl::StatusOr<v1::JwtKey> JwtAdmin::Get(const std::string& path) const {
  ASSIGN_OR_RETURN(const FoundSecret found, context_.vault.Find(path));
  if (!found.metadata->has_jwt()) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(path, " is no key that signs tokens")),
        "NOT_A_SIGNING_KEY");
  }
  return DescribeJwtKey(path, found.id, *found.metadata);
}

// Before the update: to look at the numbers of an RSA key takes long.
absl::Status JwtAdmin::CheckValues(const FoundSecret& found,
                                   const v1::JwtKeySettings& settings) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  const std::shared_ptr<const Snapshot> snapshot = context_.store.GetSnapshot();
  bool any = false;
  for (const VersionRecord& version : found.metadata->versions()) {
    if (!Works(version)) continue;
    any = true;
    if (version.expire_ms() != 0) {
      return absl::FailedPreconditionError(absl::StrCat(
          "version ", version.version(), " expires by itself; put the value without a ttl first"));
    }
    ASSIGN_OR_RETURN(
        const SecretBytes data,
        ReadVersionData(*keys, *snapshot, PlaceOf(found.id, *found.metadata, version)));
    absl::Status good =
        absl::InvalidArgumentError(absl::StrCat("there is no field '", kJwtField, "'"));
    RETURN_IF_ERROR(ForEachField(data.ExposeForCrypto(), [&](const FieldView& field) {
      if (field.name != kJwtField) return true;
      const absl::StatusOr<SecretBytes> text = SecretBytes::CopyOf(field.value);
      good = text.ok() ? JwtKeyOf(AlgorithmOf(settings), *text, true).status() : text.status();
      return false;
    }));
    if (!good.ok()) {
      return absl::Status(good.code(),
                          absl::StrCat("version ", version.version(), ": ", good.message()));
    }
  }
  if (any) return absl::OkStatus();
  return absl::FailedPreconditionError("the secret has no version that works");
}

absl::Status JwtAdmin::Change(Updater& updater, const std::string& path,
                              const v1::JwtKeySettings& settings, Edit edit) const {
  ASSIGN_OR_RETURN(const SecretPath parsed, SecretPath::Parse(path));
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  const absl::MutexLock lock(&listing_);
  ASSIGN_OR_RETURN(const FoundSecret found, context_.vault.Find(path));
  const bool there = found.metadata->has_jwt() && IsListed(found.metadata->jwt());
  if (IsListed(settings) && !there) {
    RETURN_IF_ERROR(CheckListHasRoom(*keys, *context_.store.GetSnapshot()));
  }
  const absl::Time now = context_.clock.Now();
  return updater
      .Update([&](const View& view, Batch& batch) -> absl::Status {
        ASSIGN_OR_RETURN(const Located located, NeedSecret(*keys, view, parsed));
        ASSIGN_OR_RETURN(std::optional<RotatingSecret> secret,
                         LoadRotating(*keys, view, located.secret));
        if (!secret.has_value()) return NoSecret(parsed);
        RETURN_IF_ERROR(edit(*secret));
        RETURN_IF_ERROR(ListKey(*keys, view, secret->id, secret->metadata.jwt(), batch));
        const v1::RotationRun* const run = secret->run.has_value() ? &*secret->run : nullptr;
        RETURN_IF_ERROR(SaveRotating(*keys, view, now, &*secret, run, batch));
        return WriteChange(*keys, v1::WatchResponse::METADATA, path, "", 0, now, batch);
      })
      .status();
}

absl::StatusOr<v1::JwtKey> JwtAdmin::Adopt(Updater& updater,
                                           const v1::AdoptJwtKeyRequest& request) const {
  RETURN_IF_ERROR(CheckJwtSettings(request.settings()));
  ASSIGN_OR_RETURN(const FoundSecret found, context_.vault.Find(request.path()));
  RETURN_IF_ERROR(CheckAdoptable(*found.metadata));
  const v1::RotationPolicy policy = WithoutSource(found.metadata->rotation().policy());
  RETURN_IF_ERROR(CheckJwtPolicy(request.settings(), policy));
  RETURN_IF_ERROR(CheckValues(found, request.settings()));
  const auto edit = [&](RotatingSecret& secret) -> absl::Status {
    RETURN_IF_ERROR(CheckAdoptable(secret.metadata));
    if (secret.id != found.id || secret.metadata.generation() != found.metadata->generation()) {
      return WithReason(absl::AbortedError("the secret changed meanwhile; try again"),
                        "CONTENTION");
    }
    *secret.metadata.mutable_jwt() = request.settings();
    *secret.metadata.mutable_rotation()->mutable_policy() = policy;
    HoldStarts(&secret.metadata, context_.clock.Now());
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(Change(updater, request.path(), request.settings(), edit));
  return Staged(request.path());
}

absl::Status JwtAdmin::RevokeKeys(const std::string& path, absl::Span<const uint64_t> versions,
                                  bool all) const {
  if (all == !versions.empty()) return absl::OkStatus();  // will be refused
  const absl::StatusOr<FoundSecret> found = context_.vault.Find(path);
  if (absl::IsNotFound(found.status())) return absl::OkStatus();
  RETURN_IF_ERROR(found.status());
  const SecretMetadata& metadata = *found->metadata;
  if (!metadata.has_jwt()) return absl::OkStatus();
  std::vector<uint64_t> numbers;
  for (const uint64_t number : versions) {
    const VersionRecord* const version = FindVersion(metadata, number);
    // The whole call is refused for it, and nothing is destroyed.
    if (version == nullptr || IsDestroyed(*version)) return absl::OkStatus();
    numbers.push_back(number);
  }
  if (all) {
    for (const VersionRecord& version : metadata.versions()) {
      if (!IsDestroyed(version)) numbers.push_back(version.version());
    }
    numbers.push_back(metadata.newest_version() + 1);  // a next key that is made meanwhile
  }
  const absl::Time until = KidRevokedUntil(context_.clock.Now());
  for (const uint64_t number : numbers) {
    RETURN_IF_ERROR(context_.revoke_kid(KidOf(found->id, SecretVersion(number)), until));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::JwtKey> JwtAdmin::Update(Updater& updater,
                                            const v1::UpdateJwtKeyRequest& request,
                                            const absl::Status& may_read) const {
  RETURN_IF_ERROR(CheckJwtSettings(request.settings()));
  RETURN_IF_ERROR(Get(request.path()).status());
  const auto edit = [&](RotatingSecret& secret) -> absl::Status {
    const v1::JwtKeySettings& settings = secret.metadata.jwt();
    if (settings.algorithm() != request.settings().algorithm()) {
      return absl::InvalidArgumentError(
          absl::StrCat("settings.algorithm is ", settings.algorithm(),
                       " for ever; make another key for another algorithm"));
    }
    if (request.settings().readable() && !settings.readable()) RETURN_IF_ERROR(may_read);
    const absl::Time now = context_.clock.Now();
    ChangeJwtSettings(request.settings(), now, &secret.metadata);
    return CheckJwtPolicy(secret.metadata, secret.metadata.rotation().policy(), now);
  };
  RETURN_IF_ERROR(Change(updater, request.path(), request.settings(), edit));
  return Get(request.path());
}

}  // namespace keyturn
