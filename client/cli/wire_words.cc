#include "client/cli/wire_words.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/limits.h"

namespace keyturn::cli {
namespace {

constexpr std::pair<absl::string_view, absl::string_view> kFlags[] = {
    {"bound_spiffe_ids", "--spiffe-id"},
    {"bound_fingerprints", "--fingerprint"},
    {"bound_cidrs", "--cidr"},
    {"token_ttl_seconds", "--token-ttl"},
    {"token_max_ttl_seconds", "--token-max-ttl"},
    {"version_ttl_seconds", "--version-ttl"},
    {"ttl_seconds", "--ttl"},
    {"period_seconds", "--period"},
    {"grace_seconds", "--grace"},
    {"max_credential_age_seconds", "--max-age"},
    {"jitter_max_seconds", "--jitter"},
    {"destroy_after_seconds", "--destroy-after"},
    {"max_token_seconds", "--max-token"},
    {"publish_lead_seconds", "--publish-lead"},
    {"leeway_seconds", "--leeway"},
    {"hold_seconds", "--hold"},
    {"value_delay_seconds", "--value-delay"},
    {"span_seconds", "--days"},
    {"grace_mode", "--grace-mode"},
    {"retire_gate", "--retire-gate"},
    {"max_live_versions", "--max-live"},
    {"end_time", "--until"},
    {"not_after_time", "--not-after"},
    {"required_scopes", "--scope"},
    {"scopes", "--scope"},
    {"source_address", "--source"},
    {"max_uses", "--max-uses"},
    {"max_versions", "--max-versions"},
    {"if_version", "--if-version"},
    {"leave_at_target", "--leave-at-target"},
    {"target", "--target"},
    {"types", "--type"},
    {"paths", "--path"},
};
// A word like any other, unless it stands for the field.
constexpr absl::string_view kOnlyWithin = "target";
constexpr absl::string_view kOnlyFirst[] = {"types", "paths"};

// A message's field within its field; flags have no such part.
constexpr absl::string_view kWithin[] = {"policy.", "settings."};

bool IsWord(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// "2764800" as it is, with its unit; "" for what is no number of seconds.
std::string WithUnit(absl::string_view digits) {
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(digits, &seconds) || seconds < limits::kDaySeconds) return "";
  const bool days = seconds % limits::kDaySeconds == 0;
  return absl::StrCat(digits, " seconds",
                      days ? absl::StrCat(" (", seconds / limits::kDaySeconds, "d)") : "");
}

// Numbers that stand for something else on the wire: a length of time is typed as such, "none" is a
// word, and for the default the flag is left out.
std::string WithoutSpecialNumbers(absl::string_view message) {
  return absl::StrReplaceAll(message, {{"-1 (none), 0 (the default) and ", "none and "},
                                       {"-1 (none), 0 (30) and ", "none and "},
                                       {"0 (no bound) and ", "none and "},
                                       {"0 (the default) and ", ""},
                                       {"0 (24 hours) and ", ""}});
}

}  // namespace

std::string InFlags(absl::string_view message) {
  std::string out;
  bool seconds = false;
  for (size_t at = 0; at < message.size();) {
    size_t end = at;
    while (end < message.size() && IsWord(message[end])) ++end;
    if (end == at) {
      out.push_back(message[at++]);
      continue;
    }
    const absl::string_view word = message.substr(at, end - at);
    at = end;
    std::string said(word);
    for (const auto& [field, flag] : kFlags) {
      if (word != field) continue;
      if (word == kOnlyWithin && !absl::EndsWith(out, "policy.")) continue;
      const bool first = out.empty() && absl::StartsWith(message.substr(at), ":");
      if (std::count(std::begin(kOnlyFirst), std::end(kOnlyFirst), word) > 0 && !first) continue;
      said = std::string(flag);
      for (const absl::string_view within : kWithin) {
        if (absl::EndsWith(out, within)) out.resize(out.size() - within.size());
      }
      seconds = seconds || absl::EndsWith(field, "_seconds");
    }
    const std::string bound = seconds ? WithUnit(word) : "";
    absl::StrAppend(&out, bound.empty() ? said : bound);
  }
  return seconds ? WithoutSpecialNumbers(out) : out;
}

}  // namespace keyturn::cli
