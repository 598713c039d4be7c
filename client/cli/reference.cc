#include "client/cli/reference.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/exit_codes.h"

namespace keyturn::cli {
namespace {

bool IsFieldName(absl::string_view name) {
  return !name.empty() && name.size() <= limits::kFieldNameBytesMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '-';
         });
}

}  // namespace

bool IsReference(absl::string_view text) { return absl::StartsWith(text, kReferenceScheme); }

absl::StatusOr<v1::VersionSelector> ParseVersion(absl::string_view text) {
  v1::VersionSelector selector;
  uint64_t number = 0;
  if (text == "current") return selector;
  if (text == "previous") {
    selector.set_alias(v1::VersionSelector::PREVIOUS);
  } else if (std::all_of(text.begin(), text.end(), absl::ascii_isdigit) &&
             absl::SimpleAtoi(text, &number) && number > 0) {
    selector.set_number(number);
  } else {
    return UsageError(
        absl::StrCat("version '", text, "' must be a number from 1, 'current' or 'previous'"));
  }
  return selector;
}

absl::StatusOr<Reference> ParseReference(absl::string_view text) {
  absl::string_view rest = text;
  absl::ConsumePrefix(&rest, kReferenceScheme);
  Reference reference;
  const size_t hash = rest.find('#');
  reference.path = std::string(rest.substr(0, hash));
  if (reference.path.empty()) {
    return UsageError(absl::StrCat("'", text, "' names no secret; write PATH or PATH#FIELD"));
  }
  if (hash == absl::string_view::npos) return reference;
  absl::string_view field = rest.substr(hash + 1);
  const size_t at = field.find('@');
  if (at != absl::string_view::npos) {
    ASSIGN_OR_RETURN(reference.version, ParseVersion(field.substr(at + 1)));
    field = field.substr(0, at);
  }
  if (!IsFieldName(field)) {
    return UsageError(absl::StrCat("'", text, "' names no field: after '#' come 1 to ",
                                   limits::kFieldNameBytesMax, " of A-Z a-z 0-9 _ . -"));
  }
  reference.field = std::string(field);
  return reference;
}

}  // namespace keyturn::cli
