// What must hold while many threads use one vault at once.
#include <atomic>
#include <set>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "tests/vault/vault_fixture.h"

namespace keyturn {
namespace {

class ConcurrencyTest : public VaultFixture {
 protected:
  ~ConcurrencyTest() override { Join(); }

  void Start(int threads, const std::function<void(int)>& body) {
    for (int t = 0; t < threads; ++t) threads_.emplace_back(body, t);
  }
  void Join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  std::vector<std::thread> threads_;
};

TEST_F(ConcurrencyTest, ExactlyOneOf64WritersWinsEachVersion) {
  constexpr int kWriters = 64;
  constexpr uint64_t kVersions = 5;
  std::array<std::atomic<int>, kVersions> won{};
  std::array<std::atomic<int>, kVersions> winner{};
  Start(kWriters, [&](int writer) {
    for (uint64_t version = 0; version < kVersions; ++version) {
      const auto put = Put("dir/a", {{"v", std::to_string(writer)}}, version);
      if (!put.ok()) {
        EXPECT_TRUE(absl::IsAborted(put.status())) << put.status();
        continue;
      }
      EXPECT_EQ(put->version.value(), version + 1);
      ++won[version];
      winner[version] = writer;
    }
  });
  Join();
  const uint64_t newest = Describe("dir/a")->newest_version();
  EXPECT_GE(newest, 1u);
  for (uint64_t version = 0; version < kVersions; ++version) {
    EXPECT_EQ(won[version], version < newest ? 1 : 0) << version;
    if (version >= newest) continue;
    EXPECT_EQ(Get("dir/a", version + 1), absl::StrCat("v=", winner[version].load()));
  }
  ExpectClean();
}

// Writers in the same new directories must agree on one uuid for each, or secrets get lost.
TEST_F(ConcurrencyTest, WritersThatMakeTheSameDirectoriesLoseNothing) {
  Start(16, [&](int writer) { EXPECT_OK(Put(absl::StrCat("x/y/z/", writer), {{"v", "1"}})); });
  Join();
  const std::string all = List("", true);
  EXPECT_EQ(std::count(all.begin(), all.end(), ' '), 15);
  ExpectClean();
}

// Every entry that is there from before to after a listing is in it exactly once.
TEST_F(ConcurrencyTest, ListingsAreCompleteWhileEntriesComeAndGo) {
  std::set<std::string> stable;
  for (int i = 0; i < 40; ++i) {
    const std::string name = absl::StrCat("stable", i * 7 % 40);
    ASSERT_OK(Put("d/" + name, {{"v", "1"}}));
    stable.insert(name);
  }
  std::atomic<bool> stop{false};
  Start(2, [&](int t) {
    for (int i = 0; !stop; ++i) {
      const std::string path = absl::StrCat("d/", i % 2 == 0 ? "a" : "z", "passing", t, "-", i);
      ASSERT_OK(Put(path, {{"v", "1"}}));
      ASSERT_OK(Destroy(path));
    }
  });
  for (int round = 0; round < 40; ++round) {
    const std::vector<std::string> names = absl::StrSplit(List("d", round % 2 == 0, 3), ' ');
    std::multiset<std::string> seen;
    for (const std::string& name : names) {
      if (absl::StartsWith(name, "stable")) seen.insert(name);
    }
    ASSERT_TRUE(std::equal(seen.begin(), seen.end(), stable.begin(), stable.end()))
        << "round " << round << " saw " << seen.size();
  }
  stop = true;
}

// A watcher that fetches in small pieces and starts over from what it has reached misses nothing.
TEST_F(ConcurrencyTest, AWatcherMissesNoChange) {
  constexpr int kWriters = 4;
  constexpr int kEach = 25;
  std::atomic<int> running{kWriters};
  Start(kWriters, [&](int writer) {
    for (int i = 0; i < kEach; ++i) {
      EXPECT_OK(Put(absl::StrCat(writer % 2 == 0 ? "in/" : "out/", writer), {{"v", "1"}}));
    }
    --running;
  });
  const SecretPath watched = *SecretPath::ParseDirectory("in");
  std::map<std::string, uint64_t> last;
  Revision reached(0);
  uint64_t newest = 0;
  while (true) {
    const bool over = running == 0;
    const auto events = vault_->ChangesSince(watched, reached, 3, &reached);
    ASSERT_OK(events);
    for (const auto& event : *events) {
      EXPECT_GT(event.revision(), newest);
      newest = event.revision();
      EXPECT_EQ(event.version(), last[event.path()] + 1) << event.path();
      last[event.path()] = event.version();
    }
    if (over && events->empty() && reached == store_->LastRevision()) break;
  }
  Join();
  EXPECT_EQ(last, (std::map<std::string, uint64_t>{{"in/0", kEach}, {"in/2", kEach}}));
}

// A directory that goes back and forth: what is read at a path is what was put at that path.
TEST_F(ConcurrencyTest, AMovedDirectoryNeverShowsUnderAnotherName) {
  ASSERT_OK(Put("open/x", {{"v", "open"}}));
  std::atomic<bool> stop{false};
  Start(3, [&](int) {
    while (!stop) {
      const std::string seen = Get("open/x");
      ASSERT_TRUE(seen == "v=open" || seen == "NOT_FOUND") << seen;
    }
  });
  for (int i = 0; i < 60; ++i) {
    ASSERT_OK(Rename("open", "closed", true));
    ASSERT_OK(Put("closed/x", {{"v", "closed"}}));
    ASSERT_EQ(Get("open/x"), "NOT_FOUND");
    ASSERT_EQ(Get("closed/x"), "v=closed");
    ASSERT_OK(Put("closed/x", {{"v", "open"}}));
    ASSERT_OK(Rename("closed", "open", true));
    ASSERT_EQ(Get("open/x"), "v=open");
  }
  stop = true;
  Join();
}

// Acknowledged changes of every kind are seen by the next read, with busy caches.
TEST_F(ConcurrencyTest, ReadsAfterAcknowledgedChangesAreNeverStale) {
  std::atomic<bool> stop{false};
  ASSERT_OK(Put("d/a", {{"v", "0"}}));
  Start(3, [&](int) {
    while (!stop) {
      Get("d/a");
      Get("d/b");
    }
  });
  for (int i = 1; i <= 60; ++i) {
    ASSERT_OK(Put("d/a", {{"v", std::to_string(i)}}));
    ASSERT_EQ(Get("d/a"), absl::StrCat("v=", i));
    ASSERT_OK(Delete("d/a"));
    ASSERT_EQ(Get("d/a"), "FAILED_PRECONDITION");
    ASSERT_OK(Undelete("d/a"));
    ASSERT_EQ(Get("d/a"), absl::StrCat("v=", i));
    ASSERT_OK(Rename("d/a", "d/b"));
    ASSERT_EQ(Get("d/a"), "NOT_FOUND");
    ASSERT_EQ(Get("d/b"), absl::StrCat("v=", i));
    ASSERT_OK(Destroy("d/b"));
    ASSERT_EQ(Get("d/b"), "NOT_FOUND");
    ASSERT_OK(Put("d/a", {{"v", "again"}}));
    ASSERT_EQ(Get("d/a"), "v=again");
  }
  stop = true;
  Join();
  ExpectClean();
}

}  // namespace
}  // namespace keyturn
