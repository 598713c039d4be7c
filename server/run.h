// The life of the process keyturnd around a Server: configuration, hardening, signals, exit codes.
#pragma once

#include "server/command_line.h"

namespace keyturn {

// Returns the exit code: 0 after SIGTERM or SIGINT, 1 when the server could not start, 2 for a bad
// configuration.
int RunServer(const CommandLine& line);

}  // namespace keyturn
