// run -- COMMAND.
#include <sys/eventfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/exit_codes.h"
#include "client/cli/process.h"
#include "client/cli/reference.h"

namespace keyturn::cli {
namespace {

struct RunFlags {
  std::vector<std::string> directories, variables, files;
  std::string on_change = "none";
  bool pristine = false, pass_token = false, mask = false;
};

// The later source wins: directories, then files, then single variables.
absl::StatusOr<std::vector<Variable>> FetchAll(Shell& shell, const RunFlags& flags) {
  std::vector<Variable> all;
  for (const std::string& directory : flags.directories) {
    ASSIGN_OR_RETURN(std::vector<Variable> more, VariablesOfDirectory(shell, directory));
    Overlay(std::move(more), &all);
  }
  for (const std::string& file : flags.files) {
    ASSIGN_OR_RETURN(std::vector<Variable> more, VariablesOfFile(shell, file));
    Overlay(std::move(more), &all);
  }
  for (const std::string& flag : flags.variables) {
    ASSIGN_OR_RETURN(Variable one, VariableFromFlag(shell, flag));
    std::vector<Variable> more;
    more.push_back(std::move(one));
    Overlay(std::move(more), &all);
  }
  return all;
}

absl::Status ParseOnChange(const std::string& text, SuperviseOptions* options) {
  using OnChange = SuperviseOptions::OnChange;
  absl::string_view name = text;
  if (text == "none") return absl::OkStatus();
  if (text == "restart") {
    options->on_change = OnChange::kRestart;
    return absl::OkStatus();
  }
  constexpr std::pair<absl::string_view, int> kSignals[] = {
      {"HUP", SIGHUP}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"TERM", SIGTERM}, {"INT", SIGINT}};
  if (absl::ConsumePrefix(&name, "signal:")) {
    absl::ConsumePrefix(&name, "SIG");
    for (const auto& [known, signal] : kSignals) {
      if (name != known) continue;
      options->on_change = OnChange::kSignal;
      options->change_signal = signal;
      return absl::OkStatus();
    }
  }
  return UsageError(absl::StrCat("--on-change '", text,
                                 "' must be none, restart, or signal: with HUP, USR1, USR2, TERM "
                                 "or INT, such as signal:HUP"));
}

// Watches the directories and counts changes in an eventfd, until it is destroyed.
class ChangeWatch {
 public:
  explicit ChangeWatch(Shell& shell) : shell_(shell), fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~ChangeWatch() {
    cancellation_.Cancel();
    for (std::thread& thread : threads_) thread.join();
    close(fd_);
  }
  int fd() const { return fd_; }

  // To be called before the secrets are read: a change in between is then seen, if only as a
  // restart too many.
  absl::Status Start(const std::vector<std::string>& paths) {
    ASSIGN_OR_RETURN(Client* const client, shell_.Connect());
    ASSIGN_OR_RETURN(const v1::StatusResponse status, client->Status({}, shell_.Options()));
    const uint64_t revision = status.revision();
    for (const std::string& path : paths) {
      threads_.emplace_back([this, client, path, revision] { Watch(*client, path, revision); });
    }
    return absl::OkStatus();
  }

 private:
  // Goes on from the last revision after a lost connection; the server paces the attempts, as each
  // waits for the connection.
  void Watch(Client& client, const std::string& path, uint64_t revision) {
    v1::WatchRequest request;
    request.set_path(path);
    request.set_from_revision(revision);
    while (!cancellation_.cancelled()) {
      CallOptions options;
      options.cancellation = &cancellation_;
      const absl::Status ended = client.Watch(
          request,
          [&](v1::WatchResponse& event) {
            request.set_from_revision(event.revision());
            if (event.type() != v1::WatchResponse::PROGRESS) Tell();
            return true;
          },
          options);
      if (absl::IsOutOfRange(ended)) {  // away for longer than changes are kept
        request.set_from_revision(0);
        Tell();
      } else if (absl::IsPermissionDenied(ended) || absl::IsUnauthenticated(ended) ||
                 absl::IsInvalidArgument(ended)) {
        std::fprintf(stderr, "keyturn: changes of %s cannot be watched: %s\n", path.c_str(),
                     std::string(ended.message()).c_str());
        return;
      }
      Pause();
    }
  }
  void Tell() {
    const uint64_t one = 1;
    if (write(fd_, &one, sizeof(one)) < 0) return;  // full: there is a change to see already
  }
  void Pause() {
    absl::MutexLock lock(&mu_);
    Clock& clock = shell_.clock();
    const auto cancelled = [this] { return cancellation_.cancelled(); };
    clock.AwaitWithDeadline(&mu_, absl::Condition(&cancelled), clock.Now() + absl::Seconds(1));
  }

