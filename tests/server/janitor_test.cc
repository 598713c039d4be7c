#include "server/janitor.h"

#include <atomic>
#include <thread>

#include "absl/cleanup/cleanup.h"
#include "absl/synchronization/notification.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

// Counts runs, and lets a test wait for one.
class Counter {
 public:
  absl::Status Run() {
    absl::MutexLock lock(&mu_);
    ++runs_;
    return fail_ ? absl::UnavailableError("not now") : absl::OkStatus();
  }
  void AwaitRuns(int runs) {
    absl::MutexLock lock(&mu_);
    const auto there = [this, runs] { return runs_ >= runs; };
    mu_.Await(absl::Condition(&there));
  }
  int runs() {
    absl::MutexLock lock(&mu_);
    return runs_;
  }
  void set_fail() {
    absl::MutexLock lock(&mu_);
    fail_ = true;
  }

 private:
  absl::Mutex mu_;
  int runs_ = 0;
  bool fail_ = false;
};

TEST(Janitor, RunsEachTaskInItsPeriod) {
  SimulatedClock clock;
  Counter often, seldom;
  Janitor janitor({{"often", absl::Seconds(1), [&] { return often.Run(); }},
                   {"seldom", absl::Seconds(10), [&] { return seldom.Run(); }}},
                  clock);
  for (int i = 1; i <= 9; ++i) {
    clock.AdvanceTime(absl::Seconds(1));
    often.AwaitRuns(i);
  }
  EXPECT_EQ(seldom.runs(), 0);
  clock.AdvanceTime(absl::Seconds(1));
  seldom.AwaitRuns(1);
  janitor.Stop();
  EXPECT_EQ(often.runs(), 10);
  EXPECT_EQ(seldom.runs(), 1);
}

TEST(Janitor, AFailureIsTriedAgain) {
  SimulatedClock clock;
  Counter counter;
  counter.set_fail();
  Janitor janitor({{"task", absl::Seconds(1), [&] { return counter.Run(); }}}, clock);
  for (int i = 1; i <= 3; ++i) {
    clock.AdvanceTime(absl::Seconds(1));
    counter.AwaitRuns(i);
  }
}

TEST(Janitor, StopsWhileWaiting) {
  SimulatedClock clock;
  Janitor janitor({{"task", absl::Hours(1), [] { return absl::OkStatus(); }}}, clock);
  janitor.Stop();  // returns although no time passes
}

class BackgroundTest : public ServerFixture {
 protected:
  // Every background task has run at least once more when this returns.
  bool HasEvent(const std::string& event) {
    for (const AuditRecord& record : Entries()) {
      if (record.event.event == event) return true;
    }
    return false;
  }
};

TEST_F(BackgroundTest, VersionsExpireByThemselves) {
  v1::PutRequest request;
  request.set_path("app/short");
  request.set_ttl_seconds(1);
  request.mutable_data()->add_fields()->set_name("value");
  v1::PutResponse response;
  ASSERT_EQ(Text(stubs_->secrets->Put(Ctx(root_), request, &response)), "OK");
  // The entry that the janitor's update leaves is awaited, not slept for.
  uint64_t sequence = 1;
  const absl::Time deadline = Clock::Real().Now() + absl::Seconds(15);
  while (!HasEvent("secret_expired") && Clock::Real().Now() < deadline) {
    sequence = server_->rooms().audit->next_sequence();
    server_->rooms().audit->WaitFor(sequence, deadline);
  }
  EXPECT_TRUE(HasEvent("secret_expired"));
  EXPECT_EQ(Entries().back().event.principal, "keyturn");
}

class SimulatedBackgroundTest : public BackgroundTest {
 protected:
  void SetUp() override {}
};

TEST_F(SimulatedBackgroundTest, TokensThatAreOverAreRemoved) {
  SimulatedClock clock;
  const absl::Cleanup stop = [this] { server_.reset(); };
  StartDev(nullptr, clock);
  v1::CreateTokenRequest request;
  request.add_policies("root");
  request.set_ttl_seconds(30);
  v1::CreateTokenResponse response;
  ASSERT_EQ(Text(stubs_->tokens->Create(Ctx(root_), request, &response)), "OK");
  const absl::Time deadline = Clock::Real().Now() + absl::Seconds(15);
  while (!HasEvent("token_purged") && Clock::Real().Now() < deadline) {
    clock.AdvanceTime(absl::Seconds(20));
    std::this_thread::yield();
  }
  ASSERT_TRUE(HasEvent("token_purged"));
  const auto listed = [&] {
    v1::ListTokensResponse left;
    EXPECT_EQ(Text(stubs_->tokens->List(Ctx(root_), {}, &left)), "OK");
    return std::any_of(left.tokens().begin(), left.tokens().end(),
                       [&](const auto& token) { return token.id() == response.info().id(); });
  };
  // Of a commit, the log hears before the list.
  while (listed() && Clock::Real().Now() < deadline) std::this_thread::yield();
  EXPECT_FALSE(listed());
}

TEST_F(BackgroundTest, CountedRefusalsBecomeOneEntry) {
  for (int i = 0; i < 100; ++i) Get("app/key", "");
  const absl::Time deadline = Clock::Real().Now() + absl::Seconds(15);
  uint64_t listed = 0, counted = 0;
  while (listed + counted < 100 && Clock::Real().Now() < deadline) {
    const uint64_t next = server_->rooms().audit->next_sequence();
    listed = counted = 0;
    for (const AuditRecord& record : Entries()) {
      if (record.event.event == "authentication_failure") ++listed;
      if (record.event.event != "calls_refused") continue;
      counted += record.event.count;
      EXPECT_EQ(record.event.source, "127.0.0.1");
    }
    if (listed + counted < 100) server_->rooms().audit->WaitFor(next, deadline);
  }
  EXPECT_GT(counted, 0u);
  EXPECT_EQ(listed + counted, 100u);
}

}  // namespace
}  // namespace keyturn
