#include "server/listening_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

absl::Status Reason() { return absl::UnavailableError(std::generic_category().message(errno)); }

// The form that the system takes.
socklen_t ToSystem(const HostPort& address, sockaddr_storage* out) {
  *out = {};
  auto* const v4 = reinterpret_cast<sockaddr_in*>(out);
  if (inet_pton(AF_INET, address.host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address.port);
    return sizeof(sockaddr_in);
  }
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(out);
  if (inet_pton(AF_INET6, address.host.c_str(), &v6->sin6_addr) != 1) return 0;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(address.port);
  return sizeof(sockaddr_in6);
}

absl::StatusOr<uint16_t> PortOf(int fd) {
  sockaddr_storage bound = {};
  socklen_t size = sizeof(bound);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return Reason();
  return ntohs(bound.ss_family == AF_INET
                   ? reinterpret_cast<const sockaddr_in*>(&bound)->sin_port
                   : reinterpret_cast<const sockaddr_in6*>(&bound)->sin6_port);
}

absl::Status BindAndListen(int fd, const sockaddr* address, socklen_t size) {
  if (bind(fd, address, size) != 0 || listen(fd, limits::kConnectionBacklog) != 0) return Reason();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ListeningSocket> ListeningSocket::Tcp(const HostPort& address) {
  sockaddr_storage system;
  const socklen_t size = ToSystem(address, &system);
  if (size == 0) return absl::InvalidArgumentError("not a literal IP address");
  ListeningSocket out(socket(system.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // A machine without IPv6 has no more addresses than that.
  if (out.fd_ < 0 && errno == EAFNOSUPPORT && address.host == "::") {
    return Tcp({"0.0.0.0", address.port});
  }
  if (out.fd_ < 0) return Reason();
  const int on = 1;
  // Connections have the second from their listener.
  setsockopt(out.fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  setsockopt(out.fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  const int off = 0;  // "::" is all addresses, of IPv4 as well
  if (system.ss_family == AF_INET6) {
    setsockopt(out.fd_, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  }
  RETURN_IF_ERROR(BindAndListen(out.fd_, reinterpret_cast<const sockaddr*>(&system), size));
  ASSIGN_OR_RETURN(out.port_, PortOf(out.fd_));
  return out;
}

absl::StatusOr<ListeningSocket> ListeningSocket::Unix(const std::string& path) {
  sockaddr_un system = {};
  if (path.size() >= sizeof(system.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("data_directory is too long: ", path,
                                                   " must be under ", sizeof(system.sun_path),
                                                   " bytes, the system's bound for sockets"));
  }
  system.sun_family = AF_UNIX;
  path.copy(system.sun_path, sizeof(system.sun_path) - 1);
  ListeningSocket out(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (out.fd_ < 0) return Reason();
  // Left by a server that was killed; the store's lock already says that none is running.
  unlink(path.c_str());
  RETURN_IF_ERROR(
      BindAndListen(out.fd_, reinterpret_cast<const sockaddr*>(&system), sizeof(system)));
  if (chmod(path.c_str(), 0600) != 0) return Reason();
  return out;
}

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), port_(other.port_) {}

ListeningSocket::~ListeningSocket() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace keyturn