  Shell& shell_;
  const int fd_;
  absl::Mutex mu_;
  Cancellation cancellation_;
  std::vector<std::thread> threads_;
};

// What to watch: the directories, and the secrets of single variables.
absl::StatusOr<std::vector<std::string>> Watched(const RunFlags& flags) {
  std::vector<std::string> paths;
  for (const std::string& directory : flags.directories) {
    paths.push_back(absl::StrCat(absl::StripSuffix(directory, "/"), "/"));
  }
  for (const std::string& flag : flags.variables) {
    ASSIGN_OR_RETURN(const Reference reference,
                     ParseReference(absl::string_view(flag).substr(flag.find('=') + 1)));
    paths.push_back(reference.path);
  }
  constexpr size_t kMax = 16;
  if (!flags.files.empty() || paths.size() > kMax) {
    return UsageError(absl::StrCat("--on-change works with --path and --env, at most ", kMax,
                                   " of them, and not with --env-file"));
  }
  return paths;
}

absl::Status RunChild(Shell& shell, const RunFlags& flags, SuperviseOptions options) {
  ChangeWatch watch(shell);
  if (options.on_change != SuperviseOptions::OnChange::kNothing) {
    ASSIGN_OR_RETURN(const std::vector<std::string> paths, Watched(flags));
    RETURN_IF_ERROR(watch.Start(paths));
    options.change_fd = watch.fd();
  }
  const FetchVariables fetch = [&] { return FetchAll(shell, flags); };
  ASSIGN_OR_RETURN(const int code,
                   Supervise(shell.rest, flags.pristine, flags.pass_token, fetch, options));
  if (code == 0) return absl::OkStatus();
  // The child has said what there is to say.
  return WithExitCode(absl::UnknownError(""), code);
}

absl::Status Run(Shell& shell, const RunFlags& flags) {
  if (shell.rest.empty()) return UsageError("say what to run: keyturn run --path DIR -- COMMAND");
  if (flags.directories.empty() && flags.variables.empty() && flags.files.empty()) {
    return UsageError(
        "say which secrets to give to it: --path DIR, --env NAME=PATH#FIELD or "
        "--env-file FILE");
  }
  SuperviseOptions options;
  options.mask = flags.mask;
  RETURN_IF_ERROR(ParseOnChange(flags.on_change, &options));
  const bool supervise =
      flags.mask || getpid() == 1 || options.on_change != SuperviseOptions::OnChange::kNothing;
  if (supervise) {
    BlockSupervisedSignals();
    return RunChild(shell, flags, options);
  }
  ASSIGN_OR_RETURN(const std::vector<Variable> variables, FetchAll(shell, flags));
  ASSIGN_OR_RETURN(EnvironmentBlock environment,
                   EnvironmentBlock::Make(variables, flags.pristine, flags.pass_token));
  return Exec(shell.rest, environment);
}

}  // namespace

void AddRunCommand(Command app, Shell& shell) {
  const Command run = app.Add("run", "Run a program with secrets in its environment",
                              "  keyturn run --path app/prod -- ./server --port 8080\n"
                              "  keyturn run --env DB_PASSWORD=app/prod/db#password -- psql\n"
                              "  keyturn run --path app/prod --on-change restart -- ./server\n"
                              "  keyturn run --env-file app.env -- ./server       # lines such "
                              "as API_KEY=keyturn://app/key");
  const auto flags = std::make_shared<RunFlags>();
  run.AddOption("--path", flags->directories,
                "all secrets below this directory; metadata env=NAME names the variable");
  run.AddOption("--env", flags->variables, "NAME=PATH#FIELD, one variable");
  run.AddOption("--env-file", flags->files, "a dotenv file; keyturn:// values are replaced");
  run.AddFlag("--pristine", flags->pristine,
              "inherit only PATH, HOME, USER, SHELL, LANG, TERM, "
              "TZ and TMPDIR");
  run.AddFlag("--pass-token", flags->pass_token,
              "leave KEYTURN_TOKEN and KEYTURN_TOKEN_FILE in the environment");
  run.AddFlag("--mask", flags->mask, "replace the values by *** in what the program prints");
  run.AddOption("--on-change", flags->on_change,
                "when a secret changes: none (default), restart, or signal:HUP and the like");
  run.Footer(
      "The program takes the place of keyturn, unless --mask or --on-change is given or "
      "keyturn is\nprocess 1. Exit codes: the program's own, 128+n when signal n ended it, "
      "125 when keyturn\nfailed, 126 when the program cannot be run, 127 when there is none.");
  run.On(shell, [&shell, flags] {
    absl::Status status = Run(shell, *flags);
    // Codes of the program, and of its start, are attached; all else is keyturn's own failure.
    const int code = ExitCodeOf(status);
    const bool attached =
        status.message().empty() || code == kExitNoCommand || code == kExitNotRunnable;
    return status.ok() || attached ? status : WithExitCode(std::move(status), kExitRunFailed);
  });
}

}  // namespace keyturn::cli
