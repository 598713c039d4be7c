#include "rotation/values.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rotation/policy.h"
#include "storage/schema.h"
#include "vault/fields.h"
#include "vault/generate.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

// The field that is made, alone, in stored form.
absl::StatusOr<SecretBytes> MakeField(const RotationContext& context,
                                      const SecretMetadata& metadata) {
  const v1::RotationSource::Generate generate = GenerateOf(metadata.rotation().policy());
  v1::PasswordPolicy policy;
  const bool named = !generate.spec().policy().empty();
  if (named) {
    ASSIGN_OR_RETURN(policy, context.password_policy(generate.spec().policy()));
  }
  ASSIGN_OR_RETURN(const GeneratedValue made,
                   GenerateValue(generate.spec(), static_cast<v1::Kind>(metadata.kind()),
                                 named ? &policy : nullptr));
  const FieldView field{generate.field(), made.encoding, made.value.ExposeForCrypto()};
  return EncodeFields({&field, 1});
}

}  // namespace

absl::StatusOr<SecretBytes> ReadVersionData(const KeyringSnapshot& keys, const View& view,
                                            const RotatingSecret& secret, uint64_t version) {
  const VersionRecord* const record = FindVersion(secret.metadata, version);
  const SecretVersion number(version);
  ASSIGN_OR_RETURN(const std::optional<std::string> wrapped,
                   view.Get(Family::kDeks, schema::DekKey(secret.id, number)));
  ASSIGN_OR_RETURN(const std::optional<std::string> payload,
                   view.Get(Family::kRecords, schema::PayloadKey(secret.id, number)));
  if (record == nullptr || !wrapped.has_value() || !payload.has_value()) {
    return absl::NotFoundError(absl::StrCat("the data of version ", version, " is gone"));
  }
  const VersionPlace place = PlaceOf(secret.id, secret.metadata, *record);
  ASSIGN_OR_RETURN(const SecretBytes dek, UnwrapDek(keys, place, *wrapped));
  return OpenPayload(keys, place, dek, *payload);
}

absl::StatusOr<PreparedVersion> PrepareVersion(const RotationContext& context,
                                               const KeyringSnapshot& keys, const View& view,
                                               const RotatingSecret& secret, absl::Time now) {
  ASSIGN_OR_RETURN(SecretBytes value, MakeField(context, secret.metadata));
  absl::StatusOr<SecretBytes> current =
      ReadVersionData(keys, view, secret, secret.metadata.current_version());
  // A secret whose current version is gone has nothing else to keep.
  if (!absl::IsNotFound(current.status())) {
    RETURN_IF_ERROR(current.status());
    ASSIGN_OR_RETURN(value, MergeData(current->ExposeForCrypto(), value.ExposeForCrypto()));
  }
  PreparedVersion out;
  out.record.set_version(secret.metadata.newest_version() + 1);
  out.record.set_state(v1::VERSION_STATE_PENDING);
  out.record.set_created_ms(absl::ToUnixMillis(now));
  out.record.set_created_by("keyturn");
  out.record.set_size(static_cast<uint32_t>(value.size()));
  ASSIGN_OR_RETURN(out.sealed, SealVersion(keys, PlaceOf(secret.id, secret.metadata, out.record),
                                           value.ExposeForCrypto()));
  return out;
}

}  // namespace keyturn
