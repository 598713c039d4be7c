#include "vault/writer.h"

#include <atomic>
#include <thread>

#include "base/limits.h"
#include "tests/vault/vault_fixture.h"

namespace keyturn {
namespace {

class WriterTest : public VaultFixture {
 protected:
  std::string PutAs(const std::function<void(PutParams*)>& change) {
    PutParams params;
    params.path = *SecretPath::Parse("a");
    change(&params);
    return Said(vault_->Put(*store_, params, Data({{"v", "new"}})).status());
  }
};

TEST_F(WriterTest, PutMergesOrReplaces) {
  ASSERT_OK(Put("a", {{"x", "1"}, {"y", "2"}}));
  ASSERT_OK(Put("a", {{"y", "3"}, {"z", "4"}}));
  EXPECT_EQ(Get("a"), "x=1,y=3,z=4");
  ASSERT_OK(Put("a", {{"z", "5"}}, std::nullopt, /*replace=*/true));
  EXPECT_EQ(Get("a"), "z=5");
}

TEST_F(WriterTest, CompareAndSet) {
  EXPECT_CODE(Put("a", {{"v", "1"}}, 1), kAborted);
  ASSERT_OK(Put("a", {{"v", "1"}}, 0));
  EXPECT_CODE(Put("a", {{"v", "2"}}, 0), kAborted);
  ASSERT_OK(Put("a", {{"v", "2"}}, 1));
  const absl::Status lost = Put("a", {{"v", "3"}}, 1).status();
  EXPECT_EQ(lost.message(), "the newest version is 2, not 1; read it and try again");
  EXPECT_EQ(ReasonOf(lost), "VERSION_MISMATCH");
  EXPECT_EQ(Get("a"), "v=2");
}

TEST_F(WriterTest, OneOfManyWritersWinsEachVersion) {
  ASSERT_OK(Put("a", {{"v", "0"}}));
  std::atomic<int> won{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t version = 1; version <= 20; ++version) {
        if (Put("a", {{"v", std::to_string(t)}}, version).ok()) ++won;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Describe("a")->newest_version(), static_cast<uint64_t>(won) + 1);
  ExpectClean();
}

TEST_F(WriterTest, MergingWritersLoseNoField) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        while (true) {
          const auto put = Put("a", {{absl::StrCat("f", t, "-", i), "x"}});
          if (put.ok()) break;
          ASSERT_TRUE(absl::IsAborted(put.status())) << put.status();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string all = Get("a");
  EXPECT_EQ(std::count(all.begin(), all.end(), '='), 40);
  ExpectClean();
}

TEST_F(WriterTest, RequireIfVersion) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  v1::UpdateMetadataRequest request;
  request.set_path("a");
  request.set_require_if_version(v1::UpdateMetadataRequest::REQUIRED);
  ASSERT_OK(vault_->UpdateMetadata(*store_, request));
  EXPECT_CODE(Put("a", {{"v", "2"}}), kFailedPrecondition);
  EXPECT_OK(Put("a", {{"v", "2"}}, 1));
}

TEST_F(WriterTest, KeepsMaxVersions) {
  for (int i = 1; i <= 12; ++i) ASSERT_OK(Put("a", {{"v", std::to_string(i)}}));
  EXPECT_EQ(Get("a", 2), "NOT_FOUND");
  EXPECT_EQ(Get("a", 3), "v=3");
  EXPECT_EQ(Count(Family::kDeks), limits::kVersionsKeptDefault);
  EXPECT_EQ(Describe("a")->versions_size(), static_cast<int>(limits::kVersionsKeptDefault));
}

TEST_F(WriterTest, ThereIsNothingToMergeWithWhatCannotBeRead) {
  ASSERT_OK(Put("a", {{"x", "1"}}));
  ASSERT_OK(Delete("a"));
  ASSERT_OK(Put("a", {{"y", "2"}}));
  EXPECT_EQ(Get("a"), "y=2");
  ASSERT_OK(Undelete("a"));
  EXPECT_EQ(Get("a", 1), "x=1");
}

TEST_F(WriterTest, RefusalsSayWhatIsAllowed) {
  const std::string ttl = "INVALID_ARGUMENT: ttl_seconds: allowed are 0 to 315360000";
  EXPECT_EQ(PutAs([](PutParams* p) { p->ttl = absl::Nanoseconds(-1); }), ttl);
  EXPECT_EQ(PutAs([](PutParams* p) { p->ttl = absl::Seconds(315360001); }), ttl);
  EXPECT_EQ(PutAs([](PutParams* p) { p->kind = static_cast<v1::Kind>(99); }),
            "INVALID_ARGUMENT: kind: allowed are generic, api_key, jwt_key, db_credential");
  EXPECT_EQ(PutAs([](PutParams* p) { p->if_version = SecretVersion(7); }),
            "ABORTED VERSION_MISMATCH: there is no secret yet, not 7; read it and try again");
  EXPECT_EQ(PutAs([](PutParams* p) { p->custom_metadata["k"] = "\n"; }),
            "INVALID_ARGUMENT: custom metadata k: allowed are at most 512 bytes of UTF-8 without "
            "control characters");
  EXPECT_EQ(List(""), "") << "nothing is left of a refused write";
}

TEST_F(WriterTest, TheKindIsOfTheSecretAndStays) {
  EXPECT_EQ(PutAs([](PutParams* p) { p->kind = v1::KIND_API_KEY; }), "OK");
  EXPECT_EQ(PutAs([](PutParams*) {}), "OK");
  EXPECT_EQ(PutAs([](PutParams* p) { p->kind = v1::KIND_API_KEY; }), "OK");
  EXPECT_EQ(PutAs([](PutParams* p) { p->kind = v1::KIND_GENERIC; }),
            "FAILED_PRECONDITION KIND_MISMATCH: the secret exists with another kind");
  EXPECT_EQ(Describe("a")->kind(), v1::KIND_API_KEY);
}

TEST_F(WriterTest, CustomMetadataIsMergedWithTheWrite) {
  EXPECT_EQ(PutAs([](PutParams* p) {
              p->custom_metadata = {{"team", "red"}, {"env", "x"}};
            }),
            "OK");
  EXPECT_EQ(PutAs([](PutParams* p) {
              p->custom_metadata = {{"team", "blue"}, {"env", ""}};
            }),
            "OK");
  const v1::SecretInfo info = *Describe("a");
  EXPECT_EQ(info.custom_metadata_size(), 1);
  EXPECT_EQ(info.custom_metadata().at("team"), "blue");
}

// Lets something happen between what a writer reads and its first update, or each.
class InterruptedUpdater : public Updater {
 public:
  InterruptedUpdater(Store& store, std::function<void()> between, bool each = false)
      : store_(store), between_(std::move(between)), each_(each) {}
  absl::StatusOr<Revision> Update(UpdateFn fn) override {
    if (++updates == 1 || each_) between_();
    return store_.Update(fn);
  }
  int updates = 0;

