// Erasing: what destroying leaves in the store's files, and that nothing of it is left.
#include "vault/eraser.h"

#include <filesystem>

#include "absl/strings/match.h"
#include "keyring/envelope.h"
#include "storage/file_system.h"
#include "tests/vault/vault_fixture.h"

namespace keyturn {
namespace {

class EraserTest : public VaultFixture {
 protected:
  // Every wrapped data key, as it is stored now.
  std::vector<std::string> Wrapped() {
    std::vector<std::string> all;
    EXPECT_OK(store_->GetSnapshot()->Scan(Family::kDeks, "", "",
                                          [&](absl::string_view, absl::string_view value) {
                                            all.emplace_back(value);
                                            return true;
                                          }));
    return all;
  }
  // In how many files any 16 bytes behind the header of any of them are: by this test's own eyes.
  int FilesWith(const std::vector<std::string>& wrapped) {
    int files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_.File("db"))) {
      if (!entry.is_regular_file()) continue;
      const absl::StatusOr<std::string> read = FileSystem::Posix().Read(entry.path());
      if (absl::IsNotFound(read.status())) continue;  // the store has just removed it
      const std::string& bytes = *read;
      bool found = false;
      for (const std::string& one : wrapped) {
        for (size_t at = kSealedHeaderBytes; at + 16 <= one.size() && !found; at += 16) {
          found = absl::StrContains(bytes, one.substr(at, 16));
        }
      }
      files += found ? 1 : 0;
    }
    return files;
  }
  static v1::DestroyRequest All(const std::string& path) {
    v1::DestroyRequest request;
    request.set_path(path);
    request.set_all(true);
    return request;
  }
  static absl::Status GiveUp() { return absl::DeadlineExceededError("test"); }
  absl::StatusOr<EraseResult> Erase(const v1::DestroyRequest& request) {
    return EraseVersions(*vault_, *store_, *store_, request, NoProgress, GiveUp);
  }
};

TEST_F(EraserTest, DestroyingAloneLeavesTheKeyInTheFiles) {
  ASSERT_OK(Put("a/b", {{"v", "1"}}));
  const std::vector<std::string> wrapped = Wrapped();
  ASSERT_EQ(wrapped.size(), 1u);
  ASSERT_OK(Destroy("a/b"));
  EXPECT_GT(FilesWith(wrapped), 0) << "or the other tests show nothing";
}

TEST_F(EraserTest, ErasingLeavesItInNone) {
  for (int i = 0; i < 20; ++i) ASSERT_OK(Put("keep/" + std::to_string(i), {{"v", "kept"}}));
  const std::vector<std::string> kept = Wrapped();
  for (int version = 1; version <= 5; ++version) {
    ASSERT_OK(Put("a/b", {{"v", std::to_string(version)}}));
  }
  Open();  // what was in the log is in tables now
  ASSERT_OK(Put("a/b", {{"v", "6"}}));
  std::vector<std::string> gone;
  for (const std::string& wrapped : Wrapped()) {
    if (std::find(kept.begin(), kept.end(), wrapped) == kept.end()) gone.push_back(wrapped);
  }
  ASSERT_EQ(gone.size(), 6u);
  ASSERT_GT(FilesWith(gone), 0);

  v1::DestroyRequest one;
  one.set_path("a/b");
  one.add_versions(2);
  ASSERT_OK_AND_ASSIGN(EraseResult erased, Erase(one));
  EXPECT_EQ(erased.keys, 1u);
  EXPECT_EQ(Get("a/b", 2), "NOT_FOUND");
  EXPECT_EQ(Get("a/b", 3), "v=3");

  ASSERT_OK_AND_ASSIGN(erased, Erase(All("a/b")));
  EXPECT_EQ(erased.keys, 5u);
  EXPECT_GT(erased.search.files, 3u);
  EXPECT_GT(erased.search.bytes, 1000u);
  EXPECT_EQ(FilesWith(gone), 0);
  EXPECT_GT(FilesWith(kept), 0);
  EXPECT_EQ(Get("keep/7"), "v=kept");
  EXPECT_TRUE(store_->Verify(NoProgress)->empty());
  Open();
  EXPECT_EQ(FilesWith(gone), 0);
  EXPECT_EQ(Get("keep/19"), "v=kept");
  EXPECT_EQ(Get("a/b"), "NOT_FOUND");
}

TEST_F(EraserTest, WrapsThatWereReplacedGoWithIt) {
  ASSERT_OK(Put("a/b", {{"v", "1"}}));
  ASSERT_OK(Put("c/d", {{"v", "2"}}));
  const std::vector<std::string> before = Wrapped();
  ASSERT_OK(keyring_->RotateKek(AeadSuite::kAes256Gcm, false));
  ASSERT_OK(vault_->Rewrap(*store_, NoProgress));
  EXPECT_GT(FilesWith(before), 0);
  ASSERT_OK(Erase(All("a/b")));
  EXPECT_EQ(FilesWith(before), 0) << "those of the other secret, too";
  EXPECT_EQ(Get("c/d"), "v=2");
}

TEST_F(EraserTest, AnOlderStateThatIsReadKeepsItAndSaysSo) {
  ASSERT_OK(Put("a/b", {{"v", "1"}}));
  ASSERT_OK(Put("c/d", {{"v", "2"}}));
  const std::vector<std::string> wrapped = Wrapped();
  std::shared_ptr<const Snapshot> held = store_->GetSnapshot();
  // What the reader keeps is the wrap from before, which nobody would look for.
  ASSERT_OK(keyring_->RotateKek(AeadSuite::kAes256Gcm, false));
  ASSERT_OK(vault_->Rewrap(*store_, NoProgress));
  const absl::Status refused = Erase(All("a/b")).status();
  EXPECT_TRUE(absl::StrContains(Said(refused),
                                "FAILED_PRECONDITION OLD_STATE_READ: the versions "
                                "are destroyed, but their keys may still be in "))
      << Said(refused);
  EXPECT_EQ(Get("a/b"), "NOT_FOUND");
  EXPECT_GT(FilesWith(wrapped), 0);
  // It waits for the reader, if it may.
  int waits = 0;
  ASSERT_OK(EraseVersions(*vault_, *store_, *store_, All("c/d"), NoProgress, [&] {
    if (++waits == 2) held.reset();
    return absl::OkStatus();
  }));
  EXPECT_EQ(waits, 2);
  EXPECT_EQ(FilesWith(wrapped), 0);
}

TEST_F(EraserTest, WhatCannotBeDestroyedIsNotErased) {
  EXPECT_CODE(Erase(All("no/such")), kNotFound);
  ASSERT_OK(Put("a/b", {{"v", "1"}}));
  v1::DestroyRequest neither;
  neither.set_path("a/b");
  EXPECT_CODE(Erase(neither), kInvalidArgument);
  EXPECT_EQ(Get("a/b"), "v=1");
}

}  // namespace
}  // namespace keyturn
