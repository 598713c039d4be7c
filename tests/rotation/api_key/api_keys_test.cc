// The whole of it, through its interface, on a clock that the test moves.
#include "rotation/api_key/api_keys.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "rotation/api_key/codec.h"
#include "tests/rotation/api_key/api_key_fixture.h"

namespace keyturn {
namespace {

class ApiKeysTest : public ApiKeyFixture {};

TEST_F(ApiKeysTest, AMadeKeyIsVerifiedWithWhatItMayDo) {
  const Key key = Make("alcs/partners/acme", {"read", "write"});
  ASSERT_OK_AND_ASSIGN(const v1::VerifyApiKeyResponse answer, Asked(key.text, {"read"}));
  EXPECT_TRUE(answer.valid());
  EXPECT_EQ(answer.id(), key.id);
  EXPECT_EQ(answer.path(), "alcs/partners/acme");
  EXPECT_EQ(answer.scopes_size(), 2);
  EXPECT_EQ(answer.generation(), 1u);
  EXPECT_FALSE(answer.in_grace());
  EXPECT_FALSE(answer.legacy());
  EXPECT_EQ(answer.not_after_time().seconds(), absl::ToUnixSeconds(clock_.Now() + Days(90)));
  const v1::ApiKeyInfo info = Info(key.id);
  EXPECT_EQ(info.owner(), "alice");
  EXPECT_EQ(info.state(), v1::ApiKeyInfo::ACTIVE);
  EXPECT_EQ(info.secrets(0).last_characters(), key.text.substr(67));
}

TEST_F(ApiKeysTest, WhatIsNoGoodSaysWhy) {
  const Key key = Make("a", {"read"});
  const Key other = Make("a");
  EXPECT_EQ(Verify(""), "MALFORMED");
  EXPECT_EQ(Verify("kt1_"), "MALFORMED");
  EXPECT_EQ(Verify(key.text.substr(1)), "UNKNOWN");  // no kt1_ key: may be of elsewhere
  EXPECT_EQ(Verify(std::string(limits::kApiKeyTextBytesMax + 1, 'x')), "MALFORMED");
  EXPECT_EQ(Verify(key.text + "\n"), "MALFORMED");
  std::string mistyped = key.text;
  mistyped[30] = mistyped[30] == 'x' ? 'y' : 'x';
  EXPECT_EQ(Verify(mistyped), "MALFORMED");
  ASSERT_OK_AND_ASSIGN(const SecretBytes wrong, api_key::NewText(key.id));
  EXPECT_EQ(Verify(wrong.ExposeForWire()), "UNKNOWN");
  ASSERT_OK_AND_ASSIGN(const SecretBytes unknown, api_key::NewText(api_key::NewId()));
  EXPECT_EQ(Verify(unknown.ExposeForWire()), "UNKNOWN");
  // The secret of another key, under this id.
  const std::string swapped = absl::StrCat("kt1_", key.id, "_", api_key::Parse(other.text)->secret);
  EXPECT_EQ(Verify(absl::StrCat(swapped, "_", api_key::Checksum(swapped))), "UNKNOWN");
  EXPECT_EQ(Verify(key.text, {"read", "admin"}), "SCOPE");
  EXPECT_EQ(Verify(key.text, {"rea"}), "SCOPE");
  EXPECT_EQ(Verify(key.text, {"read"}), "VALID");
}

TEST_F(ApiKeysTest, AnUnknownAnswerTellsNothingOfTheKey) {
  const Key key = Make("a/b", {"read"});
  ASSERT_OK_AND_ASSIGN(const v1::VerifyApiKeyResponse others,
                       Asked(key.text, {}, "192.0.2.1", "gateway", "a/c"));
  ASSERT_OK_AND_ASSIGN(const SecretBytes text, api_key::NewText(api_key::NewId()));
  ASSERT_OK_AND_ASSIGN(const v1::VerifyApiKeyResponse unknown, Asked(text.ExposeForWire()));
  EXPECT_EQ(others.SerializeAsString(), unknown.SerializeAsString());
  EXPECT_EQ(Said(others), "UNKNOWN");
  EXPECT_EQ(Info(key.id).uses(), 0u);
}

TEST_F(ApiKeysTest, AKeyEndsToTheMillisecond) {
  const Key key = Make("a", {}, absl::Hours(1));
  clock_.AdvanceTime(absl::Hours(1) - absl::Milliseconds(1));
  EXPECT_EQ(Verify(key.text), "VALID");
  clock_.AdvanceTime(absl::Milliseconds(1));
  EXPECT_EQ(Verify(key.text), "EXPIRED");
  EXPECT_EQ(Info(key.id).state(), v1::ApiKeyInfo::EXPIRED);
}

TEST_F(ApiKeysTest, AKeyIsDueTwoWeeksBeforeItsEnd) {
  const Key key = Make("a");
  clock_.AdvanceTime(Days(76) - absl::Milliseconds(1));
  EXPECT_EQ(Info(key.id).state(), v1::ApiKeyInfo::ACTIVE);
  EXPECT_EQ(keys_->stats().due, 0u);
  clock_.AdvanceTime(absl::Milliseconds(1));
  EXPECT_EQ(Info(key.id).state(), v1::ApiKeyInfo::DUE);
  EXPECT_EQ(keys_->stats().due, 1u);
  Roll(key.id);
  EXPECT_EQ(Info(key.id).state(), v1::ApiKeyInfo::ACTIVE);
  EXPECT_EQ(keys_->stats().due, 0u);
}

TEST_F(ApiKeysTest, ARollLeavesTheFormerSecretItsGrace) {
  const Key key = Make("a");
  clock_.AdvanceTime(Days(80));
  const std::string second = Roll(key.id);
  EXPECT_EQ(Verify(second), "VALID");
  ASSERT_OK_AND_ASSIGN(const v1::VerifyApiKeyResponse former, Asked(key.text));
  EXPECT_TRUE(former.valid());
  EXPECT_TRUE(former.in_grace());
  EXPECT_EQ(former.generation(), 1u);
  EXPECT_EQ(former.grace_end_time().seconds(), absl::ToUnixSeconds(clock_.Now() + Days(7)));
  EXPECT_EQ(former.not_after_time().seconds(), absl::ToUnixSeconds(clock_.Now() + Days(90)));
  clock_.AdvanceTime(Days(7) - absl::Milliseconds(1));
  EXPECT_EQ(Verify(key.text), "VALID");
  clock_.AdvanceTime(absl::Milliseconds(1));
  EXPECT_EQ(Verify(key.text), "EXPIRED");
  EXPECT_EQ(Verify(second), "VALID");
  EXPECT_EQ(States(key.id), "2 CURRENT, 1 ENDED");
}

TEST_F(ApiKeysTest, ARollWithoutGraceEndsTheFormerSecretNow) {
  const Key key = Make("a");
  const std::string second = Roll(key.id, absl::ZeroDuration());
  EXPECT_EQ(Verify(key.text), "EXPIRED");
  EXPECT_EQ(Verify(second), "VALID");
}

TEST_F(ApiKeysTest, AFurtherRollLeavesEarlierGracesAsTheyAre) {
  const Key key = Make("a");
  const std::string second = Roll(key.id, Days(3));
  clock_.AdvanceTime(Days(1));
  const std::string third = Roll(key.id, Days(7));
  EXPECT_EQ(States(key.id), "3 CURRENT, 2 GRACE, 1 GRACE");
  clock_.AdvanceTime(Days(2) - absl::Milliseconds(1));
  EXPECT_EQ(Verify(key.text), "VALID");
  clock_.AdvanceTime(absl::Milliseconds(1));
  EXPECT_EQ(Verify(key.text), "EXPIRED");
  EXPECT_EQ(Verify(second), "VALID");
  clock_.AdvanceTime(Days(5) - absl::Milliseconds(1));
  EXPECT_EQ(Verify(second), "VALID");
  clock_.AdvanceTime(absl::Milliseconds(1));
  EXPECT_EQ(Verify(second), "EXPIRED");
  EXPECT_EQ(Verify(third), "VALID");
}

TEST_F(ApiKeysTest, AtMostThreeSecretsWorkAtOnce) {
  const Key key = Make("a");
  const std::string second = Roll(key.id);
  const std::string third = Roll(key.id);
  EXPECT_EQ(Roll(key.id), "GRACE_ACTIVE");
  EXPECT_EQ(States(key.id), "3 CURRENT, 2 GRACE, 1 GRACE");
  EXPECT_EQ(Verify(third), "VALID");  // nothing was changed
  // Without a grace, the third leaves its place to the fourth.
  const std::string fourth = Roll(key.id, absl::ZeroDuration());
  EXPECT_EQ(Verify(fourth), "VALID");
  EXPECT_EQ(Verify(third), "UNKNOWN");
  EXPECT_EQ(Verify(second), "VALID");
  EXPECT_EQ(Verify(key.text), "VALID");
  EXPECT_EQ(States(key.id), "4 CURRENT, 2 GRACE, 1 GRACE");
  // By force, the oldest goes.
  const std::string fifth = Roll(key.id, Days(7), /*force=*/true);
  EXPECT_EQ(States(key.id), "5 CURRENT, 4 GRACE, 2 GRACE");
  EXPECT_EQ(Verify(key.text), "UNKNOWN");
  for (const std::string& text : {second, fourth, fifth}) EXPECT_EQ(Verify(text), "VALID");
  // Those that ended make room by themselves.
  clock_.AdvanceTime(Days(7));
  EXPECT_EQ(Verify(Roll(key.id)), "VALID");
  EXPECT_EQ(Verify(fifth), "VALID");
}

TEST_F(ApiKeysTest, WhatHasExpiredDoesNotWorkAgainAfterARoll) {
  const Key key = Make("a", {}, Days(10));
  const std::string second = Roll(key.id, Days(9));  // not_after is 90 days from now
  clock_.AdvanceTime(Days(1));
  v1::UpdateApiKeyRequest shorter;
  shorter.set_id(key.id);
  shorter.mutable_not_after_time()->set_seconds(absl::ToUnixSeconds(clock_.Now() + Days(1)));
  ASSERT_OK(keys_->Update(*updater_, shorter));
  clock_.AdvanceTime(Days(1));
  EXPECT_EQ(Verify(second), "EXPIRED");
  EXPECT_EQ(Verify(key.text), "EXPIRED");
  const std::string third = Roll(key.id);
  EXPECT_EQ(Verify(third), "VALID");
  EXPECT_EQ(Verify(second), "EXPIRED");
  EXPECT_EQ(Verify(key.text), "EXPIRED");
  EXPECT_EQ(States(key.id), "3 CURRENT, 2 ENDED, 1 ENDED");
}

TEST_F(ApiKeysTest, AGraceIsMovedOrEnded) {
  const Key key = Make("a");
  EXPECT_EQ(ReasonOf(SetGrace(key.id, clock_.Now() + Days(1)).status()), "NO_GRACE");
  const std::string second = Roll(key.id);
  EXPECT_EQ(ReasonOf(SetGrace(key.id, clock_.Now() + Days(1), 2).status()), "NO_GRACE");
  ASSERT_OK(SetGrace(key.id, clock_.Now() + Days(20), 1));
  clock_.AdvanceTime(Days(20) - absl::Milliseconds(1));
  EXPECT_EQ(Verify(key.text), "VALID");
  EXPECT_CODE(SetGrace(key.id, clock_.Now() + Days(80)), kInvalidArgument);  // beyond the key's end
  ASSERT_OK(SetGrace(key.id, clock_.Now() - Days(1)));                       // the past is now
  EXPECT_EQ(Verify(key.text), "EXPIRED");
  EXPECT_EQ(ReasonOf(SetGrace(key.id, clock_.Now() + Days(1)).status()), "NO_GRACE");
  EXPECT_EQ(Verify(second), "VALID");
}

TEST_F(ApiKeysTest, ARevokedKeyIsRevokedForGood) {
  const Key key = Make("a");
  const std::string second = Roll(key.id);
  ASSERT_OK(Revoke(key.id));
  EXPECT_EQ(Verify(key.text), "REVOKED");
  EXPECT_EQ(Verify(second), "REVOKED");
  EXPECT_EQ(Roll(key.id), "KEY_REVOKED");
  EXPECT_EQ(ReasonOf(SetGrace(key.id, clock_.Now()).status()), "KEY_REVOKED");
  v1::UpdateApiKeyRequest update;
  update.set_id(key.id);
  EXPECT_EQ(ReasonOf(keys_->Update(*updater_, update).status()), "KEY_REVOKED");
  ASSERT_OK_AND_ASSIGN(const v1::ApiKeyInfo again, Revoke(key.id));  // no error
  EXPECT_EQ(again.state(), v1::ApiKeyInfo::REVOKED);
  EXPECT_EQ(again.revoke_reason(), "it leaked");
  Open();
  EXPECT_EQ(Verify(second), "REVOKED");
}

TEST_F(ApiKeysTest, AKeyInTheRevocationListIsRevoked) {
  const Key key = Make("a");
  listed_.insert(key.id);
  EXPECT_EQ(Verify(key.text), "REVOKED");
  EXPECT_EQ(Roll(key.id), "KEY_REVOKED");
  EXPECT_EQ(Info(key.id).state(), v1::ApiKeyInfo::REVOKED);
  list_loaded_ = false;  // then nobody knows
  EXPECT_EQ(Verify(key.text), "FAILED_PRECONDITION");
}

TEST_F(ApiKeysTest, AnUpdateChangesWhatItNames) {
  const Key key = Make("a", {"read"});
  v1::UpdateApiKeyRequest update;
  update.set_id(key.id);
  update.set_description("Acme");
  (*update.mutable_custom_metadata())["plan"] = "gold";
  ASSERT_OK(keys_->Update(*updater_, update));
  EXPECT_EQ(Verify(key.text, {"read"}), "VALID");
  update.Clear();
  update.set_id(key.id);
  update.add_scopes("write");
  EXPECT_CODE(keys_->Update(*updater_, update), kInvalidArgument);  // without replace_scopes
  update.set_replace_scopes(true);
  ASSERT_OK_AND_ASSIGN(v1::ApiKeyInfo info, keys_->Update(*updater_, update));
  EXPECT_EQ(info.description(), "Acme");
  EXPECT_EQ(info.custom_metadata().at("plan"), "gold");
  EXPECT_EQ(Verify(key.text, {"read"}), "SCOPE");
  EXPECT_EQ(Verify(key.text, {"write"}), "VALID");
  update.Clear();
  update.set_id(key.id);
  update.mutable_not_after_time()->set_seconds(absl::ToUnixSeconds(clock_.Now() + Days(91)));
  EXPECT_CODE(keys_->Update(*updater_, update), kInvalidArgument);
  update.mutable_not_after_time()->set_seconds(absl::ToUnixSeconds(clock_.Now() - Days(1)));
  ASSERT_OK(keys_->Update(*updater_, update));
  EXPECT_EQ(Verify(key.text), "EXPIRED");
}

TEST_F(ApiKeysTest, BoundsAreNamed) {
  const auto refused = [this](v1::CreateApiKeyRequest request) {
    if (request.path().empty()) request.set_path("a");
    const absl::StatusOr<IssuedApiKey> made = keys_->Make(*updater_, request, "alice");
    EXPECT_CODE(made, kInvalidArgument);
    return std::string(made.status().message());
  };
  v1::CreateApiKeyRequest request;
  request.set_ttl_seconds(limits::kApiKeyTtlSecondsMax + 1);
  EXPECT_EQ(refused(request), "ttl_seconds: 7776001; allowed are 1 to 7776000");
  request.set_ttl_seconds(-1);
  EXPECT_EQ(refused(request), "ttl_seconds: -1; allowed are 1 to 7776000");
  request.Clear();
  request.add_scopes("read all");
  EXPECT_EQ(refused(request).substr(0, 24), "scopes: number 1 is none");
  request.Clear();
  for (size_t i = 0; i <= limits::kApiKeyScopesMax; ++i) request.add_scopes("s");
  EXPECT_EQ(refused(request), "scopes: 65; at most 64 are allowed");
  request.Clear();
  request.set_description(std::string(513, 'd'));
  EXPECT_EQ(refused(request), "description: 513 bytes; at most 512 are allowed");
  request.Clear();
  request.set_path("a//b");
  refused(request);
  v1::RollApiKeyRequest roll;
  roll.set_id(Make("a").id);
  roll.set_grace_seconds(-1);
  EXPECT_CODE(keys_->Roll(*updater_, roll), kInvalidArgument);
  roll.set_grace_seconds(limits::kApiKeyGraceSecondsMax + 1);
  EXPECT_CODE(keys_->Roll(*updater_, roll), kInvalidArgument);
  roll.set_id("nobody's");
  EXPECT_CODE(keys_->Roll(*updater_, roll), kNotFound);
  EXPECT_CODE(keys_->Get(api_key::NewId()), kNotFound);
}

TEST_F(ApiKeysTest, UsesAreCountedExactlyForEachSecret) {
  const Key key = Make("a");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Verify(key.text), "VALID");
  const std::string second = Roll(key.id);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Verify(second), "VALID");
  EXPECT_EQ(Verify(key.text), "VALID");
  EXPECT_EQ(Verify(key.text, {"none"}), "SCOPE");  // not a use
  const auto expect = [&](uint64_t first, uint64_t other) {
    const v1::ApiKeyInfo info = Info(key.id);
    EXPECT_EQ(info.secrets(0).uses(), other);
    EXPECT_EQ(info.secrets(1).uses(), first);
    EXPECT_EQ(info.uses(), first + other);
    EXPECT_EQ(info.last_use_time().seconds(), absl::ToUnixSeconds(clock_.Now()));
  };
  expect(6, 3);
  ASSERT_OK(keys_->WriteUses());
  expect(6, 3);
  ASSERT_OK(keys_->WriteUses());  // nothing new
  expect(6, 3);
  EXPECT_EQ(Verify(second), "VALID");
  expect(6, 4);
  keys_->OnSealed();
  EXPECT_EQ(Verify(second), "FAILED_PRECONDITION");
  Open();
  expect(6, 4);
  EXPECT_EQ(Verify(second), "VALID");
  Open();  // killed: what was not written is gone
  expect(6, 4);
}

