#include "vault/vault.h"

#include <thread>

#include "base/coding.h"
#include "base/limits.h"
#include "base/reason.h"
#include "storage/schema.h"
#include "tests/vault/vault_fixture.h"

namespace keyturn {
namespace {

class VaultTest : public VaultFixture {};

TEST_F(VaultTest, PutThenGetAnyVersion) {
  ASSERT_OK(Put("app/key", {{"value", "one"}}));
  ASSERT_OK(Put("app/key", {{"value", "two"}}));
  EXPECT_EQ(Get("app/key"), "value=two");
  EXPECT_EQ(Get("app/key", 1), "value=one");
  EXPECT_EQ(Get("app/key", 2), "value=two");
  EXPECT_EQ(Get("app/key", 0, v1::VersionSelector::PREVIOUS), "value=one");
  EXPECT_EQ(Get("app/key", 3), "NOT_FOUND");
  EXPECT_EQ(Get("app/other"), "NOT_FOUND");
  Open();
  EXPECT_EQ(Get("app/key"), "value=two");
  EXPECT_EQ(Get("app/key", 1), "value=one");
  ExpectClean();
}

TEST_F(VaultTest, PutMergesOrReplaces) {
  ASSERT_OK(Put("a", {{"x", "1"}, {"y", "2"}}));
  ASSERT_OK(Put("a", {{"y", "3"}, {"z", "4"}}));
  EXPECT_EQ(Get("a"), "x=1,y=3,z=4");
  ASSERT_OK(Put("a", {{"z", "5"}}, std::nullopt, /*replace=*/true));
  EXPECT_EQ(Get("a"), "z=5");
}

TEST_F(VaultTest, CompareAndSet) {
  EXPECT_CODE(Put("a", {{"v", "1"}}, 1), kAborted);
  ASSERT_OK(Put("a", {{"v", "1"}}, 0));
  EXPECT_CODE(Put("a", {{"v", "2"}}, 0), kAborted);
  ASSERT_OK(Put("a", {{"v", "2"}}, 1));
  const absl::Status lost = Put("a", {{"v", "3"}}, 1).status();
  EXPECT_EQ(lost.message(), "the newest version is 2, not 1; read it and try again");
  EXPECT_EQ(ReasonOf(lost), "VERSION_MISMATCH");
  EXPECT_EQ(Get("a"), "v=2");
}

TEST_F(VaultTest, OneOfManyWritersWinsEachVersion) {
  ASSERT_OK(Put("a", {{"v", "0"}}));
  std::atomic<int> won{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t version = 1; version <= 20; ++version) {
        if (Put("a", {{"v", std::to_string(t)}}, version).ok()) ++won;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Describe("a")->newest_version(), static_cast<uint64_t>(won) + 1);
  ExpectClean();
}

TEST_F(VaultTest, MergingWritersLoseNoField) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        while (true) {
          const auto put = Put("a", {{absl::StrCat("f", t, "-", i), "x"}});
          if (put.ok()) break;
          ASSERT_TRUE(absl::IsAborted(put.status())) << put.status();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string all = Get("a");
  EXPECT_EQ(std::count(all.begin(), all.end(), '='), 40);
  ExpectClean();
}

TEST_F(VaultTest, RequireIfVersion) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  v1::UpdateMetadataRequest request;
  request.set_path("a");
  request.set_require_if_version(v1::UpdateMetadataRequest::REQUIRED);
  ASSERT_OK(vault_->UpdateMetadata(*store_, request));
  EXPECT_CODE(Put("a", {{"v", "2"}}), kFailedPrecondition);
  EXPECT_OK(Put("a", {{"v", "2"}}, 1));
}

TEST_F(VaultTest, DeleteUndeleteAndPurge) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  ASSERT_OK(Put("a", {{"v", "2"}}));
  ASSERT_OK(Delete("a"));
  EXPECT_EQ(Get("a"), "FAILED_PRECONDITION");
  EXPECT_EQ(Get("a", 1), "v=1");
  ASSERT_OK(Undelete("a"));
  EXPECT_EQ(Get("a"), "v=2");
  ASSERT_OK(Delete("a", {2}));
  clock_.AdvanceTime(absl::Seconds(limits::kRecoverySecondsDefault - 10));
  RunDue();
  ASSERT_OK(Undelete("a"));
  EXPECT_EQ(Get("a"), "v=2");
  ASSERT_OK(Delete("a", {2}));
  const size_t deks = Count(Family::kDeks);
  clock_.AdvanceTime(absl::Seconds(limits::kRecoverySecondsDefault + 2));
  RunDue();
  EXPECT_EQ(Count(Family::kDeks), deks - 1);
  EXPECT_EQ(Get("a", 2), "NOT_FOUND");
  EXPECT_EQ(Get("a", 1), "v=1");
  ExpectClean();
}

