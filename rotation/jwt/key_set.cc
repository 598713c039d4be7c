#include "rotation/jwt/key_set.h"

#include <google/protobuf/util/time_util.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "crypto/jwk.h"
#include "rotation/jwt/settings.h"
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
  const JoseAlgorithm algorithm = AlgorithmOf(settings_);
  ASSIGN_OR_RETURN(const SecretBytes data,
                   ReadVersionData(keys, view, PlaceOf(secret, metadata, version)));
  ASSIGN_OR_RETURN(const SecretBytes text, TextOf(data.ExposeForCrypto()));
  ASSIGN_OR_RETURN(const SecretBytes key, JwtKeyOf(algorithm, text, false));
  const std::string kid = KidOf(secret, SecretVersion(version.version()));
  if (algorithm != JoseAlgorithm::kHs256) {
    ASSIGN_OR_RETURN(const std::string der, JosePublicDer(algorithm, key));
    ASSIGN_OR_RETURN(std::string jwk, PublicJwk(algorithm, kid, der));
    jwks_.push_back(std::move(jwk));
  }
  if (IsState(version, v1::VERSION_STATE_STAGED)) return absl::OkStatus();
  ASSIGN_OR_RETURN(verifiers_[kid], JwsVerifier::FromPrivate(algorithm, kid, key));
  if (version.version() != metadata.current_version()) return absl::OkStatus();
  ASSIGN_OR_RETURN(signer_, JwsSigner::New(algorithm, kid, key, JwsType::kAccessToken));
  signer_kid_ = kid;
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const JwtKeySet>> JwtKeySet::Load(const KeyringSnapshot& keys,
                                                                 const View& view,
                                                                 const Uuid& secret,
                                                                 const SecretMetadata& metadata,
                                                                 absl::Time now) {
  auto set = std::make_shared<JwtKeySet>();
  set->settings_ = metadata.jwt();
  for (const VersionRecord* const version : InOrder(metadata)) {
    if (!Counts(*version, now)) continue;
    absl::Status added = set->Add(keys, view, secret, metadata, *version);
    if (absl::IsInvalidArgument(added)) added = absl::DataLossError(added.message());
    RETURN_IF_ERROR(added);
  }
  return set;
}

const JwsVerifier* JwtKeySet::Find(absl::string_view kid) const {
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
