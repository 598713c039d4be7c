#include "rotation/jwt/listed_keys.h"

#include "absl/strings/str_cat.h"
#include "auth/sealed_table.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "rotation/jwt/settings.h"
#include "storage/schema.h"
#include "vault/records.h"

namespace keyturn {
namespace {

SealedTable Table() { return SealedTable(Purpose::kListedKey); }

// One that does not open counts: it may be restored.
bool CountsAsListed(const absl::StatusOr<std::optional<SecretMetadata>>& metadata) {
  if (!metadata.ok()) return true;
  return metadata->has_value() && (*metadata)->has_jwt() && IsListed((*metadata)->jwt());
}

}  // namespace

bool IsListed(const v1::JwtKeySettings& settings) {
  return !settings.unlisted() && AlgorithmOf(settings) != JoseAlgorithm::kHs256;
}

absl::Status ListKey(const KeyringSnapshot& keys, const View& view, const Uuid& secret,
                     const v1::JwtKeySettings& settings, Batch& batch) {
  if (AlgorithmOf(settings) == JoseAlgorithm::kHs256) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::optional<SecretBytes> there, Table().Get(keys, view, secret.bytes()));
  if (there.has_value() == IsListed(settings)) return absl::OkStatus();
  if (there.has_value()) {
    UnlistKey(keys, secret, batch);
    return absl::OkStatus();
  }
  return Table().Put(keys, view, secret.bytes(), secret.bytes(), batch);
}

void UnlistKey(const KeyringSnapshot& keys, const Uuid& secret, Batch& batch) {
  Table().Delete(keys, secret.bytes(), batch);
}

std::string ListedKeysPrefix(const KeyringSnapshot& keys) { return Table().Prefix(keys); }

absl::StatusOr<std::vector<Uuid>> ListedKeys(const KeyringSnapshot& keys,
                                             const Snapshot& snapshot) {
  std::vector<Uuid> out;
  RETURN_IF_ERROR(Table().ForEach(keys, snapshot, [&](absl::string_view plaintext) -> absl::Status {
    ASSIGN_OR_RETURN(const Uuid secret, Uuid::FromBytes(plaintext));
    out.push_back(secret);
    return absl::OkStatus();
  }));
  return out;
}

absl::Status CheckListHasRoom(const KeyringSnapshot& keys, const Snapshot& snapshot) {
  size_t entries = 0;
  const std::string prefix = ListedKeysPrefix(keys);
  RETURN_IF_ERROR(snapshot.Scan(Family::kIndex, prefix, schema::PrefixEnd(prefix),
                                [&entries](absl::string_view, absl::string_view) {
                                  return ++entries < limits::kJwtKeysListedMax;
                                }));
  if (entries < limits::kJwtKeysListedMax) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<Uuid> secrets, ListedKeys(keys, snapshot));
  size_t listed = 0;
  for (const Uuid& secret : secrets) {
    listed += CountsAsListed(ReadMetadata(keys, snapshot, secret)) ? 1 : 0;
  }
  if (listed < limits::kJwtKeysListedMax) return absl::OkStatus();
  return WithReason(
      absl::ResourceExhaustedError(absl::StrCat(
          "the published set has ", limits::kJwtKeysListedMax,
          " secrets, which is the most; make this one unlisted (keyturn jwt jwks PATH gives its "
          "public keys), or unlist or destroy another")),
      "TOO_MANY_LISTED_KEYS");
}

}  // namespace keyturn
