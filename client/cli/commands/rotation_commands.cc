// rotation status|list|blocked|runs|run|cancel|rollback|extend|retire|pause|resume|accept-clock.
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/commands/rotation_status.h"
#include "client/cli/duration.h"
#include "client/cli/exit_codes.h"
#include "client/cli/findings.h"

namespace keyturn::cli {
namespace {

struct RotationFlags {
  std::string path, reason, confirm, within, until, hold;
  uint64_t version = 0;
  bool emergency = false, revoke_first = false, force = false, compromised = false;
  bool blocked = false, overdue = false;
};

constexpr char kReasonHelp[] = "why; it is kept in the audit log";

// What most commands do: one request about one secret, answered by its status.
template <typename Request, typename Send>
absl::Status Ask(Shell& shell, const Request& request, Send send) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::RotationStatus status, (client->*send)(request, shell.Options()));
  return PrintRotation(shell, status);
}

template <typename Request>
Request About(const RotationFlags& flags) {
  Request request;
  request.set_path(flags.path);
  return request;
}
template <typename Request>
Request WithReasonGiven(const RotationFlags& flags) {
  Request request = About<Request>(flags);
  request.set_reason(flags.reason);
  return request;
}

absl::Status Run(Shell& shell, const RotationFlags& flags) {
  auto request = WithReasonGiven<v1::RotateRequest>(flags);
  request.set_emergency(flags.emergency);
  request.set_revoke_first(flags.revoke_first);
  request.set_force(flags.force);
  if (flags.emergency || flags.force) {
    RETURN_IF_ERROR(shell.terminal().Confirm(
        flags.emergency
            ? absl::StrCat("the value of ", flags.path,
                           " that is in use ends at once, for everyone")
            : absl::StrCat("the oldest version of ", flags.path, " in its grace ends at once"),
        flags.path, flags.confirm));
  }
  return Ask(shell, request, &Client::Rotate);
}

absl::Status Rollback(Shell& shell, const RotationFlags& flags) {
  auto request = WithReasonGiven<v1::RollbackRequest>(flags);
  request.set_compromised(flags.compromised);
  if (!flags.hold.empty()) {
    ASSIGN_OR_RETURN(const int64_t seconds, ParseSeconds("--hold", flags.hold));
    request.set_hold_seconds(seconds);
  }
  return Ask(shell, request, &Client::Rollback);
}

absl::Status Extend(Shell& shell, const RotationFlags& flags) {
  auto request = WithReasonGiven<v1::SetGraceRequest>(flags);
  request.set_version(flags.version);
  ASSIGN_OR_RETURN(const absl::Time end, ParseEnd("--until", flags.until, shell.clock().Now()));
  const int64_t seconds = absl::ToUnixSeconds(end);
  request.mutable_end_time()->set_seconds(seconds);
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::RotationStatus status, client->SetGrace(request, shell.Options()));
  return PrintRotation(shell, status,
                       {{"moved", MovedText(status, flags.version, absl::FromUnixSeconds(seconds),
                                            shell.clock().Now())}});
}

absl::Status AcceptClock(Shell& shell, const RotationFlags& flags) {
  v1::AcceptClockRequest request;
  request.set_reason(flags.reason);
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::AcceptClockResponse accepted,
                   client->AcceptClock(request, shell.Options()));
  const auto text = [](const google::protobuf::Timestamp& time) {
    return google::protobuf::util::TimeUtil::ToString(time);
  };
  return shell.out().Object(
      {{"time of the server", text(accepted.time())},
       {"known before", accepted.has_known_time() ? text(accepted.known_time()) : ""},
       {"was believed", accepted.was_trusted() ? "yes" : "no"}},
      ToJson(accepted));
}

absl::Status Retire(Shell& shell, const RotationFlags& flags) {
  auto request = WithReasonGiven<v1::RetireRequest>(flags);
  request.set_version(flags.version);
  RETURN_IF_ERROR(shell.terminal().Confirm(
      absl::StrCat("version ", flags.version, " of ", flags.path, " ends at once, for everyone"),
      flags.path, flags.confirm));
  return Ask(shell, request, &Client::RetireVersion);
}

// Of one that was written this moment it is not known yet.
absl::Time DueOf(const v1::RotationStatus& status) {
  return status.has_due_time() ? TimeOf(status.due_time()) : absl::InfiniteFuture();
}

std::string Due(const v1::RotationStatus& status, absl::Time now) {
  if (status.paused() || !status.has_due_time() || !CurrentGone(status, now).empty()) return "";
  if (status.lateness() >= v1::RotationStatus::OVERDUE) {
    return v1::RotationStatus::Lateness_Name(status.lateness());
  }
  return FromNow(TimeOf(status.due_time()), now);
}

std::string Next(const v1::RotationStatus& status, absl::Time now) {
  if (!CurrentGone(status, now).empty()) return "nothing starts";
  return status.paused() ? "paused" : TimeText(status.due_time());
}

