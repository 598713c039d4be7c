// Accepts connections and hands them on. gRPC 1.51 does that itself otherwise, and for good stops
// at the first accept that finds no descriptor left (CVE-2023-4785). Here some are kept for files,
// so that strangers who connect cannot take from the store what it needs; a connection beyond them
// is closed at once, and there is no state to recover from.
//
// One thread of its own. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "server/listening_socket.h"

namespace keyturn {

class Acceptor {
 public:
  struct Door {
    ListeningSocket socket;
    // Of this machine: may have half of what is kept from strangers.
    bool local = false;
    // Owns `fd` (non-blocking, close-on-exec) from here on.
    std::function<void(int listener_fd, int fd)> take;
  };

  // UNAVAILABLE when the system has no descriptor or no thread for its own needs.
  static absl::StatusOr<std::unique_ptr<Acceptor>> Start(std::vector<Door> doors);
  // Stops, and closes the sockets: whoever connects now is refused.
  ~Acceptor();

 private:
  Acceptor(std::vector<Door> doors, int stop, int spare);
  void Loop();
  // False when one waits that can be neither accepted nor closed now.
  bool AcceptAll(const Door& door);
  bool CloseOne(const Door& door);
  void Refused();

  std::vector<Door> doors_;
  const int stop_;  // eventfd
  int spare_;       // given up for a moment to close a connection when there is no other
  std::optional<int64_t> warned_nanos_;  // the thread's
  std::thread thread_;
};

}  // namespace keyturn
