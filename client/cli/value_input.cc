#include "client/cli/value_input.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"

namespace keyturn::cli {
namespace {

bool EndsInItsOnlyControl(absl::string_view bytes) {
  if (bytes.size() < 2 || bytes.back() != '\n') return false;
  bytes.remove_suffix(1);
  return std::none_of(bytes.begin(), bytes.end(), [](char c) { return absl::ascii_iscntrl(c); });
}

}  // namespace

absl::StatusOr<SecretBytes> ReadValue(const ValueInput& input, const Terminal& terminal,
                                      absl::string_view what) {
  if (!input.given()) {
    if (terminal.can_ask()) return terminal.AskNewSecret(what);
    return UsageError(absl::StrCat("no ", what, ": give --value-file FILE (- for standard input) ",
                                   "or --value-fd N, or run this on a terminal to be asked"));
  }
  ASSIGN_OR_RETURN(SecretBytes value,
                   input.fd >= 0 ? ReadSecretFd(input.fd, absl::StrCat("descriptor ", input.fd),
                                                limits::kSecretValueBytesMax)
                                 : ReadSecretFile(input.file, limits::kSecretValueBytesMax));
  if (!input.keep_newline && EndsInItsOnlyControl(value.ExposeForCrypto())) {
    value.Truncate(value.size() - 1);
    terminal.Say("dropped the newline at the end of the value (--keep-newline keeps it)");
  }
  return value;
}

absl::StatusOr<SecretBytes> ReadPassphraseFile(const std::string& file) {
  ASSIGN_OR_RETURN(SecretBytes typed, ReadSecretFile(file, limits::kPassphraseBytesMax + 1));
  if (absl::EndsWith(typed.ExposeForCrypto(), "\n")) typed.Truncate(typed.size() - 1);
  if (typed.size() > 0) return typed;
  return UsageError(absl::StrCat(file == "-" ? "standard input" : file,
                                 " is empty; it must hold the passphrase, on one line"));
}

absl::StatusOr<v1::Encoding> ParseEncoding(absl::string_view name) {
  if (name.empty()) return v1::ENCODING_UNSPECIFIED;
  if (name == "text") return v1::ENCODING_TEXT;
  if (name == "json") return v1::ENCODING_JSON;
  if (name == "binary") return v1::ENCODING_BINARY;
  return UsageError(
      absl::StrCat("unknown encoding '", name, "'; allowed are text, json and binary"));
}

}  // namespace keyturn::cli
