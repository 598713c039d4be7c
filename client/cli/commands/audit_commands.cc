// audit tail|search|verify.
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/cli/audit_check.h"
#include "client/cli/commands/commands.h"
#include "client/cli/duration.h"
#include "client/cli/exit_codes.h"
#include "client/cli/offline_audit.h"
#include "client/cli/progress.h"

namespace keyturn::cli {
namespace {

std::string Line(const v1::AuditEntry& entry) {
  std::string line = absl::StrCat(
      TimeText(entry.time()), "  ", entry.sequence(), "  ", entry.event(), "  ", entry.outcome(),
      entry.reason().empty() ? "" : absl::StrCat(" (", entry.reason(), ")"), "  ",
      entry.principal());
  if (!entry.resource().empty()) absl::StrAppend(&line, "  ", entry.resource());
  if (entry.version() != 0) absl::StrAppend(&line, "@", entry.version());
  // What the server does by itself comes from nowhere and has no call.
  if (!entry.source().empty()) absl::StrAppend(&line, "  from ", entry.source());
  if (!entry.correlation_id().empty()) absl::StrAppend(&line, "  id ", entry.correlation_id());
  if (entry.count() > 1) absl::StrAppend(&line, "  x", entry.count());
  return line;
}

struct TailFlags {
  bool follow = false;
  uint32_t last = 10;
  uint64_t from = 0;
};

absl::Status Tail(Shell& shell, const TailFlags& flags) {
  RETURN_IF_ERROR(shell.out().Require({Format::kTable, Format::kJson}));
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::TailRequest request;
  request.set_from_sequence(flags.from);
  request.set_last(flags.last);
  request.set_follow(flags.follow);
  absl::Status printed;
  uint64_t next = flags.from;
  const absl::Status ended = client->TailAudit(
      request,
      [&](v1::AuditEntry& entry) {
        next = entry.sequence() + 1;
        printed = shell.out().Raw((shell.out().json() ? ToJson(entry).dump() : Line(entry)) + "\n");
        return printed.ok();
      },
      shell.Options(/*stream=*/true));
  RETURN_IF_ERROR(printed);
  if (ended.ok() || next == flags.from) return ended;
  return WithHelp(ended, absl::StrCat("keyturn audit tail --follow --from ", next));
}

struct SearchFlags {
  std::string after, before, event, principal, path, id, outcome, page_token;
  int limit = 100;
};

absl::StatusOr<v1::SearchAuditRequest> RequestOf(const SearchFlags& flags, absl::Time now) {
  v1::SearchAuditRequest request;
  if (!flags.after.empty()) {
    ASSIGN_OR_RETURN(const absl::Time time, ParseMoment("--after", flags.after, now));
    request.mutable_after()->set_seconds(absl::ToUnixSeconds(time));
  }
  if (!flags.before.empty()) {
    ASSIGN_OR_RETURN(const absl::Time time, ParseMoment("--before", flags.before, now));
    request.mutable_before()->set_seconds(absl::ToUnixSeconds(time));
  }
  request.set_event(flags.event);
  request.set_principal(flags.principal);
  request.set_resource_prefix(flags.path);
  request.set_correlation_id(flags.id);
  request.set_outcome(flags.outcome);
  request.set_page_token(flags.page_token);
  return request;
}

absl::Status Search(Shell& shell, const SearchFlags& flags) {
  RETURN_IF_ERROR(shell.out().Require({Format::kTable, Format::kJson}));
  ASSIGN_OR_RETURN(v1::SearchAuditRequest request, RequestOf(flags, shell.clock().Now()));
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  Json items = Json::array();
  std::string lines;
  int found = 0;
  do {
    request.set_page_size(flags.limit - found);
    ASSIGN_OR_RETURN(const v1::SearchAuditResponse page,
                     client->SearchAudit(request, shell.Options()));
    for (const v1::AuditEntry& entry : page.entries()) {
      ++found;
      items.push_back(ToJson(entry));
      absl::StrAppend(&lines, Line(entry), "\n");
    }
    request.set_page_token(page.next_page_token());
  } while (found < flags.limit && !request.page_token().empty());
  if (shell.out().json()) {
    return shell.out().List(Table({}), std::move(items), "", request.page_token());
  }
  if (found == 0) shell.terminal().Say("no entries match");
  RETURN_IF_ERROR(shell.out().Raw(lines));
  if (!request.page_token().empty()) {
    shell.terminal().Say(absl::StrCat("there may be more: --page-token ", request.page_token()));
  }
  return absl::OkStatus();
}

struct VerifyFlags {
  std::string offline, public_key, noted;
  Option public_key_option, noted_option;
};

// An empty variable of a script must not mean that nothing is checked.
absl::Status CheckGiven(const VerifyFlags& flags) {
  if (flags.noted_option.given() && flags.noted.empty()) {
    return UsageError("--noted must be ENTRIES:HEAD, as `audit verify` printed it as note");
  }
  if (flags.public_key_option.given() && flags.public_key.empty()) {
    return UsageError("--public-key must be 64 hexadecimal digits");
  }
  return absl::OkStatus();
}

absl::Status Verify(Shell& shell, const VerifyFlags& flags) {
  RETURN_IF_ERROR(CheckGiven(flags));
  v1::VerifyAuditResponse result;
  const bool offline = !flags.offline.empty();
  if (!offline) {
    if (!flags.public_key.empty()) return UsageError("--public-key goes with --offline");
    if (!flags.noted.empty()) return UsageError("--noted goes with --offline");
    ASSIGN_OR_RETURN(Client* const client, shell.Connect());
    ASSIGN_OR_RETURN(result, VerifyAudit(shell, *client, shell.Options(/*stream=*/true)));
  } else {
    Progress progress("audit entries checked", shell.terminal(), shell.clock());
    const auto tell = [&](uint64_t entries, uint64_t total) {
      progress.Update(entries, total);
      return absl::OkStatus();
    };
    ASSIGN_OR_RETURN(result,
                     VerifyAuditOffline(flags.offline, flags.public_key, flags.noted, tell));
  }
  const std::string head = absl::BytesToHexString(result.head_hash());
  // Of a log that is whole, to be kept elsewhere.
  const bool whole = result.problems().empty() && result.entries() > 0;
  const std::string note = whole ? absl::StrCat(result.entries(), ":", head) : "";
  Pairs pairs = {
      {"entries", absl::StrCat(result.entries())},
      {"signed up to", !offline || !flags.public_key.empty() ? absl::StrCat(result.signed_entries())
                                                             : "not checked: give --public-key"},
      {"head", head},
      {"note", note},
      {"public key", absl::BytesToHexString(result.public_key())},
      {"problems", absl::StrCat(result.problems_size())}};
  for (const std::string& problem : result.problems()) pairs.emplace_back("problem", problem);
  Json value = ToJson(result);
  value["headHash"] = head;
  if (whole) value["note"] = note;
  value["publicKey"] = absl::BytesToHexString(result.public_key());
  RETURN_IF_ERROR(shell.out().Object(pairs, value));
  if (result.problems().empty()) return absl::OkStatus();
  return WithHelp(
      WithExitCode(
          absl::DataLossError(absl::StrCat(result.problems_size(), " problems in the audit log")),
          kExitCheckFailed),
      "keep a copy as evidence; \"When something is wrong\" in docs/OPERATIONS.md goes on");
}

}  // namespace

void AddAuditCommands(Command app, Shell& shell) {
  const Command audit = app.Add("audit", "Who did what: read and verify the audit log");
  audit.NeedSubcommand();

  const auto tail_flags = std::make_shared<TailFlags>();
  const Command tail = audit.Add("tail", "Show the newest entries",
                                 "  keyturn audit tail --last 50\n"
                                 "  keyturn audit tail --follow -o json | jq .event");
  tail.AddFlag("-f,--follow", tail_flags->follow, "and new ones as they come, until ctrl-C");
  tail.AddOption("-n,--last", tail_flags->last, "how many; default 10");
  tail.AddOption("--from", tail_flags->from, "all from this sequence number on");
  tail.On(shell, [&shell, tail_flags] { return Tail(shell, *tail_flags); });

  const auto flags = std::make_shared<SearchFlags>();
  const Command search =
      audit.Add("search", "Find entries",
                "  keyturn audit search --event secret_read --path app/prod/db --after 24h\n"
                "  keyturn audit search --event authentication_failure --after 2026-11-01\n"
                "  keyturn audit search --id REQUEST_ID");
  search.AddOption("--after", flags->after, "a time, or how long ago, such as 24h");
  search.AddOption("--before", flags->before, "a time, or how long ago");
  search.AddOption("--event", flags->event, "such as secret_read; docs/AUDIT.md lists them");
  search.AddOption("--principal", flags->principal);
  search.AddOption("--path", flags->path, "what the path or name begins with");
  search.AddOption("--id", flags->id, "the request id");
  search.AddOption("--outcome", flags->outcome, "ok, or a code such as PERMISSION_DENIED");
  search.AddOption("--limit", flags->limit, "at most so many; default 100").Range(1, 10'000);
  search.AddOption("--page-token", flags->page_token, "go on where a search ended");
  search.On(shell, [&shell, flags] { return Search(shell, *flags); });

  const auto verify_flags = std::make_shared<VerifyFlags>();
  const Command verify =
      audit.Add("verify", "Check that no entry was changed, removed or put in",
                "  keyturn audit verify\n"
                "  keyturn audit verify --offline /var/lib/keyturn/audit --public-key HEX   # "
                "without a server");
  verify.AddOption("--offline", verify_flags->offline,
                   "the directory of the segments of a stopped server, or "
                   "a copy");
  verify_flags->public_key_option = verify.AddOption(
      "--public-key", verify_flags->public_key,
      "check signatures too; hexadecimal, as `audit verify` of the server printed it");
  verify_flags->noted_option = verify.AddOption(
      "--noted", verify_flags->noted,
      "the note of an earlier verification: a log without it is another one, or a fork");
  verify.Footer(
      "Exit code 8 when there are problems. Keep the note where the log's writer is not.");
  verify.On(shell, [&shell, verify_flags] { return Verify(shell, *verify_flags); });
}

}  // namespace keyturn::cli
