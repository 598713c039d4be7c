// The exit codes of `keyturn`, the same for every subcommand; scripts may rely on them.
// Thread-safe (values).
#pragma once

#include <optional>

#include "absl/status/status.h"

namespace keyturn::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitError = 1;        // anything else
inline constexpr int kExitUsage = 2;        // bad flags, arguments or input
inline constexpr int kExitNotFound = 3;     // no such secret, version, field, policy, ...
inline constexpr int kExitNotLoggedIn = 4;  // no identity, or it has expired
inline constexpr int kExitDenied = 5;       // the identity may not do this
inline constexpr int kExitConflict = 6;     // a precondition does not hold, or somebody was faster
inline constexpr int kExitUnavailable = 7;  // no connection, sealed, timed out, overloaded
inline constexpr int kExitCheckFailed = 8;  // verify, doctor, can-i, status --fail-on
inline constexpr int kExitPartial = 9;      // a part was done; the message says which
inline constexpr int kExitRunFailed = 125;  // `run`: Keyturn itself failed before the command
inline constexpr int kExitNotRunnable = 126;  // `run`: the command cannot be executed
inline constexpr int kExitNoCommand = 127;    // `run`: there is no such command

// The code for a status, from its code and reason unless one was attached.
int ExitCodeOf(const absl::Status& status);

// `status` (not OK) with the exit code it is to end with.
absl::Status WithExitCode(absl::Status status, int exit_code);

// Errors of the command line and of input given to it.
absl::Status UsageError(absl::string_view message);

// A hint for what to type next, which takes the place of the usual one.
absl::Status WithHelp(absl::Status status, absl::string_view help);

// `status`, with all that is attached to it, saying `message`.
absl::Status WithMessage(const absl::Status& status, absl::string_view message);
std::optional<std::string> HelpOf(const absl::Status& status);

}  // namespace keyturn::cli