// Its run, what keeps it from one, and what is to end at a target and could not; a person has to
// see to it.
std::string ToDoText(const v1::RotationStatus& status, absl::Time now) {
  std::vector<std::string> texts = EndingTexts(status, now);
  if (const std::string gone = CurrentGone(status, now); !gone.empty()) {
    texts.insert(texts.begin(), gone);
  }
  if (status.has_open_run()) texts.insert(texts.begin(), RunText(status, now));
  return absl::StrJoin(texts, "; ");
}

bool IsWanted(const v1::RotationStatus& status, const RotationFlags& flags, absl::Time now,
              absl::Time latest) {
  if (flags.blocked) return NeedsPerson(status);
  if (flags.overdue) return IsOverdue(status, now);
  return flags.within.empty() || DueOf(status) <= latest;
}

const char* NothingFound(const RotationFlags& flags) {
  if (flags.blocked) return "no rotation is blocked";
  if (flags.overdue) return "no rotation is overdue";
  return flags.within.empty() ? "nothing rotates here" : "nothing rotates within that time";
}

absl::Status List(Shell& shell, const RotationFlags& flags) {
  const absl::Time now = shell.clock().Now();
  absl::Time latest = absl::InfiniteFuture();
  if (!flags.within.empty()) {
    ASSIGN_OR_RETURN(const absl::Duration within, ParseDuration("--within", flags.within));
    latest = now + within;
  }
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::ListRotationsRequest request;
  request.set_path(flags.path);
  std::vector<v1::RotationStatus> found;
  do {
    ASSIGN_OR_RETURN(const v1::ListRotationsResponse page,
                     client->ListRotations(request, shell.Options()));
    for (const v1::RotationStatus& status : page.rotations()) {
      if (IsWanted(status, flags, now, latest)) found.push_back(status);
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return DueOf(a) < DueOf(b); });
  Table table({"SECRET", "KIND", "NEXT", "DUE", "ROTATION"});
  Json items = Json::array();
  for (const v1::RotationStatus& status : found) {
    table.Add({status.path(), WordOf(v1::Kind_Name(status.kind()), "KIND_"), Next(status, now),
               Due(status, now), ToDoText(status, now)});
    items.push_back(ToJson(status));
  }
  return shell.out().List(table, std::move(items), NothingFound(flags));
}

absl::Status Runs(Shell& shell, const RotationFlags& flags) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(
      const v1::ListRotationRunsResponse runs,
      client->ListRotationRuns(About<v1::ListRotationRunsRequest>(flags), shell.Options()));
  Table table({"RUN", "CAUSE", "STATE", "VERSION", "STARTED", "ENDED", "BY", "REASON"});
  Json items = Json::array();
  for (const v1::RotationRun& run : runs.runs()) {
    table.Add({absl::StrCat(run.number()), WordOf(v1::RotationRun::Cause_Name(run.cause()), ""),
               WordOf(v1::RotationRun::State_Name(run.state()), ""),
               run.version() == 0 ? "" : absl::StrCat(run.version()), TimeText(run.start_time()),
               TimeText(run.end_time()), run.principal(),
               run.error().empty() ? run.reason() : run.error()});
    items.push_back(ToJson(run));
  }
  return shell.out().List(table, std::move(items), "it was never rotated");
}

void AddReading(Command rotation, Shell& shell, const std::shared_ptr<RotationFlags>& flags) {
  RotationFlags* const f = flags.get();
  const Command status = rotation.Add("status", "When a secret rotates, and which versions work",
                                      "  keyturn rotation status app/jwt-secret");
  status.AddOption("path", f->path).Required();
  status.On(shell, [&shell, flags] {
    return Ask(shell, About<v1::GetRotationStatusRequest>(*flags), &Client::GetRotationStatus);
  });
  const Command list = rotation.Add("list", "What rotates when, soonest first",
                                    "  keyturn rotation list app/ --within 30d\n"
                                    "  keyturn rotation list --blocked");
  list.AddOption("path", f->path, "a directory; default: everything");
  const Option within = list.AddOption("--within", f->within, "due by then, such as 30d");
  const Option blocked = list.AddFlag("--blocked", f->blocked, "that need a person");
  list.AddFlag("--overdue", f->overdue, "past their deadline").Excludes(blocked).Excludes(within);
  list.On(shell, [&shell, flags] { return List(shell, *flags); });
  const Command stuck = rotation.Add("blocked", "Rotations that need a person, as list --blocked",
                                     "  keyturn rotation blocked\n"
                                     "  keyturn rotation blocked app/");
  stuck.AddOption("path", f->path, "a directory; default: everything");
  stuck.On(shell, [&shell, flags] {
    flags->blocked = true;
    return List(shell, *flags);
  });
  const Command runs = rotation.Add("runs", "The last rotations of a secret",
                                    "  keyturn rotation runs app/jwt-secret");
  runs.AddOption("path", f->path).Required();
  runs.On(shell, [&shell, flags] { return Runs(shell, *flags); });
}

