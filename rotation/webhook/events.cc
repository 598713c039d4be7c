#include "rotation/webhook/events.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "rotation/target/json_sink.h"
#include "vault/rotation_rules.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

using Run = v1::RotationRun;

struct Told {
  absl::string_view event, type;
  bool of_run;  // else of one version, whatever run there is
};
constexpr Told kTold[] = {
    {"rotation_requested", "rotation.started", true},
    {"rotation_started", "rotation.started", true},
    {"rotation_awaiting_value", "rotation.awaiting_value", true},
    {"rotation_promoted", "rotation.promoted", true},
    {"secret_written", "rotation.promoted", true},
    {"rotation_rolled_back", "rotation.rolled_back", true},
    {"rotation_failed", "rotation.failed", true},
    {"rotation_blocked", "rotation.blocked", true},
    {"rotation_grace_set", "rotation.grace_moved", false},
    {"rotation_grace_extended", "rotation.laggards", false},
    {"rotation_grace_ended", "rotation.grace_ended", false},
    {"rotation_retired", "rotation.retired", false},
    {"rotation_retire_failed", "rotation.retire_failed", false},
    {"rotation_due", "rotation.due", false},
    {"rotation_grace_ending", "rotation.grace_ending", false},
    {"rotation_end_announced", "rotation.grace_ending", false},
    {"rotation_overdue", "rotation.overdue", false},
    {"apikey_due", "api_key.due", false},
};
constexpr absl::string_view kEmergency = "rotation.emergency";

const Told* Find(absl::string_view event) {
  const Told* const found = std::find_if(std::begin(kTold), std::end(kTold),
                                         [event](const Told& told) { return told.event == event; });
  return found == std::end(kTold) ? nullptr : found;
}

std::vector<absl::string_view> Types() {
  std::set<absl::string_view> types = {kEmergency};
  for (const Told& told : kTold) types.insert(told.type);
  return {types.begin(), types.end()};
}

class Data {
 public:
  explicit Data(JsonSink& sink) : sink_(sink) { sink_.Begin(); }
  void Text(absl::string_view name, absl::string_view text) {
    if (text.empty()) return;
    sink_.Name(name);
    sink_.String(text);
  }
  void Number(absl::string_view name, uint64_t number) {
    if (number == 0) return;
    sink_.Name(name);
    sink_.Put(absl::StrCat(number));
  }
  void Flag(absl::string_view name, bool set) {
    if (!set) return;
    sink_.Name(name);
    sink_.Put("true");
  }
  void End() { sink_.End(); }

 private:
  JsonSink& sink_;
};

bool IsOfApiKey(absl::string_view type) { return absl::StartsWith(type, "api_key."); }

// Written twice: once to count.
template <typename Fill>
std::string Json(absl::string_view type, absl::Time time, Fill fill) {
  const auto write = [&](JsonSink& sink) {
    Data outer(sink);
    outer.Text("type", type);
    outer.Text("timestamp", NoticeTime(time));
    sink.Name("data");
    Data data(sink);
    fill(data);
    data.End();
    outer.End();
  };
  JsonSink counting(nullptr);
  write(counting);
  std::string out(counting.size(), '\0');
  JsonSink writing(out.data());
  write(writing);
  return out;
}

absl::string_view NoteOf(absl::Span<const std::pair<std::string, std::string>> notes,
                         absl::string_view name) {
  for (const auto& [its, value] : notes) {
    if (its == name) return value;
  }
  return "";
}

std::string GraceEnd(const SecretMetadata& metadata, uint64_t number) {
  const VersionRecord* const version = FindVersion(metadata, number);
  if (version == nullptr || !IsState(*version, v1::VERSION_STATE_GRACE)) return "";
  if (version->grace_end_ms() == 0) return "";
  return NoticeTime(absl::FromUnixMillis(version->grace_end_ms()));
}

}  // namespace

std::string NoticeTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

absl::string_view WebhookTypeOf(absl::string_view event) {
  const Told* const told = Find(event);
  return told == nullptr ? "" : told->type;
}

absl::string_view WebhookTypeOf(const RotationNews& news) {
  const Run::Cause cause = news.run == nullptr ? Run::CAUSE_UNSPECIFIED : news.run->cause();
  if (cause == Run::EMERGENCY && news.event == "rotation_requested") return kEmergency;
  if (cause == Run::ROLLBACK && news.event == "rotation_promoted") return "rotation.rolled_back";
  return WebhookTypeOf(news.event);
}

std::string WebhookBody(absl::string_view type, const RotationNews& news,
                        absl::Span<const std::pair<std::string, std::string>> notes) {
  const Told* const told = Find(news.event);
  const bool of_run = told != nullptr && told->of_run && news.run != nullptr;
  return Json(type, news.time, [&](Data& data) {
    data.Text(IsOfApiKey(type) ? "path" : "secret", news.path);
    if (!of_run) {
      uint64_t version = 0;
      static_cast<void>(absl::SimpleAtoi(NoteOf(notes, "version"), &version));
      data.Number("version", version);
      data.Text("grace_until", GraceEnd(news.metadata, version));
      // Who they are is in the audit log.
      data.Flag("still_used", !NoteOf(notes, "still_used_by").empty());
      data.Text("error_class", NoteOf(notes, "error_class"));
      data.Text("id", IsOfApiKey(type) ? NoteOf(notes, "id") : "");
      data.Text("expires", NoteOf(notes, "expires"));
      data.Text("due", NoteOf(notes, "due"));
      data.Flag("needs_value", !NoteOf(notes, "needs_value").empty());
      data.Text("deadline", NoteOf(notes, "deadline"));
      data.Flag("critical", !NoteOf(notes, "critical").empty());
      return;
    }
    data.Number("version", news.run->version());
    data.Number("previous", news.run->previous_version());
    data.Text("grace_until", GraceEnd(news.metadata, news.run->previous_version()));
    data.Text("cause", absl::AsciiStrToLower(Run::Cause_Name(news.run->cause())));
    data.Text("error_class", NoteOf(notes, "error_class"));
  });
}

std::string VerifyBody(const Uuid& webhook, absl::Time time) {
  return Json(kVerifyType, time, [&](Data& data) { data.Text("webhook", webhook.ToString()); });
}

bool TypeMatches(absl::string_view pattern, absl::string_view type) {
  if (!absl::EndsWith(pattern, "*")) return pattern == type;
  return absl::StartsWith(type, pattern.substr(0, pattern.size() - 1));
}

absl::Status CheckTypePattern(absl::string_view pattern) {
  const std::vector<absl::string_view> types = Types();
  const bool any = std::any_of(types.begin(), types.end(), [pattern](absl::string_view type) {
    return TypeMatches(pattern, type);
  });
  if (any) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("types: no event is of one of them; there are ",
                                                 absl::StrJoin(types, ", "),
                                                 ", and a * at the end stands for any rest"));
}

}  // namespace keyturn
