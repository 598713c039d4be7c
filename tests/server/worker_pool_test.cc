#include "server/worker_pool.h"

#include <gtest/gtest.h>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"

namespace keyturn {
namespace {

TEST(WorkerPool, RunsManyJobsThatBlockAtOnce) {
  constexpr int kThreads = 128;
  WorkerPool pool(kThreads, 1000);
  absl::BlockingCounter all_inside(kThreads);
  absl::BlockingCounter done(kThreads);
  absl::Notification go;
  for (int i = 0; i < kThreads; ++i) {
    ASSERT_TRUE(pool.Post([&] {
      all_inside.DecrementCount();
      go.WaitForNotification();
      done.DecrementCount();
    }));
  }
  all_inside.Wait();  // ends only if every job has a thread of its own
  go.Notify();
  done.Wait();
}

TEST(WorkerPool, RefusesWhenTheQueueIsFullAndKeepsTheJob) {
  WorkerPool pool(1, 1);
  absl::Notification running, go;
  ASSERT_TRUE(pool.Post([&] {
    running.Notify();
    go.WaitForNotification();
  }));
  running.WaitForNotification();
  ASSERT_TRUE(pool.Post([] {}));
  bool ran = false;
  WorkerPool::Job third = [&ran] { ran = true; };
  EXPECT_FALSE(pool.Post(std::move(third)));
  third();  // NOLINT(bugprone-use-after-move): a refused job is untouched
  EXPECT_TRUE(ran);
  go.Notify();
}

TEST(WorkerPool, StopRunsWhatIsQueuedAndRefusesMore) {
  WorkerPool pool(1, 100);
  absl::Notification go;
  int ran = 0;
  ASSERT_TRUE(pool.Post([&] { go.WaitForNotification(); }));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(pool.Post([&ran] { ++ran; }));
  go.Notify();
  pool.Stop();
  EXPECT_EQ(ran, 10);
  EXPECT_FALSE(pool.Post([] {}));
}

}  // namespace
}  // namespace keyturn
