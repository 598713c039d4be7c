#include "vault/directories.h"

#include "crypto/random.h"
#include "storage/schema.h"
#include "tests/vault/vault_fixture.h"
#include "vault/tree.h"

namespace keyturn {
namespace {

class DirectoriesTest : public VaultFixture {
 protected:
  const KeyringSnapshot& keys() { return **keyring_->Snapshot(); }

  // The path that the secret at `path` leads back to.
  std::string Back(const std::string& path) {
    const auto info = Describe(path);
    if (!info.ok()) return info.status().ToString();
    const auto snapshot = store_->GetSnapshot();
    const auto metadata = ReadMetadata(keys(), *snapshot, *Uuid::FromString(info->id()));
    EXPECT_OK(metadata);
    const auto back = PathOf(keys(), *snapshot, **metadata);
    return back.ok() ? *back : Said(back.status());
  }

  std::vector<std::string> DirectoryKeys() {
    std::vector<std::string> out;
    EXPECT_OK(store_->GetSnapshot()->Scan(Family::kRecords, "", "",
                                          [&](absl::string_view key, absl::string_view) {
                                            if (schema::IsDirectoryKey(key)) out.emplace_back(key);
                                            return true;
                                          }));
    return out;
  }

  // As a vault from before directories had records.
  void ForgetAll() {
    for (const std::string& key : DirectoryKeys()) {
      ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
        batch.Delete(Family::kRecords, key);
        return absl::OkStatus();
      }));
    }
  }

  absl::StatusOr<int> AddMissing() { return AddMissingDirectories(keys(), *store_, *store_); }
};

TEST_F(DirectoriesTest, ASecretLeadsBackToItsPath) {
  for (const char* const path : {"a", "b/c", "b/d/e", "b/d/f"}) {
    ASSERT_OK(Put(path, {{"v", "1"}}));
    EXPECT_EQ(Back(path), path);
  }
  EXPECT_EQ(DirectoryKeys().size(), 2u);
  ExpectClean();
}

// Who knows a path need not open it again, until something of it has changed.
TEST_F(DirectoriesTest, AKnownPathIsTheSameUntilTheSecretOrADirectoryAboveMoves) {
  ASSERT_OK(Put("a/b/c", {{"v", "1"}}));
  const Uuid id = *Uuid::FromString(Describe("a/b/c")->id());
  const auto metadata = [&] { return **ReadMetadata(keys(), store_->Newest(), id); };
  const auto resolve = [&] { return *ResolvePath(keys(), store_->Newest(), metadata()); };
  const auto still = [&](const ResolvedPath& known) {
    return *IsStillAt(known, store_->Newest(), metadata());
  };
  const ResolvedPath first = resolve();
  EXPECT_EQ(first.path, "a/b/c");
  EXPECT_EQ(first.records.size(), 2u);
  ASSERT_OK(Put("a/b/d", {{"v", "1"}}));
  EXPECT_TRUE(still(first));
  ASSERT_OK(Rename("a/b/c", "a/b/e"));
  EXPECT_FALSE(still(first));
  const ResolvedPath second = resolve();
  ASSERT_OK(Rename("a/b", "f", true));
  EXPECT_FALSE(still(second));
  EXPECT_EQ(resolve().path, "f/e");
  const ResolvedPath third = resolve();
  ForgetAll();
  EXPECT_FALSE(still(third));
}

TEST_F(DirectoriesTest, AlsoOnceItOrADirectoryAboveHasMoved) {
  ASSERT_OK(Put("a/b/c", {{"v", "1"}}));
  ASSERT_OK(Rename("a/b/c", "a/b/d"));
  EXPECT_EQ(Back("a/b/d"), "a/b/d");
  ASSERT_OK(Rename("a/b", "x/y/z", true));
  EXPECT_EQ(Back("x/y/z/d"), "x/y/z/d");
  ASSERT_OK(Rename("x", "w", true));
  EXPECT_EQ(Back("w/y/z/d"), "w/y/z/d");
  ASSERT_OK(Rename("w/y/z/d", "top"));
  EXPECT_EQ(Back("top"), "top");
  ExpectClean();
}

TEST_F(DirectoriesTest, DirectoriesOfAnOlderVaultAreGivenTheirRecords) {
  ASSERT_OK(Put("a/b/c", {{"v", "1"}}));
  for (int i = 0; i < 100; ++i) ASSERT_OK(Put(absl::StrCat("many/", i, "/s"), {{"v", "1"}}));
  ForgetAll();
  EXPECT_EQ(Back("a/b/c"),
            "FAILED_PRECONDITION DIRECTORY_UNKNOWN: a directory above the secret has no record");
  ExpectClean();                              // it is not damage
  ASSERT_OK(Rename("a/b", "a/n", true));      // which gives it its record
  EXPECT_EQ(AddMissing().value_or(-1), 102);  // a, many and what is in it
  EXPECT_EQ(Back("a/n/c"), "a/n/c");
  EXPECT_EQ(Back("many/99/s"), "many/99/s");
  EXPECT_EQ(AddMissing().value_or(-1), 0);
  ExpectClean();
}

// An older record, put back: verify says so, and no walk is without an end.
TEST_F(DirectoriesTest, RecordsThatLeadInACircleAreDamage) {
  ASSERT_OK(Put("a/b/c", {{"v", "1"}}));
  const auto snapshot = store_->GetSnapshot();
  const std::vector<std::string> top = {"a"};
  const std::vector<std::string> both = {"a", "b"};
  const Uuid a = **FindDirectory(keys(), *snapshot, top);
  const Uuid b = **FindDirectory(keys(), *snapshot, both);
  ASSERT_OK(store_->Update([&](const View& view, Batch& batch) {
    return WriteDirectory(keys(), view, a, b, "a", batch);
  }));
  EXPECT_EQ(Back("a/b/c"), "DATA_LOSS: the directories above a secret do not lead to the root");
  const auto problems = vault_->Verify(NoProgress);
  ASSERT_OK(problems);
  ASSERT_EQ(problems->size(), 1u);
  EXPECT_EQ(problems->front().what,
            absl::StrCat("directory ", a.ToString(), ": its record names another place"));
}

TEST_F(DirectoriesTest, ARecordOfNoDirectoryIsReported) {
  ASSERT_OK(Put("a/b", {{"v", "1"}}));
  ASSERT_OK(store_->Update([&](const View& view, Batch& batch) {
    return WriteDirectory(keys(), view, RandomUuid(), Uuid(), "x", batch);
  }));
  EXPECT_EQ(vault_->Verify(NoProgress)->size(), 1u);
}

}  // namespace
}  // namespace keyturn
