// From when on endpoints are told ahead: who is there, what was told before, which clock.
#include "rotation/webhook/notice_progress.h"

#include "tests/rotation/webhook/notices_fixture.h"

namespace keyturn {
namespace {

using NoticeProgressTest = WebhookNoticesTest;

// Nobody who wants it: nothing is written, in the audit log or elsewhere.
TEST_F(NoticeProgressTest, WithoutAnEndpointThatWantsItNothingIsWritten) {
  PutRotating("app/key");
  v1::CreateWebhookRequest other = Request();
  other.add_types("rotation.promoted");
  MakeId(other);
  const Revision before = store_->LastRevision();
  for (int day = 0; day < 89; ++day) {
    clock_.AdvanceTime(Days(1));
    Settle();
  }
  EXPECT_EQ(store_->LastRevision(), before);
}

TEST_F(NoticeProgressTest, WhoIsAddedLaterIsToldOfWhatComesFromThenOn) {
  PutRotating("app/key");
  Live(Days(70));
  const std::string id = Listen();
  Live(Days(14));
  EXPECT_EQ(Take(), Lines{"day 83 rotation.due app/key"});
  ASSERT_OK(book_->Delete(*store_, id));
  Live(Days(5) + absl::Hours(2));
  Listen();  // what came while nobody wanted it is over
  Live(absl::Hours(10));
  EXPECT_EQ(Take(), Lines{});
  Live(Days(8));
  EXPECT_EQ(Take().size(), 2u) << "the end of the grace";
}

// Also while nobody was there, before a restart.
TEST_F(NoticeProgressTest, AnOldMarkIsNotGoneOnFrom) {
  PutRotating("app/key");
  const std::string id = Listen();
  Live(Days(1));
  ASSERT_OK(book_->Delete(*store_, id));
  Live(Days(60));
  Listen();
  Settle();  // the mark of now is written
  Restart();
  Live(Days(1));
  EXPECT_EQ(Take(), Lines{});
}

// Nothing was told for weeks; what is over by a change of the policy is not told after a restart.
TEST_F(NoticeProgressTest, HowFarItHasComeIsKeptAlsoWhenNothingIsTold) {
  PutRotating("app/key");
  Listen();
  Live(Days(50));
  v1::RotationPolicy sooner = Exact();
  sooner.set_period_seconds(60 * 86'400);
  ASSERT_OK(SetPolicy("app/key", sooner));  // thirty days before that was on day 30
  Live(Days(1));
  EXPECT_EQ(Take(), Lines{});
  Restart();
  Live(Days(1));
  EXPECT_EQ(Take(), Lines{});
  Live(Days(2));
  EXPECT_EQ(Take(), Lines{"day 53 rotation.due app/key"});
}

TEST_F(NoticeProgressTest, AClockThatIsNotBelievedTellsNothing) {
  PutRotating("app/key");
  Listen();
  Live(Days(1));
  clock_trusted_ = false;
  clock_.AdvanceTime(Days(80));
  Settle();
  Settle();
  EXPECT_EQ(Take(), Lines{});
  clock_.AdvanceTime(-Days(30));  // it was wrong, and is set
  clock_trusted_ = true;
  Settle();
  EXPECT_EQ(Take(), Lines{});
  Live(Days(10));
  EXPECT_EQ(Take(), Lines{"day 60 rotation.due app/key"});
}

TEST_F(NoticeProgressTest, AMarkThatDoesNotOpenTellsFromNowOn) {
  PutRotating("app/key");
  Listen();
  Live(Days(1));
  const std::string key =
      schema::NamedRecordKey(IndexMac(**keyring_->Snapshot(), "setting", "notices"),
                             static_cast<uint8_t>(Purpose::kSetting));
  ASSERT_TRUE(store_->Newest().Get(Family::kRecords, key)->has_value());
  ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
    batch.Put(Family::kRecords, key, "damaged");
    return absl::OkStatus();
  }));
  clock_.AdvanceTime(Days(60));
  Restart();
  Live(absl::Hours(1));
  EXPECT_EQ(Take(), Lines{});
  Live(Days(30));
  EXPECT_EQ(Take(), (Lines{"day 83 rotation.due app/key", "day 89 rotation.due app/key"}));
}

}  // namespace
}  // namespace keyturn
