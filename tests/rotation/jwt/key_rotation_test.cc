// Keys that sign, through their rotation.
#include "rotation/jwt/listed_keys.h"
#include "storage/schema.h"
#include "tests/rotation/jwt/jwt_fixture.h"

namespace keyturn {
namespace {

class JwtRotationTest : public JwtFixture {};

TEST_F(JwtRotationTest, TheNextKeyIsPublishedFromTheBeginning) {
  ASSERT_OK_AND_ASSIGN(const v1::JwtKey key, Create("k", Settings("EdDSA")));
  EXPECT_EQ(States("k"), "1 CURRENT, 2 STAGED");
  ASSERT_EQ(key.versions_size(), 2);
  EXPECT_EQ(key.versions(0).state(), v1::VERSION_STATE_STAGED);
  EXPECT_EQ(key.versions(0).sign_time().seconds(), absl::ToUnixSeconds(clock_.Now()) + 3600);
  EXPECT_EQ(PublishedKids(), (std::set<std::string>{key.versions(0).kid(), key.versions(1).kid()}));
  EXPECT_EQ(jwt_->Published()->max_age, absl::Minutes(5));
}

TEST_F(JwtRotationTest, AtDayNinetyTheNextKeySignsAndTheFormerVerifiesForSevenDays) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  const absl::Time made = clock_.Now();
  const std::string former_kid = Sign(ToSign("k"))->kid();
  v1::SignJwtRequest long_lived = ToSign("k");
  long_lived.set_ttl_seconds(86'400);
  Pass(Days(90) - absl::Minutes(1));
  EXPECT_EQ(States("k"), "1 CURRENT, 2 STAGED");
  const std::string last = Sign(long_lived)->token();
  Pass(absl::Minutes(2));
  EXPECT_EQ(States("k"), "1 GRACE, 2 CURRENT, 3 STAGED");
  EXPECT_NE(Sign(ToSign("k"))->kid(), former_kid);
  EXPECT_EQ(PublishedKids().size(), 3u);
  EXPECT_EQ(Judge("k", last), "valid");
  Pass(absl::Hours(23));
  EXPECT_EQ(Judge("k", last), "valid");  // to its own end
  EXPECT_EQ(Status("k").versions(2).grace_end_time().seconds(),
            absl::ToUnixSeconds(made + Days(97) + absl::Minutes(1)));
  Pass(Days(7));
  EXPECT_EQ(States("k"), "1 RETIRED, 2 CURRENT, 3 STAGED");
  EXPECT_EQ(PublishedKids().count(former_kid), 0u);
  EXPECT_TRUE(revoked_kids_.empty());  // it was not known to others
  Pass(Days(31));
  EXPECT_EQ(States("k"), "1 DESTROYED, 2 CURRENT, 3 STAGED");
  ExpectClean();
}

TEST_F(JwtRotationTest, TwoInARowWaitUntilAllKnowTheNextKey) {
  ASSERT_OK(Create("k", Settings("ES256")));
  ASSERT_OK_AND_ASSIGN(const v1::RotationStatus status, Rotate("k"));
  EXPECT_EQ(status.open_run().state(), v1::RotationRun::PUBLISHED);
  EXPECT_EQ(States("k"), "1 CURRENT, 2 STAGED");
  ASSERT_OK(Rotate("k"));  // does not hurry it
  EXPECT_EQ(States("k"), "1 CURRENT, 2 STAGED");
  Pass(absl::Minutes(59));
  EXPECT_EQ(States("k"), "1 CURRENT, 2 STAGED");
  Pass(absl::Minutes(2));
  EXPECT_EQ(States("k"), "1 GRACE, 2 CURRENT, 3 STAGED");
  EXPECT_EQ(Runs("k"), "MANUAL DONE 2");
  ASSERT_OK(Rotate("k"));
  Pass(absl::Minutes(61));
  EXPECT_EQ(States("k"), "1 GRACE, 2 GRACE, 3 CURRENT, 4 STAGED");
}

TEST_F(JwtRotationTest, AnEmergencyIsAtOnceAndEndsWhatWasSigned) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  ASSERT_OK_AND_ASSIGN(const auto made, Sign(ToSign("k")));
  ASSERT_OK(Rotate("k", /*emergency=*/true));
  EXPECT_EQ(States("k"), "1 DESTROYED!, 2 CURRENT, 3 STAGED");
  EXPECT_EQ(Judge("k", made.token()), "TOKEN_KEY");
  EXPECT_EQ(PublishedKids().count(made.kid()), 0u);
  EXPECT_EQ(Judge("k", Token("k")), "valid");
  // For those who ask the list, not the key set: for as long as such a token could live.
  ASSERT_EQ(revoked_kids_.count(made.kid()), 1u);
  EXPECT_EQ(revoked_kids_[made.kid()], clock_.Now() + absl::Hours(24) + absl::Minutes(5));
}

TEST_F(JwtRotationTest, AnEmergencyGoesOnUntilTheListIsTold) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  ASSERT_OK_AND_ASSIGN(const auto made, Sign(ToSign("k")));
  revoke_fails_ = absl::UnavailableError("no list");
  ASSERT_OK(Rotate("k", /*emergency=*/true, /*revoke_first=*/true));
  EXPECT_EQ(States("k"), "1 RETIRING!, 2 CURRENT, 3 STAGED");
  EXPECT_EQ(Judge("k", made.token()), "TOKEN_KEY");  // here at once
  revoke_fails_ = absl::OkStatus();
  Pass(absl::Hours(2));
  EXPECT_EQ(States("k"), "1 DESTROYED!, 2 CURRENT, 3 STAGED");
  EXPECT_EQ(revoked_kids_.count(made.kid()), 1u);
}

