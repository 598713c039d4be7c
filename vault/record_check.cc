#include "vault/record_check.h"

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "keyring/table_prefix.h"
#include "storage/schema.h"

namespace keyturn {
namespace {

constexpr size_t kMacBytes = 16;

constexpr std::pair<Purpose, absl::string_view> kTables[] = {
    {Purpose::kPolicy, "a policy"},
    {Purpose::kRole, "a role"},
    {Purpose::kPasswordPolicy, "a password policy"},
    {Purpose::kStoredToken, "a token"},
    {Purpose::kRevokedToken, "the mark of a revoked token"},
    {Purpose::kApiKey, "an API key"},
    {Purpose::kListedKey, "an entry of the published keys"},
    {Purpose::kEndedLegacyKey, "the mark of an ended API key of elsewhere"},
};

constexpr std::pair<Purpose, absl::string_view> kNamed[] = {
    {Purpose::kClientCa, "the CA of clients"},
    {Purpose::kSetting, "a note of the server (of a rewrap, of uses, of the clock, or of notices)"},
    {Purpose::kWebhooks, "the record of all webhooks"},
};

constexpr char kUnknown[] = "a record of no known sort";

std::string OwnerOf(absl::string_view key) {
  return Uuid::FromBytes(key.substr(0, Uuid::kSize)).value_or(Uuid()).ToString();
}

// Named records end with their purpose.
bool IsNamedKey(absl::string_view key) {
  return key.size() == kMacBytes + 2 && key[kMacBytes] == 'n';
}

struct Sort {
  Purpose purpose;
  std::string what;  // "webhook 0123...: its keys do not open"
};

std::optional<Sort> SortOf(absl::string_view key) {
  if (IsNamedKey(key)) {
    for (const auto& [purpose, what] : kNamed) {
      if (static_cast<uint8_t>(purpose) != static_cast<uint8_t>(key.back())) continue;
      return Sort{purpose, absl::StrCat(what, " does not open")};
    }
    return std::nullopt;
  }
  const std::string owner = OwnerOf(key);
  if (schema::IsRotationRunKey(key)) {
    absl::string_view number = key.substr(Uuid::kSize + 1);
    return Sort{Purpose::kRotationRun,
                absl::StrCat("secret ", owner, ": the record of its rotation run ",
                             ReadBigEndian64(&number).value_or(0), " does not open")};
  }
  if (schema::IsUsageKey(key)) {
    return Sort{Purpose::kUsage,
                absl::StrCat("secret ", owner, ": the record of who uses it does not open")};
  }
  if (key ==
      schema::RefreshFamilyKey(Uuid::FromBytes(key.substr(0, Uuid::kSize)).value_or(Uuid()))) {
    return Sort{Purpose::kRefreshFamily,
                absl::StrCat("family of refresh tokens ", owner, ": its record does not open")};
  }
  if (schema::IsWebhookKeyKey(key)) {
    return Sort{Purpose::kWebhookKey, absl::StrCat("webhook ", owner, ": its keys do not open")};
  }
  if (schema::IsWebhookDeliveryKey(key)) {
    return Sort{Purpose::kWebhookDelivery,
                absl::StrCat("webhook ", owner, ": an event for it does not open")};
  }
  return std::nullopt;
}

}  // namespace

RecordCheck::RecordCheck(const KeyringSnapshot& keys) : keys_(keys) {
  for (const auto& [purpose, what] : kTables) {
    tables_.emplace(TablePrefix(keys, purpose), Table{purpose, what});
  }
}

bool RecordCheck::Opens(Purpose purpose, absl::string_view key, absl::string_view sealed) const {
  return OpenRecord(keys_, purpose, key, sealed).ok();
}

std::string RecordCheck::OfRecords(absl::string_view key, absl::string_view sealed) const {
  const bool others =
      schema::IsMetadataKey(key) || schema::IsPayloadKey(key) || schema::IsDirectoryKey(key);
  if (others) return "";
  const std::optional<Sort> sort = SortOf(key);
  if (!sort.has_value()) return kUnknown;
  return Opens(sort->purpose, key, sealed) ? "" : sort->what;
}

std::string RecordCheck::OfIndex(absl::string_view key, absl::string_view sealed,
                                 bool* of_table) const {
  const auto table = tables_.find(key.substr(0, kMacBytes));
  *of_table = table != tables_.end();
  if (!*of_table || Opens(table->second.purpose, key, sealed)) return "";
  return absl::StrCat(table->second.what, " does not open");
}

std::string RecordCheck::OfChanges(absl::string_view key, absl::string_view sealed) const {
  if (Opens(Purpose::kChange, key, sealed)) return "";
  const std::optional<Revision> revision = schema::ParseRevisionKey(key);
  return absl::StrCat("the change of revision ", revision.value_or(Revision(0)).value(),
                      ", which is for who watches, does not open");
}

}  // namespace keyturn
