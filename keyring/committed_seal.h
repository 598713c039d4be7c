// Sealing with key commitment: the one construction under records, wrapped DEKs, wrapped root keys
// and the keyring file. From a long-lived key and a fresh salt, HKDF-SHA256 makes a single-use AEAD
// key and a 32-byte commitment; the commitment is stored and compared before opening, so a
// ciphertext opens under one key only (the construction of the AWS Encryption SDK's suite 0x0478).
// Bytes: docs/FORMAT.md, "sealed record". Pure and thread-safe.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/types.h"
#include "crypto/aead.h"
#include "crypto/secret_bytes.h"
#include "keyring/envelope.h"

namespace keyturn {

// The public part of a sealed record; all of it is authenticated.
struct SealHeader {
  AeadSuite suite = AeadSuite::kAes256Gcm;
  Purpose purpose = Purpose::kSetting;
  KekTerm term;  // 0 when the key is not a KEK
  uint64_t generation = 0;
};

// `place` is what the record is bound to besides the header and the vault.
absl::StatusOr<std::string> SealCommitted(const SecretBytes& key, const SealHeader& header,
                                          const Uuid& vault_id, absl::string_view place,
                                          absl::string_view plaintext);

// std::nullopt when the bytes cannot be a sealed record.
std::optional<SealHeader> ReadSealHeader(absl::string_view sealed);

// DATA_LOSS when the header is malformed or not for `purpose`, or anything does not match.
absl::StatusOr<SecretBytes> OpenCommitted(const SecretBytes& key, Purpose purpose,
                                          const Uuid& vault_id, absl::string_view place,
                                          absl::string_view sealed);

}  // namespace keyturn