TEST_F(ApiKeysTest, UsesThatCouldNotBeWrittenStayCounted) {
  const Key key = Make("a");
  for (int i = 0; i < 7; ++i) Verify(key.text);
  updater_->die_at = 1;
  EXPECT_CODE(keys_->WriteUses(), kUnavailable);
  updater_->dead = false;
  EXPECT_EQ(Info(key.id).uses(), 7u);
  Verify(key.text);
  ASSERT_OK(keys_->WriteUses());
  EXPECT_EQ(Info(key.id).uses(), 8u);
  Open();
  EXPECT_EQ(Info(key.id).uses(), 8u);
}

TEST_F(ApiKeysTest, ManyKeysAreWrittenAFewAtATime) {
  std::vector<Key> keys;
  for (int i = 0; i < 40; ++i) keys.push_back(Make(absl::StrCat("k", i)));
  for (int i = 0; i < 40; ++i) {
    for (int n = 0; n <= i; ++n) EXPECT_EQ(Verify(keys[static_cast<size_t>(i)].text), "VALID");
  }
  events_.clear();
  ASSERT_OK(keys_->WriteUses());
  EXPECT_EQ(events_, std::vector<std::string>(3, "apikey_uses_recorded"));
  Open();
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(Info(keys[static_cast<size_t>(i)].id).uses(), static_cast<uint64_t>(i + 1));
  }
}

