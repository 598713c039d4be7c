// Starting another program with secrets in its environment, or in files that it names: in place of
// this one, or as a child that is looked after. No shell is involved. Not thread-safe.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/environment.h"
#include "client/cli/memory_file.h"
#include "crypto/secret_bytes.h"

namespace keyturn::cli {

// An environment in locked memory, in the form that execve(2) takes, and the files that it names.
class EnvironmentBlock {
 public:
  // What this process has (only PATH, HOME, USER, SHELL, LANG, TERM, TZ and TMPDIR if `pristine`)
  // without KEYTURN_TOKEN and KEYTURN_TOKEN_FILE unless `pass_token`, and with `variables` over it.
  static absl::StatusOr<EnvironmentBlock> Make(const std::vector<Variable>& variables,
                                               bool pristine, bool pass_token);
  char** envp() { return pointers_.data(); }
  // Descriptors that the program is to inherit under their numbers, and no other one is.
  std::vector<int> inherited() const;

 private:
  absl::Status Add(const std::string& name, absl::string_view value);

  std::vector<MemoryFile> files_;
  std::vector<SecretBytes> entries_;
  std::vector<char*> pointers_;
};

// That `command` cannot be run, as `error` (an errno) says, with exit code 127 (no such command) or
// 126 (not executable) attached.
absl::Status CannotRun(const std::string& command, int error);

// Does not return when it succeeds. The error is CannotRun's.
absl::Status Exec(std::vector<std::string> command, EnvironmentBlock& environment);

struct SuperviseOptions {
  // Values to hide in what the child writes to its standard output and error.
  bool mask = false;
  // What a change of the secrets does.
  enum class OnChange { kNothing, kRestart, kSignal };
  OnChange on_change = OnChange::kNothing;
  int change_signal = 0;
  // Readable when the secrets changed (an eventfd); -1 for never.
  int change_fd = -1;
};

// Secrets as they are now, for the first start and for each restart.
using FetchVariables = std::function<absl::StatusOr<std::vector<Variable>>()>;

// Blocks the signals that Supervise handles, in this thread and those it starts. To be called
// before any other thread is.
void BlockSupervisedSignals();

// Runs the command as a child, forwards the signals that this process gets, reaps orphans when this
// is process 1, and returns the child's exit code, 128 + n when signal n ended it. A failure to
// fetch on a change leaves the child as it is, and is said.
absl::StatusOr<int> Supervise(const std::vector<std::string>& command, bool pristine,
                              bool pass_token, const FetchVariables& fetch,
                              const SuperviseOptions& options);

}  // namespace keyturn::cli
