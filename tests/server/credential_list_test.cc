#include "server/credential_list.h"

#include <gtest/gtest.h>

#include "base/timestamps.h"
#include "tests/revocation/fake_list.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

class CredentialListTest : public testing::Test {
 protected:
  using Entry = CredentialList::Entry;

  bool Put(const Entry& entry) {
    absl::StatusOr<bool> changed =
        credentials_.Revoke({entry}, std::make_shared<RevocationWriter>());
    EXPECT_OK(changed);
    return *changed;
  }
  static Entry Of(RevocationKind kind, const std::string& name) { return {.name = {kind, name}}; }
  Entry Before(RevocationKind kind, const std::string& name, absl::Time time) {
    Entry entry = Of(kind, name);
    entry.not_before = time;
    return entry;
  }
  void RedisSet(const std::string& key, const std::string& value) {
    auto change = list_.Begin(std::make_shared<RevocationWriter>(), list_.Now());
    ASSERT_OK(change);
    ASSERT_OK((*change)->Put(key, value, kNoExpiry));
    list_.on_put(key);
  }
  std::optional<std::string> Value(const std::string& key) {
    const auto info = list_.Find(key, list_.Now());
    return info.has_value() ? std::make_optional(info->value) : std::nullopt;
  }
  std::optional<RevocationKind> Find(const std::function<void(v1::RevocationQuery&)>& fill) {
    v1::RevocationQuery query;
    fill(query);
    return credentials_.Find(query);
  }
  CredentialFacts Token() const {
    return {.token_id = "kts-1", .principal = "token:ci", .role = "api", .issued = clock_.Now()};
  }