 private:
  Store& store_;
  const std::function<void()> between_;
  const bool each_;
};

class InterruptedPutTest : public VaultFixture {
 protected:
  // Puts y=2 at d/a while `between` happens; how many updates that took.
  int PutWhile(std::function<void()> between) {
    InterruptedUpdater updater(*store_, std::move(between));
    PutParams params;
    params.path = *SecretPath::Parse("d/a");
    EXPECT_OK(vault_->Put(updater, params, Data({{"y", "2"}})));
    return updater.updates;
  }
};

TEST_F(InterruptedPutTest, AnUndisturbedPutIsOneUpdate) {
  EXPECT_EQ(PutWhile([] {}), 1);
  EXPECT_EQ(PutWhile([] {}), 1);
  EXPECT_EQ(Get("d/a"), "y=2");
}

TEST_F(InterruptedPutTest, MergesWithWhatWasPutInBetween) {
  ASSERT_OK(Put("d/a", {{"x", "1"}}));
  EXPECT_EQ(PutWhile([&] { ASSERT_OK(Put("d/a", {{"x", "3"}, {"z", "4"}})); }), 2);
  EXPECT_EQ(Get("d/a"), "x=3,y=2,z=4");
}

TEST_F(InterruptedPutTest, DoesNotFollowASecretThatMovesAway) {
  ASSERT_OK(Put("d/a", {{"x", "1"}}));
  EXPECT_EQ(PutWhile([&] { ASSERT_OK(Rename("d/a", "d/b")); }), 2);
  EXPECT_EQ(Get("d/b"), "x=1");
  EXPECT_EQ(Get("d/a"), "y=2");
  ExpectClean();
}

TEST_F(InterruptedPutTest, DoesNotFollowADirectoryThatMovesAway) {
  ASSERT_OK(Put("d/a", {{"x", "1"}}));
  EXPECT_EQ(Get("d/a"), "x=1");  // the path is in the cache
  EXPECT_EQ(PutWhile([&] { ASSERT_OK(Rename("d", "e", true)); }), 2);
  EXPECT_EQ(Get("e/a"), "x=1");
  EXPECT_EQ(Get("d/a"), "y=2");
  ExpectClean();
}

TEST_F(InterruptedPutTest, AMoveElsewhereDoesNotDisturb) {
  ASSERT_OK(Put("d/a", {{"x", "1"}}));
  ASSERT_OK(Put("other/b", {{"x", "1"}}));
  EXPECT_EQ(PutWhile([&] { ASSERT_OK(Rename("other", "elsewhere", true)); }), 1);
  EXPECT_EQ(Get("d/a"), "x=1,y=2");
}

TEST_F(InterruptedPutTest, StartsAfreshWhenTheSecretIsDestroyed) {
  ASSERT_OK(Put("d/a", {{"x", "1"}}));
  EXPECT_EQ(PutWhile([&] { ASSERT_OK(Destroy("d/a")); }), 2);
  EXPECT_EQ(Get("d/a"), "y=2");
  EXPECT_EQ(Describe("d/a")->newest_version(), 1u);
  ExpectClean();
}

TEST_F(InterruptedPutTest, JoinsASecretThatSomebodyElseCreates) {
  EXPECT_EQ(PutWhile([&] { ASSERT_OK(Put("d/a", {{"x", "1"}})); }), 2);
  EXPECT_EQ(Get("d/a"), "x=1,y=2");
  ExpectClean();
}

TEST_F(InterruptedPutTest, DoesNotBringBackWhatIsDeletedOrDestroyedInBetween) {
  ASSERT_OK(Put("d/a", {{"x", "1"}}));
  ASSERT_OK(Put("d/a", {{"x", "2"}}));
  EXPECT_EQ(PutWhile([&] { ASSERT_OK(Destroy("d/a", {1})); }), 2);
  EXPECT_EQ(Get("d/a", 1), "NOT_FOUND");
  EXPECT_EQ(PutWhile([&] { ASSERT_OK(Delete("d/a", {2})); }), 2);
  EXPECT_EQ(Get("d/a", 2), "FAILED_PRECONDITION");
  ExpectClean();
}

TEST_F(InterruptedPutTest, GivesUpOnASecretThatNeverStaysTheSame) {
  ASSERT_OK(Put("d/a", {{"x", "1"}}));
  InterruptedUpdater updater(
      *store_,
      [this] {
        ASSERT_OK(Put("d/a", {{"x", "2"}}));
      },
      /*each=*/true);
  PutParams params;
  params.path = *SecretPath::Parse("d/a");
  EXPECT_EQ(Said(vault_->Put(updater, params, Data({{"y", "2"}})).status()),
            "ABORTED CONTENTION: the secret changed 4 times while it was being written; try again");
  EXPECT_EQ(Get("d/a"), "x=2");
  EXPECT_EQ(Describe("d/a")->newest_version(), 5u);
}

}  // namespace
}  // namespace keyturn
