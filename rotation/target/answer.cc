#include "rotation/target/answer.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/time/time.h"
#include "base/limits.h"
#include "base/reason.h"
#include "crypto/strict_json.h"

namespace keyturn {
namespace {

constexpr std::pair<absl::string_view, absl::StatusCode> kResults[] = {
    {"ok", absl::StatusCode::kOk},
    {"transient", absl::StatusCode::kUnavailable},
    {"auth", absl::StatusCode::kPermissionDenied},
    {"policy", absl::StatusCode::kInvalidArgument},
    {"ambiguous", absl::StatusCode::kUnknown},
    {"permanent", absl::StatusCode::kFailedPrecondition},
};

TargetAnswer Unreadable(absl::string_view why) { return {absl::UnknownError(why), {}, {}}; }

// On one line.
std::string MessageOf(const nlohmann::json& object) {
  const auto found = object.find("message");
  if (found == object.end() || !found->is_string()) return "";
  std::string text = found->get<std::string>();
  for (char& c : text) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = ' ';
  }
  return text;
}

// How long it wants to be left alone. What is no number of seconds, or no whole one, is none.
absl::Duration WaitOf(const nlohmann::json& object) {
  const auto found = object.find("retry_after_seconds");
  if (found == object.end() || !found->is_number_unsigned()) return absl::ZeroDuration();
  constexpr auto kMost = static_cast<uint64_t>(limits::kHttpRetryAfterSecondsMax);
  return absl::Seconds(static_cast<int64_t>(std::min(found->get<uint64_t>(), kMost)));
}

}  // namespace

TargetAnswer ReadAnswer(absl::string_view text) {
  if (absl::StripAsciiWhitespace(text).empty()) return Unreadable("it gave no answer");
  nlohmann::json object;
  if (!ParseStrictJson(text, &object).ok()) {
    return Unreadable("its answer is not one JSON object");
  }
  const auto result = object.find("result");
  if (result == object.end() || !result->is_string()) {
    return Unreadable("its answer has no result");
  }
  for (const auto& [word, code] : kResults) {
    if (result->get_ref<const std::string&>() != word) continue;
    std::string message = MessageOf(object);
    if (message.empty()) message = "it says " + std::string(word);
    TargetAnswer answer{WithRetryAfter(absl::Status(code, message), WaitOf(object)), {}, {}};
    const auto works = object.find("works");
    if (works != object.end() && works->is_boolean()) answer.works = works->get<bool>();
    const auto sessions = object.find("sessions");
    if (sessions != object.end() && sessions->is_number_unsigned() &&
        sessions->get<uint64_t>() <= std::numeric_limits<int>::max()) {
      answer.sessions = sessions->get<int>();
    }
    return answer;
  }
  return Unreadable("its result is none of ok, transient, auth, policy, ambiguous and permanent");
}

}  // namespace keyturn
