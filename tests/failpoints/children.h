// Runs in child processes, which may die. A test that kills must not have threads of its own, and
// RocksDB's would be missing in the fork of a process that has used it: nothing but the last
// generation of children touches a store here. Not thread-safe.
#pragma once

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace keyturn {

// What a child says about itself, also when it dies right after: lines of one write each.
class Report {
 public:
  explicit Report(int fd) : fd_(fd) {}
  void Say(const std::string& line) const {
    const std::string text = line + "\n";
    if (write(fd_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) abort();
  }

 private:
  int fd_;
};

class Child {
 public:
  // Forks; `body` runs in the child, which then ends with 0.
  explicit Child(const std::function<void(const Report&)>& body) {
    int ends[2];
    if (pipe(ends) != 0) abort();
    fflush(nullptr);
    pid_ = fork();
    if (pid_ < 0) abort();
    if (pid_ == 0) {
      close(ends[0]);
      body(Report(ends[1]));
      _exit(0);
    }
    close(ends[1]);
    from_ = ends[0];
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) Wait();
  }

  struct Result {
    std::vector<std::string> lines;
    int code = -1;  // exit code, or minus the signal that ended it
  };
  // Until it ends. Once.
  Result Wait() {
    std::string text;
    char piece[4096];
    ssize_t got;
    while ((got = read(from_, piece, sizeof(piece))) > 0) text.append(piece, got);
    close(from_);
    int status = 0;
    if (waitpid(std::exchange(pid_, 0), &status, 0) < 0) abort();
    Result out;
    out.lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
    out.code = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    return out;
  }

 private:
  pid_t pid_;
  int from_;
};

}  // namespace keyturn