// Verifications, reads and writes of uses at once: whenever one looks, no use is seen twice, and
// none is lost.
TEST_F(ApiKeysTest, UsesAreExactWhileTheyAreWritten) {
  const Key key = Make("a");
  constexpr int kEach = 300;
  std::atomic<bool> done{false};
  std::thread writer([&] {
    while (!done) EXPECT_OK(keys_->WriteUses());
  });
  std::thread reader([&] {
    uint64_t before = 0;
    while (!done) {
      const uint64_t now = Info(key.id).uses();
      EXPECT_GE(now, before);
      EXPECT_LE(now, 2u * kEach);
      before = now;
    }
  });
  std::vector<std::thread> users;
  for (int i = 0; i < 2; ++i) {
    users.emplace_back([&, i] {
      const std::string caller = absl::StrCat("gateway", i);
      for (int n = 0; n < kEach; ++n) {
        EXPECT_EQ(Said(Asked(key.text, {}, "192.0.2.1", caller)), "VALID");
      }
    });
  }
  for (std::thread& user : users) user.join();
  done = true;
  writer.join();
  reader.join();
  EXPECT_EQ(Info(key.id).uses(), 2u * kEach);
  EXPECT_EQ(Info(key.id).secrets(0).uses(), 2u * kEach);
}

