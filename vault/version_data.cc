#include "vault/version_data.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/schema.h"

namespace keyturn {

absl::StatusOr<SecretBytes> ReadVersionData(const KeyringSnapshot& keys, const View& view,
                                            const VersionPlace& place) {
  ASSIGN_OR_RETURN(const std::optional<std::string> wrapped,
                   view.Get(Family::kDeks, schema::DekKey(place.secret, place.version)));
  ASSIGN_OR_RETURN(const std::optional<std::string> payload,
                   view.Get(Family::kRecords, schema::PayloadKey(place.secret, place.version)));
  if (!wrapped.has_value() || !payload.has_value()) {
    return absl::NotFoundError(
        absl::StrCat("the data of version ", place.version.value(), " is gone"));
  }
  ASSIGN_OR_RETURN(const SecretBytes dek, UnwrapDek(keys, place, *wrapped));
  return OpenPayload(keys, place, dek, *payload);
}

void DeleteVersionData(const Uuid& secret, SecretVersion version, Batch& batch) {
  batch.Delete(Family::kRecords, schema::PayloadKey(secret, version));
  batch.Delete(Family::kDeks, schema::DekKey(secret, version));
}

}  // namespace keyturn
