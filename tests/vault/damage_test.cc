// Stores that somebody else wrote to: what the vault makes of records that are missing, brought
// back or cannot be opened.
#include "absl/strings/match.h"
#include "storage/schema.h"
#include "tests/vault/vault_fixture.h"

namespace keyturn {
namespace {

class DamageTest : public VaultFixture {
 protected:
  using Record = std::pair<std::string, std::string>;
  std::vector<Record> All(Family family) {
    std::vector<Record> out;
    EXPECT_OK(store_->GetSnapshot()->Scan(family, "", "",
                                          [&](absl::string_view key, absl::string_view value) {
                                            out.emplace_back(std::string(key), std::string(value));
                                            return true;
                                          }));
    return out;
  }
  void BringBack(Family family, const std::vector<Record>& records) {
    ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
      for (const auto& [key, value] : records) batch.Put(family, key, value);
      return absl::OkStatus();
    }));
    Open();  // nothing of it is cached
  }
  std::string Problems() {
    std::string out;
    const auto problems = vault_->Verify(NoProgress);
    EXPECT_OK(problems);
    for (const StoreProblem& problem : *problems) absl::StrAppend(&out, problem.what, "\n");
    return out;
  }
};

TEST_F(DamageTest, DestroyedDataThatComesBackIsReported) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  const std::vector<Record> deks = All(Family::kDeks);
  const std::vector<Record> records = All(Family::kRecords);
  ASSERT_OK(Put("a", {{"v", "2"}}));
  ASSERT_OK(Destroy("a", {1}));
  BringBack(Family::kDeks, deks);
  EXPECT_EQ(Get("a", 1), "NOT_FOUND");
  EXPECT_TRUE(absl::StrContains(Problems(), "version 1: a key is there, but the version is not"));
  ASSERT_OK(Destroy("a"));
  BringBack(Family::kRecords, records);
  EXPECT_EQ(Get("a"), "NOT_FOUND");
  EXPECT_TRUE(absl::StrContains(Problems(), "belongs to no name"));
}

TEST_F(DamageTest, AnOldNameThatComesBackIsReported) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  const std::vector<Record> index = All(Family::kIndex);
  ASSERT_OK(Rename("a", "b"));
  BringBack(Family::kIndex, index);
  EXPECT_TRUE(absl::StrContains(Problems(), "has two names"));
}

// Old index entries, each valid in its time, that make two directories each other's parent.
TEST_F(DamageTest, ACircleOfDirectoriesEndsEveryWalk) {
  ASSERT_OK(Put("a/x", {{"v", "1"}}));
  ASSERT_OK(Put("b/y", {{"v", "1"}}));
  ASSERT_OK(Rename("a", "b/a", true));
  std::vector<Record> index = All(Family::kIndex);
  ASSERT_OK(Rename("b/a", "a", true));
  ASSERT_OK(Rename("b", "a/b", true));
  BringBack(Family::kIndex, index);
  EXPECT_NE(List("", true, 1000), "");
  EXPECT_NE(Problems(), "");
}

TEST_F(DamageTest, AFlippedBitAnywhereInASecretIsRefused) {
  ASSERT_OK(Put("d/a", {{"v", "1"}}));
  for (const Family family : {Family::kRecords, Family::kDeks, Family::kIndex}) {
    for (const Record& record : All(family)) {
      for (size_t i = 0; i < record.second.size(); i += 7) {
        Record flipped = record;
        flipped.second[i] = static_cast<char>(flipped.second[i] ^ 0x10);
        ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
          batch.Put(family, flipped.first, flipped.second);
          return absl::OkStatus();
        }));
        vault_->OnSealed();                          // drops the caches
        if (schema::IsDirectoryKey(record.first)) {  // no read looks at it
          ASSERT_TRUE(absl::StrContains(Problems(), "its record does not open")) << i;
          continue;
        }
        const std::string seen = Get("d/a");
        // A term that does not exist is FAILED_PRECONDITION.
        ASSERT_TRUE(seen == "DATA_LOSS" || seen == "FAILED_PRECONDITION") << seen << " at " << i;
      }
      ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
        batch.Put(family, record.first, record.second);
        return absl::OkStatus();
      }));
    }
  }
  EXPECT_EQ(Get("d/a"), "v=1");
}

}  // namespace
}  // namespace keyturn
