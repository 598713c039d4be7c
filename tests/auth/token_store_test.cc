#include "auth/token_store.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "tests/auth/auth_fixture.h"

namespace keyturn {
namespace {

class TokenStoreTest : public AuthFixture {};

TEST_F(TokenStoreTest, BothKindsSayWhoTheirHolderIs) {
  for (const bool stateless : {false, true}) {
    const CreatedToken made = Make(Ci(), stateless);
    EXPECT_TRUE(absl::StartsWith(made.token.ExposeForWire(), stateless ? "ktb." : "kts."));
    ASSERT_OK_AND_ASSIGN(const VerifiedToken token, Verify(made));
    EXPECT_EQ(token.principal, "token:ci");
    EXPECT_EQ(token.policies, Ci().policies);
    EXPECT_EQ(token.id, made.info.id());
    EXPECT_EQ(token.expire_time, clock_.Now() + absl::Minutes(10));
    EXPECT_FALSE(absl::StrContains(made.token.ExposeForWire(), token.id));
  }
}

TEST_F(TokenStoreTest, EveryFlippedCharacterIsRefusedWithOneMessage) {
  std::string message;
  for (const bool stateless : {false, true}) {
    const CreatedToken made = Make(Ci(), stateless);
    const std::string text(made.token.ExposeForWire());
    for (size_t i = 0; i < text.size(); ++i) {
      std::string other = text;
      other[i] = other[i] == 'A' ? 'B' : 'A';
      const absl::Status status = Verify(other).status();
      EXPECT_CODE(status, kUnauthenticated);
      if (message.empty()) message = std::string(status.message());
      EXPECT_EQ(status.message(), message);
    }
    EXPECT_EQ(Verify(text + "A").status().message(), message);
  }
  EXPECT_EQ(Verify("").status().message(), message);
  EXPECT_EQ(Verify(std::string(limits::kTokenTextBytesMax + 1, 'k')).status().message(), message);
}

TEST_F(TokenStoreTest, TheyExpire) {
  const CreatedToken stored = Make(Ci());
  const CreatedToken stateless = Make(Ci(), true);
  clock_.AdvanceTime(absl::Minutes(10) - absl::Seconds(1));
  EXPECT_OK(Verify(stored));
  EXPECT_OK(Verify(stateless));
  clock_.AdvanceTime(absl::Seconds(1));
  EXPECT_CODE(Verify(stored), kUnauthenticated);
  EXPECT_CODE(Verify(stateless), kUnauthenticated);
}

TEST_F(TokenStoreTest, RevocationIsDurable) {
  const CreatedToken stored = Make(Ci());
  const CreatedToken stateless = Make(Ci(), true);
  const uint64_t epoch = tokens_->epoch();
  ASSERT_OK(tokens_->Revoke(*store_, stored.info.id()));
  ASSERT_OK(tokens_->Revoke(*store_, stateless.info.id()));
  EXPECT_GT(tokens_->epoch(), epoch);
  for (const bool reopened : {false, true}) {
    if (reopened) Open();
    EXPECT_CODE(Verify(stored), kUnauthenticated);
    EXPECT_CODE(Verify(stateless), kUnauthenticated);
  }
  EXPECT_CODE(tokens_->Revoke(*store_, stored.info.id()), kNotFound);
  EXPECT_CODE(tokens_->Revoke(*store_, "kts-unknown"), kNotFound);
}

TEST_F(TokenStoreTest, UsesAreCountedDurably) {
  TokenParams params = Ci();
  params.max_uses = 3;
  const CreatedToken token = Make(params);
  ASSERT_OK_AND_ASSIGN(const VerifiedToken verified, Verify(token));
  EXPECT_TRUE(verified.limited_uses);
  Open();
  EXPECT_EQ(tokens_->List("", 10).front().uses_left(), 2u);
  EXPECT_OK(Verify(token));
  EXPECT_OK(Verify(token));
  EXPECT_CODE(Verify(token), kUnauthenticated);
}

TEST_F(TokenStoreTest, BindingsHold) {
  for (const bool stateless : {false, true}) {
    TokenParams params = Ci();
    params.bound_cidrs = {"10.0.0.0/8"};
    const CreatedToken token = Make(params, stateless);
    EXPECT_OK(Verify(token.token.ExposeForWire(), "10.1.1.1"));
    EXPECT_CODE(Verify(token.token.ExposeForWire(), "11.1.1.1"), kUnauthenticated);
    EXPECT_CODE(Verify(token), kUnauthenticated);
  }
  TokenParams params = Ci();
  params.certificate_sha256 = std::string(64, 'a');
  const CreatedToken token = Make(params, true);
  EXPECT_OK(Verify(token.token.ExposeForWire(), "", std::string(64, 'a')));
  EXPECT_CODE(Verify(token.token.ExposeForWire(), "", std::string(64, 'b')), kUnauthenticated);
  EXPECT_CODE(Verify(token), kUnauthenticated);
}

TEST_F(TokenStoreTest, ARenewalIsForAWhileThatATokenMayHave) {
  const CreatedToken token = Make(Ci());
  for (const absl::Duration bad : {absl::Seconds(-1), absl::UnixEpoch() - clock_.Now(),
                                   absl::Seconds(limits::kTokenTtlSecondsMax + 1)}) {
    EXPECT_EQ(tokens_->Renew(*store_, token.info.id(), bad).status(),
              absl::InvalidArgumentError(
                  absl::StrCat("ttl_seconds must be 0 to ", limits::kTokenTtlSecondsMax)));
  }
}

TEST_F(TokenStoreTest, RenewalHasAnEndUnlessPeriodic) {
  TokenParams params = Ci();
  params.max_ttl = absl::Minutes(30);
  const CreatedToken token = Make(params);
  for (int i = 0; i < 2; ++i) {
    clock_.AdvanceTime(absl::Minutes(9));
    ASSERT_OK(tokens_->Renew(*store_, token.info.id(), absl::Minutes(10)));
  }
  clock_.AdvanceTime(absl::Minutes(9));  // minute 27
  ASSERT_OK_AND_ASSIGN(const v1::TokenInfo info,
                       tokens_->Renew(*store_, token.info.id(), absl::Minutes(10)));
  EXPECT_EQ(info.expire_time().seconds(), absl::ToUnixSeconds(clock_.Now() + absl::Minutes(3)));
  clock_.AdvanceTime(absl::Minutes(3));
  EXPECT_CODE(tokens_->Renew(*store_, token.info.id(), absl::Minutes(10)), kUnauthenticated);

  params = Ci();
  params.period = absl::Hours(1);
  const CreatedToken periodic = Make(params);
  for (int i = 0; i < 2000; i += 100) {
    clock_.AdvanceTime(absl::Minutes(59));
    ASSERT_OK(tokens_->Renew(*store_, periodic.info.id(), absl::ZeroDuration()));
  }
  EXPECT_OK(Verify(periodic));
}

TEST_F(TokenStoreTest, ARevokedTokenStaysRevokedWhateverElseWasUnderWay) {
  for (const bool before : {true, false}) {
    for (const bool renew : {true, false}) {
      SCOPED_TRACE(absl::StrCat("before ", before, " renew ", renew));
      TokenParams params = Ci();
      params.max_uses = 5;
      const CreatedToken token = Make(params);
      Interrupted updater(*store_, before,
                          [&] { EXPECT_OK(tokens_->Revoke(*store_, token.info.id())); });
      const absl::Status done =
          renew ? tokens_->Renew(updater, token.info.id(), absl::Minutes(10)).status()
                : tokens_->Verify(updater, token.token.ExposeForWire(), {}, "").status();
      EXPECT_EQ(done.ok(), !before) << done;
      EXPECT_CODE(Verify(token), kUnauthenticated);
      Open();
      EXPECT_CODE(Verify(token), kUnauthenticated);
    }
  }
}

TEST_F(TokenStoreTest, ARenewalGivesNoUseBack) {
  TokenParams params = Ci();
  params.max_uses = 2;
  const CreatedToken token = Make(params);
  Interrupted updater(*store_, true, [&] {
    EXPECT_OK(Verify(token));
    EXPECT_OK(Verify(token));
  });
  ASSERT_OK(tokens_->Renew(updater, token.info.id(), absl::Minutes(10)));
  EXPECT_CODE(Verify(token), kUnauthenticated);
}

TEST_F(TokenStoreTest, TheLaterOfTwoRenewalsCounts) {
  const CreatedToken token = Make(Ci());
  Interrupted updater(*store_, false, [&] {
    ASSERT_OK(tokens_->Renew(*store_, token.info.id(), absl::Minutes(50)));
  });
  ASSERT_OK(tokens_->Renew(updater, token.info.id(), absl::Minutes(5)));
  clock_.AdvanceTime(absl::Minutes(20));
  EXPECT_OK(Verify(token));
}

TEST_F(TokenStoreTest, TheRootTokenNeverExpires) {
  TokenParams params;
  params.principal = "root";
  params.policies = {"root"};
  params.never_expires = true;
  const CreatedToken token = Make(params);
  clock_.AdvanceTime(absl::Hours(24 * 365 * 20));
  ASSERT_OK_AND_ASSIGN(const VerifiedToken verified, Verify(token));
  EXPECT_EQ(verified.auth_method, "root-token");
  EXPECT_FALSE(token.info.has_expire_time());
  const Revision before = store_->LastRevision();
  EXPECT_OK(tokens_->Renew(*store_, token.info.id(), absl::Minutes(10)));
  EXPECT_EQ(store_->LastRevision(), before);  // there is nothing to write
}

TEST_F(TokenStoreTest, PurgeRemovesWhatIsOver) {
  for (int i = 0; i < 50; ++i) Make(Ci());
  const CreatedToken stateless = Make(Ci(), true);
  ASSERT_OK(tokens_->Revoke(*store_, stateless.info.id()));
  ASSERT_OK_AND_ASSIGN(int purged, tokens_->Purge(*store_));
  EXPECT_EQ(purged, 0);
  clock_.AdvanceTime(absl::Seconds(limits::kTokenTtlSecondsMax));
  int total = 0;
  do {
    ASSERT_OK_AND_ASSIGN(purged, tokens_->Purge(*store_));
    total += purged;
  } while (purged > 0);
  EXPECT_EQ(total, 51);
  Open();
  EXPECT_TRUE(tokens_->List("", 100).empty());
}

TEST_F(TokenStoreTest, ListPagesById) {
  for (int i = 0; i < 5; ++i) Make(Ci());
  const std::vector<v1::TokenInfo> first = tokens_->List("", 3);
  ASSERT_EQ(first.size(), 3u);
  const std::vector<v1::TokenInfo> rest = tokens_->List(first.back().id(), 3);
  ASSERT_EQ(rest.size(), 2u);
  EXPECT_LT(first.back().id(), rest.front().id());
}

TEST_F(TokenStoreTest, BadParametersAreNamed) {
  const auto message = [this](const std::function<void(TokenParams*)>& change) {
    TokenParams params = Ci();
    change(&params);
    const absl::Status status = tokens_->CreateStored(*store_, params).status();
    EXPECT_CODE(status, kInvalidArgument);
    EXPECT_EQ(tokens_->CreateStateless(params).status(), status);
    return std::string(status.message());
  };
  EXPECT_EQ(message([](TokenParams* p) { p->policies.assign(33, "p"); }),
            "policies must be at most 32");
  EXPECT_EQ(message([](TokenParams* p) { p->bound_cidrs.assign(33, "10.0.0.0/8"); }),
            "bound_cidrs must be at most 32");
  EXPECT_NE(message([](TokenParams* p) { p->bound_cidrs = {"10.0.0.1/8"}; }), "");
  EXPECT_EQ(message([](TokenParams* p) { p->display_name = std::string(129, 'x'); }),
            "display_name must be at most 128 bytes");
  EXPECT_EQ(message([](TokenParams* p) { p->display_name = "ci\nroot"; }),
            "display_name must have no control characters");
  const std::string ttl = "ttl and period must be 0 to 2764800 seconds";
  EXPECT_EQ(message([](TokenParams* p) { p->ttl = absl::Seconds(2764801); }), ttl);
  EXPECT_EQ(message([](TokenParams* p) { p->ttl = absl::Nanoseconds(-1); }), ttl);
  EXPECT_EQ(message([](TokenParams* p) { p->period = absl::Seconds(2764801); }), ttl);
  EXPECT_EQ(message([this](TokenParams* p) { p->not_after = clock_.Now(); }),
            "not_after must be in the future");
}

TEST_F(TokenStoreTest, SealedMeansNothingIsVerified) {
  const CreatedToken token = Make(Ci());
  ASSERT_OK(tokens_->Load(nullptr));
  EXPECT_CODE(Verify(token), kFailedPrecondition);
  EXPECT_CODE(tokens_->CreateStateless(Ci()), kFailedPrecondition);
  ASSERT_OK(tokens_->Load(keys_));
  EXPECT_OK(Verify(token));
}

}  // namespace
}  // namespace keyturn
