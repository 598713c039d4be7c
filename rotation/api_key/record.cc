#include "rotation/api_key/record.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "base/timestamps.h"
#include "crypto/mac.h"
#include "vault/path.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

using google::protobuf::util::TimeUtil;

constexpr size_t kLastCharacters = 4;

absl::Time FromMillis(int64_t ms) { return absl::FromUnixMillis(ms); }

absl::Status Refused(absl::string_view message, absl::string_view reason) {
  return WithReason(absl::FailedPreconditionError(message), reason);
}

absl::Status CheckNotRevoked(const ApiKeyRecord& record) {
  if (record.revoked_ms() == 0) return absl::OkStatus();
  return Refused("the key was revoked, for good; make another one", "KEY_REVOKED");
}

bool IsInGrace(const ApiKeySecret& secret, absl::Time now) {
  return secret.grace_end_ms() != 0 && !HasEnded(secret, now);
}

// A secret is needed room for: of those that have ended, the oldest.
bool DropEnded(absl::Time now, ApiKeyRecord* record) {
  for (int i = record->secrets_size() - 1; i >= 0; --i) {
    if (!HasEnded(record->secrets(i), now)) continue;
    record->mutable_secrets()->DeleteSubrange(i, 1);
    return true;
  }
  return false;
}

// RFC 6749, section 3.3.
bool IsScope(absl::string_view scope) {
  return !scope.empty() && scope.size() <= limits::kApiKeyScopeBytesMax &&
         std::all_of(scope.begin(), scope.end(),
                     [](char c) { return c > ' ' && c <= '~' && c != '"' && c != '\\'; });
}

absl::StatusOr<ApiKeySecret*> InGrace(uint64_t generation, absl::Time now, ApiKeyRecord* record) {
  ApiKeySecret* found = nullptr;
  for (ApiKeySecret& secret : *record->mutable_secrets()) {
    if (!IsInGrace(secret, now)) continue;
    if (generation != 0 && secret.generation() != generation) continue;
    if (found == nullptr || secret.grace_end_ms() < found->grace_end_ms()) found = &secret;
  }
  if (found != nullptr) return found;
  return Refused(generation == 0 ? std::string("no secret of the key is in its grace")
                                 : absl::StrCat("secret ", generation, " is not in its grace"),
                 "NO_GRACE");
}

v1::ApiKeySecretInfo ToInfo(const ApiKeySecret& secret, absl::Time now) {
  v1::ApiKeySecretInfo info;
  info.set_generation(secret.generation());
  info.set_state(secret.grace_end_ms() == 0 ? v1::ApiKeySecretInfo::CURRENT
                 : HasEnded(secret, now)    ? v1::ApiKeySecretInfo::ENDED
                                            : v1::ApiKeySecretInfo::GRACE);
  info.set_last_characters(secret.last_characters());
  info.set_legacy(secret.legacy());
  *info.mutable_create_time() = TimeUtil::MillisecondsToTimestamp(secret.created_ms());
  if (secret.grace_end_ms() != 0) {
    *info.mutable_grace_end_time() = TimeUtil::MillisecondsToTimestamp(secret.grace_end_ms());
  }
  info.set_uses(secret.uses());
  if (secret.last_used_ms() != 0) {
    *info.mutable_last_use_time() = TimeUtil::MillisecondsToTimestamp(secret.last_used_ms());
  }
  return info;
}

absl::Status MergeMetadata(const google::protobuf::Map<std::string, std::string>& changes,
                           ApiKeyRecord* record) {
  SecretMetadata merged;  // custom metadata are the same of a secret and of a key
  *merged.mutable_custom_metadata() = record->custom_metadata();
  RETURN_IF_ERROR(MergeCustomMetadata(changes, &merged));
  *record->mutable_custom_metadata() = merged.custom_metadata();
  return absl::OkStatus();
}

}  // namespace

std::string ApiKeyMac(const KeyringSnapshot& keys, absl::string_view secret_or_sha256) {
  return HmacSha256(keys.api_key_pepper().ExposeForCrypto(), secret_or_sha256);
}

ApiKeySecret NewApiKeySecret(absl::string_view mac, absl::string_view text, absl::Time now) {
  ApiKeySecret secret;
  secret.set_generation(1);
  secret.set_pepper_version(kApiKeyPepperVersion);
  secret.set_mac(std::string(mac));
  secret.set_legacy(text.empty());
  if (!text.empty()) {
    secret.set_last_characters(std::string(text.substr(text.size() - kLastCharacters)));
  }
  secret.set_created_ms(absl::ToUnixMillis(now));
  return secret;
}

