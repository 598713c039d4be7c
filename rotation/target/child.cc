#include "rotation/target/child.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/spawn_attributes.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

// A descriptor that is closed with it.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  ~Fd() { Close(); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    Close();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  int get() const { return fd_; }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

absl::Status NoDescriptors() {
  return absl::ResourceExhaustedError("no descriptor is left for a program");
}

struct Pipe {
  Fd reads, writes;
  absl::Status Open() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return NoDescriptors();
    reads = Fd(ends[0]);
    writes = Fd(ends[1]);
    return absl::OkStatus();
  }
};

void DoNotBlock(const Fd& fd) { fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK); }

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// One stream of the program, as far as there is room.
class Kept {
 public:
  absl::Status Open(size_t most) {
    ASSIGN_OR_RETURN(bytes_, SecretBytes::Allocate(most));
    return pipe.Open();
  }
  // False at its end. What there is no room for is read and dropped.
  bool Take() {
    for (;;) {
      std::array<char, 4096> spare;  // NOLINT(cppcoreguidelines-pro-type-member-init)
      const bool full = size_ == bytes_.size();
      char* const to = full ? spare.data() : bytes_.Mutable().data() + size_;
      const size_t room = full ? spare.size() : bytes_.size() - size_;
      const ssize_t got = read(pipe.reads.get(), to, room);
      if (full) explicit_bzero(spare.data(), spare.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return true;
      if (got <= 0) return false;
      (full ? over_ : size_) += static_cast<size_t>(got);
      if (full && over_ > limits::kTargetAnswerBytesMax) return true;
    }
  }
  bool over() const { return over_ > 0; }
  SecretBytes Finish() {
    bytes_.Truncate(size_);
    return std::move(bytes_);
  }

  Pipe pipe;

 private:
  SecretBytes bytes_;
  size_t size_ = 0, over_ = 0;
};

class Child {
 public:
  Child(const ChildSpec& spec, const SecretBytes& input)
      : spec_(spec), input_(input.ExposeForWire()) {}
  ~Child() {
    if (pid_ > 0) Reap();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  absl::Status Start() {
    RETURN_IF_ERROR(in_.Open());
    RETURN_IF_ERROR(out_.Open(limits::kTargetAnswerBytesMax));
    RETURN_IF_ERROR(err_.Open(limits::kTargetErrorBytesMax));
    timer_ = Fd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (timer_.get() < 0) return NoDescriptors();
    RETURN_IF_ERROR(Spawn());
    in_.reads.Close();
    out_.pipe.writes.Close();
    err_.pipe.writes.Close();
    DoNotBlock(in_.writes);
    DoNotBlock(out_.pipe.reads);
    DoNotBlock(err_.pipe.reads);
    SetTimer(spec_.timeout);
    // The header of the library's own function is for C alone (glibc 2.36).
    process_ = Fd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    if (process_.get() < 0) return NoDescriptors();
    return absl::OkStatus();
  }

  ChildEnd Run() {
    while (!exited_) Wait();
    // Its children, if it left any; the group is its own as long as it is not reaped.
    kill(-pid_, SIGKILL);
    // What it wrote before it ended. Others who hold the pipe are not waited for.
    out_.Take();
    err_.Take();
    Reap();
    ChildEnd end;
    end.how = why_ != How::kExited ? why_ : out_.over() ? How::kSaidTooMuch : HowItEnded();
    end.code = WIFSIGNALED(status_) ? WTERMSIG(status_) : WEXITSTATUS(status_);
    end.out = out_.Finish();
    end.err_cut = err_.over();
    end.err = err_.Finish();
    return end;
  }

 private:
  using How = ChildEnd::How;

  How HowItEnded() const { return WIFSIGNALED(status_) ? How::kSignalled : How::kExited; }

  absl::Status Spawn() {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in_.reads.get(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out_.pipe.writes.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err_.pipe.writes.get(), STDERR_FILENO);
    // Whatever a library opened without O_CLOEXEC.
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    posix_spawn_file_actions_addchdir_np(&actions, "/");
    const SpawnAttributes attributes(/*own_group=*/true);
    std::vector<std::string> words = spec_.words, environment = spec_.environment;
    const std::vector<char*> argv = Pointers(words), envp = Pointers(environment);
    const int error =
        posix_spawn(&pid_, argv[0], &actions, attributes.get(), argv.data(), envp.data());
    posix_spawn_file_actions_destroy(&actions);
    if (error == 0) return absl::OkStatus();
    pid_ = 0;
    const std::string why =
        absl::StrCat("cannot run ", words[0], ": ", std::generic_category().message(error));
    return error == EAGAIN || error == ENOMEM ? absl::ResourceExhaustedError(why)
                                              : absl::FailedPreconditionError(why);
  }

  void Wait() {
    std::array<pollfd, 6> fds = {{{in_.writes.get(), POLLOUT, 0},
                                  {out_.pipe.reads.get(), POLLIN, 0},
                                  {err_.pipe.reads.get(), POLLIN, 0},
                                  {process_.get(), POLLIN, 0},
                                  {timer_.get(), POLLIN, 0},
                                  {InterruptFd(), POLLIN, 0}}};
    if (poll(fds.data(), fds.size(), -1) < 0) return;
    if (fds[0].revents != 0) Feed();
    if (fds[1].revents != 0 && !out_.Take()) out_.pipe.reads.Close();
    if (fds[2].revents != 0 && !err_.Take()) err_.pipe.reads.Close();
    exited_ = fds[3].revents != 0;
    uint64_t count = 0;
    if (fds[4].revents != 0 && read(timer_.get(), &count, sizeof(count)) > 0) {
      if (why_ == How::kExited) {
        End(How::kTimedOut);
      } else {
        kill(-pid_, SIGKILL);
      }
    }
    if (fds[5].revents != 0) End(How::kInterrupted);
    if (out_.over()) End(How::kSaidTooMuch);
  }

  int InterruptFd() const {
    return spec_.interrupt == nullptr || why_ != How::kExited ? -1 : spec_.interrupt->fd();
  }

  void Feed() {
    while (!input_.empty()) {
      const ssize_t written = write(in_.writes.get(), input_.data(), input_.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0 && errno == EAGAIN) return;
      if (written < 0) break;  // it does not want to know
      input_.remove_prefix(static_cast<size_t>(written));
    }
    in_.writes.Close();
  }

  // Asks it to end; makes it, when the timer comes again.
  void End(How why) {
    if (why_ != How::kExited || exited_) return;
    why_ = why;
    kill(-pid_, SIGTERM);
    SetTimer(absl::Milliseconds(limits::kTargetKillMilliseconds));
  }

  void SetTimer(absl::Duration after) {
    const itimerspec when = {{0, 0}, absl::ToTimespec(after)};
    timerfd_settime(timer_.get(), 0, &when, nullptr);
  }

  void Reap() {
    kill(-pid_, SIGKILL);
    while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
  }

  const ChildSpec& spec_;
  absl::string_view input_;
  Pipe in_;
  Kept out_, err_;
  Fd timer_, process_;
  pid_t pid_ = 0;
  int status_ = 0;
  bool exited_ = false;
  How why_ = How::kExited;  // as long as nothing was done to it
};

}  // namespace

absl::StatusOr<ChildEnd> RunChild(const ChildSpec& spec, const SecretBytes& input) {
  Child child(spec, input);
  RETURN_IF_ERROR(child.Start());
  return child.Run();
}

}  // namespace keyturn
