#include "vault/rotation_rules.h"

#include "base/limits.h"
#include "storage/schema.h"
#include "tests/vault/vault_fixture.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

class RotationRulesTest : public VaultFixture {
 protected:
  absl::Status PutKind(const std::string& path, v1::Kind kind, const std::string& value) {
    PutParams params;
    params.path = *SecretPath::Parse(path);
    params.kind = kind;
    params.principal = "test";
    return vault_->Put(*store_, params, Data({{"value", value}})).status();
  }
  absl::Status ReadOf(const std::string& path, uint64_t version) {
    v1::GetRequest request;
    request.set_path(path);
    request.mutable_version()->set_number(version);
    return vault_->Get(request, absl::InfiniteFuture()).status();
  }
  int64_t Guaranteed(const std::string& path, uint64_t version = 0) {
    v1::GetRequest request;
    request.set_path(path);
    request.mutable_version()->set_number(version);
    return vault_->Get(request, absl::InfiniteFuture())->info.guaranteed_for_seconds();
  }
  // "1 GRACE, 2 CURRENT".
  std::string States(const std::string& path) {
    std::string out;
    const auto info = Describe(path);
    for (int i = info->versions_size() - 1; i >= 0; --i) {
      std::string state = v1::VersionState_Name(info->versions(i).state());
      absl::StrAppend(&out, out.empty() ? "" : ", ", info->versions(i).version(), " ",
                      state.substr(strlen("VERSION_STATE_")));
    }
    return out;
  }
  // Edits the stored metadata.
  void Edit(const std::string& path, const std::function<void(SecretMetadata*)>& edit) {
    const auto keys = *keyring_->Snapshot();
    const Uuid secret = *Uuid::FromString(Describe(path)->id());
    ASSERT_OK(store_->Update([&](const View& view, Batch& batch) -> absl::Status {
      auto metadata = ReadMetadata(*keys, view, secret);
      edit(&**metadata);
      return WriteMetadata(*keys, secret, clock_.Now(), &**metadata, batch);
    }));
  }
};

TEST_F(RotationRulesTest, ASecretWithoutAPolicyKeepsItsOldVersionsReadable) {
  ASSERT_OK(Put("a", {{"value", "1"}}));
  ASSERT_OK(Put("a", {{"value", "2"}}));
  EXPECT_EQ(States("a"), "1 PREVIOUS, 2 CURRENT");
  EXPECT_EQ(Get("a", 1), "value=1");
  EXPECT_EQ(Guaranteed("a"), 0);
}

