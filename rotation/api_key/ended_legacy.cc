#include "rotation/api_key/ended_legacy.h"

#include <algorithm>
#include <optional>

#include "base/status_macros.h"

namespace keyturn {
namespace {

bool HasLegacy(const ApiKeyRecord& record, absl::string_view mac) {
  return std::any_of(
      record.secrets().begin(), record.secrets().end(),
      [mac](const ApiKeySecret& secret) { return secret.legacy() && secret.mac() == mac; });
}

}  // namespace

absl::Status EndedLegacyKeys::Keep(const KeyringSnapshot& keys, const View& view,
                                   const ApiKeyRecord& before, const ApiKeyRecord* after,
                                   Batch& batch) const {
  for (const ApiKeySecret& secret : before.secrets()) {
    if (!secret.legacy()) continue;
    if (after != nullptr && HasLegacy(*after, secret.mac())) continue;
    RETURN_IF_ERROR(Put(keys, view, before.id(), secret.mac(), batch));
  }
  return absl::OkStatus();
}

absl::Status EndedLegacyKeys::Put(const KeyringSnapshot& keys, const View& view,
                                  absl::string_view id, absl::string_view mac, Batch& batch) const {
  record::v1::EndedLegacyKey ended;
  ended.set_id(std::string(id));
  return table_.Put(keys, view, mac, ended.SerializeAsString(), batch);
}

absl::StatusOr<std::string> EndedLegacyKeys::Find(const KeyringSnapshot& keys, const View& view,
                                                  absl::string_view mac) const {
  ASSIGN_OR_RETURN(const std::optional<SecretBytes> plaintext, table_.Get(keys, view, mac));
  if (!plaintext.has_value()) return std::string();
  const absl::string_view bytes = plaintext->ExposeForCrypto();
  record::v1::EndedLegacyKey ended;
  if (!ended.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || ended.id().empty()) {
    return absl::DataLossError("the mark of an ended API key of elsewhere is malformed");
  }
  return ended.id();
}

}  // namespace keyturn
