// operator rotate-kek, operator rewrap status.
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/exit_codes.h"
#include "client/cli/key_status.h"

namespace keyturn::cli {
namespace {

struct RotateFlags {
  std::string suite;
  bool compromised = false;
};

absl::Status RotateKek(Shell& shell, const RotateFlags& flags) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::RotateKekRequest request;
  request.set_suite(flags.suite);
  request.set_compromised(flags.compromised);
  ASSIGN_OR_RETURN(const v1::RotateKekResponse made, client->RotateKek(request, shell.Options()));
  RETURN_IF_ERROR(shell.out().Object({{"key term", absl::StrCat(made.term())}}, ToJson(made)));
  shell.terminal().Say(absl::StrCat("what was written before is ",
                                    flags.compromised ? "encrypted again" : "wrapped anew",
                                    " in the background; next: keyturn operator rewrap status"));
  return absl::OkStatus();
}

std::string StateText(const v1::KekInfo& kek) {
  std::string text = kek.state() == v1::KekInfo::ACTIVE         ? "active"
                     : kek.state() == v1::KekInfo::DECRYPT_ONLY ? "decrypt only"
                                                                : "retired";
  if (kek.compromised()) text += ", compromised";
  return text;
}

std::string PassText(const v1::RewrapStatusResponse& status) {
  if (status.term() == 0) return "none yet";
  const std::string to = absl::StrCat("to term ", status.term());
  if (status.has_finish_time()) return absl::StrCat(to, ", ended ", TimeText(status.finish_time()));
  return absl::StrCat(to, status.running() ? ", under way since " : ", to be taken up, began ",
                      TimeText(status.start_time()));
}

absl::Status PrintRewrapStatus(const Shell& shell, const v1::RewrapStatusResponse& status) {
  Pairs pairs;
  for (const v1::KekInfo& kek : status.keks()) {
    pairs.emplace_back(
        absl::StrCat("key term ", kek.term()),
        absl::StrCat(StateText(kek), ", ", kek.suite(), ", made ", TimeText(kek.create_time()),
                     ", at most ", kek.uses(), " uses"));
  }
  pairs.emplace_back("pass", PassText(status));
  if (status.term() != 0) {
    pairs.emplace_back("records checked", absl::StrCat(status.records_checked()));
    pairs.emplace_back("records rewrapped", absl::StrCat(status.records_rewrapped()));
    pairs.emplace_back("versions encrypted again", absl::StrCat(status.versions_reencrypted()));
    pairs.emplace_back("records that do not open", absl::StrCat(status.records_failed()));
  }
  return shell.out().Object(pairs, ToJson(status));
}

absl::Status RewrapStatus(Shell& shell, const std::string& fail_on) {
  if (!fail_on.empty() && fail_on != "unfinished") {
    return UsageError(absl::StrCat("--fail-on '", fail_on, "' must be unfinished"));
  }
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::RewrapStatusResponse status,
                   client->RewrapStatus({}, shell.Options()));
  RETURN_IF_ERROR(PrintRewrapStatus(shell, status));
  const bool failed = status.records_failed() > 0;
  if (fail_on.empty() || !OlderKeysAreLeft(status)) {
    if (failed) shell.SayNext("keyturn operator verify");
    return absl::OkStatus();
  }
  return WithHelp(WithExitCode(absl::FailedPreconditionError("older keys are not retired yet"),
                               kExitCheckFailed),
                  failed ? "keyturn operator verify"
                         : "the server goes on by itself: type it again in a while");
}

}  // namespace

void AddOperatorKeyCommands(Command parent, Shell& shell) {
  const Command rotate = parent.Add(
      "rotate-kek", "Seal with a new key-encryption key from now on",
      "  keyturn operator rotate-kek\n"
      "  keyturn operator rotate-kek --suite xchacha20-poly1305\n"
      "  keyturn operator rotate-kek --compromised        # others may know the key before it");
  rotate.Footer(
      "The server does this by itself every 90 days. Nobody has to wait or to log in again: what "
      "was written before is wrapped anew in the background, and then the older keys are "
      "forgotten.");
  const auto flags = std::make_shared<RotateFlags>();
  rotate.AddOption("--suite", flags->suite,
                   "aes-256-gcm or xchacha20-poly1305; default: as before");
  rotate.AddFlag("--compromised", flags->compromised,
                 "encrypt every version again with a new data key, instead of wrapping it anew; "
                 "nothing else is renewed");
  rotate.On(shell, [&shell, flags] { return RotateKek(shell, *flags); });

  const Command rewrap = parent.Add("rewrap", "See what is still under older keys");
  rewrap.NeedSubcommand();
  const auto fail_on = std::make_shared<std::string>();
  const Command status =
      rewrap.Add("status", "Show the key-encryption keys and how far the wrapping anew is");
  status.AddOption("--fail-on", *fail_on, "unfinished: exit with 8 while older keys are needed");
  status.On(shell, [&shell, fail_on] { return RewrapStatus(shell, *fail_on); });
}

}  // namespace keyturn::cli
