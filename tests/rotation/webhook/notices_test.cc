// What is told ahead, through the engine and a store, as time passes.
#include "rotation/webhook/notices.h"

#include <filesystem>

#include "tests/rotation/webhook/notices_fixture.h"

namespace keyturn {
namespace {

TEST_F(WebhookNoticesTest, ARotationIsToldFromAMonthBeforeItToTheEndOfItsGrace) {
  PutRotating("app/key");
  Listen();
  Live(Days(98));
  EXPECT_EQ(Take(), (Lines{"day 60 rotation.due app/key", "day 83 rotation.due app/key",
                           "day 89 rotation.due app/key", "day 95 rotation.grace_ending app/key",
                           "day 96 rotation.grace_ending app/key"}));
  EXPECT_EQ(AuditedAhead(), 5u);
  Live(Days(83));
  EXPECT_EQ(Take(), (Lines{"day 150 rotation.due app/key", "day 173 rotation.due app/key",
                           "day 179 rotation.due app/key"}));
  ExpectClean();
}

TEST_F(WebhookNoticesTest, ABodySaysWhatComesAndWhen) {
  ASSERT_OK(Put("app/held", "mine", v1::KIND_API_KEY));
  v1::RotationPolicy policy;
  policy.set_jitter_max_seconds(-1);
  policy.mutable_source()->mutable_reminder();
  ASSERT_OK(SetPolicy("app/held", policy));
  Listen();
  Live(Days(60));
  EXPECT_EQ(Last(), nlohmann::json({{"secret", "app/held"},
                                    {"version", 1},
                                    {"due", "2026-04-01T00:00:00.000Z"},
                                    {"needs_value", true}}));
  ASSERT_OK(Put("app/held", "next"));
  users_ = {"payments"};
  Live(Days(6));
  EXPECT_EQ(Last(), nlohmann::json({{"secret", "app/held"},
                                    {"version", 1},
                                    {"grace_until", "2026-03-09T00:00:00.000Z"},
                                    {"still_used", true}}));
  EXPECT_EQ(notes_["rotation_grace_ending"],
            "version=1 grace_end=2026-03-09T00:00:00.000Z still_used_by=payments");
}

TEST_F(WebhookNoticesTest, WhatIsLateIsToldAndAgainWhenItHasOutlivedItsGrace) {
  PutRotating("app/key");
  v1::PauseRotationRequest pause;
  pause.set_path("app/key");
  pause.set_reason("freeze");
  ASSERT_OK(rotation_->Pause(*store_, pause));
  Listen();
  Live(Days(90));
  EXPECT_EQ(Take(), Lines{});
  Live(absl::Hours(2));
  EXPECT_EQ(Last(),
            nlohmann::json(
                {{"secret", "app/key"}, {"version", 1}, {"deadline", "2026-04-01T00:00:00.000Z"}}));
  EXPECT_EQ(Take(), Lines{"day 90+1h rotation.overdue app/key"});
  Live(Days(20));
  EXPECT_EQ(Last()["critical"], true);
  EXPECT_EQ(Take(), Lines{"day 97+1h rotation.overdue app/key"});
}

// Its steps take a while, and it is not late by that.
TEST_F(WebhookNoticesTest, ARotationThatIsUnderWayForAnHourIsNotLate) {
  FakeTarget target;
  target_ = &target;
  PutRotating("app/key");
  Listen();
  target.failures.emplace("apply", absl::UnavailableError("away"));
  Live(Days(91), absl::Minutes(20));
  EXPECT_EQ(States("app/key"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(Take().size(), 3u);
}

TEST_F(WebhookNoticesTest, ARestartTellsNothingTwiceAndLosesNothing) {
  for (const char* const path : {"a", "b", "c"}) PutRotating(path);
  Listen();
  Live(Days(61));
  EXPECT_EQ(Take().size(), 3u);
  Restart();
  Live(Days(1));
  EXPECT_EQ(Take(), Lines{});
  // It is off from day 62 to 84, and from 84 to 98.
  clock_.AdvanceTime(Days(22));
  Restart();
  Live(absl::Hours(1));
  Lines lines = Take();  // those of one moment are in no order
  std::sort(lines.begin(), lines.end());
  EXPECT_EQ(lines, (Lines{"day 84+1h rotation.due a", "day 84+1h rotation.due b",
                          "day 84+1h rotation.due c"}));
  clock_.AdvanceTime(Days(14));
  Restart();
  Live(absl::Hours(1));
  for (const std::string& line : Take()) {
    EXPECT_FALSE(absl::StrContains(line, "rotation.due")) << line << ": it has begun";
  }
}

// Of two moments that a downtime has covered, the later one says it all.
TEST_F(WebhookNoticesTest, ADowntimeIsToldByTheLastMomentOnly) {
  PutRotating("a");
  Listen();
  Live(Days(1));
  clock_.AdvanceTime(Days(88) + absl::Hours(1));
  Restart();
  Settle();
  Settle();
  EXPECT_EQ(Take(), Lines{"day 89+1h rotation.due a"});
}

TEST_F(WebhookNoticesTest, ADeathAtEachChangeLosesNothing) {
  bool died = true;
  for (int at = 1; died; ++at) {
    for (const bool after : {false, true}) {
      rotation_.reset();
      book_.reset();
      store_.reset();
      ASSERT_GT(std::filesystem::remove_all(dir_.File("db")), 0u);
      Restart();
      PutRotating("a");
      PutRotating("b");
      Listen();
      ASSERT_OK(book_->RunDue());
      Take();
      const absl::Time last = clock_.Now() + Days(89);
      events_.clear();
      die_at_ = at;
      die_after_ = after;
      while (clock_.Now() < last && !dead_) {
        clock_.AdvanceTime(Days(1));
        (void)RunDue();
        (void)book_->RunDue();
        while (!book_->idle()) std::this_thread::yield();
      }
      died = dead_;
      Restart();
      Settle();
      Live(last - clock_.Now(), Days(1));
      const Lines lines = Take();
      EXPECT_EQ(lines.size(), 6u) << at << after << ": " << absl::StrJoin(lines, ", ") << "; "
                                  << absl::StrJoin(events_, ", ");
    }
  }
}

TEST_F(WebhookNoticesTest, AnEndpointOfOtherPathsIsNotTold) {
  PutRotating("app/key");
  PutRotating("web/key");
  Listen("web/*");
  Live(Days(61));
  EXPECT_EQ(Take(), Lines{"day 60 rotation.due web/key"});
  EXPECT_EQ(AuditedAhead(), 1u);
}

TEST_F(WebhookNoticesTest, WhatChangesIsFollowed) {
  PutRotating("app/key");
  Listen();
  Live(Days(59));
  ASSERT_OK(Rotate("app/key"));  // the start has moved by that
  Live(Days(8));
  EXPECT_EQ(Take(), (Lines{"day 64 rotation.grace_ending app/key",
                           "day 65 rotation.grace_ending app/key"}));
  PutRotating("app/later");
  v1::RotationPolicy weekly = Exact();
  weekly.set_period_seconds(7 * 86'400);
  weekly.set_grace_seconds(3600);
  ASSERT_OK(SetPolicy("app/later", weekly));
  Live(Days(7));
  EXPECT_EQ(Take(), Lines{"day 73 rotation.due app/later"});
  v1::DeleteRequest remove;
  remove.set_path("app/later");
  ASSERT_OK(vault_->Delete(*store_, remove));
  Live(Days(8));
  EXPECT_EQ(Take(), Lines{});
}

TEST_F(WebhookNoticesTest, ASecretThatMovesIsToldByItsNewPath) {
  PutRotating("app/key");
  Listen();
  Live(Days(10));
  v1::RenameRequest rename;
  rename.set_path("app/key");
  rename.set_new_path("web/key");
  ASSERT_OK(vault_->Rename(*store_, rename));
  Live(Days(51));
  EXPECT_EQ(Take(), Lines{"day 60 rotation.due web/key"});
}

TEST_F(WebhookNoticesTest, ManySecretsAreLookedAtInPieces) {
  const int secrets = static_cast<int>(limits::kNoticeRecordsPerRun / 2) + 100;  // of two records
  for (int i = 0; i < secrets; ++i) PutRotating(absl::StrCat("s", i));
  Listen("s1");
  clock_.AdvanceTime(Days(50));
  Settle();
  clock_.AdvanceTime(Days(10));
  for (int i = 0; i < 20; ++i) Settle();  // some hundred with each
  EXPECT_EQ(Take(), Lines{"day 60 rotation.due s1"});
  clock_.AdvanceTime(Days(23));
  Restart();
  Settle();
  EXPECT_EQ(Take(), Lines{}) << "not before all are known, or their order would not be right";
  for (int i = 0; i < 20; ++i) Settle();
  EXPECT_EQ(Take(), Lines{"day 83 rotation.due s1"});
}

}  // namespace
}  // namespace keyturn
