#include "client/cli/terminal.h"

#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/environment_variable.h"
#include "client/cli/exit_codes.h"

namespace keyturn::cli {
namespace {

// The terminal as it was before the echo went off, for a signal that ends the process meanwhile.
termios g_before;
volatile sig_atomic_t g_echo_off = 0;

void RestoreAndEnd(int signal) {
  if (g_echo_off) tcsetattr(STDIN_FILENO, TCSANOW, &g_before);
  std::signal(signal, SIG_DFL);
  raise(signal);
}

absl::StatusOr<SecretBytes> ReadLine() {
  ASSIGN_OR_RETURN(SecretBytes line, SecretBytes::Allocate(limits::kPromptLineBytesMax));
  size_t size = 0;
  for (;;) {
    char c = 0;
    const ssize_t got = read(STDIN_FILENO, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 && size == 0) return absl::CancelledError("nothing was typed");
    if (got <= 0 || c == '\n') break;
    if (size == line.size()) {
      return UsageError(absl::StrCat("a typed value has at most ", line.size(),
                                     " bytes; give longer ones with --value-file"));
    }
    line.Mutable()[size++] = c;
  }
  line.Truncate(size);
  return line;
}

}  // namespace

bool Terminal::stdout_is_terminal() const { return isatty(STDOUT_FILENO) == 1; }
bool Terminal::stderr_is_terminal() const { return isatty(STDERR_FILENO) == 1; }

bool Terminal::can_ask() const {
  return !options_.no_input && isatty(STDIN_FILENO) == 1 && stderr_is_terminal();
}

std::string Terminal::Styled(Style style, absl::string_view text, int fd) const {
  const std::string term = EnvironmentVariable("TERM");
  const bool plain = options_.no_color || isatty(fd) != 1 ||
                     !EnvironmentVariable("NO_COLOR").empty() || term.empty() || term == "dumb";
  if (plain) return std::string(text);
  const char* code = "1";
  if (style == Style::kRed) code = "31";
  if (style == Style::kGreen) code = "32";
  if (style == Style::kDim) code = "2";
  return absl::StrCat("\033[", code, "m", text, "\033[0m");
}

absl::StatusOr<SecretBytes> Terminal::AskSecret(absl::string_view question) const {
  if (!can_ask()) {
    return WithExitCode(absl::FailedPreconditionError(absl::StrCat("cannot ask for the ", question,
                                                                   ": this is not a terminal")),
                        kExitUsage);
  }
  if (tcgetattr(STDIN_FILENO, &g_before) != 0) return absl::InternalError("no terminal settings");
  termios quiet = g_before;
  quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  const auto old_int = std::signal(SIGINT, RestoreAndEnd);
  const auto old_term = std::signal(SIGTERM, RestoreAndEnd);
  g_echo_off = 1;
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  // Once nothing is echoed: who is asked may begin to type.
  std::fprintf(stderr, "%s (not shown): ", std::string(question).c_str());
  const absl::Cleanup restore = [&] {
    tcsetattr(STDIN_FILENO, TCSANOW, &g_before);
    g_echo_off = 0;
    std::signal(SIGINT, old_int);
    std::signal(SIGTERM, old_term);
    std::fputc('\n', stderr);
  };
  return ReadLine();
}

absl::StatusOr<SecretBytes> Terminal::AskNewSecret(absl::string_view question) const {
  for (;;) {
    ASSIGN_OR_RETURN(SecretBytes first, AskSecret(question));
    ASSIGN_OR_RETURN(const SecretBytes second, AskSecret(absl::StrCat(question, " again")));
    if (first == second) return first;
    Say("the two differ; once more");
  }
}

absl::Status Terminal::Confirm(absl::string_view what, const std::string& name,
                               const std::string& given) const {
  if (!given.empty()) {
    if (given == name) return absl::OkStatus();
    return UsageError(absl::StrCat("--confirm must be exactly '", name, "'"));
  }
  if (!can_ask()) {
    return UsageError(absl::StrCat(what, "; confirm with --confirm '", name, "'"));
  }
  std::fprintf(stderr, "%s\nType %s to go on: ", std::string(what).c_str(), name.c_str());
  ASSIGN_OR_RETURN(const SecretBytes line, ReadLine());
  if (line.ExposeForCrypto() == name) return absl::OkStatus();
  return WithExitCode(absl::CancelledError("not confirmed; nothing was changed"), kExitError);
}

void Terminal::Say(absl::string_view message) const {
  std::fprintf(stderr, "%s\n", std::string(message).c_str());
}

}  // namespace keyturn::cli
