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
  int Happened(const std::string& event) {
    const absl::MutexLock lock(&events_mu_);
    return static_cast<int>(std::count(events_.begin(), events_.end(), event));
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

// The grace went by while no server ran.
TEST_F(WebhookEventsTest, AnEndThatIsAnnouncedAnewIsTold) {
  ASSERT_OK(Rotate("app/key"));
  Settle();
  TakeTypes();
  clock_.AdvanceTime(Days(8));
  Restart();
  ASSERT_OK(RunDue());
  const nlohmann::json last = Last();
  EXPECT_EQ(last["type"], "rotation.grace_ending");
  EXPECT_EQ(last["data"], nlohmann::json({{"secret", "app/key"},
                                          {"version", 1},
                                          {"grace_until", "2026-01-09T01:00:00.000Z"}}));
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
  Settle();  // with the put, before the engine has seen it
  ASSERT_EQ(sent().size(), 1u);
  const nlohmann::json data = Last()["data"];
  EXPECT_EQ(data["secret"], "app/held");
  EXPECT_EQ(data["version"], 2);
  EXPECT_EQ(data["previous"], 1);
  EXPECT_EQ(data["cause"], "manual");
  EXPECT_TRUE(data.contains("grace_until"));
  ASSERT_OK(RunDue());
  Settle();
  EXPECT_EQ(TakeTypes(), "rotation.promoted");
  EXPECT_EQ(Happened("rotation_fulfilled app/held"), 1);
}

// The run has its value, even if the engine has not seen it yet.
TEST_F(WebhookEventsTest, AnotherValueAfterTheOneThatWasAwaitedIsOneOutOfTurn) {
  ASSERT_OK(Put("app/held", "mine", v1::KIND_API_KEY));
  ASSERT_OK(Rotate("app/held"));
  ASSERT_OK(Put("app/held", "next"));
  ASSERT_OK(Put("app/held", "again"));
  EXPECT_EQ(Last()["data"]["cause"], "put");
  EXPECT_EQ(Last()["data"]["version"], 3);
  EXPECT_EQ(Last()["data"]["previous"], 2);
  EXPECT_EQ(TakeTypes(), "rotation.started rotation.promoted rotation.promoted");
  ASSERT_OK(RunDue());
  Settle();
  EXPECT_EQ(TakeTypes(), "");
}

TEST_F(WebhookEventsTest, AValueThatIsPutByHandIsAPromotion) {
  ASSERT_OK(Put("app/key", "by hand"));
  EXPECT_EQ(Last()["data"], nlohmann::json({{"secret", "app/key"},
                                            {"version", 2},
                                            {"previous", 1},
                                            {"grace_until", "2026-01-08T00:00:00.000Z"},
                                            {"cause", "put"}}));
  ASSERT_OK(RunDue());
  Settle();
  EXPECT_EQ(TakeTypes(), "rotation.promoted");
}

TEST_F(WebhookEventsTest, AValueInPlaceOfWhatARotationPreparesIsToldOnce) {
  target_ = &fake_;
  fake_.failures.emplace("apply", absl::UnavailableError("away"));
  ASSERT_OK(Rotate("app/key"));
  Settle();
  EXPECT_EQ(TakeTypes(), "rotation.started rotation.failed");
  ASSERT_OK(Put("app/key", "by hand"));
  ASSERT_OK(RunDue());
  Settle();
  EXPECT_EQ(TakeTypes(), "rotation.promoted");
}

TEST_F(WebhookEventsTest, AnOpenRunThatDoesNotOpenHoldsUpNoValue) {
  ASSERT_OK(Put("app/held", "mine", v1::KIND_API_KEY));
  ASSERT_OK(Rotate("app/held"));
  ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
    batch.Put(Family::kRecords, schema::RotationRunKey(IdOf("app/held"), 1), "damaged");
    return absl::OkStatus();
  }));
  ASSERT_OK(Put("app/held", "next"));
  EXPECT_EQ(Last()["data"]["cause"], "put");
}

