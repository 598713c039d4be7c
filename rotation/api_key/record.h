// The life of one issued API key, as pure changes of its record: what works when, and what may
// follow. The first secret of a record is the current one; those behind it are in grace or have
// ended, and stay to be seen until room is needed. Thread-safe (no state).
//
// Errors: INVALID_ARGUMENT names the field and what is allowed; FAILED_PRECONDITION has a reason:
// KEY_REVOKED, GRACE_ACTIVE, NO_GRACE.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "keyring/keyring_snapshot.h"
#include "keyturn/record/v1/api_key.pb.h"
#include "keyturn/v1/api_key_service.pb.h"

namespace keyturn {

using ApiKeyRecord = record::v1::ApiKey;
using ApiKeySecret = record::v1::ApiKeySecret;

// The one pepper that the keyring has.
inline constexpr uint32_t kApiKeyPepperVersion = 1;
// What is kept of a secret: its 43 characters, or the SHA-256 of a key that was made elsewhere,
// under the pepper. The two have different sizes, so one never passes for the other.
std::string ApiKeyMac(const KeyringSnapshot& keys, absl::string_view secret_or_sha256);

// A fresh secret as it is kept. `text` is the whole key, "" for one that was made elsewhere.
ApiKeySecret NewApiKeySecret(absl::string_view mac, absl::string_view text, absl::Time now);

// How long a key lives that is made or rolled now. INVALID_ARGUMENT beyond the bounds.
absl::StatusOr<absl::Duration> ApiKeyTtl(int64_t ttl_seconds);
// The checks of what a record holds. INVALID_ARGUMENT names what is wrong, and `field`.
absl::Status CheckApiKeyScopes(const google::protobuf::RepeatedPtrField<std::string>& scopes);
absl::Status CheckApiKeyText(absl::string_view field, absl::string_view text, size_t bytes_max);

struct NewApiKey {
  std::string id, path, description, owner;
  google::protobuf::RepeatedPtrField<std::string> scopes;
  google::protobuf::Map<std::string, std::string> custom_metadata;
  absl::Duration ttl;
};
// Checks all but the id.
absl::StatusOr<ApiKeyRecord> MakeApiKeyRecord(const NewApiKey& key, ApiKeySecret secret,
                                              absl::Time now);

// What the requests say, at `now`. A failed change leaves the record in any state.
absl::Status UpdateApiKey(const v1::UpdateApiKeyRequest& request, absl::Time now,
                          ApiKeyRecord* record);
absl::Status RollApiKey(const v1::RollApiKeyRequest& request, ApiKeySecret secret, absl::Time now,
                        ApiKeyRecord* record);
absl::Status SetApiKeyGrace(const v1::SetApiKeyGraceRequest& request, absl::Time now,
                            ApiKeyRecord* record);
// Once revoked it stays as it was.
void RevokeApiKey(absl::string_view reason, absl::Time now, ApiKeyRecord* record);

// Whether a secret of the record works, but for the key being revoked or expired as a whole.
bool HasEnded(const ApiKeySecret& secret, absl::Time now);
bool IsExpired(const ApiKeyRecord& record, absl::Time now);
// When it stopped working for good, or will.
absl::Time EndOf(const ApiKeyRecord& record);
v1::ApiKeyInfo::State StateOf(const ApiKeyRecord& record, absl::Time now);
// What is shown of it: nothing that a secret could be tested with.
v1::ApiKeyInfo ToInfo(const ApiKeyRecord& record, absl::Time now);

}  // namespace keyturn