TEST_F(JwtRotationTest, ARollbackSignsWithTheFormerKey) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  const std::string first = Token("k");
  Pass(absl::Hours(2));
  ASSERT_OK(Rotate("k"));
  const std::string second = Token("k");
  ASSERT_OK(Rollback("k"));
  EXPECT_EQ(States("k"), "1 CURRENT, 2 GRACE, 3 STAGED");
  EXPECT_EQ(Verify("k", Token("k"))->kid(), Key("k").versions(1).kid());
  EXPECT_EQ(Judge("k", second), "valid");
}

TEST_F(JwtRotationTest, ACancelledRotationLeavesTheNextKeyForTheNext) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  ASSERT_OK(Rotate("k"));
  v1::CancelRotationRequest cancel;
  cancel.set_path("k");
  cancel.set_reason("not today");
  ASSERT_OK(rotation_->Cancel(*store_, cancel));
  EXPECT_EQ(States("k"), "1 CURRENT, 2 STAGED");
  EXPECT_EQ(Runs("k"), "MANUAL CANCELLED 2");
  Pass(Days(91));
  EXPECT_EQ(States("k"), "1 GRACE, 2 CURRENT, 3 STAGED");
}

TEST_F(JwtRotationTest, ANextKeyThatIsTakenAwayIsMadeAnew) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  v1::DestroyRequest destroy;
  destroy.set_path("k");
  destroy.add_versions(2);
  ASSERT_OK(vault_->Destroy(*store_, destroy));
  ASSERT_OK(RunDue());
  EXPECT_EQ(States("k"), "1 CURRENT, 2 DESTROYED, 3 STAGED");
}

TEST_F(JwtRotationTest, ADeletedNextKeyIsNotPromoted) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  ASSERT_OK(Rotate("k"));  // waits until all know it
  v1::DeleteRequest remove;
  remove.set_path("k");
  remove.add_versions(2);
  ASSERT_OK(vault_->Delete(*store_, remove));
  Pass(absl::Hours(3));
  EXPECT_EQ(Judge("k", Token("k")), "valid");
  EXPECT_EQ(Runs("k"), "MANUAL CANCELLED 2");
  const v1::RotationStatus status = Status("k");
  EXPECT_EQ(status.current_version(), 1u);
  EXPECT_EQ(status.versions(0).state(), v1::VERSION_STATE_STAGED);  // another
}

TEST_F(JwtRotationTest, AKeyThatWasDestroyedIsReplacedOnDemand) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  v1::DestroyRequest destroy;
  destroy.set_path("k");
  destroy.add_versions(1);
  ASSERT_OK(vault_->Destroy(*store_, destroy));
  EXPECT_EQ(ReasonOf(Sign(ToSign("k")).status()), "NO_SIGNING_KEY");
  ASSERT_OK(Rotate("k", /*emergency=*/true));
  EXPECT_EQ(Judge("k", Token("k")), "valid");
  EXPECT_EQ(Status("k").current_version(), 2u);
}

