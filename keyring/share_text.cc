#include "keyring/share_text.h"

#include <optional>
#include <string>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "base/coding.h"
#include "base/status_macros.h"
#include "crypto/mac.h"

namespace keyturn {
namespace {

constexpr absl::string_view kPrefix = "kt-share-";
constexpr char kVersion = 1;
constexpr size_t kSlotBytes = 4;
constexpr size_t kChecksumBytes = 4;
constexpr size_t kHeadBytes = 1 + kSlotBytes + 1 + 1;

std::string Checksum(absl::string_view bytes) { return Sha256(bytes).substr(0, kChecksumBytes); }

}  // namespace

absl::StatusOr<SecretBytes> EncodeShare(const TextShare& share) {
  std::string bytes(1, kVersion);
  std::string text;
  const absl::Cleanup wipe = [&] {
    WipeString(&bytes);
    WipeString(&text);
  };
  bytes.reserve(128);  // so that growing leaves no copy behind
  text.reserve(256);
  bytes.append(share.slot_prefix);
  bytes.push_back(static_cast<char>(share.share.index));
  bytes.push_back(static_cast<char>(share.threshold));
  bytes.append(share.share.value.ExposeForCrypto().data(), share.share.value.size());
  bytes.append(Checksum(bytes));
  text.append(kPrefix.data(), kPrefix.size());
  std::string body = Base64UrlEncode(bytes);
  text.append(body);
  WipeString(&body);
  return SecretBytes::CopyOf(text);
}

absl::StatusOr<TextShare> DecodeShare(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, kPrefix)) {
    return absl::InvalidArgumentError("not a share: a share starts with \"kt-share-\"");
  }
  std::optional<std::string> bytes = Base64UrlDecode(text);
  const absl::Cleanup wipe = [&bytes] {
    if (bytes.has_value()) WipeString(&*bytes);
  };
  if (!bytes.has_value() || bytes->size() <= kHeadBytes + kChecksumBytes ||
      bytes->front() != kVersion) {
    return absl::InvalidArgumentError("not a share: cut short or mistyped");
  }
  const absl::string_view body =
      absl::string_view(*bytes).substr(0, bytes->size() - kChecksumBytes);
  if (!ConstantTimeEquals(Checksum(body), absl::string_view(*bytes).substr(body.size()))) {
    return absl::InvalidArgumentError("the share is mistyped: its checksum does not match");
  }
  TextShare out;
  out.slot_prefix = std::string(body.substr(1, kSlotBytes));
  out.share.index = static_cast<uint8_t>(body[1 + kSlotBytes]);
  out.threshold = static_cast<uint8_t>(body[2 + kSlotBytes]);
  ASSIGN_OR_RETURN(out.share.value, SecretBytes::CopyOf(body.substr(kHeadBytes)));
  return out;
}

}  // namespace keyturn
