#include "client/cli/commands/rotation_status.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "client/cli/findings.h"

namespace keyturn::cli {
namespace {

// The largest two units: nobody plans by the second of a day in March.
std::string Rough(absl::Duration length) {
  int64_t seconds = absl::ToInt64Seconds(length);
  if (seconds < 60) return absl::StrCat(seconds, "s");
  const int64_t days = seconds / 86'400, hours = seconds % 86'400 / 3600;
  const int64_t minutes = seconds % 3600 / 60;
  if (days > 0) return absl::StrCat(days, "d", hours > 0 ? absl::StrCat(hours, "h") : "");
  if (hours > 0) return absl::StrCat(hours, "h", minutes > 0 ? absl::StrCat(minutes, "m") : "");
  return absl::StrCat(minutes, "m");
}

std::string PolicyText(const v1::RotationPolicy& policy) {
  std::vector<std::string> words = {absl::StrCat("every ", LengthText(policy.period_seconds())),
                                    absl::StrCat("grace ", LengthText(policy.grace_seconds()))};
  if (policy.grace_mode() == v1::RotationPolicy::BEFORE) words.emplace_back("replaced before");
  words.push_back(policy.source().has_generate()
                      ? absl::StrCat("value made by the server (field ",
                                     policy.source().generate().field(), ")")
                      : "value put by its owner");
  if (!policy.target().empty()) words.push_back(absl::StrCat("set at ", policy.target()));
  if (policy.windows_size() > 0) {
    words.push_back(
        absl::StrCat(policy.windows_size(), policy.windows_size() == 1 ? " window, " : " windows, ",
                     policy.enforcement() == v1::RotationPolicy::SOFT ? "soft" : "strict"));
  }
  return absl::StrJoin(words, ", ");
}

std::string DueText(const v1::RotationStatus& status, absl::Time now) {
  if (const std::string gone = CurrentGone(status, now); !gone.empty()) {
    return absl::StrCat("nothing starts: ", gone, "; ", CurrentGoneStep(status, now),
                        status.paused() ? absl::StrCat("; paused: ", status.pause_reason()) : "");
  }
  if (status.paused()) return absl::StrCat("paused: ", status.pause_reason());
  if (!status.has_due_time()) return "";
  std::string text =
      absl::StrCat(TimeText(status.due_time()), " (", FromNow(TimeOf(status.due_time()), now), ")");
  if (status.lateness() == v1::RotationStatus::OVERDUE) absl::StrAppend(&text, ", OVERDUE");
  if (status.lateness() == v1::RotationStatus::CRITICAL) absl::StrAppend(&text, ", CRITICAL");
  if (status.has_hold_until_time()) {
    absl::StrAppend(&text, ", not before ", TimeText(status.hold_until_time()));
  }
  return text;
}

// "grace ends in 6d23h; 2 of 5 consumers still on v3: payments (2h ago), cron (5d ago)"
std::string UsedText(const v1::RotationStatus& status, const v1::VersionInfo& version,
                     absl::Time now) {
  constexpr size_t kNamed = 16;
  std::vector<std::string> names;
  size_t lagging = 0;
  for (const v1::Consumer& consumer : status.laggards()) {
    if (consumer.version() != version.version()) continue;
    if (++lagging > kNamed) continue;
    names.push_back(absl::StrCat(NameText(consumer.name()), " (", SeenText(consumer, now), ")"));
  }
  if (lagging == 0) return "";
  if (lagging > kNamed) names.push_back(absl::StrCat("and ", lagging - kNamed, " more"));
  return absl::StrCat("grace ends ", FromNow(TimeOf(version.grace_end_time()), now), "; ", lagging,
                      " of ", status.consumers(),
                      status.consumers() == 1 ? " consumer" : " consumers", " still on v",
                      version.version(), ": ", absl::StrJoin(names, ", "));
}

}  // namespace

std::string NameText(const std::string& name) {
  const bool odd = std::any_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_iscntrl(static_cast<unsigned char>(c));
  });
  return odd ? absl::Utf8SafeCHexEscape(name) : name;
}

std::string SeenText(const v1::Consumer& consumer, absl::Time now) {
  const absl::Time used = TimeOf(consumer.last_use_time());
  const absl::Time said = TimeOf(consumer.acknowledge_time());
  if (!consumer.has_last_use_time() && !consumer.has_acknowledge_time()) return "";
  return FromNow(std::min(now, std::max(used, said)), now);
}

std::string LengthText(int64_t seconds) {
  if (seconds % 86'400 == 0) return absl::StrCat(seconds / 86'400, "d");
  if (seconds % 3600 == 0) return absl::StrCat(seconds / 3600, "h");
  return absl::StrCat(seconds, "s");
}

std::string WordOf(const std::string& name, absl::string_view prefix) {
  return absl::AsciiStrToLower(absl::StripPrefix(name, prefix));
}

std::string FromNow(absl::Time time, absl::Time now) {
  return time >= now ? absl::StrCat("in ", Rough(time - now))
                     : absl::StrCat(Rough(now - time), " ago");
}

