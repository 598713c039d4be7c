// operator upgrade check.
#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/version.h"
#include "client/cli/commands/commands.h"
#include "client/cli/exit_codes.h"
#include "client/cli/offline_formats.h"

namespace keyturn::cli {
namespace {

absl::Status Check(Shell& shell, const std::string& directory, const std::string& audit) {
  ASSIGN_OR_RETURN(const std::vector<FormatCheck> checks, CheckFormats(directory, audit));
  Table table({"PART", "FILE", "FORMAT", "READS", "RESULT"});
  Json items = Json::array();
  for (const FormatCheck& check : checks) {
    const std::string found = check.found.has_value() ? absl::StrCat(*check.found) : "-";
    const std::string result = !check.problem.empty()    ? check.problem
                               : check.found.has_value() ? "ok"
                                                         : "not there yet";
    table.Add({check.part, check.path, found, absl::StrCat(check.reads), result});
    Json item{{"part", check.part}, {"file", check.path}, {"reads", check.reads}};
    if (check.found.has_value()) item["format"] = *check.found;
    item["result"] = result;
    items.push_back(std::move(item));
  }
  RETURN_IF_ERROR(shell.out().List(table, std::move(items), ""));
  const auto problems = std::count_if(checks.begin(), checks.end(), [](const FormatCheck& check) {
    return !check.problem.empty();
  });
  if (problems > 0) {
    return WithHelp(
        WithExitCode(absl::FailedPreconditionError(
                         absl::StrCat("keyturn ", kVersion, " cannot open ", directory, ": ",
                                      problems, problems == 1 ? " part is" : " parts are",
                                      " missing, damaged or of another format")),
                     kExitCheckFailed),
        "put back what is missing; for another format, go on with the keyturnd that wrote it; "
        "nothing was changed");
  }
  shell.terminal().Say(absl::StrCat(
      "keyturnd ", kVersion,
      " can open it and writes the same formats, so that the one before can "
      "open it again. Next: stop the old server, copy the directory, start the new one"));
  return absl::OkStatus();
}

}  // namespace

void AddOperatorUpgradeCommands(Command parent, Shell& shell) {
  const Command upgrade = parent.Add("upgrade", "Before another version of keyturnd is started");
  upgrade.NeedSubcommand();
  const Command check =
      upgrade.Add("check", "Whether this version can open a data directory, and go back",
                  "  keyturn operator upgrade check /var/lib/keyturn   # with the new version's "
                  "keyturn; the old server may be running");
  const auto directory = std::make_shared<std::string>();
  const auto audit = std::make_shared<std::string>();
  check.AddOption("directory", *directory, "data_directory of the server's configuration")
      .Required();
  check.AddOption("--audit", *audit, "audit.directory, if the configuration names one");
  check.Footer("Reads only. Exit code 8 when it cannot be opened.");
  check.On(shell, [&shell, directory, audit] { return Check(shell, *directory, *audit); });
}

}  // namespace keyturn::cli
