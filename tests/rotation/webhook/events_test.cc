// What is told of which event: through the engine, as it happens.
#include "rotation/webhook/events.h"

#include "tests/rotation/webhook/webhook_fixture.h"

namespace keyturn {
namespace {

class WebhookEventsTest : public WebhookFixture {
 protected:
  void SetUp() override {
    OpenBook();
    PutRotating("app/key");
    id_ = MakeId();
  }
  nlohmann::json Last() {
    Settle();
    const std::vector<Sent> all = sent();
    return all.empty() ? nlohmann::json() : nlohmann::json::parse(all.back().body);
  }
  FakeTarget fake_;
  std::string id_;
};

TEST_F(WebhookEventsTest, ARotationIsToldFromItsStartToTheEndOfItsFormerVersion) {
  Pass(Days(91));
  Settle();
  EXPECT_EQ(TakeTypes(), "rotation.started rotation.promoted");
  Pass(Days(7));
  Settle();
  EXPECT_EQ(TakeTypes(), "rotation.retired");
}

TEST_F(WebhookEventsTest, APromotionSaysWhatAConsumerNeeds) {
  ASSERT_OK(Rotate("app/key"));
  const nlohmann::json last = Last();
  EXPECT_EQ(last["type"], "rotation.promoted");
  EXPECT_EQ(last["timestamp"],
            absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", clock_.Now(), absl::UTCTimeZone()));
  EXPECT_EQ(last["data"], nlohmann::json({{"secret", "app/key"},
                                          {"version", 2},
                                          {"previous", 1},
                                          {"grace_until", "2026-01-08T00:00:00.000Z"},
                                          {"cause", "manual"}}));
  EXPECT_EQ(last.size(), 3u);
}

TEST_F(WebhookEventsTest, AnEmergencyAndARollbackAreToldAsWhatTheyAre) {
  ASSERT_OK(Rotate("app/key"));
  ASSERT_OK(Rollback("app/key"));
  EXPECT_EQ(Last()["type"], "rotation.rolled_back");
  EXPECT_EQ(Last()["data"]["version"], 1);
  EXPECT_EQ(Last()["data"]["previous"], 2);
  TakeTypes();
  ASSERT_OK(Rotate("app/key", /*emergency=*/true));
  Settle();
  EXPECT_EQ(TakeTypes().substr(0, 37), "rotation.emergency rotation.promoted ");
}

TEST_F(WebhookEventsTest, ATargetsRollbackIsToldWhenTheTargetKnows) {
  target_ = &fake_;
  ASSERT_OK(Rotate("app/key"));
  Settle();
  TakeTypes();
  v1::RotationPolicy policy = Exact();
  policy.set_target("db");
  ASSERT_OK(SetPolicy("app/key", policy));
  ASSERT_OK(Rollback("app/key"));
  Settle();
  EXPECT_EQ(TakeTypes(), "rotation.rolled_back");
}

TEST_F(WebhookEventsTest, FailuresAreToldByTheirClass) {
  target_ = &fake_;
  fake_.failures.emplace("apply", absl::UnavailableError("no route to old-value"));
  fake_.failures.emplace("probe", absl::PermissionDeniedError("no"));
  ASSERT_OK(Rotate("app/key"));
  EXPECT_EQ(Last()["type"], "rotation.blocked");
  EXPECT_EQ(Last()["data"]["error_class"], "AUTH");
  ASSERT_OK(Rotate("app/key"));
  EXPECT_EQ(Last()["type"], "rotation.failed");
  EXPECT_EQ(Last()["data"]["error_class"], "TRANSIENT");
  for (const Sent& one : sent()) EXPECT_FALSE(absl::StrContains(one.body, "old-value"));
}

TEST_F(WebhookEventsTest, AnOwnerIsAskedAndItsValueIsAPromotion) {
  ASSERT_OK(Put("app/held", "mine", v1::KIND_API_KEY));
  ASSERT_OK(Rotate("app/held"));
  Settle();
  EXPECT_EQ(TakeTypes(), "rotation.started");
  Pass(Days(1) + absl::Minutes(1));
  Settle();
  EXPECT_EQ(TakeTypes(), "rotation.awaiting_value");
  ASSERT_OK(Put("app/held", "next"));
  ASSERT_OK(RunDue());
  EXPECT_EQ(Last()["type"], "rotation.promoted");
  EXPECT_EQ(Last()["data"]["secret"], "app/held");
  EXPECT_EQ(Last()["data"]["version"], 2);
}

TEST_F(WebhookEventsTest, AGraceThatMovesIsToldWithItsNewEnd) {
  ASSERT_OK(Rotate("app/key"));
  ASSERT_OK(SetGrace("app/key", clock_.Now() + Days(20)));
  EXPECT_EQ(Last()["type"], "rotation.grace_moved");
  EXPECT_EQ(Last()["data"], nlohmann::json({{"secret", "app/key"},
                                            {"version", 1},
                                            {"grace_until", "2026-01-21T00:00:00.000Z"}}));
}

TEST_F(WebhookEventsTest, APathIsJsonWhateverItHolds) {
  const std::string path = "app/\xc3\xbc\"b";
  PutRotating(path);
  ASSERT_OK(Rotate(path));
  EXPECT_EQ(Last()["data"]["secret"], path);
}

TEST_F(WebhookEventsTest, NothingThatIsNoTransitionIsTold) {
  ASSERT_OK(SetPolicy("app/key", Exact()));
  ASSERT_OK(Put("app/key", "by hand"));
  ASSERT_OK(RunDue());
  Settle();
  EXPECT_EQ(TakeTypes(), "");
}

TEST(WebhookTypes, PatternsAreOfTypesThatThereAre) {
  for (const char* const good : {"*", "rotation.*", "rotation.promoted", "rotation.grace_*"}) {
    EXPECT_OK(CheckTypePattern(good));
  }
  for (const char* const bad : {"", "rotation", "promoted", "*.promoted", "rotation.promotedd*"}) {
    EXPECT_CODE(CheckTypePattern(bad), kInvalidArgument);
  }
  EXPECT_EQ(CheckTypePattern("x").message(),
            "types: no event is of one of them; there are rotation.awaiting_value, "
            "rotation.blocked, rotation.emergency, rotation.failed, rotation.grace_ended, "
            "rotation.grace_moved, rotation.promoted, rotation.retire_failed, rotation.retired, "
            "rotation.rolled_back, rotation.started, and a * at the end stands for any rest");
}

}  // namespace
}  // namespace keyturn
