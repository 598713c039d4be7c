#include "crypto/pem.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace keyturn {
namespace {

constexpr absl::string_view kBegin = "-----BEGIN ";
// The whole groups of its base64: what comes after them does not change these.
constexpr absl::string_view kBeginInBase64 = "LS0tLS1CRUdJ";

}  // namespace

bool HoldsPem(absl::string_view text) {
  return absl::StrContains(text, kBegin) ||
         absl::StartsWith(absl::StripLeadingAsciiWhitespace(text), kBeginInBase64);
}

}  // namespace keyturn