TEST_F(ApiKeysTest, FiveWrongSecretsLockOneIdFromOneNetworkOfOneCaller) {
  const Key key = Make("a");
  const Key other = Make("a");
  for (int i = 0; i < 5; ++i) {
    ASSERT_OK_AND_ASSIGN(const SecretBytes wrong, api_key::NewText(key.id));
    EXPECT_EQ(Verify(wrong.ExposeForWire()), "UNKNOWN");
  }
  ASSERT_OK_AND_ASSIGN(const v1::VerifyApiKeyResponse answer, Asked(key.text));
  EXPECT_EQ(Said(answer), "LIMITED");
  EXPECT_EQ(answer.retry_after_seconds(), 900);
  EXPECT_EQ(answer.id(), "");
  EXPECT_EQ(Said(Asked(key.text, {}, "192.0.2.255")), "LIMITED");
  EXPECT_EQ(Said(Asked(key.text, {}, "192.0.3.1")), "VALID");
  EXPECT_EQ(Said(Asked(key.text, {}, "192.0.2.1", "another gateway")), "VALID");
  EXPECT_EQ(Verify(other.text), "VALID");
  clock_.AdvanceTime(absl::Minutes(15) - absl::Seconds(1));
  EXPECT_EQ(Verify(key.text), "LIMITED");
  clock_.AdvanceTime(absl::Seconds(1));
  EXPECT_EQ(Verify(key.text), "VALID");
}

