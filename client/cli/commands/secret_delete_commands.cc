// secret delete|undelete|destroy|erase.
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/duration.h"
#include "client/cli/exit_codes.h"
#include "client/cli/secret_json.h"

namespace keyturn::cli {
namespace {

struct DeleteFlags {
  std::string path, window, confirm;
  std::vector<uint64_t> versions;
  bool all = false, dry_run = false, leave_at_target = false;
};

std::string VersionsText(const DeleteFlags& flags, absl::string_view otherwise) {
  if (flags.all) return "every version";
  if (flags.versions.empty()) return std::string(otherwise);
  return absl::StrCat("version ", absl::StrJoin(flags.versions, ", "));
}

absl::Status CheckVersions(const DeleteFlags& flags) {
  if (flags.all && !flags.versions.empty()) {
    return UsageError("give either --versions or --all, not both");
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::SecretInfo> Describe(Shell& shell, const std::string& path) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::DescribeRequest request;
  request.set_path(path);
  return client->Describe(request, shell.Options());
}

// What would be done, and that it could be: the secret exists.
absl::Status PrintPlan(Shell& shell, const DeleteFlags& flags, absl::string_view what) {
  ASSIGN_OR_RETURN(const v1::SecretInfo info, Describe(shell, flags.path));
  return shell.out().Object(
      {{"would", absl::StrCat(what, " of ", info.path())},
       {"current version", CurrentVersionText(info)},
       {"versions kept now", absl::StrCat(info.versions_size())}},
      Json{{"plan", absl::StrCat(what, " of ", info.path())}, {"secret", ToJson(info)}});
}

absl::Status PrintState(const Shell& shell, const v1::SecretInfo& info) {
  return shell.out().Object({{"path", info.path()}, {"current version", CurrentVersionText(info)}},
                            ToJson(info));
}

// Of what is deleted, and works on where it was set until the recovery window is over.
void SayWhereItWorks(const Shell& shell, const v1::SecretInfo& info) {
  for (const v1::VersionInfo& version : info.versions()) {
    const bool in_use = version.state() == v1::VERSION_STATE_CURRENT;
    if (!in_use || !version.has_delete_time() || version.target().empty()) continue;
    shell.terminal().Say(absl::StrCat("version ", version.version(), " works on at target ",
                                      version.target(),
                                      ", and is retired there when it cannot be brought back "
                                      "any more"));
  }
}

absl::Status Delete(Shell& shell, const DeleteFlags& flags) {
  RETURN_IF_ERROR(CheckVersions(flags));
  if (flags.dry_run) {
    return PrintPlan(shell, flags,
                     absl::StrCat("delete ", VersionsText(flags, "the current version")));
  }
  v1::DeleteRequest request;
  request.set_path(flags.path);
  *request.mutable_versions() = {flags.versions.begin(), flags.versions.end()};
  request.set_all(flags.all);
  if (!flags.window.empty()) {
    ASSIGN_OR_RETURN(const int64_t seconds, ParseSeconds("--recovery-window", flags.window));
    request.set_recovery_window_seconds(seconds);
  }
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::SecretInfo info, client->Delete(request, shell.Options()));
  RETURN_IF_ERROR(PrintState(shell, info));
  SayWhereItWorks(shell, info);
  shell.SayNext(absl::StrCat("keyturn secret undelete ", flags.path,
                             " brings it back; keyturn secret history ", flags.path,
                             " shows until when"));
  return absl::OkStatus();
}

absl::Status Undelete(Shell& shell, const DeleteFlags& flags) {
  v1::UndeleteRequest request;
  request.set_path(flags.path);
  *request.mutable_versions() = {flags.versions.begin(), flags.versions.end()};
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::SecretInfo info, client->Undelete(request, shell.Options()));
  return PrintState(shell, info);
}

// Whether to go on: the plan was printed instead, for --dry-run, when it is false.
absl::StatusOr<bool> ConfirmEnd(Shell& shell, const DeleteFlags& flags, const char* verb) {
  RETURN_IF_ERROR(CheckVersions(flags));
  if (!flags.all && flags.versions.empty()) {
    return UsageError(absl::StrCat("say what to ", verb, ": --versions N,M or --all"));
  }
  const std::string what = absl::StrCat(verb, " ", VersionsText(flags, ""));
  if (flags.dry_run) {
    RETURN_IF_ERROR(PrintPlan(shell, flags, what));
    return false;
  }
  RETURN_IF_ERROR(shell.terminal().Confirm(
      absl::StrCat(what, " of ", flags.path, ": it cannot be undone"), flags.path, flags.confirm));
  return true;
}

absl::Status Destroy(Shell& shell, const DeleteFlags& flags) {
  ASSIGN_OR_RETURN(const bool go_on, ConfirmEnd(shell, flags, "destroy"));
  if (!go_on) return absl::OkStatus();
  v1::DestroyRequest request;
  request.set_path(flags.path);
  *request.mutable_versions() = {flags.versions.begin(), flags.versions.end()};
  request.set_all(flags.all);
  request.set_leave_at_target(flags.leave_at_target);
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::DestroyResponse response, client->Destroy(request, shell.Options()));
  return shell.out().Object(
      {{"path", flags.path},
       {"destroyed", absl::StrCat("version ", absl::StrJoin(response.versions(), ", "))}},
      ToJson(response));
}

