#include "rotation/jwt/key_set.h"

#include <google/protobuf/util/time_util.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "crypto/jwk.h"
#include "vault/fields.h"
#include "vault/rotation_rules.h"
#include "vault/version_data.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

using google::protobuf::util::TimeUtil;

bool Counts(const VersionRecord& version, absl::Time now) {
  const bool state = IsState(version, v1::VERSION_STATE_STAGED) ||
                     IsState(version, v1::VERSION_STATE_CURRENT) ||
                     IsState(version, v1::VERSION_STATE_GRACE);
  return state && !version.compromised() && version.deleted_ms() == 0 && !IsExpired(version, now);
}

// Next, current, then in grace: the order in which people and verifiers want them.
std::vector<const VersionRecord*> InOrder(const SecretMetadata& metadata) {
  std::vector<const VersionRecord*> out;
  for (const v1::VersionState state :
       {v1::VERSION_STATE_STAGED, v1::VERSION_STATE_CURRENT, v1::VERSION_STATE_GRACE}) {
    for (int i = metadata.versions_size() - 1; i >= 0; --i) {
      if (IsState(metadata.versions(i), state)) out.push_back(&metadata.versions(i));
    }
  }
  return out;
}

absl::StatusOr<SecretBytes> TextOf(absl::string_view data) {
  absl::StatusOr<SecretBytes> text =
      absl::DataLossError(absl::StrCat("a key that signs has no field '", kJwtField, "'"));
  RETURN_IF_ERROR(ForEachField(data, [&](const FieldView& field) {
    if (field.name != kJwtField) return true;
    text = SecretBytes::CopyOf(field.value);
    return false;
  }));
  return text;
}

}  // namespace

absl::Status JwtKeySet::Add(const KeyringSnapshot& keys, const View& view, const Uuid& secret,
                            const SecretMetadata& metadata, const VersionRecord& version) {
  const JoseAlgorithm algorithm = AlgorithmOf(said_.jwt());
  ASSIGN_OR_RETURN(const SecretBytes data,
                   ReadVersionData(keys, view, PlaceOf(secret, metadata, version)));
  ASSIGN_OR_RETURN(const SecretBytes text, TextOf(data.ExposeForCrypto()));
  ASSIGN_OR_RETURN(const SecretBytes key, JwtKeyOf(algorithm, text, false));
  const std::string kid = KidOf(secret, SecretVersion(version.version()));
  // All of it or nothing.
  std::string jwk;
  if (algorithm != JoseAlgorithm::kHs256) {
    ASSIGN_OR_RETURN(const std::string der, JosePublicDer(algorithm, key));
    ASSIGN_OR_RETURN(jwk, PublicJwk(algorithm, kid, der));
  }
  if (!IsState(version, v1::VERSION_STATE_STAGED)) {
    ASSIGN_OR_RETURN(std::unique_ptr<const JwsVerifier> verifier,
                     JwsVerifier::FromPrivate(algorithm, kid, key));
    if (version.version() == metadata.current_version()) {
      ASSIGN_OR_RETURN(signer_, JwsSigner::New(algorithm, kid, key, JwsType::kAccessToken));
    }
    verifiers_[kid] = std::move(verifier);
  }
  if (!jwk.empty()) jwks_.push_back(std::move(jwk));
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const JwtKeySet>> JwtKeySet::Load(
    const KeyringSnapshot& keys, const View& view, const Uuid& secret,
    const SecretMetadata& metadata, absl::Time now, bool may_be_older) {
  auto set = std::make_shared<JwtKeySet>();
  *set->said_.mutable_jwt() = metadata.jwt();
  set->said_.set_jwt_former_token_seconds(metadata.jwt_former_token_seconds());
  set->said_.set_jwt_former_until_ms(metadata.jwt_former_until_ms());
  for (const VersionRecord* const version : InOrder(metadata)) {
    if (!Counts(*version, now)) continue;
    const std::string kid = KidOf(secret, SecretVersion(version->version()));
    if (version->version() == metadata.current_version()) set->signer_kid_ = kid;
    if (!IsState(*version, v1::VERSION_STATE_STAGED) &&
        set->kids_.size() < static_cast<size_t>(limits::kJwtKeysTriedMax)) {
      set->kids_.push_back(kid);
    }
    const absl::Status added = set->Add(keys, view, secret, metadata, *version);
    const bool damaged = absl::IsInvalidArgument(added) || absl::IsDataLoss(added) ||
                         (absl::IsNotFound(added) && !may_be_older);
    if (!damaged) {
      RETURN_IF_ERROR(added);
      continue;
    }
    set->damaged_[kid] = absl::DataLossError(
        absl::StrCat("the key ", kid, " is damaged: run keyturn operator verify"));
    LogError("a key that signs or verifies tokens is damaged and left out",
             {{"kid", kid}, {"error", std::string(added.message())}});
  }
  return set;
}

absl::StatusOr<const JwsSigner*> JwtKeySet::signer() const {
  const auto damaged = damaged_.find(signer_kid_);
  if (damaged != damaged_.end()) return damaged->second;
  return signer_.get();
}

absl::StatusOr<const JwsVerifier*> JwtKeySet::Find(absl::string_view kid) const {
  const auto damaged = damaged_.find(kid);
  if (damaged != damaged_.end()) return damaged->second;
  const auto found = verifiers_.find(kid);
  return found == verifiers_.end() ? nullptr : found->second.get();
}

std::string JwksDocument(const std::vector<std::string>& jwks) {
  return absl::StrCat("{\"keys\":[", absl::StrJoin(jwks, ","), "]}");
}

v1::JwtKey DescribeJwtKey(const std::string& path, const Uuid& secret,
                          const SecretMetadata& metadata) {
  v1::JwtKey key;
  key.set_path(path);
  *key.mutable_settings() = metadata.jwt();
  *key.mutable_effective_settings() = EffectiveJwtSettings(metadata.jwt());
  key.set_jwks_max_age_seconds(absl::ToInt64Seconds(JwksMaxAgeOf(metadata.jwt())));
  for (const VersionRecord* const record : InOrder(metadata)) {
    v1::JwtKey::Version& version = *key.add_versions();
    version.set_kid(KidOf(secret, SecretVersion(record->version())));
    version.set_version(record->version());
    version.set_state(static_cast<v1::VersionState>(record->state()));
    version.set_compromised(record->compromised());
    *version.mutable_create_time() = TimeUtil::MillisecondsToTimestamp(record->created_ms());
    if (record->grace_end_ms() != 0) {
      *version.mutable_grace_end_time() = TimeUtil::MillisecondsToTimestamp(record->grace_end_ms());
    }
    if (IsState(*record, v1::VERSION_STATE_STAGED)) {
      *version.mutable_sign_time() = TimeUtil::MillisecondsToTimestamp(
          absl::ToUnixMillis(SignsFrom(metadata, record->version())));
    }
  }
  return key;
}

}  // namespace keyturn
