#include "vault/adopter.h"

#include "absl/strings/match.h"
#include "base/limits.h"
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
  // As a db_credential whose URL is taken apart.
  absl::StatusOr<v1::SecretInfo> AdoptUrl(const std::string& path) {
    v1::AdoptRequest request;
    request.set_path(path);
    request.set_kind(v1::KIND_DB_CREDENTIAL);
    request.set_take_apart(true);
    return vault_->Adopt(*store_, request);
  }

  // In one update; `versions` is how many were looked at.
  void ExpectTooMany(const std::string& path, size_t versions) {
    const absl::Status refused = Adopt(path, v1::KIND_API_KEY).status();
    EXPECT_EQ(ReasonOf(refused), "TOO_MANY_VERSIONS");
    EXPECT_TRUE(absl::IsFailedPrecondition(refused));
    EXPECT_TRUE(absl::StartsWith(refused.message(), absl::StrCat(versions, " versions with ")))
        << refused;
    EXPECT_TRUE(absl::EndsWith(refused.message(),
                               " bytes; at most 40 with 917504 can be adopted at once: destroy old "
                               "ones, or lower max_versions"))
        << refused;
  }
  // Refused so, and nothing was written.
  void ExpectUrlRefused(const std::string& path, const std::string& said) {
    const uint64_t before = store_->LastRevision().value();
    EXPECT_EQ(Said(AdoptUrl(path).status()), said) << path;
    EXPECT_EQ(store_->LastRevision().value(), before) << path;
  }

  static constexpr char kUrl[] = "postgres://alcs:one@db:5432/alcs";
  static constexpr char kApart[] =
      "database=alcs,host=db,password=one,port=5432,scheme=postgres,username=alcs,"
      "value=postgres://alcs:one@db:5432/alcs";
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
  ExpectTooMany("large", 3);
  EXPECT_EQ(Get("large").size(), large.size() + 6);
  ExpectClean();
}

TEST_F(AdopterTest, MoreVersionsThanOneUpdateHoldsAreNotAdopted) {
  ASSERT_OK(Put("a", {{"value", "1"}}));
  v1::UpdateMetadataRequest request;
  request.set_path("a");
  request.set_max_versions(limits::kVersionsKeptMax);
  ASSERT_OK(vault_->UpdateMetadata(*store_, request));
  for (size_t i = 0; i < limits::kVersionsPerUpdateMax; ++i) {
    ASSERT_OK(Put("a", {{"value", "1"}}));
  }
  ExpectTooMany("a", limits::kVersionsPerUpdateMax + 1);
  ASSERT_OK(Destroy("a", {1}));
  EXPECT_OK(Adopt("a", v1::KIND_API_KEY));
}

TEST_F(AdopterTest, AUrlGetsItsPartsAndStaysTheVersionThatItWas) {
  ASSERT_OK(Put("a", {{"value", kUrl}, {"note", "x"}}));
  ASSERT_OK_AND_ASSIGN(const v1::SecretInfo before, Describe("a"));
  clock_.AdvanceTime(absl::Hours(24 * 80));
  const uint64_t revision = store_->LastRevision().value();
  ASSERT_OK_AND_ASSIGN(const v1::SecretInfo info, AdoptUrl("a"));
  EXPECT_EQ(store_->LastRevision().value(), revision + 1);
  EXPECT_EQ(info.kind(), v1::KIND_DB_CREDENTIAL);
  ASSERT_EQ(info.versions_size(), 1);
  EXPECT_EQ(info.versions(0).version(), 1u);
  EXPECT_EQ(info.versions(0).state(), v1::VERSION_STATE_CURRENT);
  const int64_t put = before.versions(0).create_time().seconds();
  EXPECT_EQ(info.versions(0).create_time().seconds(), put);
  EXPECT_EQ(info.versions(0).promote_time().seconds(), put);
  EXPECT_EQ(info.versions(0).created_by(), "test");
  ASSERT_OK_AND_ASSIGN(const FoundSecret found, vault_->Find("a"));
  EXPECT_EQ(found.metadata->rotation().promoted_ms(), put * 1000);
  const SecretBytes fields = Data({{"note", "x"},
                                   {"value", kUrl},
                                   {"scheme", "postgres"},
                                   {"username", "alcs"},
                                   {"password", "one"},
                                   {"host", "db"},
                                   {"port", "5432"},
                                   {"database", "alcs"}});
  EXPECT_EQ(found.metadata->versions(0).size(), fields.size());
  for (int life = 0; life < 2; ++life) {
    EXPECT_EQ(Get("a", 1),
              "database=alcs,host=db,note=x,password=one,port=5432,scheme=postgres,username=alcs,"
              "value=postgres://alcs:one@db:5432/alcs");
    ExpectClean();
    Open();  // from the disk
  }
}

