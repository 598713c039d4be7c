#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/spawn_attributes.h"
#include "base/status_macros.h"
#include "client/cli/exit_codes.h"
#include "client/cli/masker.h"
#include "client/cli/process.h"

namespace keyturn::cli {
namespace {

constexpr int kGraceSeconds = 10;  // between SIGTERM and SIGKILL when the child is restarted
constexpr int kForwarded[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGUSR1,
                              SIGUSR2, SIGCONT, SIGTSTP, SIGWINCH};

sigset_t Supervised() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kForwarded) sigaddset(&set, signal);
  sigaddset(&set, SIGCHLD);
  return set;
}

void WriteOut(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody reads any more
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

// One of the child's streams, on its way through a Masker.
struct MaskedStream {
  int from = -1, to = -1;
  std::unique_ptr<Masker> masker;

  // False at its end.
  bool Pump() {
    char buffer[16 * 1024];
    const ssize_t got = read(from, buffer, sizeof(buffer));
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return true;
    if (got > 0) {
      WriteOut(to, masker->Feed({buffer, static_cast<size_t>(got)}));
      explicit_bzero(buffer, static_cast<size_t>(got));
      return true;
    }
    WriteOut(to, masker->Finish());
    close(from);
    from = -1;
    return false;
  }
};

// Without the newline at their ends, which a program that shows them leaves out.
std::vector<absl::string_view> Masked(const std::vector<Variable>& variables) {
  std::vector<absl::string_view> values;
  const auto add = [&values](const SecretBytes& value) {
    values.push_back(absl::StripTrailingAsciiWhitespace(value.ExposeForCrypto()));
  };
  for (const Variable& variable : variables) {
    add(variable.value);
    for (const SecretBytes& part : variable.parts) add(part);
  }
  return values;
}

class Supervisor {
 public:
  Supervisor(const std::vector<std::string>& command, bool pristine, bool pass_token,
             const FetchVariables& fetch, const SuperviseOptions& options)
      : command_(command),
        pristine_(pristine),
        pass_token_(pass_token),
        fetch_(fetch),
        options_(options) {}
  ~Supervisor() {
    if (signals_ >= 0) close(signals_);
    if (timer_ >= 0) close(timer_);
  }

  absl::StatusOr<int> Run() {
    // Orphans of the child become this process's children, as they do for process 1.
    if (getpid() == 1) prctl(PR_SET_CHILD_SUBREAPER, 1);
    const sigset_t set = Supervised();
    signals_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (signals_ < 0 || timer_ < 0) return absl::InternalError("no descriptors left");
    ASSIGN_OR_RETURN(variables_, fetch_());
    RETURN_IF_ERROR(Spawn());
    for (;;) {
      Wait();
      ReadSignals();
      if (!exit_status_.has_value()) continue;
      Drain();
      if (!restarting_) return *exit_status_;
      restarting_ = false;
      variables_ = std::move(next_variables_);
      RETURN_IF_ERROR(Spawn());
    }
  }

 private:
  absl::Status Pipe(int to, posix_spawn_file_actions_t* actions, std::vector<int>* theirs) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return absl::InternalError("no descriptors left");
    posix_spawn_file_actions_adddup2(actions, ends[1], to);
    theirs->push_back(ends[1]);
    streams_.push_back({ends[0], to, std::make_unique<Masker>(Masked(variables_))});
    return absl::OkStatus();
  }

  absl::Status Spawn() {
    ASSIGN_OR_RETURN(EnvironmentBlock environment,
                     EnvironmentBlock::Make(variables_, pristine_, pass_token_));
    std::vector<std::string> words = command_;
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    std::vector<int> theirs;
    streams_.clear();
    if (options_.mask) {
      RETURN_IF_ERROR(Pipe(STDOUT_FILENO, &actions, &theirs));
      RETURN_IF_ERROR(Pipe(STDERR_FILENO, &actions, &theirs));
    }
    // Onto itself: inherited, by this child alone.
    for (const int fd : environment.inherited()) {
      posix_spawn_file_actions_adddup2(&actions, fd, fd);
    }
    // On a terminal the child stays in the foreground group, so that it can read and ctrl-C works.
    own_group_ = isatty(STDIN_FILENO) != 1;
    const SpawnAttributes attributes(own_group_);
    const int error =
        posix_spawnp(&child_, argv[0], &actions, attributes.get(), argv.data(), environment.envp());
    for (const int fd : theirs) close(fd);
    posix_spawn_file_actions_destroy(&actions);
    exit_status_.reset();
    if (error == 0) return absl::OkStatus();
    return CannotRun(command_[0], error);
  }

  // Until something is to be done; pumps output and handles changes and the grace period.
  void Wait() {
    std::vector<pollfd> fds = {{signals_, POLLIN, 0}, {timer_, POLLIN, 0}};
    fds.push_back({options_.change_fd, POLLIN, 0});
    for (const MaskedStream& stream : streams_) fds.push_back({stream.from, POLLIN, 0});
    if (poll(fds.data(), fds.size(), -1) < 0) return;
    for (size_t i = 0; i < streams_.size(); ++i) {
      if (fds[3 + i].revents != 0 && streams_[i].from >= 0) streams_[i].Pump();
    }
    uint64_t count = 0;
    if (fds[1].revents != 0 && read(timer_, &count, sizeof(count)) > 0) Send(SIGKILL);
    if (fds[2].revents != 0 && read(options_.change_fd, &count, sizeof(count)) > 0) Changed();
  }

  void Changed() {
    if (options_.on_change == SuperviseOptions::OnChange::kSignal) {
      Send(options_.change_signal);
      return;
    }
    if (options_.on_change != SuperviseOptions::OnChange::kRestart) return;
    absl::StatusOr<std::vector<Variable>> fetched = fetch_();
    if (!fetched.ok()) {
      std::fprintf(stderr, "keyturn: the secrets changed and cannot be read: %s; %s runs on\n",
                   std::string(fetched.status().message()).c_str(), command_[0].c_str());
      return;
    }
    next_variables_ = *std::move(fetched);
    if (restarting_) return;
    std::fprintf(stderr, "keyturn: the secrets changed; restarting %s\n", command_[0].c_str());
    restarting_ = true;
    Send(SIGTERM);
    const itimerspec grace = {{0, 0}, {kGraceSeconds, 0}};
    timerfd_settime(timer_, 0, &grace, nullptr);
  }

  void Send(int signal) {
    if (exit_status_.has_value()) return;
    kill(own_group_ ? -child_ : child_, signal);
  }

  void ReadSignals() {
    signalfd_siginfo info;
    while (read(signals_, &info, sizeof(info)) == sizeof(info)) {
      const int signal = static_cast<int>(info.ssi_signo);
      if (signal == SIGCHLD) {
        Reap();
        continue;
      }
      // What a terminal sent, the child got as well.
      const bool from_terminal = !own_group_ && info.ssi_code == SI_KERNEL;
      if (!from_terminal) Send(signal);
      if (signal == SIGTERM || signal == SIGINT) restarting_ = false;
    }
  }

  void Reap() {
    int status = 0;
    for (pid_t pid = 0; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
      if (pid != child_) continue;
      exit_status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      const itimerspec off = {};
      timerfd_settime(timer_, 0, &off, nullptr);
    }
  }

  // What the child wrote last. A grandchild may hold the pipe open, so only what is there already.
  void Drain() {
    for (MaskedStream& stream : streams_) {
      if (stream.from < 0) continue;
      fcntl(stream.from, F_SETFL, O_NONBLOCK);
      pollfd ready = {stream.from, POLLIN, 0};
      while (stream.from >= 0 && poll(&ready, 1, 0) > 0) stream.Pump();
      if (stream.from < 0) continue;
      WriteOut(stream.to, stream.masker->Finish());
      // A process of its own may still have the other end: it is told that nobody reads any more.
      close(stream.from);
      stream.from = -1;
    }
  }

  const std::vector<std::string>& command_;
  const bool pristine_, pass_token_;
  const FetchVariables& fetch_;
  const SuperviseOptions options_;
  std::vector<Variable> variables_, next_variables_;
  std::vector<MaskedStream> streams_;
  int signals_ = -1, timer_ = -1;
  pid_t child_ = -1;
  bool own_group_ = false, restarting_ = false;
  std::optional<int> exit_status_;
};

}  // namespace

void BlockSupervisedSignals() {
  const sigset_t set = Supervised();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

absl::StatusOr<int> Supervise(const std::vector<std::string>& command, bool pristine,
                              bool pass_token, const FetchVariables& fetch,
                              const SuperviseOptions& options) {
  return Supervisor(command, pristine, pass_token, fetch, options).Run();
}

}  // namespace keyturn::cli