TEST_F(RotationRulesTest, EveryKindButGenericHasOneFromItsCreationOn) {
  for (const v1::Kind kind : {v1::KIND_API_KEY, v1::KIND_JWT_KEY, v1::KIND_DB_CREDENTIAL}) {
    const std::string path = absl::StrCat("k", kind);
    ASSERT_OK(PutKind(path, kind, "1"));
    ASSERT_OK(PutKind(path, kind, "2"));
    EXPECT_EQ(States(path), "1 GRACE, 2 CURRENT");
    EXPECT_EQ(Get(path, 0, v1::VersionSelector::PREVIOUS), "value=1");
    EXPECT_EQ(Guaranteed(path), 7 * 86'400);
    clock_.AdvanceTime(absl::Hours(24));
    EXPECT_EQ(Guaranteed(path, 1), 6 * 86'400);
  }
}

TEST_F(RotationRulesTest, PreviousIsTheOneThatWasCurrentLast) {
  ASSERT_OK(PutKind("a", v1::KIND_API_KEY, "1"));
  ASSERT_OK(PutKind("a", v1::KIND_API_KEY, "2"));
  clock_.AdvanceTime(absl::Hours(1));
  ASSERT_OK(PutKind("a", v1::KIND_API_KEY, "3"));
  EXPECT_EQ(Get("a", 0, v1::VersionSelector::PREVIOUS), "value=2");
  clock_.AdvanceTime(absl::Hours(1));
  Edit("a", [&](SecretMetadata* metadata) {  // a rollback
    BecomeCurrent(metadata, FindVersion(metadata, 2), clock_.Now());
  });
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT, 3 GRACE");
  EXPECT_EQ(Get("a"), "value=2");
  EXPECT_EQ(Get("a", 0, v1::VersionSelector::PREVIOUS), "value=3");
}

TEST_F(RotationRulesTest, WhatIsNotInUseIsNotRead) {
  ASSERT_OK(PutKind("a", v1::KIND_API_KEY, "1"));
  ASSERT_OK(PutKind("a", v1::KIND_API_KEY, "2"));
  const std::map<v1::VersionState, std::string> said = {
      {v1::VERSION_STATE_PENDING, "VERSION_PENDING: version 1 is not in use yet"},
      {v1::VERSION_STATE_STAGED, "VERSION_PENDING: version 1 is not in use yet"},
      {v1::VERSION_STATE_ABANDONED, "VERSION_ABANDONED: version 1 was never in use"},
      {v1::VERSION_STATE_RETIRING, "VERSION_RETIRED: version 1 is retired"},
      {v1::VERSION_STATE_RETIRED, "VERSION_RETIRED: version 1 is retired"}};
  for (const auto& [state, what] : said) {
    Edit("a", [&, state = state](SecretMetadata* metadata) {
      FindVersion(metadata, 1)->set_state(state);
    });
    EXPECT_EQ(Said(ReadOf("a", 1)),
              absl::StrCat("FAILED_PRECONDITION ", what, "; read the current one"));
    EXPECT_EQ(Get("a", 0, v1::VersionSelector::PREVIOUS), "NOT_FOUND");
  }
  Edit("a", [](SecretMetadata* metadata) {
    FindVersion(metadata, 1)->set_state(v1::VERSION_STATE_GRACE);
    FindVersion(metadata, 1)->set_compromised(true);
  });
  EXPECT_EQ(Said(ReadOf("a", 1)),
            "FAILED_PRECONDITION VERSION_COMPROMISED: version 1 may be known to others and is not "
            "given any more");
  EXPECT_EQ(Get("a"), "value=2");
}

TEST_F(RotationRulesTest, NoVersionThatWorksIsPruned) {
  ASSERT_OK(PutKind("a", v1::KIND_API_KEY, "0"));
  v1::UpdateMetadataRequest request;
  request.set_path("a");
  request.set_max_versions(2);
  ASSERT_OK(vault_->UpdateMetadata(*store_, request));
  for (int i = 1; i < 5; ++i) ASSERT_OK(PutKind("a", v1::KIND_API_KEY, absl::StrCat(i)));
  EXPECT_EQ(States("a"), "1 GRACE, 2 GRACE, 3 GRACE, 4 GRACE, 5 CURRENT");
  EXPECT_EQ(Get("a", 1), "value=0");
  Edit("a", [](SecretMetadata* metadata) {
    FindVersion(metadata, 2)->set_state(v1::VERSION_STATE_RETIRED);
    FindVersion(metadata, 4)->set_state(v1::VERSION_STATE_RETIRED);
  });
  ASSERT_OK(vault_->UpdateMetadata(*store_, request));
  EXPECT_EQ(States("a"), "1 GRACE, 3 GRACE, 5 CURRENT");
  ExpectClean();
}

TEST_F(RotationRulesTest, ThereIsAnEndToWhatWorksAtOnce) {
  for (uint32_t i = 0; i < limits::kVersionsKeptMax; ++i) {
    ASSERT_OK(PutKind("a", v1::KIND_API_KEY, absl::StrCat(i)));
  }
  EXPECT_EQ(Said(PutKind("a", v1::KIND_API_KEY, "more")),
            "FAILED_PRECONDITION GRACE_ACTIVE: 100 versions still work, each until its grace ends; "
            "retire one, or write less often than once a grace");
  EXPECT_EQ(Get("a"), "value=99");
}

TEST_F(RotationRulesTest, DefaultsAreFilledIn) {
  v1::RotationPolicy policy;
  EXPECT_EQ(PeriodOf(policy), absl::Hours(90 * 24));
  EXPECT_EQ(GraceOf(policy), absl::Hours(7 * 24));
  EXPECT_EQ(DestroyAfterOf(policy), absl::Hours(30 * 24));
  EXPECT_EQ(MaxCredentialAgeOf(policy), absl::ZeroDuration());
  EXPECT_EQ(JitterMaxOf(policy), absl::Hours(72));
  policy.set_period_seconds(86'400);
  EXPECT_EQ(GraceOf(policy), absl::Hours(24));  // no longer than the period
  EXPECT_EQ(JitterMaxOf(policy), absl::Minutes(72));
  policy.set_grace_seconds(-1);
  policy.set_jitter_max_seconds(-1);
  EXPECT_EQ(GraceOf(policy), absl::ZeroDuration());
  EXPECT_EQ(JitterMaxOf(policy), absl::ZeroDuration());
}

// The overlap ends when the former version has come of the greatest age, whatever its grace.
TEST_F(RotationRulesTest, NoVersionOutlivesTheGreatestAge) {
  ASSERT_OK(PutKind("a", v1::KIND_API_KEY, "1"));
  Edit("a", [](SecretMetadata* metadata) {
    metadata->mutable_rotation()->mutable_policy()->set_max_credential_age_seconds(10 * 86'400);
  });
  const absl::Time promoted = clock_.Now();
  EXPECT_EQ(Guaranteed("a"), 7 * 86'400);
  clock_.AdvanceTime(absl::Hours(24 * 8));
  EXPECT_EQ(Guaranteed("a"), 2 * 86'400);
  ASSERT_OK(PutKind("a", v1::KIND_API_KEY, "2"));
  const auto former = Describe("a")->versions(1);
  EXPECT_EQ(former.grace_end_time().seconds(),
            absl::ToUnixSeconds(promoted + absl::Hours(24 * 10)));
  clock_.AdvanceTime(absl::Hours(24 * 11));
  EXPECT_EQ(Guaranteed("a"), 0);
  ASSERT_OK(PutKind("a", v1::KIND_API_KEY, "3"));
  EXPECT_EQ(States("a"), "1 GRACE, 2 RETIRING, 3 CURRENT");
}

TEST_F(RotationRulesTest, AWriteIsHintedAtForTheEngine) {
  ASSERT_OK(PutKind("a", v1::KIND_API_KEY, "1"));
  const std::string hint = schema::DueKey(*Uuid::FromString(Describe("a")->id()), clock_.Now(), 3);
  EXPECT_TRUE(store_->Newest().Get(Family::kDue, hint)->has_value());
  ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
    batch.Delete(Family::kDue, hint);
    return absl::OkStatus();
  }));
  EXPECT_EQ(vault_->SweepDue(*store_, NoProgress).value_or(-1), 1);
  EXPECT_TRUE(store_->Newest().Get(Family::kDue, hint)->has_value());
  EXPECT_EQ(RunDue(), 0);  // it is not the vault's
}

TEST(RotationRules, AVersionIsWhereItRemembersElseWhereThePolicySays) {
  SecretMetadata metadata;
  VersionRecord version;
  EXPECT_EQ(TargetOf(metadata, version), "");
  metadata.mutable_rotation()->mutable_policy()->set_target("b");
  EXPECT_EQ(TargetOf(metadata, version), "b");
  version.set_target("a");
  EXPECT_EQ(TargetOf(metadata, version), "a");
  for (const auto& [state, still] :
       {std::pair(v1::VERSION_STATE_GRACE, true), std::pair(v1::VERSION_STATE_RETIRING, true),
        std::pair(v1::VERSION_STATE_CURRENT, false), std::pair(v1::VERSION_STATE_RETIRED, false)}) {
    version.set_state(state);
    EXPECT_EQ(IsStillAtTarget(metadata, version), still) << state;
  }
  version.set_state(v1::VERSION_STATE_GRACE);
  metadata.mutable_jwt();  // a key that signs is nowhere but here
  EXPECT_EQ(TargetOf(metadata, version), "");
  EXPECT_FALSE(IsStillAtTarget(metadata, version));
}

TEST(RotationRules, APolicyThatIsReplacedLeavesVersionsWhereTheyAre) {
  SecretMetadata metadata;
  for (const v1::VersionState state :
       {v1::VERSION_STATE_RETIRED, v1::VERSION_STATE_RETIRING, v1::VERSION_STATE_GRACE,
        v1::VERSION_STATE_CURRENT, v1::VERSION_STATE_PENDING}) {
    metadata.add_versions()->set_state(state);
  }
  const auto targets = [&] {
    std::string out;
    for (const VersionRecord& version : metadata.versions()) {
      out += version.target().empty() ? "-" : version.target();
    }
    return out;
  };
  const auto replace = [&](const std::string& target) {
    v1::RotationPolicy policy;
    policy.set_target(target);
    ReplacePolicy(policy, &metadata);
  };
  replace("");
  EXPECT_EQ(targets(), "-----");
  replace("a");  // what is current has come from there
  EXPECT_EQ(targets(), "---a-");
  replace("b");
  EXPECT_EQ(targets(), "-aaa-");
  replace("");
  EXPECT_EQ(targets(), "-aaa-");
}

}  // namespace
}  // namespace keyturn
