#include "client/cli/process.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "client/cli/exit_codes.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX names it, no header does

namespace keyturn::cli {
namespace {

constexpr absl::string_view kPristineKeeps[] = {"PATH", "HOME", "USER", "SHELL",
                                                "LANG", "TERM", "TZ",   "TMPDIR"};

bool Inherits(absl::string_view name, const std::vector<Variable>& variables, bool pristine,
              bool pass_token) {
  if (absl::StartsWith(name, "KEYTURN_TOKEN") && !pass_token) return false;  // ..._FILE as well
  if (pristine && std::find(std::begin(kPristineKeeps), std::end(kPristineKeeps), name) ==
                      std::end(kPristineKeeps)) {
    return false;
  }
  return std::none_of(variables.begin(), variables.end(),
                      [name](const Variable& variable) { return variable.name == name; });
}

}  // namespace

absl::StatusOr<EnvironmentBlock> EnvironmentBlock::Make(const std::vector<Variable>& variables,
                                                        bool pristine, bool pass_token) {
  EnvironmentBlock block;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const absl::string_view text = *entry;
    if (Inherits(text.substr(0, text.find('=')), variables, pristine, pass_token)) {
      block.pointers_.push_back(*entry);
    }
  }
  for (const Variable& variable : variables) {
    if (!variable.is_file) {
      RETURN_IF_ERROR(block.Add(variable.name, variable.value.ExposeForWire()));
      continue;
    }
    ASSIGN_OR_RETURN(MemoryFile file, MemoryFile::Make(variable.value));
    RETURN_IF_ERROR(block.Add(variable.name, file.path()));
    block.files_.push_back(std::move(file));
  }
  block.pointers_.push_back(nullptr);
  return block;
}

absl::Status EnvironmentBlock::Add(const std::string& name, absl::string_view value) {
  ASSIGN_OR_RETURN(SecretBytes entry, SecretBytes::Allocate(name.size() + 1 + value.size() + 1));
  char* at = entry.Mutable().data();
  at = std::copy(name.begin(), name.end(), at);
  *at++ = '=';
  std::copy(value.begin(), value.end(), at);
  pointers_.push_back(entry.Mutable().data());
  entries_.push_back(std::move(entry));
  return absl::OkStatus();
}

std::vector<int> EnvironmentBlock::inherited() const {
  std::vector<int> fds;
  for (const MemoryFile& file : files_) fds.push_back(file.fd());
  return fds;
}

absl::Status Exec(std::vector<std::string> command, EnvironmentBlock& environment) {
  std::vector<char*> argv;
  for (std::string& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  // A command may expect the defaults, whatever this process did.
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
  for (const int fd : environment.inherited()) fcntl(fd, F_SETFD, 0);
  execvpe(argv[0], argv.data(), environment.envp());
  const int error = errno;
  for (const int fd : environment.inherited()) fcntl(fd, F_SETFD, FD_CLOEXEC);
  return CannotRun(command[0], error);
}

absl::Status CannotRun(const std::string& command, int error) {
  const bool none = error == ENOENT;
  return WithHelp(
      WithExitCode(absl::InternalError(absl::StrCat("cannot run ", command, ": ",
                                                    std::generic_category().message(error))),
                   none ? kExitNoCommand : kExitNotRunnable),
      none ? "name a program that PATH finds, or its file, after --; a script's first line must "
             "name "
             "one too"
           : "name a program that you may execute, after --");
}

}  // namespace keyturn::cli