TEST_F(VaultTest, ExpiredVersionsDoNotReadAndAreRemoved) {
  ttl_ = absl::Hours(1);
  ASSERT_OK(Put("a", {{"v", "1"}}));
  clock_.AdvanceTime(absl::Minutes(59));
  EXPECT_EQ(Get("a"), "v=1");
  clock_.AdvanceTime(absl::Minutes(1));
  EXPECT_EQ(Get("a"), "NOT_FOUND");
  EXPECT_EQ(Count(Family::kDeks), 1u);
  Open();  // the queue is filled from the store
  clock_.AdvanceTime(absl::Seconds(2));
  EXPECT_GE(RunDue(), 1);
  EXPECT_EQ(Count(Family::kDeks), 0u);
  EXPECT_EQ(Count(Family::kDue), 0u);
  ExpectClean();
}

TEST_F(VaultTest, DestroyRemovesTheData) {
  ASSERT_OK(Put("dir/a", {{"v", "1"}}));
  ASSERT_OK(Put("dir/a", {{"v", "2"}}));
  ASSERT_OK(Destroy("dir/a", {1}));
  EXPECT_EQ(Get("dir/a", 1), "NOT_FOUND");
  EXPECT_EQ(Get("dir/a"), "v=2");
  EXPECT_EQ(Count(Family::kDeks), 1u);
  EXPECT_CODE(Destroy("dir/a", {1}), kNotFound);
  ASSERT_OK(Destroy("dir/a"));
  EXPECT_EQ(Get("dir/a"), "NOT_FOUND");
  EXPECT_EQ(Count(Family::kDeks), 0u);
  EXPECT_EQ(Count(Family::kRecords), 0u);
  EXPECT_EQ(List(""), "");
  ExpectClean();
}

TEST_F(VaultTest, DestroysMoreVersionsThanFitInOneUpdate) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  v1::UpdateMetadataRequest request;
  request.set_path("a");
  request.set_max_versions(limits::kVersionsKeptMax);
  ASSERT_OK(vault_->UpdateMetadata(*store_, request));
  for (size_t i = 1; i < limits::kVersionsKeptMax; ++i) ASSERT_OK(Put("a", {{"v", "x"}}));
  EXPECT_EQ(Count(Family::kDeks), limits::kVersionsKeptMax);
  request.set_max_versions(1);
  ASSERT_OK(vault_->UpdateMetadata(*store_, request));
  EXPECT_EQ(Count(Family::kDeks), 1u);
  request.set_max_versions(limits::kVersionsKeptMax);
  ASSERT_OK(vault_->UpdateMetadata(*store_, request));
  for (size_t i = 1; i < limits::kVersionsKeptMax; ++i) ASSERT_OK(Put("a", {{"v", "x"}}));
  ASSERT_OK(Destroy("a"));
  EXPECT_EQ(Count(Family::kDeks), 0u);
  ExpectClean();
}

TEST_F(VaultTest, KeepsMaxVersions) {
  for (int i = 1; i <= 12; ++i) ASSERT_OK(Put("a", {{"v", std::to_string(i)}}));
  EXPECT_EQ(Get("a", 2), "NOT_FOUND");
  EXPECT_EQ(Get("a", 3), "v=3");
  EXPECT_EQ(Count(Family::kDeks), limits::kVersionsKeptDefault);
  EXPECT_EQ(Describe("a")->versions_size(), static_cast<int>(limits::kVersionsKeptDefault));
}

