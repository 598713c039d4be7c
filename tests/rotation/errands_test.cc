#include "rotation/errands.h"

#include <poll.h>

#include <vector>

#include "absl/synchronization/notification.h"
#include "base/limits.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

Uuid Numbered(uint8_t number) {
  std::array<uint8_t, Uuid::kSize> bytes{};
  bytes[0] = number;
  return Uuid(bytes);
}

bool IsReadable(int fd) {
  pollfd waits = {fd, POLLIN, 0};
  return poll(&waits, 1, 0) == 1;
}

TEST(Errands, ASlowLaneHoldsUpNoOther) {
  absl::Notification slow_may_end, quick_is_done;
  Errands errands([&](const std::string&, const Uuid& secret) {
    if (secret == Numbered(1)) {
      slow_may_end.WaitForNotification();
    } else {
      quick_is_done.Notify();
    }
  });
  errands.Add("slow", Numbered(1));
  errands.Add("quick", Numbered(2));
  quick_is_done.WaitForNotification();
  slow_may_end.Notify();
}

TEST(Errands, ALaneWorksOnOneSecretAtATime) {
  absl::Mutex mu;
  int working = 0, done = 0;
  Errands errands([&](const std::string&, const Uuid&) {
    {
      const absl::MutexLock lock(&mu);
      EXPECT_EQ(++working, 1);
    }
    const absl::MutexLock lock(&mu);
    --working;
    ++done;
  });
  for (uint8_t i = 0; i < 100; ++i) errands.Add("one", Numbered(i));
  const absl::MutexLock lock(&mu);
  mu.Await(absl::Condition(
      +[](int* count) { return *count == 100; }, &done));
}

TEST(Errands, ASecretThatWaitsIsWorkedOnOnce) {
  absl::Notification begun, may_end, last;
  std::vector<Uuid> worked;
  Errands errands([&](const std::string&, const Uuid& secret) {
    worked.push_back(secret);
    if (worked.size() == 1) {
      begun.Notify();
      may_end.WaitForNotification();
    }
    if (secret == Numbered(3)) last.Notify();
  });
  errands.Add("one", Numbered(1));
  begun.WaitForNotification();
  errands.Add("one", Numbered(1));  // once more: it may have changed since it was begun
  for (int i = 0; i < 10; ++i) {
    errands.Add("one", Numbered(1));
    errands.Add("one", Numbered(2));
  }
  errands.Add("one", Numbered(3));
  may_end.Notify();
  last.WaitForNotification();
  EXPECT_EQ(worked, (std::vector<Uuid>{Numbered(1), Numbered(1), Numbered(2), Numbered(3)}));
}

TEST(Errands, StopInterruptsAndForgetsAndWaits) {
  absl::Notification begun, again;
  int worked = 0;
  const Interrupt* interrupt = nullptr;
  Errands errands([&](const std::string&, const Uuid& secret) {
    ++worked;
    if (secret == Numbered(9)) return again.Notify();
    begun.Notify();
    pollfd waits = {interrupt->fd(), POLLIN, 0};
    EXPECT_EQ(poll(&waits, 1, -1), 1);
  });
  interrupt = &errands.interrupt();
  errands.Add("one", Numbered(1));
  errands.Add("one", Numbered(2));
  begun.WaitForNotification();
  errands.Stop();
  EXPECT_EQ(worked, 1);  // the second was forgotten
  EXPECT_TRUE(interrupt->is_set());
  EXPECT_TRUE(IsReadable(interrupt->fd()));
  errands.Add("one", Numbered(3));  // not while it is stopped
  errands.Start();
  EXPECT_FALSE(interrupt->is_set());
  EXPECT_FALSE(IsReadable(interrupt->fd()));
  errands.Add("one", Numbered(9));
  again.WaitForNotification();
  EXPECT_EQ(worked, 2);
}

}  // namespace
}  // namespace keyturn
