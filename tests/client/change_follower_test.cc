// What the follower of changes asks for, and what it makes of the answers.
#include "client/change_follower.h"

#include "base/limits.h"
#include "tests/client/clocks.h"
#include "tests/client/fake_server.h"

namespace keyturn {
namespace {

class ChangeFollowerTest : public testing::Test {
 protected:
  void SetUp() override {
    client_ = ConnectTo(server_.address());
    follower_ = std::make_unique<ChangeFollower>(
        *client_, clock_,
        ChangeFollower::Listener{[this](const v1::WatchResponse& event) {
                                   Note(absl::StrCat(event.path(), "@", event.revision()));
                                   absl::ReleasableMutexLock lock(&mu_);
                                   const bool widen = event.revision() == widen_at_;
                                   lock.Release();
                                   if (widen) follower_->Include("app/b/z");
                                 },
                                 [this] { Note("missed"); }},
        [] { return 1.0; });
  }
  void Note(const std::string& what) {
    absl::MutexLock lock(&mu_);
    heard_.push_back(what);
  }
  // Waits for so many calls of the listener; all of them.
  std::vector<std::string> AwaitHeard(size_t n) {
    absl::MutexLock lock(&mu_);
    const auto there = [this, n] { return heard_.size() >= n; };
    mu_.Await(absl::Condition(&there));
    return heard_;
  }
  // Lets the follower try again after its nth break (from 0).
  std::shared_ptr<FakeWatch> Retry(size_t n) {
    clock_.EndWait(n);
    return server_.secrets.AwaitWatch(n + 1);
  }