TEST_F(JwtRotationTest, ADeletedKeyIsReplacedInAnEmergencyAndItsIdRevoked) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  const std::string kid = Sign(ToSign("k"))->kid();
  v1::DeleteRequest remove;
  remove.set_path("k");
  ASSERT_OK(vault_->Delete(*store_, remove));
  ASSERT_OK(Rotate("k", /*emergency=*/true));
  EXPECT_EQ(Judge("k", Token("k")), "valid");
  EXPECT_EQ(revoked_kids_.count(kid), 1u);
}

TEST_F(JwtRotationTest, NothingIsKeptNorGivenBesideASeal) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  EXPECT_EQ(PublishedKids().size(), 2u);
  jwt_->OnSealed();
  // A call that goes on: the keyring is not sealed yet.
  EXPECT_EQ(PublishedKids().size(), 2u);
  keyring_->Seal();
  EXPECT_TRUE(absl::IsFailedPrecondition(jwt_->Published().status()));
}

TEST_F(JwtRotationTest, WhatIsGoneLeavesTheTable) {
  const auto listed = [&] {
    return ListedKeys(**keyring_->Snapshot(), *store_->GetSnapshot())->size();
  };
  ASSERT_OK(Create("k", Settings("EdDSA")));
  ASSERT_OK(Create("l", Settings("ES256")));
  EXPECT_EQ(listed(), 2u);
  v1::DestroyRequest destroy;
  destroy.set_path("k");
  destroy.set_all(true);
  ASSERT_OK(vault_->Destroy(*store_, destroy));
  EXPECT_EQ(PublishedKids().size(), 2u);
  absl::Time next;
  ASSERT_OK(jwt_->RunDue(&next));
  EXPECT_EQ(listed(), 1u);
  EXPECT_EQ(PublishedKids().size(), 2u);
}

TEST_F(JwtRotationTest, PoliciesMustLeaveTimeForTokens) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  v1::RotationPolicy policy;
  policy.set_grace_seconds(3600);
  EXPECT_TRUE(absl::IsInvalidArgument(SetPolicy("k", policy).status()));
  policy.set_grace_seconds(2 * 86'400);
  EXPECT_OK(SetPolicy("k", policy));
  policy.set_grace_seconds(3600);
  EXPECT_TRUE(absl::IsInvalidArgument(Create("other", Settings("EdDSA"), policy).status()));
}

TEST_F(JwtRotationTest, UnlistedAndSharedKeysAreNotPublished) {
  v1::JwtKeySettings unlisted = Settings("EdDSA");
  unlisted.set_unlisted(true);
  ASSERT_OK(Create("unlisted", unlisted));
  ASSERT_OK(Create("shared", Settings("HS256")));
  EXPECT_EQ(jwt_->Published()->document, R"({"keys":[]})");
  v1::UpdateJwtKeyRequest update;
  update.set_path("unlisted");
  *update.mutable_settings() = Settings("EdDSA");
  update.mutable_settings()->set_publish_lead_seconds(240);
  ASSERT_OK(jwt_->UpdateKey(*store_, update, absl::OkStatus()));
  EXPECT_EQ(PublishedKids().size(), 2u);
  EXPECT_EQ(jwt_->Published()->max_age, absl::Seconds(120));
  v1::GetJwksRequest get;
  get.set_path("unlisted");
  EXPECT_EQ(jwt_->GetJwks(get)->jwks(), jwt_->Published()->document);
  EXPECT_EQ(jwt_->GetJwks(get)->max_age_seconds(), 120);
  get.set_path("shared");
  EXPECT_EQ(ReasonOf(jwt_->GetJwks(get).status()), "NO_PUBLIC_KEY");
  v1::DestroyRequest destroy;
  destroy.set_path("unlisted");
  destroy.set_all(true);
  ASSERT_OK(vault_->Destroy(*store_, destroy));
  EXPECT_EQ(jwt_->Published()->document, R"({"keys":[]})");
}

