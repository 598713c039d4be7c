#include "vault/reader.h"

#include <atomic>
#include <thread>

#include "base/reason.h"
#include "tests/vault/vault_fixture.h"

namespace keyturn {
namespace {

class ReaderTest : public VaultFixture {};

TEST_F(ReaderTest, PutThenGetAnyVersion) {
  ASSERT_OK(Put("app/key", {{"value", "one"}}));
  ASSERT_OK(Put("app/key", {{"value", "two"}}));
  EXPECT_EQ(Get("app/key"), "value=two");
  EXPECT_EQ(Get("app/key", 1), "value=one");
  EXPECT_EQ(Get("app/key", 2), "value=two");
  EXPECT_EQ(Get("app/key", 0, v1::VersionSelector::PREVIOUS), "value=one");
  EXPECT_EQ(Get("app/key", 3), "NOT_FOUND");
  EXPECT_EQ(Get("app/other"), "NOT_FOUND");
  Open();
  EXPECT_EQ(Get("app/key"), "value=two");
  EXPECT_EQ(Get("app/key", 1), "value=one");
  ExpectClean();
}

TEST_F(ReaderTest, AGetAfterAnAcknowledgedPutSeesIt) {
  std::vector<std::thread> threads;
  std::atomic<bool> stop{false};
  ASSERT_OK(Put("a", {{"v", "0"}}));
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      while (!stop) Get("a");  // keeps the caches busy
    });
  }
  for (int i = 1; i <= 300; ++i) {
    ASSERT_OK(Put("a", {{"v", std::to_string(i)}}));
    ASSERT_EQ(Get("a"), absl::StrCat("v=", i));
    if (i % 50 == 0) {
      ASSERT_OK(Rename("a", "b"));
      ASSERT_EQ(Get("a"), "NOT_FOUND");
      ASSERT_OK(Rename("b", "a"));
    }
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

TEST_F(ReaderTest, SaysWhyAVersionIsNotRead) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  ASSERT_OK(Put("a", {{"v", "2"}}));
  ASSERT_OK(Destroy("a", {1}));
  ASSERT_OK(Delete("a"));
  const auto said = [this](const std::string& path, uint64_t version) {
    v1::GetRequest request;
    request.set_path(path);
    request.mutable_version()->set_number(version);
    return Said(vault_->Get(request, absl::InfiniteFuture()).status());
  };
  EXPECT_EQ(said("a", 1), "NOT_FOUND VERSION_DESTROYED: version 1 is destroyed");
  EXPECT_EQ(said("a", 0),
            "FAILED_PRECONDITION VERSION_DELETED: version 2 is deleted; run: keyturn secret "
            "undelete, or read another version");
  EXPECT_EQ(said("a", 3), "NOT_FOUND VERSION_NOT_FOUND: version 3 does not exist");
  EXPECT_EQ(said("b/c", 0), "NOT_FOUND: no secret at b/c");
  EXPECT_CODE(vault_->Get(v1::GetRequest(), absl::InfiniteFuture()), kInvalidArgument);
}

TEST_F(ReaderTest, GivesTheFieldsThatAreAskedForAndAllThatBelongsToThem) {
  PutParams params;
  params.path = *SecretPath::Parse("a");
  params.kind = v1::KIND_API_KEY;
  params.principal = "token:ci";
  params.custom_metadata = {{"team", "red"}};
  const auto put = vault_->Put(*store_, params, Data({{"x", "1"}, {"y", "2"}}));
  ASSERT_OK(put);
  v1::GetRequest request;
  request.set_path("a");
  request.add_fields("y");
  for (const bool cached : {false, true}) {
    SCOPED_TRACE(cached);
    const auto got = vault_->Get(request, absl::InfiniteFuture());
    ASSERT_OK(got);
    EXPECT_TRUE(got->data == Data({{"y", "2"}}));
    EXPECT_EQ(got->info.path(), "a");
    EXPECT_EQ(got->info.kind(), v1::KIND_API_KEY);
    EXPECT_EQ(got->info.version().version(), 1u);
    EXPECT_EQ(got->info.version().created_by(), "token:ci");
    EXPECT_EQ(got->info.custom_metadata().at("team"), "red");
    EXPECT_EQ(got->info.revision(), put->revision.value());
    EXPECT_FALSE(got->info.has_data());
  }
  request.add_fields("z");
  EXPECT_EQ(vault_->Get(request, absl::InfiniteFuture()).status().message(),
            "the secret has no field z");
}