TEST_F(ApiKeysTest, AnUnknownIdIsLockedAsAKnownOneIs) {
  const std::string id = api_key::NewId();
  for (int i = 0; i < 6; ++i) {
    ASSERT_OK_AND_ASSIGN(const SecretBytes text, api_key::NewText(id));
    EXPECT_EQ(Verify(text.ExposeForWire()), i < 5 ? "UNKNOWN" : "LIMITED");
  }
}

TEST_F(ApiKeysTest, OneIdIsVerifiedSoOften) {
  const Key key = Make("a");
  const Key other = Make("a");
  const int burst = 2 * static_cast<int>(limits::kApiKeyIdPerSecond);
  for (int i = 0; i < burst; ++i) ASSERT_EQ(Verify(key.text), "VALID");
  EXPECT_EQ(Verify(key.text), "LIMITED");
  EXPECT_EQ(Verify(other.text), "VALID");
  clock_.AdvanceTime(absl::Milliseconds(1));
  EXPECT_EQ(Verify(key.text), "VALID");
  EXPECT_EQ(keys_->verifications(v1::VerifyApiKeyResponse::LIMITED), 1u);
  EXPECT_EQ(keys_->verifications(v1::VerifyApiKeyResponse::NONE), static_cast<uint64_t>(burst + 2));
}