std::string RunText(const v1::RotationStatus& status, absl::Time now) {
  if (!status.has_open_run()) return "";
  const v1::RotationRun& run = status.open_run();
  if (run.state() == v1::RotationRun::AWAITING_VALUE) {
    return absl::StrCat("waits for a value: keyturn secret put ", status.path());
  }
  std::string text = absl::StrCat(WordOf(v1::RotationRun::State_Name(run.state()), ""), " at ",
                                  WordOf(v1::RotationRun::Step_Name(run.step()), ""));
  if (!run.error().empty()) {
    absl::StrAppend(&text, ": ", run.error(), " (", run.error_class(), ", ", run.attempts(),
                    " times)");
  }
  const bool replaces = run.step() < v1::RotationRun::ANNOUNCE &&
                        run.cause() != v1::RotationRun::ROLLBACK &&
                        status.kind() != v1::KIND_JWT_KEY;  // which needs no former one
  if (replaces && !CurrentGone(status, now).empty()) {
    return absl::StrCat(text, ", goes on when the current version is back");
  }
  if (run.has_next_attempt_time()) {
    absl::StrAppend(&text, ", again ", FromNow(TimeOf(run.next_attempt_time()), now));
  }
  return text;
}

std::vector<std::string> EndingTexts(const v1::RotationStatus& status, absl::Time now) {
  std::vector<std::string> texts;
  for (const v1::VersionInfo& version : status.versions()) {
    if (version.retire_error().empty()) continue;
    const bool ends = version.state() == v1::VERSION_STATE_GRACE;
    std::string text =
        absl::StrCat("version ", version.version(), ends ? " works until " : " is to end",
                     ends ? TimeText(version.grace_end_time()) : "");
    if (!version.target().empty()) absl::StrAppend(&text, " at ", version.target());
    absl::StrAppend(&text, ends ? ", which could not be told there: " : ": ",
                    version.retire_error());
    if (version.has_retire_retry_time()) {
      absl::StrAppend(&text, ", again ", FromNow(TimeOf(version.retire_retry_time()), now));
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

std::string MovedText(const v1::RotationStatus& status, uint64_t version, absl::Time end,
                      absl::Time now) {
  std::vector<std::string> texts;
  for (const v1::VersionInfo& one : status.versions()) {
    // Of two that end at the same second both are named: what is said is true of both.
    const bool moved = version == 0
                           ? one.has_grace_end_time() && TimeOf(one.grace_end_time()) == end
                           : one.version() == version;
    if (!moved) continue;
    texts.push_back(absl::StrCat("version ", one.version(), ", whose grace ends ",
                                 TimeText(one.grace_end_time()), " (",
                                 FromNow(TimeOf(one.grace_end_time()), now), ")"));
  }
  return absl::StrJoin(texts, "; ");
}

absl::Status PrintRotation(const Shell& shell, const v1::RotationStatus& status,
                           const Pairs& done) {
  if (shell.out().json()) return shell.out().PrintJson(ToJson(status));
  const absl::Time now = shell.clock().Now();
  if (!status.rotates()) {
    return shell.out().Object({{"secret", status.path()}, {"rotates", "no"}}, nullptr);
  }
  Pairs pairs = {{"secret", status.path()}};
  pairs.insert(pairs.end(), done.begin(), done.end());
  pairs.emplace_back("policy", PolicyText(status.effective_policy()));
  pairs.emplace_back("next", DueText(status, now));
  pairs.emplace_back("rotation", RunText(status, now));
  for (const v1::VersionInfo& version : status.versions()) {
    if (version.state() != v1::VERSION_STATE_GRACE) continue;
    pairs.emplace_back("in use", UsedText(status, version, now));
  }
  for (std::string& text : EndingTexts(status, now)) pairs.emplace_back("ending", std::move(text));
  RETURN_IF_ERROR(shell.out().Object(pairs, nullptr));
  const bool somewhere =
      std::any_of(status.versions().begin(), status.versions().end(),
                  [](const v1::VersionInfo& version) { return !version.target().empty(); });
  std::vector<std::string> head = {"VERSION", "STATE", "CURRENT SINCE", "WORKS UNTIL"};
  if (somewhere) head.emplace_back("TARGET");
  Table table(head);
  for (const v1::VersionInfo& version : status.versions()) {
    std::string state = WordOf(v1::VersionState_Name(version.state()), "VERSION_STATE_");
    if (version.compromised()) absl::StrAppend(&state, " (compromised)");
    if (version.has_delete_time()) absl::StrAppend(&state, " (deleted)");
    const bool ends = version.state() == v1::VERSION_STATE_GRACE;
    std::vector<std::string> row = {
        absl::StrCat(version.version()), state, TimeText(version.promote_time()),
        ends ? absl::StrCat(TimeText(version.grace_end_time()), " (",
                            FromNow(TimeOf(version.grace_end_time()), now), ")")
             : ""};
    if (somewhere) row.push_back(version.target());
    table.Add(row);
  }
  RETURN_IF_ERROR(shell.out().Raw("\n"));
  return shell.out().List(table, nullptr, "");
}

}  // namespace keyturn::cli
