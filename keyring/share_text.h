// The text form of a Shamir share, as people keep it: "kt-share-" and base64url of version, the
// first bytes of the seal's id, index, threshold, value and a checksum. The checksum catches typing
// errors before they cost an unseal attempt; it protects nothing. Thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/secret_bytes.h"
#include "crypto/shamir.h"

namespace keyturn {

struct TextShare {
  std::string slot_prefix;  // 4 bytes
  int threshold = 0;
  ShamirShare share;
};

absl::StatusOr<SecretBytes> EncodeShare(const TextShare& share);
// INVALID_ARGUMENT says what is wrong: not a share, or mistyped.
absl::StatusOr<TextShare> DecodeShare(absl::string_view text);

}  // namespace keyturn
