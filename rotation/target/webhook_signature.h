// Signatures of Standard Webhooks 1.0.0, by HMAC-SHA256 (v1) and Ed25519 (v1a): who gets a request
// knows that it is ours, how old it is, and that it was not changed. Thread-safe (no state).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/secret_bytes.h"

namespace keyturn {

// "whsec_" and the base64 of 24 to 64 bytes, as a file holds it; blanks around it do no harm.
// INVALID_ARGUMENT says what is allowed, never the text.
absl::StatusOr<SecretBytes> ParseWebhookKey(absl::string_view text);
// NOT_FOUND and UNAVAILABLE name the file.
absl::StatusOr<SecretBytes> ReadWebhookKey(const std::string& file);

// The value of the header webhook-signature. RESOURCE_EXHAUSTED without locked memory.
absl::StatusOr<std::string> SignWebhook(const SecretBytes& key, absl::string_view id,
                                        int64_t unix_seconds, const SecretBytes& body);
// For bodies without secrets.
std::string SignWebhook(const SecretBytes& key, absl::string_view id, int64_t unix_seconds,
                        absl::string_view body);
// By Ed25519; `seed` has 32 bytes. The receiver needs WebhookPublicKey of it.
absl::StatusOr<std::string> SignWebhookV1a(const SecretBytes& seed, absl::string_view id,
                                           int64_t unix_seconds, absl::string_view body);

// "whsec_" and base64, for who will verify v1; the caller wipes what it becomes.
absl::StatusOr<SecretBytes> WebhookKeyText(const SecretBytes& key);
// "whpk_" and base64.
std::string WebhookPublicKeyText(absl::string_view public_key);

}  // namespace keyturn
