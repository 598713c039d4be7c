#include "rotation/jwt/listed_keys.h"

#include <array>
#include <thread>

#include "crypto/random.h"
#include "tests/rotation/jwt/jwt_fixture.h"
#include "vault/records.h"

namespace keyturn {
namespace {

class ListedKeysTest : public JwtFixture {
 protected:
  static v1::JwtKeySettings Unlisted() {
    v1::JwtKeySettings settings = Settings("EdDSA");
    settings.set_unlisted(true);
    return settings;
  }
  size_t Entries() { return ListedKeys(**keyring_->Snapshot(), *store_->GetSnapshot())->size(); }
  // So many secrets more that sign and are listed; they have no versions and no names.
  void Fill(size_t count) {
    const auto keys = *keyring_->Snapshot();
    while (count > 0) {
      const size_t now = std::min<size_t>(count, 40);  // two keys of an update's hundred each
      ASSERT_OK(store_->Update([&](const View& view, Batch& batch) -> absl::Status {
        for (size_t i = 0; i < now; ++i) {
          const Uuid secret = RandomUuid();
          SecretMetadata metadata;
          metadata.set_uuid(std::string(secret.bytes()));
          metadata.set_kind(v1::KIND_JWT_KEY);
          *metadata.mutable_jwt() = Settings("EdDSA");
          RETURN_IF_ERROR(WriteMetadata(*keys, secret, clock_.Now(), &metadata, batch));
          RETURN_IF_ERROR(ListKey(*keys, view, secret, metadata.jwt(), batch));
        }
        return absl::OkStatus();
      }));
      count -= now;
    }
  }
  // Names in the table whose secrets are gone.
  void FillGone(size_t count) {
    const auto keys = *keyring_->Snapshot();
    while (count > 0) {
      const size_t now = std::min<size_t>(count, 40);
      ASSERT_OK(store_->Update([&](const View& view, Batch& batch) -> absl::Status {
        for (size_t i = 0; i < now; ++i) {
          RETURN_IF_ERROR(ListKey(*keys, view, RandomUuid(), Settings("EdDSA"), batch));
        }
        return absl::OkStatus();
      }));
      count -= now;
    }
  }
  absl::Status Adopt(const std::string& path, const v1::JwtKeySettings& settings) {
    v1::AdoptJwtKeyRequest request;
    request.set_path(path);
    *request.mutable_settings() = settings;
    return jwt_->AdoptKey(*store_, request).status();
  }
  absl::Status Destroy(const std::string& path) {
    v1::DestroyRequest request;
    request.set_path(path);
    request.set_all(true);
    return vault_->Destroy(*store_, request).status();
  }
  static std::string Words(const absl::Status& status) {
    return absl::StrCat(absl::StatusCodeToString(status.code()), ": ", status.message());
  }

