#include "rotation/crew.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"

namespace keyturn {
namespace {

TEST(Crew, EachPieceIsDoneOnceBeforeItReturns) {
  Crew crew(4);
  for (const size_t count : {size_t{0}, size_t{1}, size_t{2}, size_t{3}, size_t{1000}}) {
    std::vector<std::atomic<int>> done(count);
    crew.Do(count, [&](size_t i) { done[i].fetch_add(1); });
    for (const std::atomic<int>& times : done) EXPECT_EQ(times.load(), 1);
  }
}

TEST(Crew, AsManyWorkAtOnceAsItHas) {
  Crew crew(3);
  absl::Mutex mu;
  int inside = 0;
  crew.Do(3, [&](size_t) {
    const absl::MutexLock lock(&mu);
    ++inside;
    mu.Await(absl::Condition(
        +[](int* there) { return *there == 3; }, &inside));
  });
  EXPECT_EQ(inside, 3);
}

TEST(Crew, OneWorkerDoesAllInOrderOnTheCallersThread) {
  Crew crew(1);
  std::vector<size_t> order;
  std::set<std::thread::id> threads;
  crew.Do(5, [&](size_t i) {
    order.push_back(i);
    threads.insert(std::this_thread::get_id());
  });
  EXPECT_EQ(order, (std::vector<size_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(threads, std::set<std::thread::id>{std::this_thread::get_id()});
}

TEST(Crew, CallersTakeTurns) {
  Crew crew(2);
  std::atomic<int> done{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t) {
    callers.emplace_back([&] {
      for (int i = 0; i < 50; ++i) crew.Do(5, [&](size_t) { done.fetch_add(1); });
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(done.load(), 4 * 50 * 5);
}

}  // namespace
}  // namespace keyturn