  absl::Mutex mu_;
  std::vector<std::string> heard_ ABSL_GUARDED_BY(mu_);
  uint64_t widen_at_ ABSL_GUARDED_BY(mu_) = 0;  // includes app/b/z when told of this revision
  WatchedClock clock_;
  FakeServer server_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<ChangeFollower> follower_;
};

TEST_F(ChangeFollowerTest, TellsChangesAndNoProgress) {
  follower_->Include("app/a");
  const auto watch = server_.secrets.AwaitWatch(0);
  EXPECT_EQ(watch->request().from_revision(), 0u);
  watch->Progress(105);
  watch->Event(v1::WatchResponse::WRITTEN, "app/a", 107);
  EXPECT_EQ(AwaitHeard(2), (std::vector<std::string>{"missed", "app/a@107"}));
}

TEST_F(ChangeFollowerTest, WatchesTheSmallestDirectoryOfAllThatIsIncluded) {
  const std::vector<std::pair<std::string, std::string>> steps = {
      {"app/prod/db/main", "app/prod/db/"},
      {"app/prod/db/copy", ""},       // within
      {"app/prod/db/x/y", ""},        // within
      {"app/prod/dba", "app/prod/"},  // not within app/prod/db/
      {"app/test/db/main", "app/"},
      {"apple", ""},
  };
  size_t watches = 0;
  for (const auto& [path, directory] : steps) {
    follower_->Include(path);
    if (directory.empty()) continue;
    const auto watch = server_.secrets.AwaitWatch(watches++);
    EXPECT_EQ(watch->request().path(), directory);
    // Once it was heard, the watch is idle: a wider one does not wait for it to say more.
    watch->Event(v1::WatchResponse::WRITTEN, path, 100 + watches);
    AwaitHeard(1 + watches);
  }
  EXPECT_EQ(server_.secrets.AwaitWatch(watches++)->request().path(), "");
  follower_->Include("anything/else");
  follower_->Stop();
  EXPECT_EQ(server_.secrets.watches(), watches);
}

TEST_F(ChangeFollowerTest, AWiderWatchGoesOnWhereTheNarrowerStood) {
  {
    absl::MutexLock lock(&mu_);
    widen_at_ = 141;
  }
  follower_->Include("app/a/x");
  const auto narrow = server_.secrets.AwaitWatch(0);
  narrow->Event(v1::WatchResponse::WRITTEN, "app/a/x", 140);
  narrow->Event(v1::WatchResponse::WRITTEN, "app/a/y", 141);  // includes app/b/z
  narrow->AwaitCancelled();
  const auto wide = server_.secrets.AwaitWatch(1);
  EXPECT_EQ(wide->request().path(), "app/");
  // Not 141: between 140 and 141 something may have happened to app/b/z.
  EXPECT_EQ(wide->request().from_revision(), 140u);
  wide->Event(v1::WatchResponse::WRITTEN, "app/b/z", 142);
  EXPECT_EQ(AwaitHeard(4),
            (std::vector<std::string>{"missed", "app/a/x@140", "app/a/y@141", "app/b/z@142"}));
}

TEST_F(ChangeFollowerTest, ResumesAfterABreakWithoutHavingMissedAnything) {
  follower_->Include("app/a");
  const auto watch = server_.secrets.AwaitWatch(0);
  watch->Event(v1::WatchResponse::WRITTEN, "app/a", 120);
  watch->End({grpc::StatusCode::UNAVAILABLE, "restarting"});
  const auto again = Retry(0);
  EXPECT_EQ(again->request().from_revision(), 120u);
  again->End(grpc::Status::OK);  // a server that stops may end it so
  EXPECT_EQ(Retry(1)->request().from_revision(), 120u);
  EXPECT_EQ(AwaitHeard(2), (std::vector<std::string>{"missed", "app/a@120"}));
}

TEST_F(ChangeFollowerTest, StartsFromNowWhenItsRevisionIsNoLongerKept) {
  follower_->Include("app/a");
  const auto watch = server_.secrets.AwaitWatch(0);
  AwaitHeard(1);
  watch->End({grpc::StatusCode::OUT_OF_RANGE, "changes are no longer kept"});
  AwaitHeard(2);  // at once, not only when the next watch stands
  const auto again = Retry(0);
  EXPECT_EQ(again->request().from_revision(), 0u);
  EXPECT_EQ(AwaitHeard(3), (std::vector<std::string>{"missed", "missed", "missed"}));
}

TEST_F(ChangeFollowerTest, WaitsLongerWithEachFailureAndLongestWhenRefused) {
  server_.secrets.GreetWith(0);
  follower_->Include("app/a");
  const auto wait_after = [&](size_t n, const grpc::Status& status) {
    server_.secrets.AwaitWatch(n)->End(status);
    return clock_.EndWait(n);
  };
  const grpc::Status away(grpc::StatusCode::UNAVAILABLE, "away");
  EXPECT_EQ(wait_after(0, away), absl::Milliseconds(200));
  EXPECT_EQ(wait_after(1, away), absl::Milliseconds(400));
  EXPECT_EQ(wait_after(2, away), absl::Milliseconds(800));
  const absl::Duration most = absl::Milliseconds(limits::kWatchRetryMillisMax);
  EXPECT_EQ(wait_after(3, {grpc::StatusCode::PERMISSION_DENIED, "no"}), most);
  EXPECT_EQ(wait_after(4, {grpc::StatusCode::UNAUTHENTICATED, "no"}), most);
  for (size_t n = 5; n < 10; ++n) EXPECT_LE(wait_after(n, away), most);
  EXPECT_EQ(wait_after(10, away), most);
  // One message from the server and it starts over.
  const auto watch = server_.secrets.AwaitWatch(11);
  watch->Progress(100);
  watch->End(away);
  EXPECT_EQ(clock_.EndWait(11), absl::Milliseconds(100));
}

TEST_F(ChangeFollowerTest, StopsWhereverItIs) {
  follower_->Stop();  // nothing to follow yet
  follower_->Include("app/a");
  EXPECT_EQ(server_.secrets.watches(), 0u);

  SetUp();
  follower_->Include("app/a");
  AwaitHeard(1);
  follower_->Stop();  // in a stream
  server_.secrets.AwaitWatch(0)->AwaitCancelled();

  SetUp();
  server_.secrets.GreetWith(0);
  follower_->Include("app/a");
  server_.secrets.AwaitWatch(1)->End({grpc::StatusCode::UNAVAILABLE, "away"});
  follower_->Stop();  // before the next attempt, which the clock never lets come
  EXPECT_EQ(server_.secrets.watches(), 2u);
}

}  // namespace
}  // namespace keyturn