TEST_F(JwtRotationTest, AnAdoptedSecretSignsAndNothingRotatesByIt) {
  const std::string text(40, 'x');
  ASSERT_OK(Put("app/jwt-secret", text, v1::KIND_JWT_KEY));
  Pass(Days(10));
  v1::AdoptJwtKeyRequest adopt;
  adopt.set_path("app/jwt-secret");
  *adopt.mutable_settings() = Settings("HS256");
  adopt.mutable_settings()->set_readable(true);
  ASSERT_OK(jwt_->AdoptKey(*store_, adopt));
  EXPECT_EQ(States("app/jwt-secret"), "1 CURRENT, 2 STAGED");
  EXPECT_EQ(Get("app/jwt-secret"), text);
  EXPECT_EQ(Judge("app/jwt-secret", Token("app/jwt-secret")), "valid");
  EXPECT_EQ(ReasonOf(jwt_->AdoptKey(*store_, adopt).status()), "ALREADY_SIGNS");
  Pass(Days(81));
  EXPECT_EQ(States("app/jwt-secret"), "1 GRACE, 2 CURRENT, 3 STAGED");
  EXPECT_EQ(Get("app/jwt-secret").size(), 88u);
  EXPECT_EQ(Get("app/jwt-secret", 0, v1::VersionSelector::PREVIOUS), text);
}

TEST_F(JwtRotationTest, WhatCannotBeAdopted) {
  v1::AdoptJwtKeyRequest adopt;
  *adopt.mutable_settings() = Settings("HS256");
  adopt.set_path("short");
  ASSERT_OK(Put("short", "tooshort", v1::KIND_JWT_KEY));
  EXPECT_EQ(Said(jwt_->AdoptKey(*store_, adopt)),
            "INVALID_ARGUMENT: version 1: an HS256 key must have 32 to 1024 bytes");
  adopt.set_path("generic");
  ASSERT_OK(Put("generic", std::string(40, 'x')));
  EXPECT_EQ(ReasonOf(jwt_->AdoptKey(*store_, adopt).status()), "KIND_MISMATCH");
  adopt.set_path("text");
  adopt.mutable_settings()->set_algorithm("ES256");
  ASSERT_OK(Put("text", std::string(40, 'x'), v1::KIND_JWT_KEY));
  EXPECT_TRUE(absl::IsInvalidArgument(jwt_->AdoptKey(*store_, adopt).status()));
  EXPECT_EQ(Get("text"), std::string(40, 'x'));  // as it was
}

TEST_F(JwtRotationTest, WhatHasNoValueToStayWithIsNotAdopted) {
  const std::string text(40, 'x');
  v1::AdoptJwtKeyRequest adopt;
  *adopt.mutable_settings() = Settings("HS256");
  const auto said = [&](const std::string& path) {
    adopt.set_path(path);
    return Said(jwt_->AdoptKey(*store_, adopt));
  };
  ASSERT_OK(Put("busy", text, v1::KIND_JWT_KEY));
  v1::RotationPolicy policy = NoJitter();
  policy.mutable_source()->mutable_reminder();
  ASSERT_OK(SetPolicy("busy", policy));
  ASSERT_OK(Rotate("busy"));
  ASSERT_EQ(Runs("busy"), "MANUAL AWAITING_VALUE 0");
  EXPECT_EQ(said("busy"),
            "FAILED_PRECONDITION: a rotation is under way; wait for it, or run: keyturn rotation "
            "cancel");
  EXPECT_EQ(ReasonOf(jwt_->AdoptKey(*store_, adopt).status()), "ROTATION_IN_PROGRESS");
  EXPECT_EQ(Runs("busy"), "MANUAL AWAITING_VALUE 0");

  PutParams brief;
  brief.path = *SecretPath::Parse("brief");
  brief.kind = v1::KIND_JWT_KEY;
  brief.ttl = absl::Hours(1);
  brief.principal = "test";
  const FieldView field{"value", 1, text};
  ASSERT_OK(vault_->Put(*store_, brief, *EncodeFields({&field, 1})));
  EXPECT_EQ(said("brief"),
            "FAILED_PRECONDITION: version 1 expires by itself; put the value without a ttl first");

  ASSERT_OK(Put("gone", text, v1::KIND_JWT_KEY));
  v1::DestroyRequest destroy;
  destroy.set_path("gone");
  destroy.add_versions(1);
  ASSERT_OK(vault_->Destroy(*store_, destroy));
  EXPECT_EQ(said("gone"), "FAILED_PRECONDITION: the secret has no version that works");

  for (const char* const path : {"busy", "brief", "gone"}) {
    EXPECT_FALSE(vault_->Find(path)->metadata->has_jwt()) << path;
  }
}