TEST_F(VaultTest, RenameMovesSecretsAndDirectories) {
  ASSERT_OK(Put("a/b/one", {{"v", "1"}}));
  ASSERT_OK(Put("a/two", {{"v", "2"}}));
  ASSERT_OK(Rename("a/two", "x/y/two"));
  EXPECT_EQ(Get("x/y/two"), "v=2");
  EXPECT_EQ(Get("a/two"), "NOT_FOUND");
  ASSERT_OK(Rename("a", "x/a", true));
  EXPECT_EQ(Get("x/a/b/one"), "v=1");
  EXPECT_EQ(Get("a/b/one"), "NOT_FOUND");
  EXPECT_CODE(Rename("x", "x/deeper", true), kInvalidArgument);
  EXPECT_CODE(Rename("none", "other"), kNotFound);
  ASSERT_OK(Put("taken", {{"v", "3"}}));
  EXPECT_CODE(Rename("x/y/two", "taken"), kAlreadyExists);
  EXPECT_EQ(List("", true), "taken x/a/b/one x/y/two");
  ExpectClean();
}

TEST_F(VaultTest, ASecretAndADirectoryMayShareAName) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  ASSERT_OK(Put("a/b", {{"v", "2"}}));
  EXPECT_EQ(Get("a"), "v=1");
  EXPECT_EQ(Get("a/b"), "v=2");
  EXPECT_EQ(List(""), "a a/");
}

TEST_F(VaultTest, ListsInPagesOfAnySize) {
  std::string flat, deep;
  for (const char* path : {"a", "b/c/d", "b/c/e", "b/f", "g", "h/i"}) {
    ASSERT_OK(Put(path, {{"v", "1"}}));
    absl::StrAppend(&deep, deep.empty() ? "" : " ", path);
  }
  for (int page_size = 0; page_size <= 7; ++page_size) {
    EXPECT_EQ(List("", false, page_size), "a b/ g h/") << page_size;
    EXPECT_EQ(List("", true, page_size), deep) << page_size;
    EXPECT_EQ(List("b", true, page_size), "c/d c/e f") << page_size;
  }
  EXPECT_EQ(List("none"), "");
}

TEST_F(VaultTest, EmptyDirectoriesAreNotListed) {
  ASSERT_OK(Put("a/b/c", {{"v", "1"}}));
  ASSERT_OK(Destroy("a/b/c"));
  EXPECT_EQ(List(""), "");
}

TEST_F(VaultTest, ListingsShowOnlyWhatIsVisible) {
  for (const char* path : {"a", "b", "c/d", "e/f"}) ASSERT_OK(Put(path, {{"v", "1"}}));
  v1::ListRequest request;
  request.set_recursive(true);
  const auto page = vault_->List(request, [](absl::string_view path, bool directory) {
    return path == "b" || path == "c/d" || (directory && path == "c");
  });
  ASSERT_OK(page);
  ASSERT_EQ(page->entries_size(), 2);
  EXPECT_EQ(page->entries(0).name(), "b");
  EXPECT_EQ(page->entries(1).name(), "c/d");
}

TEST_F(VaultTest, PageTokensCannotBeForged) {
  for (int i = 0; i < 5; ++i) ASSERT_OK(Put(absl::StrCat("d/canary", i), {{"v", "1"}}));
  const auto all = [](absl::string_view, bool) { return true; };
  v1::ListRequest request;
  request.set_path("d");
  request.set_page_size(2);
  const auto page = vault_->List(request, all);
  ASSERT_OK(page);
  std::string token = page->next_page_token();
  EXPECT_EQ(Base64UrlDecode(token)->find("canary"), std::string::npos);
  request.set_page_token(token);
  request.set_path("");
  EXPECT_CODE(vault_->List(request, all), kInvalidArgument);
  request.set_path("d");
  token[token.size() / 2] = token[token.size() / 2] == 'A' ? 'B' : 'A';
  request.set_page_token(token);
  EXPECT_CODE(vault_->List(request, all), kInvalidArgument);
  request.set_page_token("");
  request.set_page_size(-1);
  EXPECT_CODE(vault_->List(request, all), kInvalidArgument);
}