TEST_F(AdopterTest, FormerUrlsAreTakenApartAsFarAsTheyCanBe) {
  ASSERT_OK(Put("a", {{"value", "see the wiki"}}));
  ASSERT_OK(Put("a", {{"value", kUrl}}));
  ASSERT_OK(Put("a", {{"value", "redis://:two@db"}}));
  ASSERT_OK_AND_ASSIGN(const v1::SecretInfo info, AdoptUrl("a"));
  EXPECT_EQ(info.newest_version(), 3u);
  EXPECT_EQ(Get("a", 1), "value=see the wiki");
  EXPECT_EQ(Get("a", 2), kApart);
  EXPECT_EQ(Get("a"), "host=db,password=two,scheme=redis,value=redis://:two@db");
  ExpectClean();
}

TEST_F(AdopterTest, WhatCannotBeTakenApartIsAsItWas) {
  constexpr char kNoUrl[] =
      "INVALID_ARGUMENT: one field, and no other, must be the URL of a database with a password, "
      "such as postgres://user:password@host:5432/name";
  ASSERT_OK(Put("text", {{"value", "debug"}}));
  ExpectUrlRefused("text", kNoUrl);
  ASSERT_OK(Put("two", {{"reader", kUrl}, {"writer", kUrl}}));
  ExpectUrlRefused("two", kNoUrl);
  ASSERT_OK(Put("other", {{"value", kUrl}, {"password", "not-one"}}));
  ExpectUrlRefused("other",
                   "INVALID_ARGUMENT: field password: is not the one in the URL of field value; "
                   "give one of them, or the same in both");
  ASSERT_OK(Put("deleted", {{"value", kUrl}}));
  ASSERT_OK(Delete("deleted"));
  ExpectUrlRefused("deleted",
                   "FAILED_PRECONDITION VERSION_DELETED: version 1 is deleted; run: keyturn secret "
                   "undelete, or read another version");
  // Of another kind already, whatever it holds.
  ASSERT_OK(Put("key", {{"value", kUrl}}));
  ASSERT_OK(Adopt("key", v1::KIND_API_KEY));
  ExpectUrlRefused("key",
                   "FAILED_PRECONDITION KIND_MISMATCH: the secret is of kind api_key already; only "
                   "a generic one becomes another");
  EXPECT_EQ(Get("key"), absl::StrCat("value=", kUrl));
  ASSERT_OK(Put("url", {{"value", kUrl}}));
  v1::AdoptRequest request;
  request.set_path("url");
  request.set_kind(v1::KIND_API_KEY);
  request.set_take_apart(true);
  EXPECT_EQ(Said(vault_->Adopt(*store_, request).status()),
            "INVALID_ARGUMENT: take_apart: allowed with kind db_credential alone");
  // Unless it is asked for, nothing is taken apart; what is so already is good.
  ASSERT_OK(Adopt("url", v1::KIND_DB_CREDENTIAL));
  EXPECT_EQ(Get("url"), absl::StrCat("value=", kUrl));
  ASSERT_OK(Put("apart", {{"value", kUrl}, {"password", "one"}, {"host", "db"}}));
  ASSERT_OK(AdoptUrl("apart"));
  EXPECT_EQ(Get("apart"), kApart);
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