// At every change of a life with a rotation and an emergency, before and after it is durable.
TEST_F(JwtRotationTest, ADeathAtAnyChangeEndsAsIfNothingHadHappened) {
  int deaths = 0;
  for (const bool after : {false, true}) {
    for (int at = 1;; ++at) {
      const std::string path = absl::StrCat("k", at, after ? "a" : "b");
      events_.clear();
      die_at_ = at;
      die_after_ = after;
      dead_ = false;
      ASSERT_OK(Create(path, Settings("EdDSA")));  // the next key comes when the server lives again
      clock_.AdvanceTime(Days(90) + absl::Seconds(1));
      (void)RunDue();
      (void)Rotate(path, /*emergency=*/true);
      const bool died = dead_;
      die_at_ = 0;
      dead_ = false;
      Reopen();
      ASSERT_OK(RunDue());
      ASSERT_OK(Rotate(path, /*emergency=*/true));
      Pass(Days(8));
      const std::string states = States(path);
      const v1::RotationStatus status = Status(path);
      EXPECT_FALSE(status.has_open_run()) << states;
      EXPECT_EQ(Judge(path, Token(path)), "valid") << states;
      int current = 0, staged = 0;
      for (const v1::VersionInfo& version : status.versions()) {
        current += version.state() == v1::VERSION_STATE_CURRENT;
        staged += version.state() == v1::VERSION_STATE_STAGED;
        EXPECT_NE(version.state(), v1::VERSION_STATE_RETIRING) << states;
      }
      EXPECT_EQ(current, 1) << states;
      EXPECT_EQ(staged, 1) << states;
      // Each version was promoted once; the first one was never.
      const auto promoted = std::count(events_.begin(), events_.end(), "rotation_promoted " + path);
      EXPECT_EQ(static_cast<uint64_t>(promoted), status.current_version() - 1) << states;
      v1::DestroyRequest destroy;  // or its rotations would count in the next round
      destroy.set_path(path);
      destroy.set_all(true);
      ASSERT_OK(vault_->Destroy(*store_, destroy));
      ASSERT_LT(at, 40);
      if (!died) break;
      ++deaths;
    }
  }
  EXPECT_GE(deaths, 12);
  ExpectClean();
}

