// rotation plan|calendar|simulate.
#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/commands/rotation_policy_flags.h"
#include "client/cli/commands/rotation_status.h"
#include "client/cli/duration.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"
#include "client/cli/forecast_chart.h"
#include "client/cli/forecast_svg.h"
#include "client/cli/message_file.h"

namespace keyturn::cli {
namespace {

constexpr int kDaysMax = static_cast<int>(limits::kForecastSecondsMax / limits::kDaySeconds);
constexpr int kMonthsMax = 13;
constexpr int kBarColumns = 50;

struct ForecastFlags {
  RotationPolicyFlags policy;
  std::string svg, delay;
  int days = 0, months = 3;
  bool picture = false;
};

absl::Status AddDelay(const ForecastFlags& flags, v1::ForecastRequest* request) {
  if (flags.delay.empty()) return absl::OkStatus();
  int64_t seconds = -1;
  if (flags.delay != "never") {
    ASSIGN_OR_RETURN(seconds, ParseSeconds("--value-delay", flags.delay));
  }
  request->set_value_delay_seconds(seconds);
  return absl::OkStatus();
}

absl::StatusOr<v1::ForecastRequest> RequestOf(const ForecastFlags& flags, int days) {
  v1::ForecastRequest request;
  request.set_path(flags.policy.path);
  request.set_span_seconds(days * limits::kDaySeconds);
  RETURN_IF_ERROR(AddDelay(flags, &request));
  v1::RotationPolicy policy;
  if (!flags.policy.file.empty()) {
    RETURN_IF_ERROR(ReadMessageFile(flags.policy.file, &policy));
  }
  RETURN_IF_ERROR(ApplyRotationPolicyFlags(flags.policy, &policy));
  const bool changes_only = flags.policy.file.empty();
  if (changes_only) {
    for (const auto field : ClearedByRotationPolicyFlags(flags.policy)) request.add_cleared(field);
    if (policy.ByteSizeLong() == 0 && request.cleared().empty()) return request;
  }
  *request.mutable_policy() = policy;
  request.set_changes_only(changes_only);
  return request;
}

absl::StatusOr<Foreseen> Foresee(Shell& shell, v1::ForecastRequest request) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  Foreseen all;
  bool first = true;
  do {
    ASSIGN_OR_RETURN(v1::ForecastResponse page, client->Forecast(request, shell.Options()));
    if (std::exchange(first, false)) {
      all.from = TimeOf(page.time());
      all.end = TimeOf(page.end_time());
      all.clock_trusted = page.clock_trusted();
    }
    for (v1::Forecast& forecast : *page.mutable_forecasts()) {
      all.forecasts.push_back(std::move(forecast));
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  if (!all.clock_trusted) {
    shell.terminal().Say(
        "the server does not believe its clock: nothing of this happens before it does; keyturn "
        "rotation accept-clock says that it is right");
  }
  return all;
}

absl::Status Plan(Shell& shell, const ForecastFlags& flags) {
  ASSIGN_OR_RETURN(const v1::ForecastRequest request, RequestOf(flags, flags.days));
  ASSIGN_OR_RETURN(const Foreseen foreseen, Foresee(shell, request));
  Table table({"WHEN", "IN", "SECRET", "WHAT", "WHY"});
  Json items = Json::array();
  for (const v1::Forecast& forecast : foreseen.forecasts) {
    for (const int obstacle : forecast.obstacles()) {
      table.Add({"", "", forecast.path(), ObstacleText(forecast, obstacle), ""});
      items.push_back(
          {{"path", forecast.path()}, {"obstacle", v1::Forecast::Obstacle_Name(obstacle)}});
    }
  }
  for (const Moment& moment : MomentsOf(foreseen)) {
    table.Add({TimeText(moment.time), FromNow(moment.time, foreseen.from), moment.secret->path(),
               WhatText(moment.event), WhyText(moment.event)});
    Json item = {{"path", moment.secret->path()}};
    item.update(ToJson(moment.event));
    items.push_back(std::move(item));
  }
  return shell.out().List(table, std::move(items),
                          absl::StrCat("nothing happens within ", flags.days, " days"));
}

absl::Status Calendar(Shell& shell, const ForecastFlags& flags) {
  // To the end of the last month, and no further than can be asked for.
  const absl::CivilDay today = absl::ToCivilDay(shell.clock().Now(), absl::UTCTimeZone());
  const auto days =
      std::min<int64_t>(absl::CivilDay(absl::CivilMonth(today) + flags.months) - today, kDaysMax);
  ASSIGN_OR_RETURN(const v1::ForecastRequest request, RequestOf(flags, static_cast<int>(days)));
  ASSIGN_OR_RETURN(const Foreseen foreseen, Foresee(shell, request));
  const std::vector<Moment> moments = MomentsOf(foreseen);
  if (!shell.out().json()) return shell.out().Raw(CalendarText(foreseen, moments, flags.months));
  Json items = Json::array();
  for (const auto& [day, load] : LoadByDay(moments)) {
    items.push_back({{"day", absl::FormatCivilTime(day)},
                     {"rotations", load.made},
                     {"awaitingValue", load.asked},
                     {"retired", load.ended}});
  }
  return shell.out().PrintJson({{"items", std::move(items)}});
}

// What one secret does in all.
std::vector<std::string> RowOf(const v1::Forecast& forecast, const std::vector<Moment>& moments) {
  Load load;
  std::string first, last;
  uint64_t newest = forecast.current_version();
  for (const Moment& moment : moments) {
    if (moment.secret != &forecast) continue;
    if (moment.event.kind() == v1::ForecastEvent::RETIRED) ++load.ended;
    if (moment.event.kind() == v1::ForecastEvent::PROMOTED) newest = moment.event.version();
    if (!moment.starts) continue;
    ++(moment.event.kind() == v1::ForecastEvent::AWAITING_VALUE ? load.asked : load.made);
    last = TimeText(moment.time);
    if (first.empty()) first = last;
  }
  std::string note;
  for (const int obstacle : forecast.obstacles()) {
    absl::StrAppend(&note, note.empty() ? "" : "; ", ObstacleText(forecast, obstacle));
  }
  return {forecast.path(),
          LengthText(forecast.effective_policy().period_seconds()),
          LengthText(forecast.effective_policy().grace_seconds()),
          absl::StrCat(load.made),
          absl::StrCat(load.asked),
          absl::StrCat(load.ended),
          first,
          last,
          absl::StrCat(forecast.current_version(), " -> ", newest),
          note};
}

absl::Status Simulate(Shell& shell, const ForecastFlags& flags) {
  ASSIGN_OR_RETURN(const v1::ForecastRequest request, RequestOf(flags, flags.days));
  ASSIGN_OR_RETURN(const Foreseen foreseen, Foresee(shell, request));
  const std::vector<Moment> moments = MomentsOf(foreseen);
  std::map<const v1::Forecast*, std::vector<Moment>> by_secret;
  for (const Moment& moment : moments) by_secret[moment.secret].push_back(moment);
  Table table(
      {"SECRET", "EVERY", "GRACE", "MADE", "ASKED", "ENDED", "FIRST", "LAST", "VERSION", "NOTE"});
  Json items = Json::array();
  for (const v1::Forecast& forecast : foreseen.forecasts) {
    table.Add(RowOf(forecast, by_secret[&forecast]));
    items.push_back(ToJson(forecast));
  }
  const std::vector<Week> weeks = WeeksOf(foreseen, moments);
  if (!flags.svg.empty()) {
    const std::string where = flags.policy.path.empty() ? "all secrets" : flags.policy.path;
    const std::string title =
        absl::StrCat("Rotations of ", where, ", ", flags.days, " days from ",
                     absl::FormatTime("%Y-%m-%d", foreseen.from, absl::UTCTimeZone()),
                     request.has_policy() ? " (what if)" : "");
    RETURN_IF_ERROR(WriteFileWhole(flags.svg, ForecastSvg(title, weeks), 0644));
    shell.terminal().Say(absl::StrCat("the picture is in ", flags.svg));
  }
  RETURN_IF_ERROR(shell.out().List(table, std::move(items), "nothing rotates here"));
  const bool picture =
      flags.picture || (flags.svg.empty() && shell.terminal().stdout_is_terminal());
  if (shell.out().json() || !picture || foreseen.forecasts.empty()) return absl::OkStatus();
  const std::string busiest = BusiestText(moments);
  return shell.out().Raw(absl::StrCat("\n", BarsText(weeks, kBarColumns),
                                      busiest.empty() ? "" : "\n", busiest,
                                      busiest.empty() ? "" : "\n"));
}

void AddShared(Command command, ForecastFlags* flags) {
  command.AddOption("path", flags->policy.path, "a secret or a directory; default: everything");
  command.AddOption("--value-delay", flags->delay,
                    "until an owner who is asked has put a value: 3d, or never; default: at once");
}

}  // namespace

void AddRotationForecastCommands(Command rotation, Shell& shell) {
  const auto plan_flags = std::make_shared<ForecastFlags>();
  plan_flags->days = 30;
  const Command plan = rotation.Add("plan", "What rotations do next, in the order of time",
                                    "  keyturn rotation plan\n"
                                    "  keyturn rotation plan app/ --days 90");
  AddShared(plan, plan_flags.get());
  plan.AddOption("--days", plan_flags->days, "from now; default 30").Range(1, kDaysMax);
  plan.On(shell, [&shell, plan_flags] { return Plan(shell, *plan_flags); });

  const auto calendar_flags = std::make_shared<ForecastFlags>();
  const Command calendar = rotation.Add("calendar", "How many rotations start on each day",
                                        "  keyturn rotation calendar\n"
                                        "  keyturn rotation calendar app/ --months 6");
  AddShared(calendar, calendar_flags.get());
  calendar.AddOption("--months", calendar_flags->months, "this one included; default 3")
      .Range(1, kMonthsMax);
  calendar.Footer(
      "Days are those of UTC. The height beside a number is how it is to the busiest day.");
  calendar.On(shell, [&shell, calendar_flags] { return Calendar(shell, *calendar_flags); });

  const auto flags = std::make_shared<ForecastFlags>();
  flags->days = 365;
  const Command simulate = rotation.Add(
      "simulate", "What would happen in a year, by the policies or by another one",
      "  keyturn rotation simulate\n"
      "  keyturn rotation simulate app/ --days 365 --svg year.svg\n"
      "  keyturn rotation simulate app/jwt-secret --period 30d --grace 3d\n"
      "  keyturn rotation simulate app/ --window '0 2 * * SUN 4h Europe/Berlin' -o json");
  AddShared(simulate, flags.get());
  simulate.AddOption("--days", flags->days, "from now; default 365").Range(1, kDaysMax);
  simulate.AddOption("--svg", flags->svg, "write the picture to this file");
  simulate.AddFlag("--picture", flags->picture, "draw it below the table; default on a terminal");
  AddRotationPolicyFlags(simulate, &flags->policy);
  simulate.AddOption("--file", flags->policy.file, "another policy as JSON, instead of the stored");
  simulate.Footer(
      "Nothing is changed. Flags of a policy say what would be with it; what they do not say is "
      "as\n"
      "stored. MADE: values that the server makes; ASKED: those that an owner is asked for.");
  simulate.On(shell, [&shell, flags] { return Simulate(shell, *flags); });
}

}  // namespace keyturn::cli
