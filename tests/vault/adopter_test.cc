#include "vault/adopter.h"

#include "tests/vault/vault_fixture.h"

namespace keyturn {
namespace {

class AdopterTest : public VaultFixture {
 protected:
  absl::StatusOr<v1::SecretInfo> Adopt(const std::string& path, v1::Kind kind) {
    v1::AdoptRequest request;
    request.set_path(path);
    request.set_kind(kind);
    return vault_->Adopt(*store_, request);
  }
};

TEST_F(AdopterTest, EveryVersionIsReadAsItWas) {
  ASSERT_OK(Put("a", {{"value", "one"}}));
  ASSERT_OK(Put("a", {{"value", "two"}, {"more", "x"}}));
  ASSERT_OK_AND_ASSIGN(const v1::SecretInfo info, Adopt("a", v1::KIND_API_KEY));
  EXPECT_EQ(info.kind(), v1::KIND_API_KEY);
  EXPECT_EQ(info.current_version(), 2u);
  for (int life = 0; life < 2; ++life) {
    EXPECT_EQ(Get("a"), "more=x,value=two");
    EXPECT_EQ(Get("a", 1), "value=one");
    EXPECT_EQ(Get("a", 0, v1::VersionSelector::PREVIOUS), "value=one");
    ExpectClean();
    Open();  // from the disk
  }
  ASSERT_OK(Put("a", {{"value", "three"}}));
  EXPECT_EQ(Get("a"), "more=x,value=three");
}

TEST_F(AdopterTest, ItRotatesFromThenOnAndNotAtOnce) {
  ASSERT_OK(Put("a", {{"value", "one"}}));
  ASSERT_OK(Put("a", {{"value", "two"}}));
  const absl::Time put = clock_.Now();
  clock_.AdvanceTime(absl::Hours(24 * 100));
  ASSERT_OK_AND_ASSIGN(const v1::SecretInfo info, Adopt("a", v1::KIND_JWT_KEY));
  ASSERT_EQ(info.versions_size(), 2);
  EXPECT_EQ(info.versions(0).state(), v1::VERSION_STATE_CURRENT);
  EXPECT_EQ(info.versions(0).promote_time().seconds(), absl::ToUnixSeconds(put));
  EXPECT_EQ(info.versions(1).state(), v1::VERSION_STATE_GRACE);
  EXPECT_EQ(info.versions(1).grace_end_time().seconds(),
            absl::ToUnixSeconds(clock_.Now() + absl::Hours(7 * 24)));
  ASSERT_OK_AND_ASSIGN(const FoundSecret found, vault_->Find("a"));
  EXPECT_EQ(found.metadata->rotation().hold_until_ms(),
            absl::ToUnixMillis(clock_.Now() + absl::Hours(24)));
}

TEST_F(AdopterTest, WhatCannotBe) {
  ASSERT_OK(Put("a", {{"value", "one"}}));
  EXPECT_EQ(Said(Adopt("a", v1::KIND_GENERIC).status()),
            "INVALID_ARGUMENT: kind: allowed are api_key, jwt_key, db_credential");
  EXPECT_TRUE(absl::IsNotFound(Adopt("b", v1::KIND_API_KEY).status()));
  ASSERT_OK(Adopt("a", v1::KIND_API_KEY));
  EXPECT_EQ(Said(Adopt("a", v1::KIND_JWT_KEY).status()),
            "FAILED_PRECONDITION KIND_MISMATCH: the secret is of kind api_key already; only a "
            "generic one becomes another");
  const std::string large(300 * 1024, 'x');
  for (int i = 0; i < 4; ++i) ASSERT_OK(Put("large", {{"value", large}}));
  EXPECT_EQ(ReasonOf(Adopt("large", v1::KIND_API_KEY).status()), "TOO_MANY_VERSIONS");
  EXPECT_EQ(Get("large").size(), large.size() + 6);
  ExpectClean();
}

TEST_F(AdopterTest, DestroyedVersionsStayThat) {
  ASSERT_OK(Put("a", {{"value", "one"}}));
  ASSERT_OK(Put("a", {{"value", "two"}}));
  v1::DestroyRequest destroy;
  destroy.set_path("a");
  destroy.add_versions(1);
  ASSERT_OK(vault_->Destroy(*store_, destroy));
  ASSERT_OK_AND_ASSIGN(const v1::SecretInfo info, Adopt("a", v1::KIND_API_KEY));
  EXPECT_EQ(info.versions(1).state(), v1::VERSION_STATE_DESTROYED);
  EXPECT_EQ(Get("a", 1), "NOT_FOUND");
  ExpectClean();
}

}  // namespace
}  // namespace keyturn