// Who signs, and who verifies with a set of public keys that is as old as it may be, through a
// rotation and a manual one after it: no token is refused in seven days.
TEST_F(JwtRotationTest, NobodyIsRefusedInSevenDaysOfRotations) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  Pass(Days(88));
  struct Issued {
    std::string token, kid;
    absl::Time expires;
  };
  std::vector<Issued> alive;
  std::set<std::string> cached;
  absl::Time fetched = absl::InfinitePast();
  std::set<std::string> signers;
  int checks = 0, wrong = 0;
  const absl::Time end = clock_.Now() + Days(7);
  for (int minute = 0; clock_.Now() < end; ++minute) {
    clock_.AdvanceTime(absl::Minutes(1));
    ASSERT_OK(RunDue());
    if (minute == 4 * 24 * 60) ASSERT_OK(Rotate("k"));
    // Fetched as late as its max-age allows, just before the keys that came since are needed.
    if (clock_.Now() - fetched > jwt_->Published()->max_age) {
      cached = PublishedKids();
      fetched = clock_.Now();
    }
    if (minute % 7 == 0) {
      v1::SignJwtRequest request = ToSign("k");
      request.set_ttl_seconds(minute % 3 == 0 ? 86'400 : 900);
      ASSERT_OK_AND_ASSIGN(const auto made, Sign(request));
      signers.insert(made.kid());
      alive.push_back(
          {made.token(), made.kid(), clock_.Now() + absl::Seconds(request.ttl_seconds())});
    }
    alive.erase(std::remove_if(alive.begin(), alive.end(),
                               [&](const Issued& one) { return one.expires <= clock_.Now(); }),
                alive.end());
    for (size_t i = static_cast<size_t>(minute) % 17; i < alive.size(); i += 17) {
      ++checks;
      wrong += cached.count(alive[i].kid) == 0;
      wrong += Judge("k", alive[i].token) != "valid";
    }
  }
  EXPECT_EQ(signers.size(), 3u);
  EXPECT_GT(checks, 10'000);
  EXPECT_EQ(wrong, 0);
}

// Does something of another caller between the look of a call and its change.
class Between : public Updater {
 public:
  Between(Store& store, std::function<void()> first) : store_(store), first_(std::move(first)) {}
  absl::StatusOr<Revision> Update(UpdateFn fn) override {
    if (const auto first = std::exchange(first_, nullptr)) first();
    return store_.Update(fn);
  }

 private:
  Store& store_;
  std::function<void()> first_;
};

TEST_F(JwtRotationTest, PolicyAndSettingsThatAreChangedAtOnceFit) {
  v1::JwtKeySettings settings = Settings("EdDSA");
  settings.set_max_token_seconds(600);
  ASSERT_OK(Create("k", settings));
  settings.set_max_token_seconds(86'400);
  v1::UpdateJwtKeyRequest update;
  update.set_path("k");
  *update.mutable_settings() = settings;
  v1::SetRotationPolicyRequest policy;
  policy.set_path("k");
  *policy.mutable_policy() = NoJitter();
  policy.mutable_policy()->set_grace_seconds(3'600);
  Between updater(*store_, [&] { EXPECT_OK(jwt_->UpdateKey(*store_, update, absl::OkStatus())); });
  const auto set = rotation_->SetPolicy(updater, policy);
  EXPECT_TRUE(absl::IsInvalidArgument(set.status())) << set.status();
  EXPECT_TRUE(absl::StrContains(set.status().message(), "policy.grace_seconds is 3600"));
}

TEST_F(JwtRotationTest, AGraceHoldsTheTokensOfALongerLimit) {
  v1::JwtKeySettings settings = Settings("EdDSA");
  ASSERT_OK(Create("k", settings));
  settings.set_max_token_seconds(600);
  v1::UpdateJwtKeyRequest update;
  update.set_path("k");
  *update.mutable_settings() = settings;
  ASSERT_OK(jwt_->UpdateKey(*store_, update, absl::OkStatus()));
  v1::RotationPolicy brief = NoJitter();
  brief.set_grace_seconds(3'600);
  EXPECT_TRUE(absl::IsInvalidArgument(SetPolicy("k", brief).status()));
  clock_.AdvanceTime(absl::Hours(25));
  EXPECT_OK(SetPolicy("k", brief));
}

TEST_F(JwtRotationTest, AKeyThatSignedTooLongHasItsGraceAllTheSame) {
  v1::JwtKeySettings settings = Settings("EdDSA");
  settings.set_max_token_seconds(600);
  v1::RotationPolicy policy = NoJitter();
  policy.set_grace_seconds(86'400);
  policy.set_max_credential_age_seconds(10 * 86'400);
  ASSERT_OK(Create("k", settings, policy));
  v1::PauseRotationRequest pause;
  pause.set_path("k");
  pause.set_reason("freeze");
  ASSERT_OK(rotation_->Pause(*store_, pause));
  clock_.AdvanceTime(Days(11));
  const std::string token = Token("k");
  ASSERT_OK(Rotate("k"));
  EXPECT_EQ(States("k"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(Judge("k", token), "valid");
}

TEST_F(JwtRotationTest, WhatIsDestroyedByHandIsOnTheListBefore) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  const std::string one = Key("k").versions(1).kid(), two = Key("k").versions(0).kid();
  revoke_fails_ = absl::UnavailableError("the list is not there");
  const uint64_t first[] = {1};
  EXPECT_TRUE(absl::IsUnavailable(jwt_->RevokeKeys("k", first, false)));
  revoke_fails_ = absl::OkStatus();
  const uint64_t unknown[] = {1, 9};
  ASSERT_OK(jwt_->RevokeKeys("k", unknown, false));  // is refused as a whole
  ASSERT_OK(jwt_->RevokeKeys("nothing", first, false));
  ASSERT_OK(Put("generic", "1"));
  ASSERT_OK(jwt_->RevokeKeys("generic", first, false));
  EXPECT_TRUE(revoked_kids_.empty());
  ASSERT_OK(jwt_->RevokeKeys("k", first, false));
  EXPECT_EQ(revoked_kids_.size(), 1u);
  EXPECT_EQ(revoked_kids_[one], clock_.Now() + absl::Seconds(limits::kJwtUserSecondsMax +
                                                             limits::kJwtLeewaySecondsMax));
  // The server dies here, and is asked again.
  Reopen();
  ASSERT_OK(jwt_->RevokeKeys("k", first, false));
  ASSERT_OK(jwt_->RevokeKeys("k", {}, true));
  EXPECT_EQ(revoked_kids_.count(two), 1u);
  EXPECT_EQ(revoked_kids_.size(), 3u);  // and one that may be made meanwhile
}

class DamagedKeyTest : public JwtFixture {
 protected:
  void Damage(const std::string& path, uint64_t version) {
    const Uuid secret = vault_->Find(path)->id;
    ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
      batch.Put(Family::kRecords, schema::PayloadKey(secret, SecretVersion(version)), "rubbish");
      return absl::OkStatus();
    }));
    Reopen();
  }
  size_t KeysIn(const std::string& path) {
    v1::GetJwksRequest request;
    request.set_path(path);
    const auto jwks = jwt_->GetJwks(request);
    EXPECT_OK(jwks);
    const std::string document = jwks.ok() ? jwks->jwks() : "";
    size_t count = 0;
    for (size_t at = 0; (at = document.find("\"kid\"", at)) != std::string::npos; ++at) ++count;
    return count;
  }
};

TEST_F(DamagedKeyTest, IsLeftOutAndTheOthersGoOn) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  ASSERT_OK(Create("other", Settings("ES256")));
  const std::string old = Token("k");
  clock_.AdvanceTime(Days(2));
  ASSERT_OK(Rotate("k"));
  const std::string token = Token("k");
  ASSERT_EQ(States("k"), "1 GRACE, 2 CURRENT, 3 STAGED");
  Damage("k", 1);
  EXPECT_EQ(KeysIn("k"), 2u);
  EXPECT_EQ(PublishedKids().size(), 4u);
  EXPECT_EQ(jwt_->stats().keys_damaged, 1u);
  EXPECT_EQ(Judge("k", token), "valid");
  EXPECT_EQ(Judge("k", Token("k")), "valid");
  // Whether it is valid is not known: no answer, and not a wrong one.
  EXPECT_TRUE(absl::IsDataLoss(Verify("k", old).status()));
  Damage("k", 2);
  EXPECT_TRUE(absl::IsDataLoss(Sign(ToSign("k")).status()));
  EXPECT_EQ(KeysIn("k"), 1u);
  EXPECT_EQ(jwt_->stats().keys_damaged, 2u);
}

TEST_F(JwtRotationTest, ThePublishedSetIsMadeWhenItsKeysChangeAlone) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  const std::set<std::string> kids = PublishedKids();
  EXPECT_EQ(kids.size(), 2u);
  const uint64_t made = jwt_->stats().times_published;
  for (int i = 0; i < 10; ++i) {
    ASSERT_OK(Put(absl::StrCat("other", i), "1"));
    EXPECT_EQ(PublishedKids(), kids);
  }
  EXPECT_EQ(jwt_->stats().times_published, made);
  ASSERT_OK(Create("hidden", Settings("HS256")));  // is not in the table
  EXPECT_EQ(PublishedKids(), kids);
  EXPECT_EQ(jwt_->stats().times_published, made);
  ASSERT_OK(Create("second", Settings("EdDSA")));
  EXPECT_EQ(PublishedKids().size(), 4u);
  ASSERT_OK(Rotate("k", /*emergency=*/true));
  EXPECT_EQ(PublishedKids().count(*kids.begin()), 0u);
  EXPECT_EQ(PublishedKids().size(), 4u);
  EXPECT_EQ(jwt_->stats().times_published, made + 2);
  v1::DestroyRequest destroy;
  destroy.set_path("k");
  destroy.set_all(true);
  ASSERT_OK(vault_->Destroy(*store_, destroy));
  EXPECT_EQ(PublishedKids().size(), 2u);
  jwt_->OnSealed();
  ASSERT_OK(jwt_->OnUnsealed());
  EXPECT_EQ(PublishedKids().size(), 2u);
}

}  // namespace
}  // namespace keyturn