// Of one that is pruned much at once, told to all endpoints that there may be.
TEST_F(WebhookEventsTest, APutThatPrunesManyFitsIntoOneChange) {
  for (size_t i = 1; i < limits::kWebhooksMax; ++i) MakeId();
  ASSERT_OK(Put("app/old", "v1", v1::KIND_API_KEY));
  v1::UpdateMetadataRequest keep;
  keep.set_path("app/old");
  keep.set_max_versions(100);
  ASSERT_OK(vault_->UpdateMetadata(*store_, keep));
  v1::RotationPolicy policy = Exact();
  policy.set_grace_seconds(1);
  ASSERT_OK(SetPolicy("app/old", policy));
  for (int i = 0; i < 60; ++i) {
    ASSERT_OK(Put("app/old", absl::StrCat("value ", i)));
    clock_.AdvanceTime(absl::Seconds(2));
    ASSERT_OK(RunDue());
  }
  ASSERT_OK(store_->Update([&](const View& view, Batch& batch) -> absl::Status {
    const KeyringSnapshot& keys = **keyring_->Snapshot();
    auto metadata = ReadMetadata(keys, view, IdOf("app/old"));
    RETURN_IF_ERROR(metadata.status());
    (*metadata)->set_max_versions(1);
    const auto sealed = SealMetadata(keys, IdOf("app/old"), clock_.Now(), &**metadata);
    RETURN_IF_ERROR(sealed.status());
    batch.Put(Family::kRecords, schema::SecretMetadataKey(IdOf("app/old")), *sealed);
    return absl::OkStatus();
  }));
  vault_->OnSealed();  // nothing of it is cached
  ASSERT_OK(vault_->OnUnsealed());
  Settle();
  TakeTypes();
  ASSERT_OK(Put("app/old", "the last"));
  Settle();
  EXPECT_EQ(sent().size(), limits::kWebhooksMax);
}

TEST_F(WebhookEventsTest, AGraceThatMovesIsToldWithItsNewEnd) {
  ASSERT_OK(Rotate("app/key"));
  ASSERT_OK(SetGrace("app/key", clock_.Now() + Days(20)));
  EXPECT_EQ(Last()["type"], "rotation.grace_moved");
  EXPECT_EQ(Last()["data"], nlohmann::json({{"secret", "app/key"},
                                            {"version", 1},
                                            {"grace_until", "2026-01-21T00:00:00.000Z"}}));
}

TEST_F(WebhookEventsTest, AVersionThatIsStillUsedIsToldWhenItsGraceGoesOnAndWhenItEnds) {
  v1::RotationPolicy policy = Exact();
  policy.set_retire_gate(v1::RotationPolicy::BLOCK);
  ASSERT_OK(SetPolicy("app/key", policy));
  ASSERT_OK(Rotate("app/key"));
  users_ = {"payments"};
  Settle();
  TakeTypes();
  Pass(Days(7));
  EXPECT_EQ(Last()["type"], "rotation.laggards");
  EXPECT_EQ(Last()["data"], nlohmann::json({{"secret", "app/key"},
                                            {"version", 1},
                                            {"still_used", true},
                                            {"grace_until", "2026-01-15T00:00:00.000Z"}}));
  Pass(Days(14));
  Settle();
  EXPECT_EQ(TakeTypes(), "rotation.laggards rotation.laggards rotation.retired");
}

TEST_F(WebhookEventsTest, AVersionThatEndsAlthoughItIsUsedSaysSoAndNotByWhom) {
  ASSERT_OK(Rotate("app/key"));
  users_ = {"payments"};
  Pass(Days(7));
  EXPECT_EQ(Last()["type"], "rotation.retired");
  EXPECT_EQ(Last()["data"],
            nlohmann::json({{"secret", "app/key"}, {"version", 1}, {"still_used", true}}));
}

TEST_F(WebhookEventsTest, APathIsJsonWhateverItHolds) {
  const std::string path = "app/\xc3\xbc\"b";
  PutRotating(path);
  ASSERT_OK(Rotate(path));
  EXPECT_EQ(Last()["data"]["secret"], path);
}

TEST_F(WebhookEventsTest, NothingThatIsNoTransitionIsTold) {
  ASSERT_OK(SetPolicy("app/key", Exact()));
  ASSERT_OK(Put("app/plain", "no policy"));
  ASSERT_OK(Put("app/plain", "nor now"));
  ASSERT_OK(Put("app/first", "of a secret that rotates", v1::KIND_API_KEY));
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
            "types: no event is of one of them; there are api_key.due, "
            "rotation.awaiting_value, rotation.blocked, rotation.due, rotation.emergency, "
            "rotation.failed, rotation.grace_ended, rotation.grace_ending, rotation.grace_moved, "
            "rotation.laggards, rotation.overdue, rotation.promoted, rotation.retire_failed, "
            "rotation.retired, rotation.rolled_back, rotation.started, and a * at the end stands "
            "for any rest");
}

}  // namespace
}  // namespace keyturn
