#include "client/cli/interrupt_signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "absl/synchronization/notification.h"

namespace keyturn::cli {
namespace {

// In processes of their own: other tests may have left threads that a signal would come to.
TEST(InterruptSignalsDeathTest, ASignalCancelsInsteadOfEnding) {
  for (const int signal : {SIGINT, SIGTERM}) {
    EXPECT_EXIT(
        {
          InterruptSignals interrupt;
          absl::Notification cancelled;
          interrupt.cancellation().Attach([&] { cancelled.Notify(); });
          if (interrupt.interrupted()) _exit(1);
          kill(getpid(), signal);
          cancelled.WaitForNotification();
          _exit(interrupt.interrupted() ? 0 : 2);
        },
        testing::ExitedWithCode(0), "");
  }
}

TEST(InterruptSignals, WithoutASignalItJustEnds) {
  { const InterruptSignals interrupt; }
  sigset_t set;
  pthread_sigmask(SIG_BLOCK, nullptr, &set);
  EXPECT_EQ(sigismember(&set, SIGINT), 0);
}

TEST(InterruptSignalsDeathTest, AfterwardsASignalEndsAsBefore) {
  EXPECT_EXIT(
      {
        std::signal(SIGINT, SIG_DFL);  // a shell has its background processes ignore it
        { const InterruptSignals interrupt; }
        kill(getpid(), SIGINT);
        pause();
      },
      testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace keyturn::cli
