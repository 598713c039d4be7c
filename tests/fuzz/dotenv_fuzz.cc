// Dotenv files: entries that are read, written with our quotes, are read as the same. Any value in
// our quotes is read back, by us and as a POSIX shell would.
#include "client/cli/dotenv.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

using cli::EnvEntry;

void CheckSame(const std::vector<EnvEntry>& a, const std::vector<EnvEntry>& b) {
  Require(a.size() == b.size(), "as many entries");
  for (size_t i = 0; i < a.size(); ++i) {
    Require(a[i].name == b[i].name && a[i].value == b[i].value, "the same entry");
  }
}

// What a shell makes of single quotes and backslashes outside them.
std::string NaiveShell(absl::string_view text) {
  std::string out;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\'') {
      quoted = !quoted;
    } else if (text[i] == '\\' && !quoted) {
      out.push_back(text[++i]);
    } else {
      Require(quoted, "nothing stands outside the quotes");
      out.push_back(text[i]);
    }
  }
  Require(!quoted, "quotes are closed");
  return out;
}

}  // namespace

void FuzzDotenv(absl::string_view input) {
  if (const auto entries = cli::ParseDotenv(input); entries.ok()) {
    std::string text;
    for (const EnvEntry& entry : *entries) {
      Require(cli::IsEnvName(entry.name) && entry.line >= 1, "a name and a line");
      const absl::string_view value = entry.value.ExposeForCrypto();
      absl::StrAppend(&text, entry.name, "=",
                      Must(cli::QuoteForDotenv(value), "it is quoted").ExposeForCrypto(), "\n");
    }
    CheckSame(Must(cli::ParseDotenv(text), "it is read"), *entries);
  }
  const SecretBytes quoted = Must(cli::QuoteForDotenv(input), "it is quoted");
  const auto one =
      Must(cli::ParseDotenv(absl::StrCat("A=", quoted.ExposeForCrypto())), "one entry");
  Require(one.size() == 1 && one[0].value.ExposeForCrypto() == input, "any value is read back");
  const absl::StatusOr<SecretBytes> shell = cli::QuoteForShell(input);
  Require(shell.ok() == (input.find('\0') == absl::string_view::npos), "a variable has no NUL");
  if (shell.ok()) Require(NaiveShell(shell->ExposeForCrypto()) == input, "a shell reads it back");
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzDotenv)
