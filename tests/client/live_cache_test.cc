// The cache of secrets with a whole server.
#include <atomic>
#include <thread>

#include "client/secret_cache.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

class LiveCacheTest : public ServerFixture {
 protected:
  void SetUp() override {
    StartDev();
    Connect(root_);
  }
  void Connect(const std::string& token, bool acknowledge = false) {
    cache_.reset();
    ClientOptions options;
    options.address = server_->info().grpc;
    options.ca_file = server_->info().ca_file;
    options.token = token;
    options.timeout = absl::Seconds(30);
    ASSERT_OK_AND_ASSIGN(client_, Client::Connect(std::move(options)));
    SecretCache::Options cache;
    cache.acknowledge = acknowledge;
    cache.on_change = [this](const std::string& path) {
      absl::MutexLock lock(&mu_);
      ++changes_[path];
    };
    ASSERT_OK_AND_ASSIGN(cache_, SecretCache::Start(*client_, std::move(cache)));
  }
  void Write(const std::string& path, const std::string& value) {
    ASSERT_EQ(Text(Put(path, {{"value", value}}, root_)), "OK");
  }
  std::string Cached(const std::string& path) {
    const auto secret = cache_->Get(path);
    if (!secret.ok()) return absl::StatusCodeToString(secret.status().code());
    return *(*secret)->Find("value");
  }
  // Waits for the nth time (from 1) that `path` was said to have changed.
  void AwaitChange(const std::string& path, int n) {
    absl::MutexLock lock(&mu_);
    const auto there = [&] { return changes_[path] >= n; };
    mu_.Await(absl::Condition(&there));
  }
  // Reads `path` once the watch stands.
  void Watched(const std::string& path) {
    Cached(path);
    AwaitChange(path, 1);
    Cached(path);
  }

  absl::Mutex mu_;
  std::map<std::string, int> changes_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<Client> client_;
  std::unique_ptr<SecretCache> cache_;
};

TEST_F(LiveCacheTest, FollowsWrites) {
  Write("app/db", "one");
  Watched("app/db");
  for (int i = 2; i < 20; ++i) {
    Write("app/db", absl::StrCat("value ", i));
    AwaitChange("app/db", i);
    EXPECT_EQ(Cached("app/db"), absl::StrCat("value ", i));
    EXPECT_EQ(Cached("app/db"), absl::StrCat("value ", i));
  }
  EXPECT_EQ(cache_->stats().fetches, 20u);
}

TEST_F(LiveCacheTest, SaysWhichVersionIsInUse) {
  Connect(root_, true);
  const auto said = [&] {
    v1::ListConsumersRequest request;
    request.set_path("app/db");
    const auto listed = client_->ListConsumers(request);
    std::string out;
    for (const v1::Consumer& consumer : listed->consumers()) {
      absl::StrAppend(&out, v1::Consumer::State_Name(consumer.state()), " ", consumer.version());
    }
    return out;
  };
  Write("app/db", "one");
  Watched("app/db");
  EXPECT_EQ(said(), "ACKNOWLEDGED 1");
  EXPECT_EQ(cache_->stats().acknowledged, 1u);  // once, whatever is fetched again
  Write("app/db", "two");
  AwaitChange("app/db", 2);
  EXPECT_EQ(said(), "LAGGING 1");
  EXPECT_EQ(Cached("app/db"), "two");
  EXPECT_EQ(said(), "ACKNOWLEDGED 2");
  EXPECT_EQ(cache_->stats().acknowledged, 2u);
}

// A secret that was moved to where the caller may not look is gone for him, at once.
TEST_F(LiveCacheTest, ForgetsWhatWasMovedOutOfSight) {
  PutPolicy("app", {{"secret:read", "app/*"}, {"secret:list", "app/*"}});
  Connect(NewToken({"app"}));
  Write("app/db", "one");
  Watched("app/db");
  v1::RenameRequest rename;
  rename.set_path("app/db");
  rename.set_new_path("archive/db");
  v1::RenameResponse response;
  ASSERT_EQ(Text(stubs_->secrets->Rename(Ctx(root_), rename, &response)), "OK");
  AwaitChange("app/db", 2);
  EXPECT_EQ(Cached("app/db"), "NOT_FOUND");
}

TEST_F(LiveCacheTest, FollowsSecretsThatAreFarApart) {
  Write("app/prod/db", "one");
  Write("shared/tls", "two");
  Write("top", "three");
  Watched("app/prod/db");
  EXPECT_EQ(Cached("shared/tls"), "two");
  EXPECT_EQ(Cached("top"), "three");
  Write("shared/tls", "new two");
  Write("top", "new three");
  Write("app/prod/db", "new one");
  AwaitChange("shared/tls", 1);
  AwaitChange("top", 1);
  AwaitChange("app/prod/db", 2);
  EXPECT_EQ(Cached("app/prod/db"), "new one");
  EXPECT_EQ(Cached("shared/tls"), "new two");
  EXPECT_EQ(Cached("top"), "new three");
}

TEST_F(LiveCacheTest, FollowsDeletesAndRenamesOfDirectories) {
  Write("app/old/a", "one");
  Write("app/old/b", "two");
  Watched("app/old/a");
  Cached("app/old/b");
  v1::DeleteRequest del;
  del.set_path("app/old/b");
  ASSERT_OK(client_->Delete(del));
  AwaitChange("app/old/b", 1);
  EXPECT_EQ(Cached("app/old/b"), "FAILED_PRECONDITION");
  v1::RenameRequest rename;
  rename.set_path("app");
  rename.set_new_path("service");
  rename.set_directory(true);
  ASSERT_OK(client_->Rename(rename));
  AwaitChange("app/old/a", 2);
  EXPECT_EQ(Cached("app/old/a"), "NOT_FOUND");
  EXPECT_EQ(Cached("service/old/a"), "one");
}

TEST_F(LiveCacheTest, WithoutTheRightToListTheAgeDecides) {
  PutPolicy("reader", {{"secret:read", "app/*"}});
  Write("app/db", "one");
  Connect(NewToken({"reader"}));
  EXPECT_EQ(Cached("app/db"), "one");
  Write("app/db", "two");
  EXPECT_EQ(Cached("app/db"), "one");
  cache_->Invalidate("app/db");
  EXPECT_EQ(Cached("app/db"), "two");
}

TEST_F(LiveCacheTest, ReadersNeverGoBackInTime) {
  Write("app/n", "0");
  Watched("app/n");
  constexpr int kWrites = 200;
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      int last = 0;
      while (!done) {
        const int now = std::stoi(Cached("app/n"));
        EXPECT_GE(now, last);
        last = now;
      }
    });
  }
  for (int i = 1; i <= kWrites; ++i) Write("app/n", absl::StrCat(i));
  done = true;
  for (std::thread& reader : readers) reader.join();
  // A later change tells that all before it were told.
  Write("app/last", "x");
  Cached("app/last");
  Write("app/last", "y");
  AwaitChange("app/last", 1);
  EXPECT_EQ(Cached("app/n"), absl::StrCat(kWrites));
}

}  // namespace
}  // namespace keyturn