absl::Status Erase(Shell& shell, const DeleteFlags& flags) {
  ASSIGN_OR_RETURN(const bool go_on, ConfirmEnd(shell, flags, "erase"));
  if (!go_on) return absl::OkStatus();
  v1::EraseRequest request;
  request.set_path(flags.path);
  *request.mutable_versions() = {flags.versions.begin(), flags.versions.end()};
  request.set_all(flags.all);
  request.set_leave_at_target(flags.leave_at_target);
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  CallOptions options = shell.Options();
  if (!options.timeout.has_value()) options.timeout = absl::Seconds(limits::kDeadlineSecondsMax);
  ASSIGN_OR_RETURN(const v1::EraseResponse response, client->Erase(request, options));
  RETURN_IF_ERROR(shell.out().Object(
      {{"path", flags.path},
       {"erased", absl::StrCat("version ", absl::StrJoin(response.versions(), ", "))},
       {"searched", absl::StrCat(response.files_searched(), " files, ", response.bytes_searched(),
                                 " bytes: none of ", response.keys_searched(), " keys is left")}},
      ToJson(response)));
  shell.terminal().Say(
      "copies of the data directory keep what they have: docs/OPERATIONS.md, Erase");
  return absl::OkStatus();
}

void AddEndOptions(Command command, DeleteFlags& flags) {
  command.AddFlag("--all", flags.all, "every version, and the secret's name and metadata");
  command.AddFlag("--leave-at-target", flags.leave_at_target,
                  "what works at a target, and is not retired there, works on");
  command.AddOption("--confirm", flags.confirm, "the path, to go on without a question");
  command.AddFlag("--dry-run", flags.dry_run, "show what would be done");
}

}  // namespace

void AddSecretDeleteCommands(Command secret, Shell& shell) {
  const auto flags = std::make_shared<DeleteFlags>();
  const auto add_common = [&flags](Command command) {
    command.AddOption("path", flags->path).Required();
    // By both names, as other commands have --version and this is no place to guess.
    command.AddOption("--versions,--version", flags->versions, "which, such as 3,4")
        .CommaSeparated();
  };
  const Command remove =
      secret.Add("delete", "Delete; can be undone within the recovery window",
                 "  keyturn secret delete app/old/key             # the current version\n"
                 "  keyturn secret delete app/old/key --all --recovery-window 7d");
  remove.Alias("rm");
  add_common(remove);
  remove.AddFlag("--all", flags->all, "every version");
  remove.AddOption("--recovery-window", flags->window, "how long it can be undone; default 30d");
  remove.AddFlag("--dry-run", flags->dry_run, "show what would be done");
  remove.On(shell, [&shell, flags] { return Delete(shell, *flags); });

  const Command undelete =
      secret.Add("undelete", "Bring deleted versions back; all of them unless named");
  undelete.Alias("restore");
  add_common(undelete);
  undelete.On(shell, [&shell, flags] { return Undelete(shell, *flags); });

  const Command destroy =
      secret.Add("destroy", "Destroy versions for good: their keys are deleted",
                 "  keyturn secret destroy app/old/key --versions 1,2\n"
                 "  keyturn secret destroy app/old/key --all --confirm app/old/key");
  destroy.Alias("purge");
  add_common(destroy);
  AddEndOptions(destroy, *flags);
  destroy.On(shell, [&shell, flags] { return Destroy(shell, *flags); });

  const Command erase =
      secret.Add("erase", "Destroy, and take their keys out of the store's files too",
                 "  keyturn secret erase app/old/key --all --confirm app/old/key");
  erase.Footer(
      "Writes tables anew and searches every file of the store for the keys, which takes its time "
      "in a large store.");
  add_common(erase);
  AddEndOptions(erase, *flags);
  erase.On(shell, [&shell, flags] { return Erase(shell, *flags); });
}

}  // namespace keyturn::cli
