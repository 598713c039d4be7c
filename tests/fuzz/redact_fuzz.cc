// Text on its way into a log: what is left has no token and no password in it, and is left alone
// when it is redacted again. Also texts many times as long, which must take neither stack nor
// patience.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

bool IsTokenByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

void CheckClean(absl::string_view text) {
  for (const absl::string_view form : {"ktb.", "kts.", "kt1_", "kt-share-"}) {
    for (size_t at = text.find(form); at != absl::string_view::npos; at = text.find(form, at + 1)) {
      const size_t next = at + form.size();
      Require(next == text.size() || !IsTokenByte(text[next]), "no token is left");
    }
  }
}

}  // namespace

void FuzzRedact(absl::string_view input) {
  const std::string once = Redact(input);
  CheckClean(once);
  CheckClean(Redact(absl::StrCat("got kts.c2VjcmV0 ", input)));
  Require(absl::EndsWith(Redact(absl::StrCat(input, " kts.c2VjcmV0")), "[redacted]"), "anywhere");
  std::string many;
  while (many.size() < 4096 && !input.empty()) many.append(std::string(input));
  CheckClean(Redact(many));
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzRedact)
