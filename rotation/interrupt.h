// Ends waits outside (programs, connections) when the vault is sealed or the server stops.
// Thread-safe.
#pragma once

#include <atomic>

namespace keyturn {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  void Set();
  void Clear();
  bool is_set() const { return set_.load(); }
  // Readable while it is set; for poll(2).
  int fd() const { return fd_; }

 private:
  const int fd_;
  std::atomic<bool> set_{false};
};

}  // namespace keyturn