TEST_F(ApiKeysTest, KeysAreListedByPathAndPage) {
  std::vector<std::string> wanted;
  for (const char* path : {"a", "a-b", "a/b", "a/b", "a/c", "b"}) Make(path);
  const auto list = [this](const std::string& path, int page, const std::string& may = "") {
    v1::ListApiKeysRequest request;
    request.set_path(path);
    request.set_page_size(page);
    std::vector<std::string> out;
    do {
      const absl::StatusOr<v1::ListApiKeysResponse> answer =
          keys_->List(request, [&may](absl::string_view of) { return may.empty() || of == may; });
      EXPECT_OK(answer);
      if (!answer.ok()) break;
      EXPECT_LE(answer->keys_size(), page == 0 ? 1000 : page);
      for (const v1::ApiKeyInfo& key : answer->keys()) out.push_back(key.path());
      request.set_page_token(answer->next_page_token());
    } while (!request.page_token().empty());
    return absl::StrJoin(out, " ");
  };
  for (const int page : {0, 1, 2, 3, 6}) {
    EXPECT_EQ(list("", page), "a a-b a/b a/b a/c b") << page;
    EXPECT_EQ(list("a", page), "a a/b a/b a/c") << page;
    EXPECT_EQ(list("a/b/", page), "a/b a/b") << page;
    EXPECT_EQ(list("", page, "a/c"), "a/c") << page;
    EXPECT_EQ(list("c", page), "") << page;
  }
  v1::ListApiKeysRequest request;
  request.set_page_size(2);
  ASSERT_OK_AND_ASSIGN(const v1::ListApiKeysResponse page,
                       keys_->List(request, [](absl::string_view) { return true; }));
  request.set_page_token(page.next_page_token());
  request.set_path("a");  // the token is of another request
  EXPECT_CODE(keys_->List(request, [](absl::string_view) { return true; }), kInvalidArgument);
  Open();
  EXPECT_EQ(list("", 2), "a a-b a/b a/b a/c b");
}

