// Text forms of tokens. "ktb." is the sealed token itself; "kts." is a 16-byte id and a 32-byte
// secret. Both are unpadded base64url. Ids, which may be logged, are "ktb-" or "kts-" and 32
// hexadecimal digits. Thread-safe.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/secret_bytes.h"
#include "keyring/keyring_snapshot.h"
#include "keyturn/record/v1/auth.pb.h"

namespace keyturn {

inline constexpr absl::string_view kStatelessPrefix = "ktb.";
inline constexpr absl::string_view kStoredPrefix = "kts.";

// A fresh id. `kind` is 'b' or 's'.
std::string NewTokenId(char kind);
bool IsStatelessId(absl::string_view id);

absl::StatusOr<SecretBytes> EncodeStateless(const KeyringSnapshot& keys,
                                            const record::v1::StatelessToken& token);
// std::nullopt for text that this vault did not seal.
std::optional<record::v1::StatelessToken> DecodeStateless(const KeyringSnapshot& keys,
                                                          absl::string_view text);

struct StoredParts {
  std::string id;
  std::string raw_id;       // the 16 bytes in it
  std::string secret_hash;  // SHA-256
};
struct NewStored {
  SecretBytes text;
  StoredParts parts;
};
absl::StatusOr<NewStored> MakeStored();
// std::nullopt for malformed text.
std::optional<StoredParts> DecodeStored(absl::string_view text);

}  // namespace keyturn
