#include "client/cli/dotenv.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/exit_codes.h"

namespace keyturn::cli {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

// One pass over the text. Values are written into a block as large as what is left of the text,
// which is enough: an escape is never longer than what it stands for.
class Parser {
 public:
  explicit Parser(absl::string_view text) : rest_(text) {
    absl::ConsumePrefix(&rest_, "\xef\xbb\xbf");  // what some editors put first
  }

  absl::StatusOr<std::vector<EnvEntry>> Run() {
    std::vector<EnvEntry> entries;
    std::set<std::string> names;
    while (SkipToEntry()) {
      EnvEntry entry;
      entry.line = line_;
      ASSIGN_OR_RETURN(entry.name, Name());
      ASSIGN_OR_RETURN(entry.value, Value());
      if (!names.insert(entry.name).second) {
        return Error(absl::StrCat(entry.name, " is given a second time"), entry.line);
      }
      if (entries.size() == limits::kImportEntriesMax) {
        return UsageError(
            absl::StrCat("a file has at most ", limits::kImportEntriesMax, " entries"));
      }
      entries.push_back(std::move(entry));
    }
    return entries;
  }

 private:
  absl::Status Error(absl::string_view what, int line) const {
    return UsageError(absl::StrCat("line ", line, ": ", what));
  }

  void Skip(size_t count) {
    line_ += static_cast<int>(std::count(rest_.begin(), rest_.begin() + count, '\n'));
    rest_.remove_prefix(count);
  }
  void SkipBlanks() {
    while (!rest_.empty() && IsBlank(rest_.front())) rest_.remove_prefix(1);
  }
  void SkipLine() { Skip(std::min(rest_.find('\n'), rest_.size())); }

  bool SkipToEntry() {
    while (!rest_.empty()) {
      if (rest_.front() == '#') {
        SkipLine();
      } else if (absl::ascii_isspace(rest_.front())) {
        Skip(1);
      } else {
        return true;
      }
    }
    return false;
  }

  absl::StatusOr<std::string> Name() {
    if (absl::ConsumePrefix(&rest_, "export ")) SkipBlanks();
    const size_t end = rest_.find_first_of("=\n");
    absl::string_view name = rest_.substr(0, end);
    while (!name.empty() && absl::ascii_isspace(name.back())) name.remove_suffix(1);
    if (end == absl::string_view::npos || rest_[end] != '=') {
      return Error("expected NAME=VALUE", line_);
    }
    if (!IsEnvName(name)) {
      return Error("the name before '=' must be a letter or '_', then letters, digits and '_'",
                   line_);
    }
    std::string out(name);
    Skip(end + 1);
    SkipBlanks();
    return out;
  }

  absl::StatusOr<SecretBytes> Value() {
    if (rest_.empty()) return SecretBytes();
    if (rest_.front() == '\'' || rest_.front() == '"') return Quoted(rest_.front());
    absl::string_view value = rest_.substr(0, rest_.find('\n'));
    Skip(value.size());
    for (size_t i = 0; i < value.size(); ++i) {
      if (value[i] == '#' && (i == 0 || IsBlank(value[i - 1]))) {
        value = value.substr(0, i);
        break;
      }
    }
    while (!value.empty() && absl::ascii_isspace(value.back())) value.remove_suffix(1);
    return SecretBytes::CopyOf(value);
  }

  absl::StatusOr<SecretBytes> Quoted(char quote) {
    const int start = line_;
    size_t end = 1;
    while (end < rest_.size() && rest_[end] != quote) {
      end += quote == '"' && rest_[end] == '\\' ? 2 : 1;
    }
    if (end >= rest_.size()) return Error("the quote that starts here is never closed", start);
    const absl::string_view inside = rest_.substr(1, end - 1);
    Skip(end + 1);
    SkipBlanks();
    if (!rest_.empty() && rest_.front() == '\r') rest_.remove_prefix(1);
    if (!rest_.empty() && rest_.front() == '#') SkipLine();
    if (!rest_.empty() && rest_.front() != '\n') {
      return Error("after the closing quote comes the end of the line or a comment", line_);
    }
    if (quote == '\'') return SecretBytes::CopyOf(inside);
    return Unescaped(inside);
  }

  static absl::StatusOr<SecretBytes> Unescaped(absl::string_view inside) {
    if (inside.empty()) return SecretBytes();
    ASSIGN_OR_RETURN(SecretBytes out, SecretBytes::Allocate(inside.size()));
    size_t size = 0;
    for (size_t i = 0; i < inside.size(); ++i) {
      char c = inside[i];
      if (c == '\\' && i + 1 < inside.size()) {
        const char next = inside[++i];
        constexpr absl::string_view kWritten = "nrt\"\\$";
        constexpr absl::string_view kMeant = "\n\r\t\"\\$";
        const size_t at = kWritten.find(next);
        if (at == absl::string_view::npos) {
          out.Mutable()[size++] = c;
          c = next;
        } else {
          c = kMeant[at];
        }
      }
      out.Mutable()[size++] = c;
    }
    out.Truncate(size);
    return out;
  }

  absl::string_view rest_;
  int line_ = 1;
};

}  // namespace

bool IsEnvName(absl::string_view name) {
  if (name.empty() || absl::ascii_isdigit(name.front())) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

absl::StatusOr<std::vector<EnvEntry>> ParseDotenv(absl::string_view text) {
  return Parser(text).Run();
}

absl::StatusOr<SecretBytes> QuoteForDotenv(absl::string_view value) {
  ASSIGN_OR_RETURN(SecretBytes out, SecretBytes::Allocate(2 * value.size() + 2));
  size_t size = 0;
  const auto put = [&](char c) { out.Mutable()[size++] = c; };
  put('"');
  for (const char c : value) {
    constexpr absl::string_view kMeant = "\n\r\t\"\\$";
    constexpr absl::string_view kWritten = "nrt\"\\$";
    const size_t at = kMeant.find(c);
    if (at != absl::string_view::npos) put('\\');
    put(at == absl::string_view::npos ? c : kWritten[at]);
  }
  put('"');
  out.Truncate(size);
  return out;
}

absl::StatusOr<SecretBytes> QuoteForShell(absl::string_view value) {
  if (value.find('\0') != absl::string_view::npos) {
    return absl::FailedPreconditionError("a value with a NUL cannot be an environment variable");
  }
  ASSIGN_OR_RETURN(SecretBytes out, SecretBytes::Allocate(4 * value.size() + 2));
  size_t size = 0;
  const auto put = [&](char c) { out.Mutable()[size++] = c; };
  put('\'');
  for (const char c : value) {
    put(c);
    if (c != '\'') continue;
    // Closes the quote before the character that was just put, escapes it and opens again.
    --size;
    for (const char escaped : absl::string_view("'\\''")) put(escaped);
  }
  put('\'');
  out.Truncate(size);
  return out;
}

}  // namespace keyturn::cli
