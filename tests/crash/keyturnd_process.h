// The real keyturnd on a directory of its own: starts, is waited for, is killed. Not thread-safe.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "absl/cleanup/cleanup.h"
#include "base/status_macros.h"
#include "storage/file_system.h"

namespace keyturn {

class KeyturndProcess {
 public:
  // Everything lives below `directory`, each in its own: data, key, anchor.
  explicit KeyturndProcess(std::string directory) : directory_(std::move(directory)) {
    const char* const bin = std::getenv("KEYTURN_BIN");
    program_ = absl::StrCat(bin == nullptr ? "" : bin, "/keyturnd");
  }
  ~KeyturndProcess() { Kill(); }
  KeyturndProcess(const KeyturndProcess&) = delete;
  KeyturndProcess& operator=(const KeyturndProcess&) = delete;

  bool available() const { return access(program_.c_str(), X_OK) == 0; }
  bool running() const { return pid_ > 0; }
  pid_t pid() const { return pid_; }
  std::string File(const std::string& name) const { return absl::StrCat(directory_, "/", name); }
  std::string grpc() const { return info_["grpc"]; }
  std::string operator_socket() const { return info_["operator_socket"]; }
  std::string ca_file() const { return info_["ca_file"]; }

  absl::Status Configure() {
    FileSystem& files = FileSystem::Posix();
    for (const char* name : {"key", "anchor"}) {
      RETURN_IF_ERROR(files.CreateDirectory(File(name), 0700));
    }
    const std::string text = absl::StrCat(
        "data_directory = \"", File("data"), "\"\nkey_file = \"", File("key/unseal.key"),
        "\"\nanchor_file = \"", File("anchor/anchor.ktn"), "\"\nauto_unseal = true\n",
        "[listen]\ngrpc = \"127.0.0.1:0\"\nhttps = \"127.0.0.1:0\"\nmetrics = "
        "\"127.0.0.1:0\"\nresp = \"127.0.0.1:0\"\n",
        "[limits]\nrequire_memory_lock = false\nworker_threads = 32\n",
        "source_calls_per_second = 0\nidentity_calls_per_second = 0\n[log]\nlevel = \"warning\"\n");
    return WriteFileAtomically(files, File("keyturnd.toml"), text, 0600);
  }

  // Returns once it listens. UNAVAILABLE, with what it wrote, when it ends before.
  absl::Status Start(const std::vector<std::string>& flags = {}) {
    RETURN_IF_ERROR(Spawn(flags));
    ASSIGN_OR_RETURN(const bool ready, AwaitInfo(directory_, IN_MOVED_TO, -1));
    if (!ready) {
      const int status = Reap();
      return absl::UnavailableError(
          absl::StrCat("keyturnd ended with status ", status, ": ", Log()));
    }
    ASSIGN_OR_RETURN(const std::string text, FileSystem::Posix().Read(File("info.json")));
    info_ = nlohmann::json::parse(text);
    return absl::OkStatus();
  }

  // Starts it and kills it when it has changed files of the store `changes` times, or listens.
  absl::Status StartAndKill(int changes) {
    RETURN_IF_ERROR(Spawn({}));
    const uint32_t mask = IN_CREATE | IN_MODIFY | IN_MOVED_TO | IN_DELETE | IN_CLOSE_WRITE;
    RETURN_IF_ERROR(AwaitInfo(File("data/store"), mask, changes).status());
    Kill();
    return absl::OkStatus();
  }

  // SIGKILL. Nothing of the process is left on return.
  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    Reap();
  }

  // What it logged in all its lives.
  std::string Log() const { return FileSystem::Posix().Read(File("err")).value_or(""); }

 private:
  static constexpr int kPatienceMillis = 60'000;

  // Between fork and exec only calls that are safe in a process with threads.
  absl::Status Spawn(const std::vector<std::string>& flags) {
    if (FileSystem::Posix().Exists(File("info.json"))) {
      RETURN_IF_ERROR(FileSystem::Posix().Remove(File("info.json")));
    }
    std::vector<std::string> arguments = {program_, "--config", File("keyturnd.toml"),
                                          "--info-file", File("info.json")};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const int log = open(File("err").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0) return absl::UnavailableError("cannot open the log");
    const absl::Cleanup closer = [log] { close(log); };
    pid_ = fork();
    if (pid_ < 0) return absl::UnavailableError("cannot fork");
    if (pid_ > 0) return absl::OkStatus();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execv(program_.c_str(), argv.data());
    _exit(127);
  }

  int Reap() {
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }

  // Waits until the info file is there (true), the process has ended (false), or `directory` has
  // seen `changes` events (false; negative: any number).
  absl::StatusOr<bool> AwaitInfo(const std::string& directory, uint32_t mask, int changes) {
    const int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    const int process = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    const absl::Cleanup closer = [=] {
      close(notify);
      close(process);
    };
    inotify_add_watch(notify, directory.c_str(), mask);
    if (directory != directory_) inotify_add_watch(notify, directory_.c_str(), IN_MOVED_TO);
    while (true) {
      if (FileSystem::Posix().Exists(File("info.json"))) return true;
      if (changes == 0) return false;
      std::array<pollfd, 2> waits = {pollfd{notify, POLLIN, 0}, pollfd{process, POLLIN, 0}};
      if (poll(waits.data(), waits.size(), kPatienceMillis) == 0) {
        return absl::DeadlineExceededError(absl::StrCat("keyturnd does not listen: ", Log()));
      }
      if (waits[1].revents != 0) return false;
      alignas(inotify_event) std::array<char, 4096> events;
      const ssize_t got = read(notify, events.data(), events.size());
      for (ssize_t at = 0; at < got && changes > 0; --changes) {
        at += static_cast<ssize_t>(sizeof(inotify_event)) +
              reinterpret_cast<const inotify_event*>(events.data() + at)->len;
      }
    }
  }

  const std::string directory_;
  std::string program_;
  pid_t pid_ = -1;
  nlohmann::json info_;
};

}  // namespace keyturn