TEST_F(ReaderTest, WaitsForARevisionUntilTheDeadline) {
  const auto put = Put("a", {{"v", "1"}});
  ASSERT_OK(put);
  v1::GetRequest request;
  request.set_path("a");
  request.set_min_revision(put->revision.value());
  EXPECT_OK(vault_->Get(request, clock_.Now()));
  request.set_min_revision(put->revision.value() + 1);
  EXPECT_CODE(vault_->Get(request, clock_.Now()), kDeadlineExceeded);
}

TEST_F(ReaderTest, ARevisionFarAheadIsRefusedAtOnce) {
  const auto put = Put("a", {{"v", "1"}});
  ASSERT_OK(put);
  const uint64_t newest = put->revision.value();
  v1::GetRequest request;
  request.set_path("a");
  for (const uint64_t ahead :
       {newest + limits::kRevisionAheadMax + 1, uint64_t{1} << 62, ~uint64_t{0}}) {
    request.set_min_revision(ahead);
    // Without end: who waited would never come back.
    const absl::Status status = vault_->Get(request, absl::InfiniteFuture()).status();
    EXPECT_CODE(status, kOutOfRange);
    EXPECT_EQ(ReasonOf(status), "REVISION_AHEAD");
    EXPECT_EQ(status.message(),
              absl::StrCat("min_revision ", ahead, " is too far ahead of the newest revision, ",
                           newest, ": at most 4096 is waited for; is it another vault's?"));
  }
}

TEST_F(ReaderTest, FewReadsWaitForARevisionAtOnce) {
  const auto put = Put("a", {{"v", "1"}});
  ASSERT_OK(put);
  v1::GetRequest request;
  request.set_path("a");
  request.set_min_revision(put->revision.value() + 1);
  constexpr int kCalls = limits::kRevisionWaitersMax + 1;
  absl::Mutex mu;
  int refused = 0;
  absl::Status why;
  std::vector<absl::Status> waited;
  std::vector<std::thread> readers;
  for (int i = 0; i < kCalls; ++i) {
    readers.emplace_back([&] {
      const absl::Status status = vault_->Get(request, absl::InfiniteFuture()).status();
      const absl::MutexLock lock(&mu);
      if (!absl::IsResourceExhausted(status)) return waited.push_back(status);
      ++refused;
      why = status;
    });
  }
  {
    const absl::MutexLock lock(&mu);
    const auto one = [&] { return refused == 1; };
    EXPECT_TRUE(mu.AwaitWithTimeout(absl::Condition(&one), absl::Seconds(20)));
    EXPECT_EQ(ReasonOf(why), "BUSY");
    EXPECT_GT(RetryAfterOf(why), absl::ZeroDuration());
  }
  ASSERT_OK(Put("a", {{"v", "2"}}));  // what the others wait for
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(waited, std::vector<absl::Status>(limits::kRevisionWaitersMax, absl::OkStatus()));
}

TEST_F(ReaderTest, DescribesVersionsNewestFirst) {
  ASSERT_OK(Put("d/a", {{"v", "1"}}));
  ASSERT_OK(Put("d/a", {{"v", "2"}}));
  ASSERT_OK(Put("d/a", {{"v", "3"}}));
  ASSERT_OK(Delete("d/a", {2}));
  const auto info = Describe("d/a");
  ASSERT_OK(info);
  EXPECT_EQ(info->path(), "d/a");
  EXPECT_EQ(info->current_version(), 3u);
  ASSERT_EQ(info->versions_size(), 3);
  EXPECT_EQ(info->versions(0).version(), 3u);
  EXPECT_EQ(info->versions(0).state(), v1::VERSION_STATE_CURRENT);
  EXPECT_EQ(info->versions(2).state(), v1::VERSION_STATE_PREVIOUS);
  EXPECT_TRUE(info->versions(1).has_purge_time());
  EXPECT_FALSE(info->versions(0).has_delete_time());
}

}  // namespace
}  // namespace keyturn
