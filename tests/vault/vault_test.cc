#include "vault/vault.h"

#include "storage/schema.h"
#include "tests/vault/vault_fixture.h"

namespace keyturn {
namespace {

class VaultTest : public VaultFixture {};

TEST_F(VaultTest, NamesAndValuesAreNowhereInTheStore) {
  ASSERT_OK(Put("canary-directory/canary-secret", {{"canary-field", "canary-value"}}));
  v1::UpdateMetadataRequest request;
  request.set_path("canary-directory/canary-secret");
  (*request.mutable_custom_metadata())["canary-key"] = "canary-metadata";
  ASSERT_OK(vault_->UpdateMetadata(*store_, request));
  EXPECT_EQ(RawBytes().find("canary"), std::string::npos);
}

TEST_F(VaultTest, SwappedVersionsAreRefused) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  ASSERT_OK(Put("a", {{"v", "2"}}));
  const Uuid id = *Uuid::FromString(Describe("a")->id());
  ASSERT_OK(store_->Update([&](const View& view, Batch& batch) -> absl::Status {
    for (const Family family : {Family::kRecords, Family::kDeks}) {
      const auto key = [&](uint64_t n) {
        return family == Family::kDeks ? schema::DekKey(id, SecretVersion(n))
                                       : schema::PayloadKey(id, SecretVersion(n));
      };
      batch.Put(family, key(1), **view.Get(family, key(2)));
      batch.Put(family, key(2), **view.Get(family, key(1)));
    }
    return absl::OkStatus();
  }));
  EXPECT_EQ(Get("a", 1), "DATA_LOSS");
  EXPECT_EQ(Get("a", 2), "DATA_LOSS");
}

TEST_F(VaultTest, VerifyNamesWhatIsMissing) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  const Uuid id = *Uuid::FromString(Describe("a")->id());
  ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
    batch.Delete(Family::kDeks, schema::DekKey(id, SecretVersion(1)));
    return absl::OkStatus();
  }));
  EXPECT_EQ(Get("a"), "DATA_LOSS");
  const auto problems = vault_->Verify(NoProgress);
  ASSERT_OK(problems);
  ASSERT_EQ(problems->size(), 1u);
  EXPECT_NE((*problems)[0].what.find("version 1: its key is missing"), std::string::npos);
}

TEST_F(VaultTest, SealedMeansRefused) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  EXPECT_EQ(Get("a"), "v=1");
  vault_->OnSealed();
  store_->SetRecordHasher(nullptr);
  keyring_->Seal();
  EXPECT_EQ(Get("a"), "FAILED_PRECONDITION");
  EXPECT_CODE(Put("a", {{"v", "2"}}), kFailedPrecondition);
  EXPECT_CODE(vault_->List(v1::ListRequest(), [](absl::string_view, bool) { return true; }),
              kFailedPrecondition);
}

}  // namespace
}  // namespace keyturn