TEST_F(VaultTest, SearchesCustomMetadata) {
  for (const char* path : {"a/one", "a/two", "b/three"}) ASSERT_OK(Put(path, {{"v", "1"}}));
  for (const auto& [path, team] : std::map<std::string, std::string>{
           {"a/one", "red"}, {"a/two", "blue"}, {"b/three", "red"}}) {
    v1::UpdateMetadataRequest request;
    request.set_path(path);
    (*request.mutable_custom_metadata())["team"] = team;
    ASSERT_OK(vault_->UpdateMetadata(*store_, request));
  }
  v1::SearchRequest request;
  (*request.mutable_custom_metadata())["team"] = "red";
  request.set_page_size(1);
  std::string found;
  do {
    const auto page = vault_->Search(request, [](absl::string_view, bool) { return true; });
    ASSERT_OK(page);
    for (const auto& secret : page->secrets()) absl::StrAppend(&found, secret.path(), " ");
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(found, "a/one b/three ");
}

TEST_F(VaultTest, WatchGivesEveryChangeOnceAndInOrder) {
  Revision start = store_->LastRevision();
  ASSERT_OK(Put("a/x", {{"v", "1"}}));
  ASSERT_OK(Put("b/y", {{"v", "1"}}));
  ASSERT_OK(Delete("a/x"));
  ASSERT_OK(Rename("a", "c", true));
  ASSERT_OK(Destroy("c/x"));
  std::string seen;
  Revision reached = start;
  while (true) {
    const auto events =
        vault_->ChangesSince(*SecretPath::ParseDirectory("a"), reached, 1, &reached);
    ASSERT_OK(events);
    if (events->empty()) break;
    for (const auto& event : *events) {
      absl::StrAppend(&seen, v1::WatchResponse::Type_Name(event.type()), " ", event.path(), "; ");
    }
  }
  EXPECT_EQ(seen, "WRITTEN a/x; DELETED a/x; RENAMED a/; ");
  EXPECT_EQ(reached, store_->LastRevision());
}

TEST_F(VaultTest, OldChangesAreDroppedAndSaidSo) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  clock_.AdvanceTime(absl::Seconds(limits::kChangesKeptSeconds + 1));
  ASSERT_OK(Put("b", {{"v", "1"}}));
  EXPECT_GE(RunDue(), 1);
  Revision reached;
  EXPECT_CODE(vault_->ChangesSince(SecretPath(), Revision(0), 10, &reached), kOutOfRange);
  const auto rest = vault_->ChangesSince(SecretPath(), Revision(1), 10, &reached);
  ASSERT_OK(rest);
  EXPECT_EQ(rest->size(), 1u);
}

TEST_F(VaultTest, WatchersAreWoken) {
  int woken = 0;
  auto handle = vault_->OnChange([&] { ++woken; });
  ASSERT_OK(Put("a", {{"v", "1"}}));
  EXPECT_EQ(woken, 1);
  handle.reset();
  ASSERT_OK(Put("a", {{"v", "2"}}));
  EXPECT_EQ(woken, 1);
}

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
  const auto problems = vault_->Verify([](uint64_t, uint64_t) {});
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

TEST_F(VaultTest, AGetAfterAnAcknowledgedPutSeesIt) {
  std::vector<std::thread> threads;
  std::atomic<bool> stop{false};
  ASSERT_OK(Put("a", {{"v", "0"}}));
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      while (!stop) Get("a");  // keeps the caches busy
    });
  }
  for (int i = 1; i <= 300; ++i) {
    ASSERT_OK(Put("a", {{"v", std::to_string(i)}}));
    ASSERT_EQ(Get("a"), absl::StrCat("v=", i));
    if (i % 50 == 0) {
      ASSERT_OK(Rename("a", "b"));
      ASSERT_EQ(Get("a"), "NOT_FOUND");
      ASSERT_OK(Rename("b", "a"));
    }
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace keyturn
