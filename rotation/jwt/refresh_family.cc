#include "rotation/jwt/refresh_family.h"

#include "base/status_macros.h"
#include "keyring/envelope.h"
#include "vault/context.h"

namespace keyturn {
namespace {

using record::v1::RefreshFamily;

std::string HintKey(const Uuid& family, const RefreshFamily& record) {
  // The next whole second, when it is over for certain.
  return schema::DueKey(family, absl::FromUnixSeconds((record.expire_ms() + 999) / 1000),
                        kDueRefresh);
}

}  // namespace

absl::StatusOr<std::optional<RefreshFamily>> ReadFamily(const KeyringSnapshot& keys,
                                                        const View& view, const Uuid& family) {
  const std::string key = schema::RefreshFamilyKey(family);
  ASSIGN_OR_RETURN(const std::optional<std::string> sealed, view.Get(Family::kRecords, key));
  if (!sealed.has_value()) return std::optional<RefreshFamily>();
  ASSIGN_OR_RETURN(const OpenedRecord opened,
                   OpenRecord(keys, Purpose::kRefreshFamily, key, *sealed));
  return ParseRecord<RefreshFamily>(opened, "a family of refresh tokens");
}

absl::Status WriteFamily(const KeyringSnapshot& keys, const View& view, const Uuid& family,
                         const RefreshFamily& record, Batch& batch) {
  return PutRecord(keys, view, Family::kRecords, Purpose::kRefreshFamily,
                   schema::RefreshFamilyKey(family), record.SerializeAsString(), batch);
}

void HintFamily(const Uuid& family, const RefreshFamily& record, Batch& batch) {
  batch.Put(Family::kDue, HintKey(family, record), "");
}

absl::Status EndFamily(const KeyringSnapshot& keys, const View& view, const Uuid& family,
                       Batch& batch) {
  ASSIGN_OR_RETURN(std::optional<RefreshFamily> record, ReadFamily(keys, view, family));
  if (!record.has_value() || record->revoked()) return absl::OkStatus();
  record->set_revoked(true);
  return WriteFamily(keys, view, family, *record, batch);
}

absl::Status PurgeFamily(const KeyringSnapshot& keys, const View& view, const schema::DueItem& item,
                         absl::Time now, Batch& batch) {
  batch.Delete(Family::kDue, schema::DueKey(item.object, item.when, kDueRefresh));
  ASSIGN_OR_RETURN(const std::optional<RefreshFamily> record, ReadFamily(keys, view, item.object));
  if (!record.has_value()) return absl::OkStatus();
  if (absl::FromUnixMillis(record->expire_ms()) > now) {
    HintFamily(item.object, *record, batch);
    return absl::OkStatus();
  }
  batch.Delete(Family::kRecords, schema::RefreshFamilyKey(item.object));
  return absl::OkStatus();
}

}  // namespace keyturn
