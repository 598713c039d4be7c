#include "rotation/api_key/importer.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "crypto/mac.h"
#include "rotation/api_key/codec.h"

namespace keyturn {
namespace {

// As callers count them.
std::string NameOf(int entry) { return absl::StrCat("entries[", entry, "]"); }

absl::Status At(int entry, const absl::Status& status) {
  return {status.code(), absl::StrCat(NameOf(entry), ": ", status.message())};
}

absl::Status CheckRequest(const v1::ImportApiKeysRequest& request) {
  if (request.entries_size() < 1 ||
      request.entries_size() > static_cast<int>(limits::kApiKeyImportMax)) {
    return absl::InvalidArgumentError(
        absl::StrCat("entries must be 1 to ", limits::kApiKeyImportMax));
  }
  for (int i = 0; i < request.entries_size(); ++i) {
    const size_t size = request.entries(i).sha256().size();
    if (size == kSha256Size) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(NameOf(i), ".sha256: has ", size, " bytes; a SHA-256 has ", kSha256Size));
  }
  return absl::OkStatus();
}

// Whether the secret works, the key being in no revocation list.
bool Works(const ApiKeyRecord& record, absl::string_view mac, absl::Time now) {
  if (record.revoked_ms() != 0 || IsExpired(record, now)) return false;
  return std::any_of(record.secrets().begin(), record.secrets().end(),
                     [mac, now](const ApiKeySecret& secret) {
                       return secret.legacy() && secret.mac() == mac && !HasEnded(secret, now);
                     });
}

}  // namespace

absl::StatusOr<ApiKeyImporter::Known> ApiKeyImporter::Find(const v1::ImportedApiKey& entry,
                                                           int number, absl::string_view mac,
                                                           absl::Time now) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const ApiKeyRecord> there, store_.MatchLegacy(mac));
  if (there == nullptr) {
    // In this order: what leaves a record meanwhile is known as ended before that is seen.
    absl::StatusOr<std::string> id = store_.EndedLegacy(mac);
    if (absl::IsDataLoss(id.status())) return At(number, id.status());
    RETURN_IF_ERROR(id.status());
    return Known{*std::move(id), true};
  }
  if (there->path() != entry.path()) {
    return absl::AlreadyExistsError(
        absl::StrCat(NameOf(number), ": a key with this hash is there under another path"));
  }
  return Known{there->id(), !Works(*there, mac, now)};
}

absl::StatusOr<v1::ImportApiKeysResponse> ApiKeyImporter::Import(
    Updater& updater, const v1::ImportApiKeysRequest& request, const std::string& owner) {
  RETURN_IF_ERROR(CheckRequest(request));
  ASSIGN_OR_RETURN(const absl::Duration ttl, ApiKeyTtl(request.ttl_seconds()));
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  const absl::Time now = context_.clock.Now();
  v1::ImportApiKeysResponse response;
  std::vector<ApiKeyRecord> records;
  std::map<std::string, int> seen;  // MACs, and the entries they are of
  const absl::MutexLock lock(&mu_);
  for (int i = 0; i < request.entries_size(); ++i) {
    const v1::ImportedApiKey& entry = request.entries(i);
    const std::string mac = ApiKeyMac(*keys, entry.sha256());
    if (const auto [before, is_new] = seen.emplace(mac, i); !is_new) {
      return absl::InvalidArgumentError(
          absl::StrCat(NameOf(i), ": has the same hash as ", NameOf(before->second)));
    }
    ASSIGN_OR_RETURN(const Known known, Find(entry, i, mac, now));
    if (!known.id.empty()) {
      response.add_ids(known.id);
      if (known.ended) response.add_ended(static_cast<uint32_t>(i));
      continue;
    }
    const NewApiKey key = {.id = api_key::NewId(),
                           .path = entry.path(),
                           .description = entry.description(),
                           .owner = owner,
                           .scopes = entry.scopes(),
                           .custom_metadata = {},
                           .ttl = ttl};
    absl::StatusOr<ApiKeyRecord> record =
        MakeApiKeyRecord(key, NewApiKeySecret(mac, /*text=*/"", now), now);
    if (!record.ok()) return At(i, record.status());
    response.add_ids(record->id());
    records.push_back(*std::move(record));
  }
  response.set_imported(static_cast<uint32_t>(records.size()));
  if (!records.empty()) RETURN_IF_ERROR(store_.Add(updater, records));
  return response;
}

}  // namespace keyturn
