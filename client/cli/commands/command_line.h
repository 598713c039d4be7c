// The whole command line of `keyturn`: its commands, help and errors. Not thread-safe.
#pragma once

#include <string>
#include <vector>

namespace keyturn::cli {

// Reads the arguments (argv without its first), runs the command and says what went wrong on
// standard error. Returns the exit code.
int RunCommandLine(std::vector<std::string> arguments);

}  // namespace keyturn::cli
