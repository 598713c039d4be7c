#include "client/cli/interrupt_signals.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace keyturn::cli {
namespace {

sigset_t Ending() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

InterruptSignals::InterruptSignals() : end_(eventfd(0, EFD_CLOEXEC)) {
  const sigset_t set = Ending();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  const int signals = signalfd(-1, &set, SFD_CLOEXEC);
  thread_ = std::thread([this, signals] { Wait(signals); });
}

InterruptSignals::~InterruptSignals() {
  const uint64_t one = 1;
  while (write(end_, &one, sizeof(one)) < 0 && errno == EINTR) continue;
  thread_.join();
  close(end_);
  const sigset_t set = Ending();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void InterruptSignals::Wait(int signals) const {
  pollfd polled[] = {{signals, POLLIN, 0}, {end_, POLLIN, 0}};
  while (poll(polled, 2, -1) < 0 && errno == EINTR) continue;
  signalfd_siginfo info;
  if ((polled[0].revents & POLLIN) != 0 && read(signals, &info, sizeof(info)) > 0) {
    interrupted_ = true;
    cancellation_.Cancel();
  }
  close(signals);
}

}  // namespace keyturn::cli
