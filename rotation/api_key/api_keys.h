// API keys that Keyturn issues for clients of its users, and verifies for them (docs/API_KEYS.md).
// Every change is one update of the store. Uses are counted in memory, exactly, and written once a
// minute and at seal; a kill loses those of the last minute. Thread-safe.
//
// Common errors: FAILED_PRECONDITION while sealed; NOT_FOUND for an id that is not there;
// INVALID_ARGUMENT names the field and what is allowed; DATA_LOSS for a record that does not open.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "crypto/secret_bytes.h"
#include "keyturn/v1/api_key_service.pb.h"
#include "rotation/api_key/context.h"
#include "rotation/api_key/verifier.h"

namespace keyturn {

struct IssuedApiKey {
  SecretBytes key;  // its text: shown once, kept nowhere
  v1::ApiKeyInfo info;
};

class ApiKeys {
 public:
  // Everything that the context names outlives this.
  static std::unique_ptr<ApiKeys> Create(ApiKeyContext context);
  virtual ~ApiKeys() = default;

  // After unseal, as the vault's. At seal, while the store can still be written: what was counted
  // is written, and nothing is verified any more.
  virtual absl::Status OnUnsealed() = 0;
  virtual void OnSealed() = 0;
  // For the server's one commit listener.
  virtual void OnCommitted(absl::Span<const CommittedUpdate> group) = 0;

  // As ApiKeyService says. `owner` is who asks.
  virtual absl::StatusOr<IssuedApiKey> Make(Updater& updater,
                                            const v1::CreateApiKeyRequest& request,
                                            const std::string& owner) = 0;
  virtual absl::StatusOr<IssuedApiKey> Roll(Updater& updater,
                                            const v1::RollApiKeyRequest& request) = 0;
  virtual absl::StatusOr<v1::ApiKeyInfo> Get(absl::string_view id) = 0;
  // `visible` says which paths the caller may see.
  virtual absl::StatusOr<v1::ListApiKeysResponse> List(
      const v1::ListApiKeysRequest& request,
      absl::FunctionRef<bool(absl::string_view path)> visible) = 0;
  virtual absl::StatusOr<v1::ApiKeyInfo> Update(Updater& updater,
                                                const v1::UpdateApiKeyRequest& request) = 0;
  virtual absl::StatusOr<v1::ApiKeyInfo> SetGrace(Updater& updater,
                                                  const v1::SetApiKeyGraceRequest& request) = 0;
  // In its record only: the revocation list is the caller's.
  virtual absl::StatusOr<v1::ApiKeyInfo> Revoke(Updater& updater,
                                                const v1::RevokeApiKeyRequest& request) = 0;
  virtual absl::StatusOr<v1::ImportApiKeysResponse> Import(Updater& updater,
                                                           const v1::ImportApiKeysRequest& request,
                                                           const std::string& owner) = 0;
  virtual absl::StatusOr<v1::VerifyApiKeyResponse> Verify(
      const ApiKeyAttempt& attempt, absl::FunctionRef<bool(absl::string_view path)> may) = 0;

  // The path that permissions on a key are asked on; "" for an id that is not there.
  virtual std::string PathOf(absl::string_view id) = 0;

  // Of the keys that are not revoked, those that end after `from` and not after `to`, in that
  // order.
  virtual std::vector<ApiKeyEnd> EndingBetween(absl::Time from, absl::Time to) const = 0;

  // Writes what was counted, a few keys with each update. An error leaves the rest counted.
  virtual absl::Status WriteUses() = 0;
  // Removes some of the keys that ended long ago (limits::kApiKeyKeptSeconds).
  virtual absl::Status RemoveEnded() = 0;

  struct Stats {
    size_t keys = 0;
    size_t due = 0;  // not revoked, and to be rolled by now
  };
  virtual Stats stats() const = 0;
  virtual uint64_t verifications(v1::VerifyApiKeyResponse::Reason reason) const = 0;
};

}  // namespace keyturn
