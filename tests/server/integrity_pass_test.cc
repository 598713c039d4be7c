#include "server/integrity_pass.h"

#include "absl/cleanup/cleanup.h"
#include "keyring/envelope.h"
#include "tests/server/server_fixture.h"
#include "tests/support/keys.h"

namespace keyturn {
namespace {

class IntegrityPassTest : public ServerFixture {
 protected:
  IntegrityPass Pass() {
    Rooms& rooms = server_->rooms();
    return IntegrityPass(IntegrityPass::Parts{*rooms.store, *rooms.vault, *rooms.rotation,
                                              *rooms.audit, server_->lifecycle().unsealed(),
                                              Clock::Real()});
  }
};

TEST_F(IntegrityPassTest, AGoodStoreIsSaidToBeGood) {
  ASSERT_EQ(Text(Put("app/a", {{"v", "1"}}, root_)), "OK");
  IntegrityPass pass = Pass();
  EXPECT_EQ(pass.finished_seconds(), 0);
  ASSERT_OK(pass.Run());
  EXPECT_GT(pass.finished_seconds(), 0);
  EXPECT_EQ(pass.problems(), 0);
  EXPECT_EQ(Entries().back().event.event, "integrity_checked");
  EXPECT_EQ(Entries().back().event.outcome, "ok");
}

TEST_F(IntegrityPassTest, LostHintsAreWrittenAgain) {
  v1::PutRequest put;
  put.set_path("app/a");
  put.set_ttl_seconds(3600);
  put.mutable_data()->add_fields()->set_name("v");
  v1::PutResponse response;
  ASSERT_EQ(Text(stubs_->secrets->Put(Ctx(root_), put, &response)), "OK");
  Store& store = *server_->rooms().store;
  std::string hint;
  ASSERT_OK(store.GetSnapshot()->Scan(Family::kDue, "", "",
                                      [&](absl::string_view key, absl::string_view) {
                                        hint = std::string(key);
                                        return true;
                                      }));
  ASSERT_OK(store.Update([&](const View&, Batch& batch) {
    batch.Delete(Family::kDue, hint);
    return absl::OkStatus();
  }));
  IntegrityPass pass = Pass();
  ASSERT_OK(pass.Run());
  EXPECT_TRUE(store.GetSnapshot()->Get(Family::kDue, hint)->has_value());
  EXPECT_EQ(Entries().back().event.event, "due_hints_mended");
}

// To other keys every record is one that they did not sum.
TEST_F(IntegrityPassTest, ADamagedStoreIsFound) {
  ASSERT_EQ(Text(Put("app/a", {{"v", "1"}}, root_)), "OK");
  server_->rooms().store->SetRecordHasher(NewRecordHasher(*TestKeys()));
  IntegrityPass pass = Pass();
  EXPECT_CODE(pass.Run(), kDataLoss);
  EXPECT_GT(pass.problems(), 0);
  EXPECT_EQ(Entries().back().event.event, "integrity_checked");
  EXPECT_EQ(Entries().back().event.outcome, "DATA_LOSS");
}

TEST_F(IntegrityPassTest, WithoutKeysOrTimeNothingIsFoundOut) {
  IntegrityPass stopped = Pass();
  stopped.Stop();
  EXPECT_OK(stopped.Run());
  EXPECT_EQ(stopped.finished_seconds(), 0);
  server_->lifecycle().Seal();
  IntegrityPass sealed = Pass();
  EXPECT_OK(sealed.Run());
  EXPECT_EQ(sealed.finished_seconds(), 0);
}

class DailyPassTest : public ServerFixture {
 protected:
  void SetUp() override {}
};

TEST_F(DailyPassTest, ComesByItself) {
  SimulatedClock clock;
  const absl::Cleanup stop = [this] { server_.reset(); };
  StartDev(nullptr, clock);
  const auto checked = [this] {
    for (const AuditRecord& record : Entries()) {
      if (record.event.event == "integrity_checked") return true;
    }
    return false;
  };
  const absl::Time deadline = Clock::Real().Now() + absl::Seconds(15);
  while (!checked() && Clock::Real().Now() < deadline) {
    clock.AdvanceTime(absl::Hours(25));
    std::this_thread::yield();
  }
  EXPECT_TRUE(checked());
}

}  // namespace
}  // namespace keyturn
