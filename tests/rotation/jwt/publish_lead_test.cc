// Who verifies with a set of public keys that was handed out with a longer max-age, as he may.
#include "tests/rotation/jwt/jwt_fixture.h"

namespace keyturn {
namespace {

class PublishLeadTest : public JwtFixture {
 protected:
  void SetUp() override {
    ASSERT_OK(Create("k", Settings("EdDSA")));
    Pass(absl::Hours(2));
  }
  absl::Status SetLead(int64_t seconds) {
    v1::JwtKeySettings settings = Settings("EdDSA");
    settings.set_publish_lead_seconds(seconds);
    return SetSettings("k", settings);
  }
  // Fetches the set now. It is asked for no more while it may be kept.
  void Fetch() {
    kids_ = PublishedKids();
    const auto published = jwt_->Published();
    ASSERT_OK(published);
    kept_until_ = clock_.Now() + published->max_age;
  }
  // How many seconds what is signed was refused for, by the set of Fetch, until that is over.
  int SecondsRefused() {
    int refused = 0;
    while (clock_.Now() < kept_until_) {
      clock_.AdvanceTime(absl::Seconds(1));
      EXPECT_OK(RunDue());
      const auto made = Sign(ToSign("k"));
      EXPECT_OK(made);
      if (made.ok() && kids_.count(made->kid()) == 0) ++refused;
    }
    return refused;
  }

  std::set<std::string> kids_;
  absl::Time kept_until_;
};

TEST_F(PublishLeadTest, NobodyIsRefusedWhenItIsMadeShorterAfterTheNextKeyWasMade) {
  Fetch();
  clock_.AdvanceTime(absl::Seconds(1));
  ASSERT_OK(Rotate("k"));
  EXPECT_EQ(States("k"), "1 GRACE, 2 CURRENT, 3 STAGED");
  ASSERT_OK(SetLead(120));
  ASSERT_OK(Rotate("k"));
  EXPECT_EQ(SecondsRefused(), 0);
  EXPECT_EQ(States("k"), "1 GRACE, 2 CURRENT, 3 STAGED");
  // And it does sign soon after.
  Pass(absl::Minutes(1));
  EXPECT_EQ(States("k"), "1 GRACE, 2 GRACE, 3 CURRENT, 4 STAGED");
}

TEST_F(PublishLeadTest, NobodyIsRefusedWhenItIsMadeShorterBeforeTheNextKeyIsMade) {
  Fetch();
  clock_.AdvanceTime(absl::Seconds(1));
  ASSERT_OK(SetLead(120));
  v1::DestroyRequest destroy;
  destroy.set_path("k");
  destroy.add_versions(2);
  ASSERT_OK(vault_->Destroy(*store_, destroy));
  clock_.AdvanceTime(absl::Seconds(1));
  ASSERT_OK(RunDue());
  ASSERT_OK(Rotate("k"));
  EXPECT_EQ(States("k"), "1 CURRENT, 2 DESTROYED, 3 STAGED");
  EXPECT_EQ(SecondsRefused(), 0);
  Pass(absl::Minutes(1));
  EXPECT_EQ(States("k"), "1 GRACE, 2 DESTROYED, 3 CURRENT, 4 STAGED");
}

// The verifier above can be refused: an emergency waits for nobody.
TEST_F(PublishLeadTest, AnEmergencyDoesNotWait) {
  Fetch();
  clock_.AdvanceTime(absl::Seconds(1));
  ASSERT_OK(Rotate("k"));
  ASSERT_OK(SetLead(120));
  ASSERT_OK(Rotate("k", /*emergency=*/true));
  EXPECT_GT(SecondsRefused(), 0);
}

}  // namespace
}  // namespace keyturn
