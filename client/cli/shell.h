// What every command works with: the flags common to all, the connection (made when first asked
// for), output and terminal. A command is chosen while the command line is read and run afterwards.
// Not thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "client/cli/next_step.h"
#include "client/cli/output.h"
#include "client/cli/settings.h"
#include "client/cli/terminal.h"
#include "client/client.h"

namespace keyturn::cli {

class Shell {
 public:
  GlobalFlags flags;
  // What came after "--": the command of `run`, or more operands.
  std::vector<std::string> rest;

  // By the parser: what was asked for, for the steps after an error.
  Asked asked;

  // By the parser: the command that was named, and what it does.
  void Choose(std::string command, std::function<absl::Status()> action);

  // Runs what was chosen. To be called after a successful parse.
  absl::Status Run();

  // The caller's identity and the server's address are those of the settings. The client lives as
  // long as the shell.
  absl::StatusOr<Client*> Connect();
  // Over the socket for operators on the server's machine.
  absl::StatusOr<Client*> ConnectLocal();
  // For calls that both take: the server that a flag names; else the socket, if one was named or
  // nothing says how to reach the server otherwise; else the network.
  absl::StatusOr<Client*> ConnectEither();
  // As Connect, with this token in place of the settings' ("" for none).
  absl::StatusOr<std::unique_ptr<Client>> ConnectAs(const std::string& token);

  absl::StatusOr<Settings*> settings();
  // The token that a call would be made with, "" for none.
  absl::StatusOr<std::string> Token();

  // For a call; streams pass true and have no deadline unless --timeout was given.
  CallOptions Options(bool stream = false) const;

  const Output& out() const { return *output_; }
  const Terminal& terminal() const { return *terminal_; }
  Clock& clock() const { return Clock::Real(); }
  // "next: STEP" to standard error. Its commands come to the server that this one came to.
  void SayNext(absl::string_view step) const;
  // The profile that a command must name to mean what this one means: that of --profile, unless it
  // is the current one. "": none.
  std::string ProfileToName() const;
  // To standard error, with -v only.
  void Verbose(absl::string_view message) const;

 private:
  absl::Status Prepare();

  std::function<absl::Status()> action_;
  std::string chosen_;
  std::optional<Output> output_;
  std::optional<Terminal> terminal_;
  std::optional<Settings> settings_;
  std::optional<absl::Duration> timeout_;
  std::unique_ptr<Client> remote_, local_;
};

}  // namespace keyturn::cli
