#include "server/command_line.h"

#include <CLI/CLI.hpp>

#include "base/version.h"

namespace keyturn {

std::optional<CommandLine> ParseCommandLine(int argc, char** argv, int* exit_code) {
  CommandLine line;
  CLI::App app("keyturnd: a secrets vault that turns its own keys", "keyturnd");
  app.set_version_flag("--version", std::string("keyturnd ") + kVersion);
  CLI::Option* const config =
      app.add_option("--config", line.config_file, "configuration file (TOML)");
  app.add_option("--info-file", line.info_file,
                 "write addresses and file names there, as JSON, once the server listens");
  app.add_flag("--check-config", line.check_config,
               "read the configuration and the certificates it names, say what is wrong, end")
      ->needs(config);
  app.add_flag("--accept-audit-loss", line.accept_audit_loss,
               "start although the audit log lost entries; only when it cannot be restored");
  app.add_option("--accept-rollback", line.accept_rollback,
                 "unseal although an older copy of the data was put back, for this reason, which "
                 "the audit log keeps")
      ->check([](const std::string& reason) { return reason.empty() ? "needs a reason" : ""; });
#ifdef KEYTURN_DEV
  app.add_flag("--dev", line.dev,
               "a server to play with: everything in memory, unsealed, lost at the end");
#endif
  app.footer("Without --config and --dev, the defaults are used (data in /var/lib/keyturn).");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    *exit_code = app.exit(error) == 0 ? 0 : 2;
    return std::nullopt;
  }
  return line;
}

}  // namespace keyturn
