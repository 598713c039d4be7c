#include "tests/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

extern char** environ;

namespace keyturn {
namespace {

// What the child needs, made before the fork: between fork and exec nothing may allocate.
struct Prepared {
  std::vector<std::string> words, settings;
  std::vector<char*> argv, envp;
  std::string directory;
};

Prepared Prepare(std::vector<std::string> argv, const ProcessOptions& options) {
  Prepared made;
  made.words = std::move(argv);
  made.directory = options.directory;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (options.environment.count(text.substr(0, text.find('='))) == 0) {
      made.settings.push_back(text);
    }
  }
  for (const auto& [name, value] : options.environment) {
    if (!value.empty()) made.settings.push_back(name + "=" + value);
  }
  for (std::string& word : made.words) made.argv.push_back(word.data());
  for (std::string& setting : made.settings) made.envp.push_back(setting.data());
  made.argv.push_back(nullptr);
  made.envp.push_back(nullptr);
  return made;
}

[[noreturn]] void Become(Prepared& made) {
  if (!made.directory.empty() && chdir(made.directory.c_str()) != 0) _exit(127);
  execvpe(made.argv[0], made.argv.data(), made.envp.data());
  _exit(127);
}

pid_t Spawn(Prepared& made, int in, int out, int err) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that was stopped leaves nothing behind
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  Become(made);
}

}  // namespace

int WaitFor(pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, 0) != pid) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

ProcessResult RunProcess(std::vector<std::string> argv, const ProcessOptions& options) {
  Prepared made = Prepare(std::move(argv), options);
  int in[2], out[2], err[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) {
    return {};
  }
  const pid_t pid = Spawn(made, in[0], out[1], err[1]);
  for (const int fd : {in[0], out[1], err[1]}) close(fd);
  std::signal(SIGPIPE, SIG_IGN);  // a program may not read its input
  ProcessResult result;
  size_t given = 0;
  pollfd fds[] = {{in[1], POLLOUT, 0}, {out[0], POLLIN, 0}, {err[0], POLLIN, 0}};
  while (fds[0].fd >= 0 || fds[1].fd >= 0 || fds[2].fd >= 0) {
    if (given == options.input.size() && fds[0].fd >= 0) {
      close(fds[0].fd);
      fds[0].fd = -1;
    }
    poll(fds, 3, -1);
    if (fds[0].fd >= 0 && fds[0].revents != 0) {
      const ssize_t wrote =
          write(fds[0].fd, options.input.data() + given, options.input.size() - given);
      given = wrote < 0 ? options.input.size() : given + static_cast<size_t>(wrote);
    }
    for (const int i : {1, 2}) {
      if (fds[i].fd < 0 || fds[i].revents == 0) continue;
      char buffer[4096];
      const ssize_t got = read(fds[i].fd, buffer, sizeof(buffer));
      if (got > 0) {
        (i == 1 ? result.out : result.err).append(buffer, static_cast<size_t>(got));
      } else {
        close(fds[i].fd);
        fds[i].fd = -1;
      }
    }
  }
  result.code = WaitFor(pid);
  return result;
}

ProcessResult RunOnTerminal(std::vector<std::string> argv, const ProcessOptions& options,
                            const std::vector<Typed>& typed) {
  Prepared made = Prepare(std::move(argv), options);
  int terminal = -1;
  const pid_t pid = forkpty(&terminal, nullptr, nullptr, nullptr);
  if (pid == 0) Become(made);
  ProcessResult result;
  size_t seen = 0;
  auto next = typed.begin();
  pollfd waiting = {terminal, POLLIN, 0};
  while (true) {
    if (poll(&waiting, 1, 60'000) == 0) kill(pid, SIGKILL);
    char buffer[4096];
    const ssize_t got = read(terminal, buffer, sizeof(buffer));
    if (got <= 0) break;  // EIO: nobody has the other end any more
    result.out.append(buffer, static_cast<size_t>(got));
    if (next == typed.end()) continue;
    const size_t found = result.out.find(next->after, seen);
    if (found == std::string::npos) continue;
    seen = found + next->after.size();
    const std::string line = next->line + "\n";
    if (write(terminal, line.data(), line.size()) < 0) break;
    ++next;
  }
  result.code = WaitFor(pid);
  close(terminal);
  return result;
}

pid_t StartProcess(std::vector<std::string> argv, const ProcessOptions& options,
                   const std::string& log_file) {
  Prepared made = Prepare(std::move(argv), options);
  const int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int log = open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const pid_t pid = Spawn(made, in, log, log);
  close(in);
  close(log);
  return pid;
}

bool AwaitFile(const std::string& directory, const std::string& name, pid_t pid) {
  const std::string path = directory + "/" + name;
  const int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  inotify_add_watch(notify, directory.c_str(), IN_MOVED_TO | IN_CREATE);
  const int process = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  bool alive = true;
  while (alive && access(path.c_str(), F_OK) != 0) {
    pollfd fds[] = {{notify, POLLIN, 0}, {process, POLLIN, 0}};
    poll(fds, 2, -1);
    alive = fds[1].revents == 0;
    char events[4096];
    while (read(notify, events, sizeof(events)) > 0) {
    }
  }
  close(notify);
  close(process);
  return access(path.c_str(), F_OK) == 0;
}

}  // namespace keyturn
