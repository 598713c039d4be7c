// The cache of secrets against a server that does what the test says, on a clock that stands still.
#include "client/secret_cache.h"

#include <atomic>
#include <thread>

#include "absl/synchronization/notification.h"
#include "tests/client/clocks.h"
#include "tests/client/fake_server.h"

namespace keyturn {
namespace {

constexpr auto kUnavailable = grpc::StatusCode::UNAVAILABLE;

class SecretCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    client_ = ConnectTo(server_.address(), [](ClientOptions& options) {
      RetryPolicy::Options once;
      once.attempts_max = 1;
      options.retry = RetryPolicy(once);
    });
    Start([](SecretCache::Options&) {});
  }
  void Start(const std::function<void(SecretCache::Options&)>& adjust) {
    cache_.reset();
    SecretCache::Options options;
    options.clock = &clock_;
    options.watch = false;
    options.uniform = [] { return 0.5; };  // no jitter
    options.on_change = [this](const std::string& path) {
      absl::MutexLock lock(&mu_);
      changed_.push_back(path);
    };
    adjust(options);
    ASSERT_OK_AND_ASSIGN(cache_, SecretCache::Start(*client_, std::move(options)));
  }
  void StartWatching() {
    Start([](SecretCache::Options& options) { options.watch = true; });
  }
  // Every answer promises this from now on.
  void Promise(absl::Duration duration) {
    server_.secrets.OnGet([duration](auto*, const auto&, v1::GetResponse* response) {
      response->set_guaranteed_for_seconds(absl::ToInt64Seconds(duration));
      return grpc::Status::OK;
    });
  }
  void FailWith(const grpc::Status& status) {
    server_.secrets.OnGet([status](auto*, const auto&, auto*) { return status; });
  }

  // The value of a secret, or the code.
  std::string Get(const std::string& path) {
    const auto secret = cache_->Get(path);
    if (!secret.ok()) return absl::StatusCodeToString(secret.status().code());
    const std::string* const value = (*secret)->Find("value");
    return value == nullptr ? "no field" : *value;
  }
  // Waits until the watch has told of `n` outdated secrets; which they were.
  std::vector<std::string> AwaitChanges(size_t n) {
    absl::MutexLock lock(&mu_);
    const auto there = [this, n] { return changed_.size() >= n; };
    mu_.Await(absl::Condition(&there));
    return changed_;
  }
  // Fetches `path`, with a watch that reached revision 100 before.
  std::shared_ptr<FakeWatch> Watched(const std::string& path) {
    Get(path);
    const size_t outdated = AwaitChanges(1).size();  // by the start of the watch
    EXPECT_EQ(outdated, 1u);
    absl::MutexLock lock(&mu_);
    changed_.clear();
    return server_.secrets.AwaitWatch(0);
  }
  int get_count() const { return server_.secrets.get_count(); }

  absl::Mutex mu_;
  std::vector<std::string> changed_ ABSL_GUARDED_BY(mu_);
  WatchedClock clock_;
  FakeServer server_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<SecretCache> cache_;
};

TEST_F(SecretCacheTest, ASecretIsFetchedOnce) {
  EXPECT_EQ(Get("app/a"), "v1");
  server_.secrets.SetValue("v2");
  EXPECT_EQ(Get("app/a"), "v1");
  EXPECT_EQ(Get("app/b"), "v2");
  EXPECT_EQ(get_count(), 2);
  ASSERT_OK_AND_ASSIGN(const auto secret, cache_->Get("app/a"));
  EXPECT_EQ(secret->path(), "app/a");
  EXPECT_EQ(secret->version(), 1u);
  EXPECT_EQ(secret->Find("other"), nullptr);
  const SecretCache::Stats stats = cache_->stats();
  EXPECT_EQ(stats.hits, 2u);
  EXPECT_EQ(stats.fetches, 2u);
  EXPECT_EQ(stats.entries, 2u);
}