  static constexpr char kFull[] =
      "RESOURCE_EXHAUSTED: the published set has 1000 secrets, which is the most; make this one "
      "unlisted (keyturn jwt jwks PATH gives its public keys), or unlist or destroy another";
};

TEST_F(ListedKeysTest, TheTableHasWhatEverybodyMayFetch) {
  ASSERT_OK(Create("listed", Settings("EdDSA")));
  ASSERT_OK(Create("unlisted", Unlisted()));
  ASSERT_OK(Create("shared", Settings("HS256")));
  EXPECT_EQ(Entries(), 1u);
  EXPECT_EQ(PublishedKids().size(), 2u);
  ASSERT_OK(SetSettings("unlisted", Settings("EdDSA")));
  EXPECT_EQ(Entries(), 2u);
  EXPECT_EQ(PublishedKids().size(), 4u);
  ASSERT_OK(SetSettings("listed", Unlisted()));
  EXPECT_EQ(Entries(), 1u);
  EXPECT_EQ(PublishedKids().size(), 2u);
  // The next key that is staged lists no other.
  Pass(Days(91));
  EXPECT_EQ(Entries(), 1u);
  EXPECT_EQ(PublishedKids().size(), 3u);
}

TEST_F(ListedKeysTest, OneMoreThanThereIsRoomForIsRefusedAndNoOtherGoes) {
  const v1::JwtKey last = *Create("last", Settings("EdDSA"));
  ASSERT_OK(Create("unlisted", Unlisted()));
  Fill(limits::kJwtKeysListedMax - 1);
  ASSERT_EQ(Entries(), limits::kJwtKeysListedMax);
  const auto refused = Create("more", Settings("ES256"));
  EXPECT_EQ(Said(refused), kFull);
  EXPECT_EQ(ReasonOf(refused.status()), "TOO_MANY_LISTED_KEYS");
  EXPECT_TRUE(absl::IsNotFound(vault_->Find("more").status()));
  EXPECT_EQ(Words(SetSettings("unlisted", Settings("EdDSA"))), kFull);
  ASSERT_OK_AND_ASSIGN(const SecretBytes key, GenerateJoseKey(JoseAlgorithm::kEdDsa));
  ASSERT_OK_AND_ASSIGN(const SecretBytes pem, ExportJoseKey(JoseAlgorithm::kEdDsa, key));
  ASSERT_OK(Put("mine", std::string(pem.ExposeForCrypto()), v1::KIND_JWT_KEY));
  EXPECT_EQ(Words(Adopt("mine", Settings("EdDSA"))), kFull);
  EXPECT_EQ(Judge("mine", "a.b"), "NOT_A_SIGNING_KEY");
  EXPECT_EQ(PublishedKids(),
            (std::set<std::string>{last.versions(0).kid(), last.versions(1).kid()}));
  // What is listed may be changed otherwise, and what is not may be made.
  v1::JwtKeySettings brief = Settings("EdDSA");
  brief.set_max_token_seconds(600);
  EXPECT_OK(SetSettings("last", brief));
  EXPECT_OK(Create("another", Unlisted()));
  EXPECT_OK(Create("shared", Settings("HS256")));
  // One that is destroyed, or not listed any more, leaves its place to another, at once.
  ASSERT_OK(Destroy("last"));
  EXPECT_OK(Create("more", Settings("ES256")));
  EXPECT_EQ(Words(Adopt("mine", Settings("EdDSA"))), kFull);
  ASSERT_OK(SetSettings("more", [] {
    v1::JwtKeySettings settings = Settings("ES256");
    settings.set_unlisted(true);
    return settings;
  }()));
  EXPECT_OK(Adopt("mine", Settings("EdDSA")));
  EXPECT_EQ(Words(SetSettings("unlisted", Settings("EdDSA"))), kFull);
}

TEST_F(ListedKeysTest, WhatIsGoneTakesNoPlace) {
  FillGone(limits::kJwtKeysListedMax);
  EXPECT_OK(Create("k", Settings("EdDSA")));
  EXPECT_EQ(PublishedKids().size(), 2u);
}

TEST_F(ListedKeysTest, OfSeveralAtOnceOneFindsTheLastPlace) {
  Fill(limits::kJwtKeysListedMax - 1);
  std::array<absl::Status, 4> made;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < made.size(); ++i) {
    threads.emplace_back(
        [this, i, &made] { made[i] = Create(absl::StrCat("k", i), Settings("EdDSA")).status(); });
  }
  for (std::thread& thread : threads) thread.join();
  int good = 0;
  for (const absl::Status& status : made) {
    if (status.ok()) {
      ++good;
    } else {
      EXPECT_EQ(Words(status), kFull);
    }
  }
  EXPECT_EQ(good, 1);
  EXPECT_EQ(Entries(), limits::kJwtKeysListedMax);
}

// A server that dies before the next key is made has listed the key all the same.
TEST_F(ListedKeysTest, AKeyIsListedByTheChangeThatMakesIt) {
  die_at_ = 1;  // at the first change of the engine, which stages the next key
  ASSERT_OK(Create("k", Settings("EdDSA")));
  EXPECT_EQ(States("k"), "1 CURRENT");
  EXPECT_EQ(Entries(), 1u);
  EXPECT_EQ(PublishedKids().size(), 1u);
}

}  // namespace
}  // namespace keyturn
