#include "rotation/interrupt.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "base/log.h"

namespace keyturn {

Interrupt::Interrupt() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (fd_ < 0) LogError("no descriptor is left: calls of targets end by their own time only");
}

Interrupt::~Interrupt() {
  if (fd_ >= 0) close(fd_);
}

void Interrupt::Set() {
  set_.store(true);
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof(one));  // full: it is readable
}

void Interrupt::Clear() {
  set_.store(false);
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(fd_, &count, sizeof(count));
}

}  // namespace keyturn
