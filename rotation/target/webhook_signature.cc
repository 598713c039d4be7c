#include "rotation/target/webhook_signature.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "crypto/mac.h"
#include "crypto/signature.h"
#include "storage/file_system.h"

namespace keyturn {
namespace {

constexpr absl::string_view kKeyPrefix = "whsec_";

}  // namespace

absl::StatusOr<SecretBytes> ParseWebhookKey(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  std::string bytes;
  const bool read = absl::ConsumePrefix(&text, kKeyPrefix) && absl::Base64Unescape(text, &bytes);
  absl::StatusOr<SecretBytes> key = absl::InvalidArgumentError(
      absl::StrCat("a signing key is \"whsec_\" and the base64 of ", limits::kWebhookKeyBytesMin,
                   " to ", limits::kWebhookKeyBytesMax, " bytes"));
  if (read && bytes.size() >= limits::kWebhookKeyBytesMin &&
      bytes.size() <= limits::kWebhookKeyBytesMax) {
    key = SecretBytes::CopyOf(bytes);
  }
  WipeString(&bytes);
  return key;
}

absl::StatusOr<SecretBytes> ReadWebhookKey(const std::string& file) {
  ASSIGN_OR_RETURN(std::string text, FileSystem::Posix().Read(file));
  absl::StatusOr<SecretBytes> key = ParseWebhookKey(text);
  WipeString(&text);
  if (key.ok()) return key;
  return absl::Status(key.status().code(), absl::StrCat(file, ": ", key.status().message()));
}

absl::StatusOr<std::string> SignWebhook(const SecretBytes& key, absl::string_view id,
                                        int64_t unix_seconds, const SecretBytes& body) {
  const std::string head = absl::StrCat(id, ".", unix_seconds, ".");
  ASSIGN_OR_RETURN(SecretBytes signed_bytes, SecretBytes::Allocate(head.size() + body.size()));
  const absl::string_view tail = body.ExposeForCrypto();
  char* const at = std::copy(head.begin(), head.end(), signed_bytes.Mutable().data());
  std::copy(tail.begin(), tail.end(), at);
  return absl::StrCat(
      "v1,", absl::Base64Escape(HmacSha256(key.ExposeForCrypto(), signed_bytes.ExposeForCrypto())));
}

std::string SignWebhook(const SecretBytes& key, absl::string_view id, int64_t unix_seconds,
                        absl::string_view body) {
  const std::string message = absl::StrCat(id, ".", unix_seconds, ".", body);
  return absl::StrCat("v1,", absl::Base64Escape(HmacSha256(key.ExposeForCrypto(), message)));
}

absl::StatusOr<std::string> SignWebhookV1a(const SecretBytes& seed, absl::string_view id,
                                           int64_t unix_seconds, absl::string_view body) {
  const std::string message = absl::StrCat(id, ".", unix_seconds, ".", body);
  ASSIGN_OR_RETURN(const std::string signature, Ed25519Sign(seed, message));
  return absl::StrCat("v1a,", absl::Base64Escape(signature));
}

absl::StatusOr<SecretBytes> WebhookKeyText(const SecretBytes& key) {
  std::string text = absl::Base64Escape(key.ExposeForWire());
  const size_t size = kKeyPrefix.size() + text.size();
  absl::StatusOr<SecretBytes> out = SecretBytes::Allocate(size);
  if (out.ok()) {
    char* const at = std::copy(kKeyPrefix.begin(), kKeyPrefix.end(), out->Mutable().data());
    std::copy(text.begin(), text.end(), at);
  }
  WipeString(&text);
  return out;
}

std::string WebhookPublicKeyText(absl::string_view public_key) {
  return absl::StrCat("whpk_", absl::Base64Escape(public_key));
}

}  // namespace keyturn
