// export PATH.
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/environment.h"
#include "client/cli/secret_json.h"
#include "client/wipe.h"

namespace keyturn::cli {
namespace {

absl::Status PrintJson(const Shell& shell, const std::vector<Variable>& variables) {
  Json object = Json::object();
  for (const Variable& variable : variables) {
    object[variable.name] = std::string(variable.value.ExposeForWire());
  }
  const absl::Status printed = shell.out().PrintJson(object);
  WipeJson(&object);
  return printed;
}

absl::Status Export(Shell& shell, const std::string& path) {
  const Format format = shell.out().format();
  RETURN_IF_ERROR(
      shell.out().Require({Format::kTable, Format::kDotenv, Format::kEnv, Format::kJson}));
  ASSIGN_OR_RETURN(const std::vector<Variable> variables, VariablesOfDirectory(shell, path));
  if (format == Format::kJson) return PrintJson(shell, variables);
  const bool shell_syntax = format == Format::kEnv;
  for (const Variable& variable : variables) {
    const absl::string_view value = variable.value.ExposeForCrypto();
    ASSIGN_OR_RETURN(const SecretBytes quoted,
                     shell_syntax ? QuoteForShell(value) : QuoteForDotenv(value));
    RETURN_IF_ERROR(
        shell.out().Raw(absl::StrCat(shell_syntax ? "export " : "", variable.name, "=")));
    RETURN_IF_ERROR(shell.out().Raw(quoted.ExposeForWire()));
    RETURN_IF_ERROR(shell.out().Raw("\n"));
  }
  return absl::OkStatus();
}

}  // namespace

void AddExportCommand(Command app, Shell& shell) {
  const Command command =
      app.Add("export", "Print all secrets below a directory as a dotenv file, shell or JSON",
              "  keyturn export app/prod                        # dotenv\n"
              "  eval \"$(keyturn export app/prod -o env)\"       # into this shell\n"
              "  keyturn export app/prod -o json");
  command.Footer(
      "Takes secret:list and secret:read. Secrets that are deleted, destroyed or expired are left "
      "out, with a\nwarning on standard error that names them.");
  const auto path = std::make_shared<std::string>();
  command.AddOption("directory", *path).Required();
  command.On(shell, [&shell, path] { return Export(shell, *path); });
}

}  // namespace keyturn::cli
