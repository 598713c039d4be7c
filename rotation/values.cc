#include "rotation/values.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/pem.h"
#include "net/database_url.h"
#include "rotation/jwt/settings.h"
#include "rotation/policy.h"
#include "vault/database_fields.h"
#include "vault/fields.h"
#include "vault/generate.h"
#include "vault/version_data.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

// The field that is made, alone, in stored form.
absl::StatusOr<SecretBytes> MakeField(const RotationContext& context,
                                      const v1::RotationPolicy& policy, v1::Kind kind) {
  const v1::RotationSource::Generate generate = GenerateOf(policy);
  v1::PasswordPolicy recipe;
  const bool named = !generate.spec().policy().empty();
  if (named) {
    ASSIGN_OR_RETURN(recipe, context.password_policy(generate.spec().policy()));
  }
  ASSIGN_OR_RETURN(const GeneratedValue made,
                   GenerateValue(generate.spec(), kind, named ? &recipe : nullptr));
  const FieldView field{generate.field(), made.encoding, made.value.ExposeForCrypto()};
  ASSIGN_OR_RETURN(const SecretBytes encoded, EncodeFields({&field, 1}));
  return CanonicalData(encoded.ExposeForCrypto());
}

// A key that signs, the only field, in stored form.
absl::StatusOr<SecretBytes> MakeKeyField(const v1::JwtKeySettings& settings) {
  ASSIGN_OR_RETURN(const SecretBytes text, MakeJwtValue(settings));
  const FieldView field{kJwtField, v1::ENCODING_TEXT, text.ExposeForCrypto()};
  ASSIGN_OR_RETURN(const SecretBytes encoded, EncodeFields({&field, 1}));
  return CanonicalData(encoded.ExposeForCrypto());
}

// That the field which is made is what the secret is about: beside a field of another name the old
// value would stay in use, and a key pair must not become a text.
absl::Status CheckFieldIsReplaced(const SecretMetadata& metadata, absl::string_view current) {
  const std::string name = GenerateOf(metadata.rotation().policy()).field();
  bool there = false, key_pair = false, url = false;
  RETURN_IF_ERROR(ForEachField(current, [&](const FieldView& field) {
    if (field.name != name) return true;
    there = true;
    key_pair = HoldsPem(field.value);
    url = DatabaseUrl::Parse(field.value).has_value();
    return false;
  }));
  if (!there) {
    return absl::FailedPreconditionError(
        absl::StrCat("the current version has no field '", name,
                     "' to be replaced; the policy's source.generate.field says which one is"));
  }
  if (key_pair && !metadata.has_jwt()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "field '", name,
        "' holds a key pair in PEM, which the server does not make; use source reminder"));
  }
  if (url) {
    return absl::FailedPreconditionError(absl::StrCat(
        "field '", name,
        "' holds the URL of a database, of which the server makes the password alone: let the "
        "policy's source.generate.field be 'password' (`keyturn secret adopt` gives it a field)"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SecretBytes> ReadVersionData(const KeyringSnapshot& keys, const View& view,
                                            const RotatingSecret& secret, uint64_t version) {
  const VersionRecord* const record = FindVersion(secret.metadata, version);
  if (record == nullptr) {
    return absl::NotFoundError(absl::StrCat("the data of version ", version, " is gone"));
  }
  return ReadVersionData(keys, view, PlaceOf(secret.id, secret.metadata, *record));
}

absl::Status TryToMake(const RotationContext& context, const v1::RotationPolicy& policy,
                       v1::Kind kind) {
  return MakeField(context, policy, kind).status();
}

absl::StatusOr<PreparedVersion> PrepareVersion(const RotationContext& context,
                                               const KeyringSnapshot& keys, const View& view,
                                               const RotatingSecret& secret, absl::Time now) {
  const SecretMetadata& metadata = secret.metadata;
  ASSIGN_OR_RETURN(SecretBytes value, metadata.has_jwt()
                                          ? MakeKeyField(metadata.jwt())
                                          : MakeField(context, metadata.rotation().policy(),
                                                      static_cast<v1::Kind>(metadata.kind())));
  absl::StatusOr<SecretBytes> current =
      ReadVersionData(keys, view, secret, secret.metadata.current_version());
  // A secret whose current version is gone has nothing else to keep.
  if (!absl::IsNotFound(current.status())) {
    RETURN_IF_ERROR(current.status());
    RETURN_IF_ERROR(CheckFieldIsReplaced(secret.metadata, current->ExposeForCrypto()));
    ASSIGN_OR_RETURN(SecretBytes merged,
                     MergeData(current->ExposeForCrypto(), value.ExposeForCrypto()));
    if (metadata.kind() == v1::KIND_DB_CREDENTIAL) {
      ASSIGN_OR_RETURN(merged, MatchDatabaseFields(current->ExposeForCrypto(),
                                                   value.ExposeForCrypto(), std::move(merged)));
    }
    value = std::move(merged);
  }
  PreparedVersion out;
  out.record.set_version(secret.metadata.newest_version() + 1);
  out.record.set_state(metadata.has_jwt() ? v1::VERSION_STATE_STAGED : v1::VERSION_STATE_PENDING);
  out.record.set_created_ms(absl::ToUnixMillis(now));
  out.record.set_created_by("keyturn");
  out.record.set_size(static_cast<uint32_t>(value.size()));
  ASSIGN_OR_RETURN(out.sealed, SealVersion(keys, PlaceOf(secret.id, secret.metadata, out.record),
                                           value.ExposeForCrypto()));
  return out;
}

}  // namespace keyturn