absl::StatusOr<absl::Duration> ApiKeyTtl(int64_t ttl_seconds) {
  if (ttl_seconds == 0) return absl::Seconds(limits::kApiKeyTtlSecondsDefault);
  if (ttl_seconds > 0 && ttl_seconds <= limits::kApiKeyTtlSecondsMax) {
    return absl::Seconds(ttl_seconds);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "ttl_seconds: ", ttl_seconds, "; allowed are 1 to ", limits::kApiKeyTtlSecondsMax));
}

absl::Status CheckApiKeyText(absl::string_view field, absl::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", text.size(), " bytes; at most ", bytes_max, " are allowed"));
}

absl::Status CheckApiKeyScopes(const google::protobuf::RepeatedPtrField<std::string>& scopes) {
  if (scopes.size() > static_cast<int>(limits::kApiKeyScopesMax)) {
    return absl::InvalidArgumentError(absl::StrCat("scopes: ", scopes.size(), "; at most ",
                                                   limits::kApiKeyScopesMax, " are allowed"));
  }
  for (int i = 0; i < scopes.size(); ++i) {
    if (IsScope(scopes[i])) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "scopes: number ", i + 1, " is none; a scope has 1 to ", limits::kApiKeyScopeBytesMax,
        " printable ASCII characters other than space, quote and backslash"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ApiKeyRecord> MakeApiKeyRecord(const NewApiKey& key, ApiKeySecret secret,
                                              absl::Time now) {
  ASSIGN_OR_RETURN(const SecretPath path, SecretPath::Parse(key.path));
  RETURN_IF_ERROR(
      CheckApiKeyText("description", key.description, limits::kApiKeyDescriptionBytesMax));
  RETURN_IF_ERROR(CheckApiKeyScopes(key.scopes));
  ApiKeyRecord record;
  RETURN_IF_ERROR(MergeMetadata(key.custom_metadata, &record));
  record.set_id(key.id);
  record.set_path(path.text());
  record.set_description(key.description);
  *record.mutable_scopes() = key.scopes;
  record.set_owner(key.owner);
  record.set_created_ms(absl::ToUnixMillis(now));
  record.set_not_after_ms(absl::ToUnixMillis(now + key.ttl));
  *record.add_secrets() = std::move(secret);
  return record;
}

absl::Status UpdateApiKey(const v1::UpdateApiKeyRequest& request, absl::Time now,
                          ApiKeyRecord* record) {
  RETURN_IF_ERROR(CheckNotRevoked(*record));
  if (request.has_description()) {
    RETURN_IF_ERROR(
        CheckApiKeyText("description", request.description(), limits::kApiKeyDescriptionBytesMax));
    record->set_description(request.description());
  }
  if (!request.replace_scopes() && request.scopes_size() > 0) {
    return absl::InvalidArgumentError(
        "scopes: they replace those that are there; say so with "
        "replace_scopes");
  }
  RETURN_IF_ERROR(CheckApiKeyScopes(request.scopes()));
  if (request.replace_scopes()) *record->mutable_scopes() = request.scopes();
  if (request.replace_custom_metadata()) record->clear_custom_metadata();
  RETURN_IF_ERROR(MergeMetadata(request.custom_metadata(), record));
  if (!request.has_not_after_time()) return absl::OkStatus();
  const int64_t end_ms =
      std::max(absl::ToUnixMillis(ToTime(request.not_after_time())), absl::ToUnixMillis(now));
  if (end_ms > record->not_after_ms()) {
    return absl::InvalidArgumentError(
        "not_after_time: is later than the key's; roll the key, which renews it");
  }
  record->set_not_after_ms(end_ms);
  return absl::OkStatus();
}

absl::Status RollApiKey(const v1::RollApiKeyRequest& request, ApiKeySecret secret, absl::Time now,
                        ApiKeyRecord* record) {
  RETURN_IF_ERROR(CheckNotRevoked(*record));
  ASSIGN_OR_RETURN(const absl::Duration ttl, ApiKeyTtl(request.ttl_seconds()));
  const int64_t grace =
      request.has_grace_seconds() ? request.grace_seconds() : limits::kApiKeyGraceSecondsDefault;
  if (grace < 0 || grace > limits::kApiKeyGraceSecondsMax) {
    return absl::InvalidArgumentError(absl::StrCat("grace_seconds: ", grace, "; allowed are 0 to ",
                                                   limits::kApiKeyGraceSecondsMax));
  }
  ApiKeySecret* const former = record->mutable_secrets(0);
  const int64_t end_ms = absl::ToUnixMillis(now + std::min(ttl, absl::Seconds(grace)));
  // What has expired does not work again because the key is renewed.
  const bool expired = IsExpired(*record, now);
  former->set_grace_end_ms(end_ms);
  secret.set_generation(former->generation() + 1);
  for (ApiKeySecret& other : *record->mutable_secrets()) {
    if (expired) other.set_grace_end_ms(std::min(other.grace_end_ms(), record->not_after_ms()));
  }
  while (record->secrets_size() >= limits::kApiKeySecretsMax) {
    if (DropEnded(now, record)) continue;
    if (!request.force()) {
      return Refused(absl::StrCat(limits::kApiKeySecretsMax,
                                  " secrets of the key would work beside each other; wait for a "
                                  "grace to end, end one, or force it, which ends the oldest"),
                     "GRACE_ACTIVE");
    }
    record->mutable_secrets()->RemoveLast();
  }
  record->mutable_secrets()->Add(std::move(secret));
  for (int i = record->secrets_size() - 1; i > 0; --i) {
    record->mutable_secrets()->SwapElements(i, i - 1);
  }
  record->set_rolled_ms(absl::ToUnixMillis(now));
  record->set_not_after_ms(absl::ToUnixMillis(now + ttl));
  return absl::OkStatus();
}

absl::Status SetApiKeyGrace(const v1::SetApiKeyGraceRequest& request, absl::Time now,
                            ApiKeyRecord* record) {
  RETURN_IF_ERROR(CheckNotRevoked(*record));
  if (!request.has_end_time()) return absl::InvalidArgumentError("end_time: is required");
  ASSIGN_OR_RETURN(ApiKeySecret* const secret, InGrace(request.generation(), now, record));
  const int64_t now_ms = absl::ToUnixMillis(now);
  const int64_t end_ms = std::max(absl::ToUnixMillis(ToTime(request.end_time())), now_ms);
  if (end_ms > record->not_after_ms()) {
    return absl::InvalidArgumentError("end_time: is later than the end of the key itself");
  }
  if (end_ms > now_ms + limits::kApiKeyGraceSecondsMax * 1000) {
    return absl::InvalidArgumentError(
        absl::StrCat("end_time: is more than ", limits::kApiKeyGraceSecondsMax, " seconds ahead"));
  }
  secret->set_grace_end_ms(end_ms);
  return absl::OkStatus();
}

void RevokeApiKey(absl::string_view reason, absl::Time now, ApiKeyRecord* record) {
  if (record->revoked_ms() != 0) return;
  record->set_revoked_ms(absl::ToUnixMillis(now));
  record->set_revoke_reason(std::string(reason));
}

bool HasEnded(const ApiKeySecret& secret, absl::Time now) {
  return secret.grace_end_ms() != 0 && FromMillis(secret.grace_end_ms()) <= now;
}

bool IsExpired(const ApiKeyRecord& record, absl::Time now) {
  return FromMillis(record.not_after_ms()) <= now;
}

absl::Time EndOf(const ApiKeyRecord& record) {
  return FromMillis(record.revoked_ms() != 0 ? std::min(record.revoked_ms(), record.not_after_ms())
                                             : record.not_after_ms());
}

v1::ApiKeyInfo::State StateOf(const ApiKeyRecord& record, absl::Time now) {
  if (record.revoked_ms() != 0) return v1::ApiKeyInfo::REVOKED;
  if (IsExpired(record, now)) return v1::ApiKeyInfo::EXPIRED;
  const absl::Time due =
      FromMillis(record.not_after_ms()) - absl::Seconds(limits::kApiKeyDueSeconds);
  return due <= now ? v1::ApiKeyInfo::DUE : v1::ApiKeyInfo::ACTIVE;
}

v1::ApiKeyInfo ToInfo(const ApiKeyRecord& record, absl::Time now) {
  v1::ApiKeyInfo info;
  info.set_id(record.id());
  info.set_path(record.path());
  info.set_description(record.description());
  *info.mutable_scopes() = record.scopes();
  *info.mutable_custom_metadata() = record.custom_metadata();
  info.set_owner(record.owner());
  *info.mutable_create_time() = TimeUtil::MillisecondsToTimestamp(record.created_ms());
  if (record.rolled_ms() != 0) {
    *info.mutable_roll_time() = TimeUtil::MillisecondsToTimestamp(record.rolled_ms());
  }
  *info.mutable_not_after_time() = TimeUtil::MillisecondsToTimestamp(record.not_after_ms());
  info.set_state(StateOf(record, now));
  if (record.revoked_ms() != 0) {
    *info.mutable_revoke_time() = TimeUtil::MillisecondsToTimestamp(record.revoked_ms());
  }
  info.set_revoke_reason(record.revoke_reason());
  for (const ApiKeySecret& secret : record.secrets()) *info.add_secrets() = ToInfo(secret, now);
  info.set_uses(record.uses());
  if (record.last_used_ms() != 0) {
    *info.mutable_last_use_time() = TimeUtil::MillisecondsToTimestamp(record.last_used_ms());
  }
  info.set_legacy(record.secrets_size() > 0 && record.secrets(0).legacy());
  return info;
}

}  // namespace keyturn
