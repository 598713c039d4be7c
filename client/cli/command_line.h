// The whole command line of `keyturn`: its commands, help and errors. Not thread-safe.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>

#include "client/cli/shell.h"

namespace keyturn::cli {

// All commands; they refer to `shell`, which outlives the result.
std::unique_ptr<CLI::App> BuildCommandLine(Shell& shell);

// Reads the arguments (argv without its first), runs the command and says what went wrong on
// standard error. Returns the exit code.
int RunCommandLine(std::vector<std::string> arguments);

}  // namespace keyturn::cli
