#include "rotation/jwt/refresh.h"

#include <array>
#include <thread>

#include "storage/schema.h"
#include "tests/rotation/jwt/jwt_fixture.h"

namespace keyturn {
namespace {

class JwtRefreshTest : public JwtFixture {
 protected:
  void SetUp() override { ASSERT_OK(Create("k", Settings("EdDSA"))); }

  std::string Reason(const std::string& token, const std::string& path = "k") {
    const auto response = Refresh(path, token);
    return response.ok() ? "OK" : ReasonOf(response.status());
  }
  size_t Families() const {
    size_t count = 0;
    EXPECT_OK(store_->GetSnapshot()->Scan(Family::kRecords, "", "",
                                          [&](absl::string_view key, absl::string_view) {
                                            count += key.size() == 17 && key[16] == 'f';
                                            return true;
                                          }));
    return count;
  }
};

TEST_F(JwtRefreshTest, EachIsGoodOnce) {
  ASSERT_OK_AND_ASSIGN(auto made, SignWithRefresh("k"));
  EXPECT_EQ(made.refresh_expire_time().seconds() - absl::ToUnixSeconds(clock_.Now()), 7 * 86'400);
  std::set<std::string> seen = {made.refresh_token()};
  for (int i = 0; i < 20; ++i) {
    clock_.AdvanceTime(absl::Minutes(15));
    ASSERT_OK_AND_ASSIGN(made, Refresh("k", made.refresh_token()));
    EXPECT_TRUE(seen.insert(made.refresh_token()).second);
    ASSERT_OK_AND_ASSIGN(const auto answer, Verify("k", made.token()));
    EXPECT_TRUE(answer.valid());
    EXPECT_EQ(answer.subject(), "u1");
    EXPECT_EQ(answer.permissions(0), "read");
  }
  EXPECT_EQ(Families(), 1u);
}

TEST_F(JwtRefreshTest, OneThatIsUsedTwiceEndsAllThatCameFromIt) {
  ASSERT_OK_AND_ASSIGN(const auto first, SignWithRefresh("k"));
  ASSERT_OK_AND_ASSIGN(const auto other, SignWithRefresh("k"));
  ASSERT_OK_AND_ASSIGN(const auto second, Refresh("k", first.refresh_token()));
  ASSERT_OK_AND_ASSIGN(const auto third, Refresh("k", second.refresh_token()));
  EXPECT_EQ(Reason(first.refresh_token()), "REFRESH_REUSED");
  EXPECT_EQ(Reason(third.refresh_token()), "REFRESH_REVOKED");  // the thief's, or the owner's
  for (const auto& made : {first, second, third}) {
    EXPECT_EQ(Judge("k", made.token()), "TOKEN_REVOKED");
  }
  EXPECT_EQ(Judge("k", other.token()), "valid");
  EXPECT_EQ(Reason(other.refresh_token()), "OK");
  EXPECT_EQ(std::count(events_.begin(), events_.end(), "jwt_refresh_reused k"), 1);
}

TEST_F(JwtRefreshTest, OfTwoAtOnceOneIsGivenAndTheFamilyEnds) {
  for (int round = 0; round < 20; ++round) {
    ASSERT_OK_AND_ASSIGN(const auto made, SignWithRefresh("k"));
    std::array<absl::StatusOr<v1::SignJwtResponse>, 4> answers;
    std::vector<std::thread> threads;
    for (auto& answer : answers) {
      threads.emplace_back([&] { answer = Refresh("k", made.refresh_token()); });
    }
    for (std::thread& thread : threads) thread.join();
    int good = 0;
    for (const auto& answer : answers) {
      if (!answer.ok()) continue;
      ++good;
      EXPECT_EQ(Judge("k", answer->token()), "TOKEN_REVOKED");  // whoever has it
    }
    EXPECT_EQ(good, 1);
    EXPECT_EQ(Judge("k", made.token()), "TOKEN_REVOKED");
  }
}

TEST_F(JwtRefreshTest, IsWithinWhatTheKeyAllowsNow) {
  v1::SignJwtRequest request = ToSign("k");
  request.set_with_refresh_token(true);
  request.set_ttl_seconds(86'400);
  ASSERT_OK_AND_ASSIGN(const auto made, Sign(request));
  v1::UpdateJwtKeyRequest update;
  update.set_path("k");
  *update.mutable_settings() = Settings("EdDSA");
  update.mutable_settings()->set_max_token_seconds(600);
  ASSERT_OK(jwt_->UpdateKey(*store_, update, absl::OkStatus()));
  ASSERT_OK_AND_ASSIGN(const auto next, Refresh("k", made.refresh_token()));
  EXPECT_EQ(next.expire_time().seconds() - next.issue_time().seconds(), 600);
  EXPECT_EQ(Judge("k", next.token()), "valid");
  update.mutable_settings()->set_audiences(0, "another");
  ASSERT_OK(jwt_->UpdateKey(*store_, update, absl::OkStatus()));
  EXPECT_EQ(Reason(next.refresh_token()), "REFRESH_REVOKED");
}

TEST_F(JwtRefreshTest, ToTheSecondOfItsLife) {
  ASSERT_OK_AND_ASSIGN(const auto made, SignWithRefresh("k"));
  clock_.AdvanceTime(Days(7) - absl::Milliseconds(1));
  ASSERT_OK_AND_ASSIGN(const auto next, Refresh("k", made.refresh_token()));
  clock_.AdvanceTime(Days(7));
  EXPECT_EQ(Reason(next.refresh_token()), "REFRESH_EXPIRED");
}

TEST_F(JwtRefreshTest, AFamilyEndsAfterNinetyDaysHoweverOftenItIsUsed) {
  ASSERT_OK_AND_ASSIGN(auto made, SignWithRefresh("k"));
  const absl::Time end = clock_.Now() + Days(90);
  while (clock_.Now() + Days(6) < end) {
    Pass(Days(6));
    ASSERT_OK_AND_ASSIGN(made, Refresh("k", made.refresh_token()));
  }
  EXPECT_EQ(made.refresh_expire_time().seconds(), absl::ToUnixSeconds(end));
  clock_.AdvanceTime(end - clock_.Now());
  EXPECT_EQ(Reason(made.refresh_token()), "REFRESH_EXPIRED");
}

TEST_F(JwtRefreshTest, ALogoutEndsIt) {
  ASSERT_OK_AND_ASSIGN(const auto made, SignWithRefresh("k"));
  v1::RevokeRefreshRequest revoke;
  revoke.set_path("k");
  revoke.set_refresh_token(made.refresh_token());
  ASSERT_OK(jwt_->RevokeRefresh(*store_, revoke));
  ASSERT_OK(jwt_->RevokeRefresh(*store_, revoke));  // again
  EXPECT_EQ(Reason(made.refresh_token()), "REFRESH_REVOKED");
  EXPECT_EQ(Judge("k", made.token()), "TOKEN_REVOKED");
}

TEST_F(JwtRefreshTest, WhoIsLoggedOutEverywhereSignsInAnew) {
  ASSERT_OK_AND_ASSIGN(const auto made, SignWithRefresh("k"));
  clock_.AdvanceTime(absl::Seconds(1));
  ended_subjects_["u1"] = clock_.Now();
  EXPECT_EQ(Reason(made.refresh_token()), "REFRESH_REVOKED");
  EXPECT_EQ(Reason(SignWithRefresh("k")->refresh_token()), "OK");
}

TEST_F(JwtRefreshTest, WithoutTheListNoneIsGiven) {
  ASSERT_OK_AND_ASSIGN(const auto made, SignWithRefresh("k"));
  list_status_ = WithReason(absl::FailedPreconditionError("the vault is sealed"), "SEALED");
  EXPECT_EQ(Said(Refresh("k", made.refresh_token())), "FAILED_PRECONDITION: the vault is sealed");
  list_status_ = absl::OkStatus();
  EXPECT_EQ(Reason(made.refresh_token()), "OK");  // that was no use of it
}

TEST_F(JwtRefreshTest, OtherTextsAreRefused) {
  ASSERT_OK(Create("other", Settings("EdDSA")));
  ASSERT_OK_AND_ASSIGN(const auto made, SignWithRefresh("k"));
  const std::string& good = made.refresh_token();
  EXPECT_EQ(Reason(good, "other"), "REFRESH_INVALID");
  for (size_t i = 0; i < good.size(); ++i) {
    std::string changed = good;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(Reason(changed), "REFRESH_INVALID") << i;
  }
  for (const std::string& text : {std::string(), std::string("ktr."), good + "A",
                                  good.substr(0, good.size() - 1), made.token()}) {
    EXPECT_EQ(Reason(text), "REFRESH_INVALID");
  }
  EXPECT_EQ(Reason(good), "OK");  // none of it counted as a use
}

TEST_F(JwtRefreshTest, IsKeptAcrossARestartAndForgottenWhenOver) {
  ASSERT_OK_AND_ASSIGN(const auto made, SignWithRefresh("k"));
  ASSERT_OK_AND_ASSIGN(const auto next, Refresh("k", made.refresh_token()));
  Reopen();
  EXPECT_EQ(Reason(made.refresh_token()), "REFRESH_REUSED");
  EXPECT_EQ(Reason(next.refresh_token()), "REFRESH_REVOKED");
  ASSERT_OK_AND_ASSIGN(const auto kept, SignWithRefresh("k"));
  absl::Time soon;
  clock_.AdvanceTime(Days(5));
  ASSERT_OK_AND_ASSIGN(const auto renewed, Refresh("k", kept.refresh_token()));
  clock_.AdvanceTime(Days(3));
  Reopen();
  ASSERT_OK(jwt_->RunDue(&soon));
  EXPECT_EQ(Families(), 1u);  // one is over; the other was used since
  EXPECT_EQ(Reason(renewed.refresh_token()), "OK");
  clock_.AdvanceTime(Days(8));
  ASSERT_OK(jwt_->RunDue(&soon));
  EXPECT_EQ(Families(), 0u);
  EXPECT_EQ(soon, absl::InfiniteFuture());
  EXPECT_EQ(Reason(renewed.refresh_token()), "REFRESH_EXPIRED");
  ExpectClean();
}

TEST_F(JwtRefreshTest, SoManyAtOnceAreBounded) {
  v1::SignJwtRequest request = ToSign("k");
  request.set_with_refresh_token(true);
  request.set_ttl_seconds(86'400);
  ASSERT_OK_AND_ASSIGN(auto made, Sign(request));
  absl::Status status;
  int given = 1;
  while (given < 200) {
    const auto next = Refresh("k", made.refresh_token());
    status = next.status();
    if (!status.ok()) break;
    made = *next;
    ++given;
  }
  EXPECT_EQ(given, limits::kJwtRefreshAccessKept);
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_GT(RetryAfterOf(status), absl::Hours(24));
  clock_.AdvanceTime(absl::Hours(25));
  EXPECT_EQ(Reason(made.refresh_token()), "OK");
}

}  // namespace
}  // namespace keyturn