// Two fetches side by side, the later one of them with the older answer: who got the newer one does
// not get the older one next.
TEST_F(SecretCacheTest, AnOutdatedFetchWithTheNewerAnswerCounts) {
  absl::Notification first_asked, second_asked, answer_first, answer_second;
  std::atomic<int> calls = 0;
  server_.secrets.OnGet([&](auto*, const auto&, v1::GetResponse* response) {
    const int call = ++calls;
    if (call == 1) {
      first_asked.Notify();
      answer_first.WaitForNotification();
    } else if (call == 2) {
      second_asked.Notify();
      answer_second.WaitForNotification();
    }
    const bool old = call == 2;
    response->mutable_version()->set_version(old ? 1 : 2);
    response->mutable_data()->mutable_fields(0)->set_value(old ? "v1" : "v2");
    return grpc::Status::OK;
  });
  std::thread first([&] { EXPECT_EQ(Get("app/a"), "v2"); });
  first_asked.WaitForNotification();
  cache_->Invalidate("app/a");
  std::thread second([&] { EXPECT_EQ(Get("app/a"), "v1"); });
  second_asked.WaitForNotification();
  answer_first.Notify();
  first.join();
  EXPECT_EQ(Get("app/a"), "v2");
  answer_second.Notify();
  second.join();
  EXPECT_EQ(Get("app/a"), "v2");
  EXPECT_EQ(calls, 3);
}

