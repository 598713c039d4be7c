#include "server/acceptor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <system_error>
#include <utility>

#include "base/limits.h"
#include "base/log.h"

namespace keyturn {
namespace {

int OpenSpare() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

// The number of the first descriptor that connections may not have. The system gives the lowest
// number that is free, so a number tells how many are open.
uint64_t FirstReserved() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return limit.rlim_cur - std::min<uint64_t>(limits::kDescriptorsReserved, limit.rlim_cur / 2);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Acceptor>> Acceptor::Start(std::vector<Door> doors) {
  const int stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const int spare = OpenSpare();
  if (stop < 0 || spare < 0) {
    const int error = errno;
    if (stop >= 0) close(stop);
    return absl::UnavailableError(std::generic_category().message(error));
  }
  return std::unique_ptr<Acceptor>(new Acceptor(std::move(doors), stop, spare));
}

Acceptor::Acceptor(std::vector<Door> doors, int stop, int spare)
    : doors_(std::move(doors)), stop_(stop), spare_(spare), thread_([this] { Loop(); }) {}

Acceptor::~Acceptor() {
  const uint64_t one = 1;
  if (write(stop_, &one, sizeof(one)) == sizeof(one)) thread_.join();
  close(stop_);
  if (spare_ >= 0) close(spare_);
}

void Acceptor::Loop() {
  std::vector<pollfd> waits;
  for (const Door& door : doors_) waits.push_back({door.socket.fd(), POLLIN, 0});
  waits.push_back({stop_, POLLIN, 0});
  while (true) {
    if (poll(waits.data(), waits.size(), -1) < 0) continue;  // a signal
    if (waits.back().revents != 0) return;
    for (size_t i = 0; i < doors_.size(); ++i) {
      if (waits[i].revents != 0) AcceptAll(doors_[i]);
    }
  }
}

void Acceptor::AcceptAll(const Door& door) {
  for (int accepted = 0; accepted < limits::kConnectionBacklog; ++accepted) {
    const int fd = accept4(door.socket.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE)) return CloseOne(door);
    // Those that went away while they waited are errors, too.
    if (fd < 0) return;
    if (static_cast<uint64_t>(fd) >= FirstReserved()) {
      close(fd);
      Refused();
      continue;
    }
    short_ = false;
    door.take(door.socket.fd(), fd);
  }
}

// It would wait, and the poll would not.
void Acceptor::CloseOne(const Door& door) {
  if (spare_ >= 0) close(spare_);
  const int fd = accept4(door.socket.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd >= 0) close(fd);
  spare_ = OpenSpare();
  Refused();
}

void Acceptor::Refused() {
  if (std::exchange(short_, true)) return;
  LogWarning(
      "connections are closed: too many descriptors are open; raise LimitNOFILE, or look for "
      "a client that opens too many connections");
}

}  // namespace keyturn
