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

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

namespace keyturn {
namespace {

int OpenSpare() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

// The number of the first descriptor that connections may not have. The system gives the lowest
// number that is free, so a number tells how many are open.
uint64_t FirstReserved(bool local) {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  uint64_t reserved = std::min<uint64_t>(limits::kDescriptorsReserved, limit.rlim_cur / 2);
  if (local) reserved /= 2;
  // An unlimited number would be as much memory: gRPC looks at its quota where it accepts itself.
  const uint64_t most = limits::kConnectionsMax + (local ? limits::kDescriptorsReserved / 2 : 0);
  return std::min<uint64_t>(limit.rlim_cur - reserved, most);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Acceptor>> Acceptor::Start(std::vector<Door> doors) {
  const int stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const int spare = OpenSpare();
  int error = stop < 0 || spare < 0 ? errno : 0;
  std::unique_ptr<Acceptor> acceptor(new Acceptor(std::move(doors), stop, spare));
  if (error == 0) {
    try {
      acceptor->thread_ = std::thread([raw = acceptor.get()] { raw->Loop(); });
    } catch (const std::system_error& refused) {
      error = refused.code().value();
    }
  }
  if (error == 0) return acceptor;
  return absl::UnavailableError(std::generic_category().message(error));
}

Acceptor::Acceptor(std::vector<Door> doors, int stop, int spare)
    : doors_(std::move(doors)), stop_(stop), spare_(spare) {}

Acceptor::~Acceptor() {
  const uint64_t one = 1;
  if (thread_.joinable() && write(stop_, &one, sizeof(one)) == sizeof(one)) thread_.join();
  if (stop_ >= 0) close(stop_);
  if (spare_ >= 0) close(spare_);
}

void Acceptor::Loop() {
  std::vector<pollfd> waits;
  for (const Door& door : doors_) waits.push_back({door.socket.fd(), POLLIN, 0});
  waits.push_back({stop_, POLLIN, 0});
  while (true) {
    if (poll(waits.data(), waits.size(), -1) < 0) continue;  // a signal
    if (waits.back().revents != 0) return;
    bool all = true;
    for (size_t i = 0; i < doors_.size(); ++i) {
      if (waits[i].revents != 0) all = AcceptAll(doors_[i]) && all;
    }
    // What waits would end the next poll at once.
    if (!all) poll(&waits.back(), 1, limits::kAcceptPauseMillis);
  }
}

bool Acceptor::AcceptAll(const Door& door) {
  for (int accepted = 0; accepted < limits::kConnectionBacklog; ++accepted) {
    const int fd = accept4(door.socket.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
      if (!CloseOne(door)) return false;
      continue;
    }
    if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    // One that went away while it waited is an error, too.
    if (fd < 0 && (errno == ECONNABORTED || errno == EINTR)) continue;
    if (fd < 0) return false;
    if (static_cast<uint64_t>(fd) >= FirstReserved(door.local)) {
      close(fd);
      Refused();
      continue;
    }
    door.take(door.socket.fd(), fd);
  }
  return true;
}

bool Acceptor::CloseOne(const Door& door) {
  if (spare_ >= 0) close(spare_);
  const int fd = accept4(door.socket.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd >= 0) close(fd);
  spare_ = OpenSpare();
  Refused();
  return fd >= 0;
}

void Acceptor::Refused() {
  const int64_t now = Clock::Real().MonotonicNanos();
  if (warned_nanos_.has_value() &&
      now - *warned_nanos_ < limits::kAcceptWarningMillis * 1'000'000) {
    return;
  }
  warned_nanos_ = now;
  LogWarning(
      "connections are closed: too many descriptors are open; raise LimitNOFILE, or look for "
      "a client that opens too many connections");
}

}  // namespace keyturn
