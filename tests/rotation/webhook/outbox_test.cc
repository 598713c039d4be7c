// A server that dies: what was done is told, at least once and under one id, and nothing else is.
#include "rotation/webhook/outbox.h"

#include <filesystem>

#include "rotation/webhook/records.h"
#include "tests/rotation/webhook/webhook_fixture.h"

namespace keyturn {
namespace {

class WebhookOutboxTest : public WebhookFixture {
 protected:
  // The types of what has happened, in order, by the events of the audit log.
  std::vector<std::string> Happened() {
    const std::map<std::string, std::string> types = {
        {"rotation_started app/key", "rotation.started"},
        {"rotation_promoted app/key", "rotation.promoted"},
        {"rotation_grace_ended app/key", "rotation.grace_ended"},
        {"rotation_failed app/key", "rotation.failed"},
        {"rotation_retired app/key", "rotation.retired"},
        {"rotation_due app/key", "rotation.due"},
        {"rotation_overdue app/key", "rotation.overdue"},
        {"rotation_grace_ending app/key", "rotation.grace_ending"}};
    std::vector<std::string> out;
    for (const std::string& event : events_) {
      const auto found = types.find(event);
      if (found != types.end()) out.push_back(found->second);
    }
    return out;
  }
  // Of each message, once.
  std::vector<std::string> Arrived() {
    std::vector<std::string> out;
    std::set<std::string> ids;
    for (const Sent& one : sent()) {
      if (ids.insert(one.id).second) out.push_back(one.type);
    }
    return out;
  }
  void Year() {
    for (int day = 0; day < 100 && !dead_; ++day) {
      clock_.AdvanceTime(Days(1));
      (void)RunDue();
      (void)book_->RunDue();
      while (!book_->idle()) std::this_thread::yield();
    }
  }
  FakeTarget fake_;
};

TEST_F(WebhookOutboxTest, ADeathAtEachTransitionLosesNothingAndMakesNothingUp) {
  bool died = true;
  int deaths = 0;
  for (int at = 1; died; ++at) {
    for (const bool after : {false, true}) {
      rotation_.reset();
      book_.reset();
      store_.reset();
      const std::string path = absl::StrCat("run-", at, after);
      ASSERT_EQ(std::filesystem::remove_all(dir_.File("db")) > 0, true) << path;
      Restart();
      PutRotating("app/key");
      MakeId();
      target_ = &fake_;
      fake_.failures.emplace("apply", absl::UnavailableError("away"));
      events_.clear();
      TakeTypes();
      die_at_ = at;
      die_after_ = after;
      Year();
      died = dead_;
      deaths += died ? 1 : 0;
      Restart();
      Year();
      Settle();
      ASSERT_FALSE(Happened().empty());
      EXPECT_EQ(Arrived(), Happened()) << at << after;
      ExpectClean();
    }
  }
  EXPECT_GT(deaths, 12);
}

// Between a delivery and its note: what was sent is sent again, under the same id.
TEST_F(WebhookOutboxTest, ADeathAfterADeliverySendsItAgainUnderItsId) {
  PutRotating("app/key");
  v1::CreateWebhookRequest request = Request();
  request.add_types("rotation.promoted");
  const std::string id = MakeId(request);
  ASSERT_OK(Rotate("app/key"));
  Answer([this](const Sent&) {
    store_->SetRecordHasher(nullptr);  // no change is taken any more
    return Status(200);
  });
  Settle();
  ASSERT_EQ(sent().size(), 1u);
  AnswerWith(200);
  Restart();
  EXPECT_EQ(Log(id), "rotation.promoted PENDING 0");
  Settle();
  ASSERT_EQ(sent().size(), 2u);
  EXPECT_EQ(sent()[1].id, sent()[0].id);
  EXPECT_EQ(sent()[1].body, sent()[0].body);
  EXPECT_EQ(Log(id), "rotation.promoted DELIVERED 1");
}

// The note could not be written, but the server lives: it waits a minute.
TEST_F(WebhookOutboxTest, AStoreThatRefusesIsNotLoopedAt) {
  PutRotating("app/key");
  const std::string id = MakeId();
  ASSERT_OK(Rotate("app/key"));
  Answer([this](const Sent&) {
    store_->SetRecordHasher(nullptr);
    return Status(200);
  });
  for (int i = 0; i < 30; ++i) {
    Settle();
    clock_.AdvanceTime(absl::Seconds(1));
  }
  EXPECT_EQ(sent().size(), 1u);
  AnswerWith(200);
  store_->SetRecordHasher(NewRecordHasher(**keyring_->Snapshot()));
  PassQuietly(absl::Minutes(1), absl::Seconds(10));
  EXPECT_EQ(Log(id), "rotation.promoted DELIVERED 1, rotation.started DELIVERED 1");
}

// A rotation does not wait for the record of the endpoints to be mended.
TEST_F(WebhookOutboxTest, ADamagedRecordOfTheEndpointsHoldsUpNoRotation) {
  PutRotating("app/key");
  MakeId();
  const std::string key = WebhooksKey(**keyring_->Snapshot());
  const std::string good = **store_->Newest().Get(Family::kRecords, key);
  const auto write = [&](const std::string& record) {
    ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
      batch.Put(Family::kRecords, key, record);
      return absl::OkStatus();
    }));
  };
  std::string of_no_key = good;
  of_no_key[3] ^= 1;  // its term
  write(of_no_key);
  ASSERT_OK(Put("app/key", "by hand"));
  write("damaged");
  ASSERT_OK(Rotate("app/key"));
  EXPECT_EQ(States("app/key"), "1 GRACE, 2 GRACE, 3 CURRENT");
  Settle();
  EXPECT_EQ(TakeTypes(), "");
  EXPECT_CODE(book_->List(), kDataLoss);
  Restart();
  Settle();
}

}  // namespace
}  // namespace keyturn
