// The memory of replies that nobody takes is bounded, in total and for each caller.
#include "server/reply_quota.h"

#include "base/reason.h"
#include "tests/server/idle_peer.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

TEST(ReplyQuota, IsBoundedForACallerAndInTotal) {
  ReplyQuota quota(100, 40);
  absl::StatusOr<ReplyQuota::Lease> one = quota.Take("a", 30);
  ASSERT_OK(one);
  ASSERT_OK_AND_ASSIGN(const ReplyQuota::Lease two, quota.Take("a", 10));
  const absl::Status full = quota.Take("a", 1).status();
  EXPECT_CODE(full, kResourceExhausted);
  EXPECT_EQ(ReasonOf(full), "REPLIES_WAITING");
  EXPECT_GT(RetryAfterOf(full), absl::ZeroDuration());
  EXPECT_EQ(full.message(),
            "the replies of this caller that were not taken yet may hold 40 bytes of memory: take "
            "them, or ask for less at once, and try again");
  ASSERT_OK_AND_ASSIGN(const ReplyQuota::Lease three, quota.Take("b", 40));
  EXPECT_EQ(quota.Take("c", 21).status().message(),
            "the replies of all callers that were not taken yet may hold 100 bytes of memory: take "
            "them, or ask for less at once, and try again");
  EXPECT_EQ(quota.held(), 80u);
  *one = ReplyQuota::Lease();
  EXPECT_EQ(quota.held(), 50u);
  EXPECT_OK(quota.Take("a", 30));
  EXPECT_EQ(quota.held(), 50u);
}

TEST(ReplyQuota, GivesOneReplyOfAnySize) {
  ReplyQuota quota(100, 10);
  ASSERT_OK_AND_ASSIGN(const ReplyQuota::Lease large, quota.Take("a", 60));
  EXPECT_CODE(quota.Take("a", 1), kResourceExhausted);
  EXPECT_OK(quota.Take("b", 10));
  EXPECT_CODE(quota.Take("b", 101), kResourceExhausted);
  EXPECT_OK(quota.Take("b", 0));
}

class UntakenRepliesTest : public ServerFixture {};

TEST_F(UntakenRepliesTest, StopNeitherOthersNorWrites) {
  const std::string large(400 * limits::kKiB, 'x');  // a block of 512 KiB: two are a caller's share
  ASSERT_EQ(Text(Put("app/large", {{"v", large}}, root_)), "OK");
  PutPolicy("reader", {{"secret:read", "app/*"}});
  const std::string reader = NewToken({"reader"});
  v1::GetRequest request;
  request.set_path("app/large");
  IdlePeer peer(server_->info().grpc, ReadFile(server_->info().ca_file));
  for (int i = 0; i < 20; ++i) peer.Ask(request, reader, absl::Seconds(20));
  EXPECT_EQ(Get("app/large", root_), "v=" + large);
  EXPECT_EQ(Text(Put("app/other", {{"v", large}}, root_)), "OK");
  const grpc::Status refused = peer.Finish(19);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonIn(refused), "REPLIES_WAITING");
  EXPECT_EQ(Text(peer.Finish(0)), "OK");
}

}  // namespace
}  // namespace keyturn
