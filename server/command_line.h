// The flags of keyturnd.
#pragma once

#include <optional>
#include <string>

namespace keyturn {

struct CommandLine {
  std::string config_file;
  std::string info_file;
  bool dev = false;
  bool check_config = false;
  bool accept_audit_loss = false;
  std::string accept_rollback;  // the reason
};

// Prints help, the version or an error itself; then `*exit_code` is set and std::nullopt returned.
std::optional<CommandLine> ParseCommandLine(int argc, char** argv, int* exit_code);

}  // namespace keyturn
