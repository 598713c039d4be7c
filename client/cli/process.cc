#include "client/cli/process.h"

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
    const size_t size = variable.name.size() + 1 + variable.value.size() + 1;
    ASSIGN_OR_RETURN(SecretBytes entry, SecretBytes::Allocate(size));
    char* at = entry.Mutable().data();
    at = std::copy(variable.name.begin(), variable.name.end(), at);
    *at++ = '=';
    const absl::string_view value = variable.value.ExposeForWire();
    std::copy(value.begin(), value.end(), at);
    block.pointers_.push_back(entry.Mutable().data());
    block.entries_.push_back(std::move(entry));
  }
  block.pointers_.push_back(nullptr);
  return block;
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
  execvpe(argv[0], argv.data(), environment.envp());
  const int error = errno;
  return WithExitCode(absl::InternalError(absl::StrCat("cannot run ", command[0], ": ",
                                                       std::generic_category().message(error))),
                      error == ENOENT ? kExitNoCommand : kExitNotRunnable);
}

}  // namespace keyturn::cli