  SimulatedClock clock_{absl::FromUnixSeconds(1'764'230'400)};
  FakeList list_{clock_};
  CredentialList credentials_{list_, {.prefix = "revoked:"}};
};

TEST_F(CredentialListTest, ATokenIsAKeyThatRedisClientsKnow) {
  EXPECT_TRUE(Put(Of(RevocationKind::kJti, "a")));
  EXPECT_EQ(Value("revoked:a"), "1");
  EXPECT_EQ(Find([](auto& q) { q.set_jti("a"); }), RevocationKind::kJti);
  EXPECT_EQ(Find([](auto& q) { q.set_jti("b"); }), std::nullopt);
  RedisSet("revoked:b", "");
  EXPECT_EQ(Find([](auto& q) { q.set_jti("b"); }), RevocationKind::kJti);
}

TEST_F(CredentialListTest, ASubjectEndsWhatWasIssuedBefore) {
  const absl::Time now = clock_.Now();
  EXPECT_TRUE(Put(Before(RevocationKind::kSubject, "alice", now)));
  const auto ask = [&](absl::Time issued) {
    return Find([&](auto& q) {
      q.set_subject("alice");
      *q.mutable_issue_time() = ToTimestamp(issued);
    });
  };
  EXPECT_EQ(ask(now - absl::Milliseconds(1)), RevocationKind::kSubject);
  EXPECT_EQ(ask(now), std::nullopt);
  EXPECT_EQ(Find([](auto& q) { q.set_subject("alice"); }), RevocationKind::kSubject)
      << "who does not say when is taken for old";
  EXPECT_EQ(Find([](auto& q) { q.set_subject("bob"); }), std::nullopt);
  RedisSet("revoked:subject:bob", "1");
  EXPECT_EQ(Find([&](auto& q) {
              q.set_subject("bob");
              *q.mutable_issue_time() = ToTimestamp(now + absl::Hours(1));
            }),
            RevocationKind::kSubject);
}

TEST_F(CredentialListTest, ATimeOnlyMovesForwardAndAnEndOnlyAway) {
  const absl::Time now = clock_.Now();
  Entry entry = Before(RevocationKind::kKid, "k", now);
  entry.expires = now + absl::Hours(2);
  EXPECT_TRUE(Put(entry));
  EXPECT_FALSE(Put(entry)) << "it says no more than is there";
  entry.not_before = now - absl::Hours(1);
  entry.expires = now + absl::Hours(1);
  EXPECT_FALSE(Put(entry));
  entry.not_before = now + absl::Seconds(1);
  EXPECT_TRUE(Put(entry));
  EXPECT_EQ(Value("revoked:kid:k"), ValueOf({now + absl::Seconds(1)}));
  EXPECT_EQ(list_.Find("revoked:kid:k", list_.Now())->expires_ms,
            absl::ToUnixMillis(now + absl::Hours(2)));
  entry.expires = now + absl::Hours(3);
  entry.not_before = std::nullopt;  // whenever it was issued
  EXPECT_TRUE(Put(entry));
  entry.not_before = now + absl::Hours(9);
  EXPECT_FALSE(Put(entry)) << "everything is refused already";
  EXPECT_EQ(Value("revoked:kid:k"), "1");
}

TEST_F(CredentialListTest, WhatIsOverByItselfIsNotPut) {
  Entry entry = Of(RevocationKind::kJti, "old");
  entry.expires = clock_.Now();
  EXPECT_FALSE(Put(entry));
  EXPECT_EQ(Value("revoked:old"), std::nullopt);
  entry.expires = clock_.Now() + absl::Seconds(1);
  EXPECT_TRUE(Put(entry));
  entry.expires = clock_.Now() - absl::Hours(1);
  EXPECT_FALSE(Put(entry));
  EXPECT_EQ(Value("revoked:old"), "1");
}

TEST_F(CredentialListTest, EachThingThatIsRevokedShutsATokenOut) {
  const struct {
    const char* key;
    const char* value;
  } rows[] = {{"revoked:kts-1", ""},
              {"revoked:subject:token:ci", "1"},
              {"revoked:role:api", "1764230401"},
              {"revoked:certificate:0aff", "x"},
              {"revoked:all", "1764230400.001"}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.key);
    CredentialFacts facts = Token();
    facts.certificate_serial = "0aff";
    EXPECT_OK(credentials_.Check(facts));
    const uint64_t epoch = credentials_.epoch();
    RedisSet(row.key, row.value);
    EXPECT_GT(credentials_.epoch(), epoch);
    EXPECT_CODE(credentials_.Check(facts), kUnauthenticated);
    auto change = list_.Begin(std::make_shared<RevocationWriter>(), list_.Now());
    ASSERT_OK(change);
    EXPECT_TRUE((*change)->Erase(row.key));
  }
  EXPECT_OK(credentials_.Check(Token()));
}

TEST_F(CredentialListTest, TheEndOfAllTokensLeavesCertificates) {
  Put(Before(RevocationKind::kAll, "", credentials_.NotBeforeNow()));
  EXPECT_CODE(credentials_.Check(Token()), kUnauthenticated);
  EXPECT_OK(credentials_.Check({.principal = "spiffe://a/b", .certificate_serial = "00"}));
  clock_.AdvanceTime(absl::Milliseconds(1));
  EXPECT_OK(credentials_.Check(Token()));
}

TEST_F(CredentialListTest, KeysOfOthersChangeNoEpoch) {
  const uint64_t epoch = credentials_.epoch();
  RedisSet("revoked:kid:k", "1");
  RedisSet("revoked:api_key:9", "1");
  RedisSet("revoked:5f0c2b1e", "1");
  RedisSet("kts-1", "1");
  RedisSet("subject:token:ci", "1");
  EXPECT_EQ(credentials_.epoch(), epoch);
  EXPECT_OK(credentials_.Check(Token()));
}

TEST_F(CredentialListTest, WithoutTheListNobodyIsLetIn) {
  list_.is_loaded = false;
  EXPECT_CODE(credentials_.Check(Token()), kFailedPrecondition);
  EXPECT_CODE(credentials_.CheckLoaded(), kFailedPrecondition);
}

TEST_F(CredentialListTest, ItsOwnCanBeLeftUnguarded) {
  CredentialList open(list_, {.prefix = "revoked:", .guards_own = false});
  RedisSet("revoked:all", "1");
  EXPECT_OK(open.Check(Token()));
}

TEST_F(CredentialListTest, KeysAreTakenOverAsTheyAre) {
  v1::ImportRevocationsRequest request;
  v1::ImportedKey& text = *request.add_keys();
  text.set_key("revoked:a");
  text.set_value("logout");
  *text.mutable_expire_time() = ToTimestamp(clock_.Now() + absl::Hours(1));
  v1::ImportedKey& set = *request.add_keys();
  set.set_key("blocked");
  set.add_members("x");
  set.add_members("y");
  *set.mutable_expire_time() = ToTimestamp(clock_.Now() + absl::Hours(2));
  v1::ImportedKey& old = *request.add_keys();
  old.set_key("revoked:old");
  *old.mutable_expire_time() = ToTimestamp(clock_.Now());
  for (const int time : {1, 2}) {  // the same page may come again
    SCOPED_TRACE(time);
    v1::ImportRevocationsResponse response;
    ASSERT_OK(credentials_.Import(request, std::make_shared<RevocationWriter>(), &response));
    EXPECT_EQ(response.imported(), 2u);
    EXPECT_EQ(response.expired(), 1u);
    const auto a = list_.Find("revoked:a", list_.Now());
    ASSERT_TRUE(a.has_value());
    EXPECT_EQ(a->value, "logout");
    EXPECT_EQ(a->expires_ms, absl::ToUnixMillis(clock_.Now() + absl::Hours(1)));
    const auto blocked = list_.Find("blocked", list_.Now());
    ASSERT_TRUE(blocked.has_value());
    EXPECT_EQ(blocked->members, 2u);
    EXPECT_EQ(blocked->expires_ms, absl::ToUnixMillis(clock_.Now() + absl::Hours(2)));
    EXPECT_EQ(Value("revoked:old"), std::nullopt);
  }
}

TEST_F(CredentialListTest, WhatWasUndoneIsAskedForAgain) {
  const uint64_t epoch = credentials_.epoch();
  list_.on_put("");
  EXPECT_GT(credentials_.epoch(), epoch);
}

// A page that comes again must not weaken what was revoked since.
TEST_F(CredentialListTest, AnImportTakesNothingBack) {
  const absl::Time now = clock_.Now();
  v1::ImportRevocationsRequest request;
  v1::ImportedKey& time = *request.add_keys();
  time.set_key("revoked:subject:alice");
  time.set_value(ValueOf({now - absl::Hours(1)}));
  *time.mutable_expire_time() = ToTimestamp(now + absl::Hours(1));
  v1::ImportedKey& set = *request.add_keys();
  set.set_key("blocked");
  set.add_members("x");
  *set.mutable_expire_time() = ToTimestamp(now + absl::Hours(1));
  v1::ImportRevocationsResponse response;
  ASSERT_OK(credentials_.Import(request, std::make_shared<RevocationWriter>(), &response));
  EXPECT_TRUE(Put(Before(RevocationKind::kSubject, "alice", now)));
  {
    auto change = list_.Begin(std::make_shared<RevocationWriter>(), list_.Now());
    ASSERT_OK(change);
    ASSERT_OK((*change)->AddMembers("blocked", {"y"}));
    ASSERT_OK((*change)->Retime("blocked", kNoExpiry));
  }
  ASSERT_OK(credentials_.Import(request, std::make_shared<RevocationWriter>(), &response));
  EXPECT_EQ(Value("revoked:subject:alice"), ValueOf({now}));
  EXPECT_EQ(list_.Find("revoked:subject:alice", list_.Now())->expires_ms, kNoExpiry);
  EXPECT_EQ(list_.Find("blocked", list_.Now())->members, 2u);
  EXPECT_EQ(list_.Find("blocked", list_.Now())->expires_ms, kNoExpiry);
  list_.put_status = absl::ResourceExhaustedError("full");
  request.mutable_keys(1)->add_members("z");
  EXPECT_CODE(credentials_.Import(request, std::make_shared<RevocationWriter>(), &response),
              kResourceExhausted);
  EXPECT_EQ(list_.Find("blocked", list_.Now())->members, 2u);
}

TEST_F(CredentialListTest, WhatTheListSaysIsPassedOn) {
  list_.put_status = absl::ResourceExhaustedError("full");
  const Entry entry = Of(RevocationKind::kJti, "a");
  EXPECT_CODE(credentials_.Revoke({entry}, std::make_shared<RevocationWriter>()),
              kResourceExhausted);
  list_.begin_status = absl::UnavailableError("the log failed");
  EXPECT_CODE(credentials_.Revoke({entry}, std::make_shared<RevocationWriter>()), kUnavailable);
}

}  // namespace
}  // namespace keyturn
