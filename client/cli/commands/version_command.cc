// version: of the command and, when it can be reached, the server.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/version.h"
#include "client/cli/commands/commands.h"

namespace keyturn::cli {
namespace {

absl::Status Version(Shell& shell) {
  std::string server = "not reached";
  const absl::StatusOr<Client*> client = shell.ConnectEither();
  if (client.ok()) {
    CallOptions options = shell.Options();
    if (shell.flags.timeout.empty()) options.timeout = absl::Seconds(2);
    const absl::StatusOr<v1::StatusResponse> status = (*client)->Status({}, options);
    if (status.ok()) server = status->version().empty() ? "not shown to you" : status->version();
  }
  return shell.out().Object({{"keyturn", kVersion}, {"server", server}},
                            Json{{"version", kVersion}, {"serverVersion", server}});
}

}  // namespace

void AddVersionCommand(Command app, Shell& shell) {
  app.Add("version", "Show the versions of this command and of the server").On(shell, [&shell] {
    return Version(shell);
  });
}

}  // namespace keyturn::cli
