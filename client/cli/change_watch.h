// Tells of changes of secrets, for `run --on-change`: an eventfd that counts them, until this is
// destroyed. A thread for each path. Not thread-safe.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "client/cli/shell.h"

namespace keyturn::cli {

class ChangeWatch {
 public:
  explicit ChangeWatch(Shell& shell);  // which outlives this
  ~ChangeWatch();
  ChangeWatch(const ChangeWatch&) = delete;
  ChangeWatch& operator=(const ChangeWatch&) = delete;

  // Readable when there were changes.
  int fd() const { return fd_; }

  // To be called before the secrets are read: a change in between is then seen, if only as a
  // restart too many. With `may_be_away` a server that cannot be reached is no error; it is watched
  // from when it can be.
  absl::Status Start(const std::vector<std::string>& paths, bool may_be_away);

  // What the program has is not known to be what the server has: as soon as a watch stands, that
  // is told as a change.
  void SetBehind() { behind_ = true; }

 private:
  void Watch(Client& client, const std::string& path, uint64_t revision);
  void Tell();
  void Pause();

  Shell& shell_;
  const int fd_;
  absl::Mutex mu_;
  Cancellation cancellation_;
  std::atomic<bool> behind_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace keyturn::cli