TEST_F(SecretCacheTest, ManyWhoAskAtOnceShareOneFetch) {
  constexpr int kThreads = 16;
  absl::Notification all_asked;
  server_.secrets.OnGet([&](auto*, const auto&, auto*) {
    all_asked.WaitForNotification();
    return grpc::Status::OK;
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([this] { EXPECT_EQ(Get("app/a"), "v1"); });
  }
  // The others can do nothing but join; each is counted as it does.
  while (cache_->stats().joined < kThreads - 1) std::this_thread::yield();
  all_asked.Notify();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(get_count(), 1);
}

TEST_F(SecretCacheTest, AFailureReachesAllWhoWaitAndIsNotKept) {
  absl::Notification joined;
  server_.secrets.OnGet([&](auto*, const auto&, auto*) {
    joined.WaitForNotification();
    return grpc::Status(grpc::StatusCode::NOT_FOUND, "no");
  });
  std::thread other([this] { EXPECT_EQ(Get("app/a"), "NOT_FOUND"); });
  std::thread another([this] { EXPECT_EQ(Get("app/a"), "NOT_FOUND"); });
  while (cache_->stats().joined < 1) std::this_thread::yield();
  joined.Notify();
  other.join();
  another.join();
  server_.secrets.OnGet(nullptr);
  EXPECT_EQ(Get("app/a"), "v1");
  EXPECT_EQ(get_count(), 2);
}

TEST_F(SecretCacheTest, AFetchIsRepeatedAfterItsTtl) {
  EXPECT_EQ(Get("app/a"), "v1");
  server_.secrets.SetValue("v2");
  clock_.AdvanceTime(absl::Seconds(300) - absl::Nanoseconds(1));
  EXPECT_EQ(Get("app/a"), "v1");
  clock_.AdvanceTime(absl::Nanoseconds(1));
  EXPECT_EQ(Get("app/a"), "v2");
  EXPECT_EQ(get_count(), 2);
}

TEST_F(SecretCacheTest, TheTtlVariesByATenth) {
  for (const auto& [uniform, seconds] : std::vector<std::pair<double, int>>{{0, 270}, {1, 330}}) {
    Start([u = uniform](SecretCache::Options& options) { options.uniform = [u] { return u; }; });
    Get("app/a");
    const int before = get_count();
    clock_.AdvanceTime(absl::Seconds(seconds) - absl::Milliseconds(1));
    Get("app/a");
    EXPECT_EQ(get_count(), before) << seconds;
    clock_.AdvanceTime(absl::Milliseconds(1));
    Get("app/a");
    EXPECT_EQ(get_count(), before + 1) << seconds;
  }
}

TEST_F(SecretCacheTest, NeitherClockAloneMakesASecretYoung) {
  Get("app/a");
  clock_.SetTime(clock_.Now() + absl::Seconds(300));  // the machine slept: monotonic time did not
  Get("app/a");
  EXPECT_EQ(get_count(), 2);
  clock_.SetTime(clock_.Now() - absl::Hours(1));
  clock_.AdvanceTime(absl::Seconds(300));  // the wall clock was set back
  Get("app/a");
  EXPECT_EQ(get_count(), 3);
}

TEST_F(SecretCacheTest, AnEntryEndsWithItsVersion) {
  server_.secrets.OnGet([this](auto*, const auto&, v1::GetResponse* response) {
    response->set_guaranteed_for_seconds(3600);
    response->mutable_version()->mutable_expire_time()->set_seconds(
        absl::ToUnixSeconds(clock_.Now()) + 20);
    return grpc::Status::OK;
  });
  Get("app/a");
  FailWith({kUnavailable, "away"});
  clock_.AdvanceTime(absl::Seconds(19));
  EXPECT_EQ(Get("app/a"), "v1");
  clock_.AdvanceTime(absl::Seconds(1));
  EXPECT_EQ(Get("app/a"), "UNAVAILABLE");
}

TEST_F(SecretCacheTest, WithoutAPromiseAnOldSecretIsNotGivenOut) {
  EXPECT_EQ(Get("app/a"), "v1");
  FailWith({kUnavailable, "away"});
  clock_.AdvanceTime(absl::Seconds(299));
  EXPECT_EQ(Get("app/a"), "v1");
  clock_.AdvanceTime(absl::Seconds(1));
  EXPECT_EQ(Get("app/a"), "UNAVAILABLE");
  EXPECT_EQ(cache_->stats().entries, 0u);
  EXPECT_EQ(cache_->stats().stale, 0u);
}

TEST_F(SecretCacheTest, AnOldSecretIsGivenOutWhileItIsPromisedToBeValid) {
  Promise(absl::Seconds(1000));
  EXPECT_EQ(Get("app/a"), "v1");
  FailWith({kUnavailable, "away"});
  clock_.AdvanceTime(absl::Seconds(400));
  EXPECT_EQ(Get("app/a"), "v1");
  EXPECT_EQ(cache_->stats().stale, 1u);
  clock_.AdvanceTime(absl::Seconds(599));
  EXPECT_EQ(Get("app/a"), "v1");
  clock_.AdvanceTime(absl::Seconds(1));
  EXPECT_EQ(Get("app/a"), "UNAVAILABLE");
}

TEST_F(SecretCacheTest, APromiseShorterThanTheTtlEndsIt) {
  Promise(absl::Seconds(60));
  EXPECT_EQ(Get("app/a"), "v1");
  server_.secrets.SetValue("v2");
  clock_.AdvanceTime(absl::Seconds(60));
  EXPECT_EQ(Get("app/a"), "v2");
}

TEST_F(SecretCacheTest, OnlyErrorsThatSayNothingAboutTheSecretAreBridged) {
  const RichStatus sealed{"SEALED", "", std::nullopt, ""};
  const std::vector<grpc::Status> bridged = {
      {kUnavailable, ""},
      {grpc::StatusCode::DEADLINE_EXCEEDED, ""},
      {grpc::StatusCode::RESOURCE_EXHAUSTED, ""},
      sealed.As(grpc::StatusCode::FAILED_PRECONDITION, "sealed")};
  const std::vector<grpc::Status> final = {
      {grpc::StatusCode::NOT_FOUND, ""},        {grpc::StatusCode::PERMISSION_DENIED, ""},
      {grpc::StatusCode::UNAUTHENTICATED, ""},  {grpc::StatusCode::FAILED_PRECONDITION, ""},
      {grpc::StatusCode::INVALID_ARGUMENT, ""}, {grpc::StatusCode::DATA_LOSS, ""},
      {grpc::StatusCode::INTERNAL, ""}};
  const auto fetch_again = [&](const grpc::Status& status) {
    cache_->InvalidateAll();
    Promise(absl::Hours(1));
    EXPECT_EQ(Get("app/a"), "v1");
    FailWith(status);
    clock_.AdvanceTime(absl::Seconds(300));
    return Get("app/a");
  };
  for (const grpc::Status& status : bridged) {
    EXPECT_EQ(fetch_again(status), "v1") << status.error_code();
  }
  for (const grpc::Status& status : final) {
    EXPECT_NE(fetch_again(status), "v1") << status.error_code();
    // Nor later, when the server is away.
    FailWith({kUnavailable, "away"});
    EXPECT_EQ(Get("app/a"), "UNAVAILABLE") << status.error_code();
  }
}

TEST_F(SecretCacheTest, AServerThatIsAwayIsNotAskedEachTime) {
  Promise(absl::Hours(10));
  Get("app/a");
  FailWith({kUnavailable, "away"});
  clock_.AdvanceTime(absl::Seconds(300));
  int asked = 1;
  for (const int wait : {1, 2, 4, 8, 16, 30, 30}) {
    EXPECT_EQ(Get("app/a"), "v1");
    EXPECT_EQ(get_count(), ++asked);
    clock_.AdvanceTime(absl::Seconds(wait) - absl::Nanoseconds(1));
    EXPECT_EQ(Get("app/a"), "v1");
    EXPECT_EQ(get_count(), asked);
    clock_.AdvanceTime(absl::Nanoseconds(1));
  }
  Promise(absl::Hours(10));
  server_.secrets.SetValue("v2");
  EXPECT_EQ(Get("app/a"), "v2");
}

TEST_F(SecretCacheTest, TheLeastRecentlyUsedGoesFirst) {
  Start([](SecretCache::Options& options) { options.entries_max = 3; });
  for (const char* path : {"a", "b", "c", "a", "d"}) Get(path);
  EXPECT_EQ(cache_->stats().entries, 3u);
  EXPECT_EQ(get_count(), 4);
  for (const char* path : {"a", "c", "d"}) Get(path);
  EXPECT_EQ(get_count(), 4);
  Get("b");
  EXPECT_EQ(get_count(), 5);
  Get("a");  // made room for b
  EXPECT_EQ(get_count(), 6);
}

TEST_F(SecretCacheTest, BytesAreBoundedToo) {
  Start([](SecretCache::Options& options) { options.bytes_max = 10'000; });
  server_.secrets.SetValue(std::string(4'000, 'x'));
  for (const char* path : {"a", "b", "c"}) Get(path);
  EXPECT_EQ(cache_->stats().entries, 2u);
  server_.secrets.SetValue(std::string(10'000, 'x'));
  EXPECT_EQ(Get("d").size(), 10'000u);  // given out, not kept
  EXPECT_EQ(cache_->stats().entries, 2u);
}

TEST_F(SecretCacheTest, WhatCanNoLongerBeGivenOutIsDropped) {
  for (const char* path : {"a", "b", "c"}) Get(path);
  clock_.AdvanceTime(absl::Seconds(300));
  Get("d");
  EXPECT_EQ(cache_->stats().entries, 1u);
}

TEST_F(SecretCacheTest, AnInvalidatedSecretIsFetchedAgainOrFails) {
  Promise(absl::Hours(1));
  Get("app/a");
  Get("app/b");
  cache_->Invalidate("app/a");
  FailWith({kUnavailable, "away"});
  EXPECT_EQ(Get("app/a"), "UNAVAILABLE");
  EXPECT_EQ(Get("app/b"), "v1");
  cache_->InvalidateAll();
  EXPECT_EQ(Get("app/b"), "UNAVAILABLE");
}

TEST_F(SecretCacheTest, AFetchOvertakenByInvalidateIsNotKept) {
  absl::Notification asked, go_on;
  server_.secrets.OnGet([&](auto*, const auto&, auto*) {
    asked.Notify();
    go_on.WaitForNotification();
    return grpc::Status::OK;
  });
  std::thread slow([this] { EXPECT_EQ(Get("app/a"), "v1"); });
  asked.WaitForNotification();
  server_.secrets.OnGet(nullptr);
  server_.secrets.SetValue("v2");
  cache_->Invalidate("app/a");
  EXPECT_EQ(Get("app/a"), "v2");  // does not join the old one
  go_on.Notify();
  slow.join();
  EXPECT_EQ(Get("app/a"), "v2");
  EXPECT_EQ(get_count(), 2);
}

TEST_F(SecretCacheTest, TheBoundsOfOptionsAndPathsAreChecked) {
  const auto start = [this](const std::function<void(SecretCache::Options&)>& adjust) {
    SecretCache::Options options;
    options.watch = false;
    adjust(options);
    return SecretCache::Start(*client_, options).status();
  };
  EXPECT_OK(start([](SecretCache::Options&) {}));
  EXPECT_CODE(start([](SecretCache::Options& o) { o.ttl = absl::ZeroDuration(); }),
              kInvalidArgument);
  EXPECT_CODE(start([](SecretCache::Options& o) { o.ttl = absl::Hours(2); }), kInvalidArgument);
  EXPECT_CODE(start([](SecretCache::Options& o) { o.entries_max = 0; }), kInvalidArgument);
  EXPECT_CODE(start([](SecretCache::Options& o) { o.bytes_max = 0; }), kInvalidArgument);
  EXPECT_EQ(Get(""), "INVALID_ARGUMENT");
  EXPECT_EQ(Get(std::string(limits::kPathBytesMax + 1, 'a')), "INVALID_ARGUMENT");
  EXPECT_EQ(get_count(), 0);
}

TEST_F(SecretCacheTest, CloseEndsFetchesAndKeepsNothing) {
  StartWatching();
  const std::shared_ptr<FakeWatch> watch = Watched("app/a");
  Get("app/a");
  // The handler outlives the call, and so this test.
  const auto go_on = std::make_shared<absl::Notification>();
  server_.secrets.OnGet([go_on](auto*, const auto&, auto*) {
    go_on->WaitForNotification();
    return grpc::Status::OK;
  });
  const int before = get_count();
  std::thread slow([this] { EXPECT_EQ(Get("app/slow"), "CANCELLED"); });
  server_.secrets.AwaitGets(before + 1);
  cache_->Close();
  slow.join();
  watch->AwaitCancelled();
  EXPECT_EQ(Get("app/a"), "CANCELLED");
  EXPECT_EQ(cache_->stats().entries, 0u);
  cache_->Close();  // again does nothing
  go_on->Notify();
}

TEST_F(SecretCacheTest, AChangeToldByTheWatchDropsTheSecret) {
  StartWatching();
  const std::shared_ptr<FakeWatch> watch = Watched("app/a");
  Get("app/a");
  Get("app/b");
  const int before = get_count();
  server_.secrets.SetValue("v2");
  EXPECT_EQ(Get("app/a"), "v1");
  watch->Event(v1::WatchResponse::WRITTEN, "app/other", 101);
  watch->Event(v1::WatchResponse::WRITTEN, "app/a", 102);
  EXPECT_EQ(AwaitChanges(1), std::vector<std::string>{"app/a"});
  EXPECT_EQ(Get("app/a"), "v2");
  EXPECT_EQ(Get("app/b"), "v1");
  EXPECT_EQ(get_count(), before + 1);
}

TEST_F(SecretCacheTest, EveryKindOfChangeDropsTheSecret) {
  StartWatching();
  const std::shared_ptr<FakeWatch> watch = Watched("app/a");
  uint64_t revision = 100;
  size_t told = 0;
  for (const auto type :
       {v1::WatchResponse::WRITTEN, v1::WatchResponse::METADATA, v1::WatchResponse::DELETED,
        v1::WatchResponse::UNDELETED, v1::WatchResponse::DESTROYED, v1::WatchResponse::RENAMED}) {
    Get("app/a");
    const int before = get_count();
    watch->Event(type, "app/a", ++revision);
    AwaitChanges(++told);
    Get("app/a");
    EXPECT_EQ(get_count(), before + 1) << type;
  }
}

TEST_F(SecretCacheTest, ARenamedDirectoryDropsWhatIsBelowBothNames) {
  StartWatching();
  const std::shared_ptr<FakeWatch> watch = Watched("app/a");
  for (const char* path : {"app/old/x", "app/old/deep/y", "app/new/z", "app/older"}) Get(path);
  watch->Event(v1::WatchResponse::RENAMED, "app/old/", 101, "app/new/");
  std::vector<std::string> told = AwaitChanges(3);
  std::sort(told.begin(), told.end());
  EXPECT_EQ(told, (std::vector<std::string>{"app/new/z", "app/old/deep/y", "app/old/x"}));
  EXPECT_EQ(cache_->stats().entries, 1u);
}

TEST_F(SecretCacheTest, AChangeDuringAFetchKeepsItsAnswerOut) {
  StartWatching();
  const std::shared_ptr<FakeWatch> watch = Watched("app/a");
  absl::Notification asked, go_on;
  server_.secrets.OnGet([&](auto*, const auto&, auto*) {
    asked.Notify();
    go_on.WaitForNotification();
    return grpc::Status::OK;
  });
  std::thread slow([this] { EXPECT_EQ(Get("app/b"), "v1"); });
  asked.WaitForNotification();
  server_.secrets.OnGet(nullptr);
  server_.secrets.SetValue("v2");
  watch->Event(v1::WatchResponse::WRITTEN, "app/b", 101);
  AwaitChanges(1);
  go_on.Notify();
  slow.join();
  EXPECT_EQ(Get("app/b"), "v2");
}

TEST_F(SecretCacheTest, ANewVersionLeavesTheOldOneToBridgeAnOutageAndARemovalDoesNot) {
  StartWatching();
  Promise(absl::Hours(1));
  const std::shared_ptr<FakeWatch> watch = Watched("app/a");
  Get("app/a");
  Get("app/b");
  FailWith({kUnavailable, "away"});
  watch->Event(v1::WatchResponse::WRITTEN, "app/a", 101);
  watch->Event(v1::WatchResponse::DESTROYED, "app/b", 102);
  AwaitChanges(2);
  EXPECT_EQ(Get("app/a"), "v1");
  EXPECT_EQ(cache_->stats().stale, 1u);
  EXPECT_EQ(Get("app/b"), "UNAVAILABLE");
}

TEST_F(SecretCacheTest, WhatWasFetchedBeforeTheWatchStoodIsFetchedAgain) {
  server_.secrets.GreetWith(0);
  StartWatching();
  EXPECT_EQ(Get("app/a"), "v1");
  const std::shared_ptr<FakeWatch> watch = server_.secrets.AwaitWatch(0);
  EXPECT_EQ(Get("app/a"), "v1");
  server_.secrets.SetValue("v2");  // at 99: nobody is told
  watch->Progress(100);
  AwaitChanges(1);
  EXPECT_EQ(Get("app/a"), "v2");
}

TEST_F(SecretCacheTest, AWatchThatCannotResumeDropsAll) {
  StartWatching();
  Promise(absl::Hours(1));
  const std::shared_ptr<FakeWatch> watch = Watched("app/a");
  Get("app/a");
  Get("app/b");
  watch->End({kUnavailable, "restarting"});
  clock_.EndWait(0);  // before the follower tries again
  const std::shared_ptr<FakeWatch> resumed = server_.secrets.AwaitWatch(1);
  EXPECT_EQ(resumed->request().from_revision(), 100u);
  resumed->End({grpc::StatusCode::OUT_OF_RANGE, "no longer kept"});
  std::vector<std::string> told = AwaitChanges(2);
  std::sort(told.begin(), told.end());
  EXPECT_EQ(told, (std::vector<std::string>{"app/a", "app/b"}));
  FailWith({kUnavailable, "away"});
  EXPECT_EQ(Get("app/a"), "UNAVAILABLE");  // promised or not
}

// Of an older server, or one that is away at that moment.
TEST_F(SecretCacheTest, GivesTheValueAlsoWhenItCannotSayThatItIsInUse) {
  Start([](SecretCache::Options& options) { options.acknowledge = true; });
  EXPECT_NE(Get("app/db"), "UNIMPLEMENTED");
  EXPECT_EQ(cache_->stats().fetches, 1u);
  EXPECT_EQ(cache_->stats().acknowledged, 0u);
}

}  // namespace
}  // namespace keyturn