TEST_F(ApiKeysTest, KeysThatEndedLongAgoAreRemoved) {
  const Key revoked = Make("a");
  const Key expired = Make("b", {}, Days(1));
  const Key live = Make("c");
  ASSERT_OK(Revoke(revoked.id));
  for (int i = 0; i < 3; ++i) {
    clock_.AdvanceTime(Days(30));
    Roll(live.id, absl::ZeroDuration());
    ASSERT_OK(keys_->RemoveEnded());
  }
  EXPECT_OK(keys_->Get(revoked.id));  // 90 days to the moment
  clock_.AdvanceTime(absl::Milliseconds(1));
  ASSERT_OK(keys_->RemoveEnded());
  EXPECT_CODE(keys_->Get(revoked.id), kNotFound);
  EXPECT_EQ(Verify(revoked.text), "UNKNOWN");
  EXPECT_OK(keys_->Get(expired.id));
  clock_.AdvanceTime(Days(1));
  ASSERT_OK(keys_->RemoveEnded());
  EXPECT_CODE(keys_->Get(expired.id), kNotFound);
  EXPECT_OK(keys_->Get(live.id));
  EXPECT_EQ(keys_->stats().keys, 1u);
  Open();
  EXPECT_EQ(keys_->stats().keys, 1u);
}

// What is on disk does not tell a secret from any other text: only its MAC is there, sealed.
TEST_F(ApiKeysTest, NoPartOfASecretIsOnDisk) {
  const Key key = Make("alcs/partners/acme");
  const std::string secret(api_key::Parse(key.text)->secret);
  ASSERT_OK_AND_ASSIGN(const FileSearch search,
                       store_->SearchFiles({secret.substr(0, 16), secret.substr(16, 16),
                                            "alcs/partners/acme", Sha256(key.text)},
                                           NoProgress));
  EXPECT_GT(search.files, 0u);
  EXPECT_TRUE(search.found.empty());
}

}  // namespace
}  // namespace keyturn