void AddRunning(Command rotation, Shell& shell, const std::shared_ptr<RotationFlags>& flags) {
  RotationFlags* const f = flags.get();
  const Command run = rotation.Add(
      "run", "Rotate a secret now, or go on with its open rotation",
      "  keyturn rotation run app/jwt-secret\n"
      "  keyturn rotation run app/jwt-secret --emergency --revoke-first --reason 'it leaked'");
  run.AddOption("path", f->path).Required();
  const Option emergency =
      run.AddFlag("--emergency", f->emergency, "without grace: what is in use ends at once");
  run.AddFlag("--revoke-first", f->revoke_first, "even before there is a new value")
      .Needs(emergency);
  run.AddFlag("--force", f->force, "end the oldest grace, if too many versions work");
  run.AddOption("--reason", f->reason, kReasonHelp);
  run.AddOption("--confirm", f->confirm, "the path, to go on without a question");
  run.On(shell, [&shell, flags] { return Run(shell, *flags); });

  const Command cancel =
      rotation.Add("cancel", "End the open rotation before its version is in use");
  cancel.AddOption("path", f->path).Required();
  cancel.AddOption("--reason", f->reason, kReasonHelp).Required();
  cancel.On(shell, [&shell, flags] {
    return Ask(shell, WithReasonGiven<v1::CancelRotationRequest>(*flags), &Client::CancelRotation);
  });

  const Command rollback =
      rotation.Add("rollback", "Back to the version before, while it is in its grace",
                   "  keyturn rotation rollback app/db-password --reason 'the new one is refused'");
  rollback.AddOption("path", f->path).Required();
  rollback.AddOption("--reason", f->reason, kReasonHelp).Required();
  rollback.AddFlag("--compromised", f->compromised, "what is replaced ends at once");
  rollback.AddOption("--hold", f->hold, "no scheduled rotation for so long; default 24h");
  rollback.On(shell, [&shell, flags] { return Rollback(shell, *flags); });
}

void AddEnding(Command rotation, Shell& shell, const std::shared_ptr<RotationFlags>& flags) {
  RotationFlags* const f = flags.get();
  const Command extend =
      rotation.Add("extend", "Move the end of a version's grace, later or earlier",
                   "  keyturn rotation extend app/key --until 14d --reason 'a partner is late'");
  extend.AddOption("path", f->path).Required();
  extend.AddOption("--until", f->until, "a moment, or how long from now").Required();
  extend.AddOption("--version", f->version, "default: the one whose grace ends first");
  extend.AddOption("--reason", f->reason, kReasonHelp).Required();
  extend.On(shell, [&shell, flags] { return Extend(shell, *flags); });
  const Command retire = rotation.Add("retire", "End a version's grace now");
  retire.AddOption("path", f->path).Required();
  retire.AddOption("--version", f->version, "of those in grace").Required();
  retire.AddOption("--reason", f->reason, kReasonHelp).Required();
  retire.AddOption("--confirm", f->confirm, "the path, to go on without a question");
  retire.On(shell, [&shell, flags] { return Retire(shell, *flags); });
  const Command pause = rotation.Add("pause", "No scheduled rotation until it is resumed",
                                     "  keyturn rotation pause app/key --reason 'release freeze'");
  pause.AddOption("path", f->path).Required();
  pause.AddOption("--reason", f->reason, kReasonHelp).Required();
  pause.On(shell, [&shell, flags] {
    return Ask(shell, WithReasonGiven<v1::PauseRotationRequest>(*flags), &Client::PauseRotation);
  });
  const Command resume = rotation.Add("resume", "Scheduled rotations again");
  resume.AddOption("path", f->path).Required();
  resume.On(shell, [&shell, flags] {
    return Ask(shell, About<v1::ResumeRotationRequest>(*flags), &Client::ResumeRotation);
  });
  const Command accept = rotation.Add(
      "accept-clock", "The server's clock is right: what has waited for that is done",
      "  keyturn rotation accept-clock --reason 'the battery of its clock was replaced'");
  accept.AddOption("--reason", f->reason, kReasonHelp).Required();
  accept.On(shell, [&shell, flags] { return AcceptClock(shell, *flags); });
}

}  // namespace

void AddRotationCommands(Command app, Shell& shell) {
  const Command rotation = app.Add("rotation", "When secrets get new values, and doing it now");
  rotation.NeedSubcommand();
  const auto flags = std::make_shared<RotationFlags>();
  AddReading(rotation, shell, flags);
  AddRunning(rotation, shell, flags);
  AddEnding(rotation, shell, flags);
  AddRotationForecastCommands(rotation, shell);
  AddRotationWatchCommand(rotation, shell);
  AddRotationPolicyCommands(rotation, shell);
}

}  // namespace keyturn::cli
