// Sockets that listen. Thread-safe; errors are UNAVAILABLE with the system's reason.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "server/config.h"

namespace keyturn {

// Closed when it dies. Movable.
class ListeningSocket {
 public:
  // A literal address; port 0 takes a free one. "0.0.0.0" is every address of IPv4, "::" every one.
  static absl::StatusOr<ListeningSocket> Tcp(const HostPort& address);
  // With mode 0600. Takes the place of what a killed server left. INVALID_ARGUMENT for a path that
  // is too long.
  static absl::StatusOr<ListeningSocket> Unix(const std::string& path);

  ListeningSocket(ListeningSocket&& other) noexcept;
  ListeningSocket& operator=(ListeningSocket&&) = delete;
  ~ListeningSocket();

  int fd() const { return fd_; }
  // The real one; 0 for a unix socket.
  uint16_t port() const { return port_; }

 private:
  explicit ListeningSocket(int fd) : fd_(fd) {}

  int fd_;
  uint16_t port_ = 0;
};

}  // namespace keyturn
