#include "rotation/jwt/listed_keys.h"

#include "auth/sealed_table.h"
#include "base/status_macros.h"
#include "rotation/jwt/settings.h"

namespace keyturn {
namespace {

SealedTable Table() { return SealedTable(Purpose::kListedKey); }

}  // namespace

absl::Status ListKey(const KeyringSnapshot& keys, const View& view, const Uuid& secret,
                     const v1::JwtKeySettings& settings, Batch& batch) {
  if (AlgorithmOf(settings) == JoseAlgorithm::kHs256) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::optional<SecretBytes> there, Table().Get(keys, view, secret.bytes()));
  if (there.has_value()) return absl::OkStatus();
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

}  // namespace keyturn
