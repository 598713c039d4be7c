#include "vault/lister.h"

#include <set>

#include "absl/strings/str_split.h"
#include "base/coding.h"
#include "base/limits.h"
#include "storage/schema.h"
#include "tests/vault/vault_fixture.h"
#include "vault/records.h"
#include "vault/tree.h"

namespace keyturn {
namespace {

class ListerTest : public VaultFixture {
 protected:
  static bool All(absl::string_view, bool) { return true; }

  // Names alone, in the root directory: as many as a listing needs, in little time.
  void AddNames(int count) {
    const auto keys = keyring_->Snapshot();
    ASSERT_OK(keys);
    for (int first = 0; first < count; first += 90) {
      ASSERT_OK(store_->Update([&](const View&, Batch& batch) -> absl::Status {
        for (int i = first; i < std::min(count, first + 90); ++i) {
          Entry entry{absl::StrCat("n", i), false, Uuid()};
          if (absl::Status status = WriteEntry(**keys, Uuid(), entry, batch); !status.ok()) {
            return status;
          }
        }
        return absl::OkStatus();
      }));
    }
  }
};

TEST_F(ListerTest, ASecretAndADirectoryMayShareAName) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  ASSERT_OK(Put("a/b", {{"v", "2"}}));
  EXPECT_EQ(Get("a"), "v=1");
  EXPECT_EQ(Get("a/b"), "v=2");
  EXPECT_EQ(List(""), "a a/");
}

TEST_F(ListerTest, ListsInPagesOfAnySize) {
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

TEST_F(ListerTest, EmptyDirectoriesAreNotListed) {
  ASSERT_OK(Put("a/b/c", {{"v", "1"}}));
  ASSERT_OK(Destroy("a/b/c"));
  EXPECT_EQ(List(""), "");
}

TEST_F(ListerTest, ListingsShowOnlyWhatIsVisible) {
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

TEST_F(ListerTest, PageTokensCannotBeForged) {
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

TEST_F(ListerTest, SearchesCustomMetadata) {
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

TEST_F(ListerTest, APageTokenIsOfTheSameRequestOnly) {
  for (const char* path : {"a/x", "a/y", "b/x", "b/y"}) ASSERT_OK(Put(path, {{"v", "1"}}));
  v1::ListRequest request;
  request.set_path("a");
  request.set_page_size(1);
  request.set_page_token(vault_->List(request, All)->next_page_token());
  request.set_page_size(2);
  EXPECT_OK(vault_->List(request, All));
  const auto said = [&] { return Said(vault_->List(request, All).status()); };
  const std::string bad =
      "INVALID_ARGUMENT: page_token: is not from the previous answer to this request; start "
      "without one";
  request.set_recursive(true);
  EXPECT_EQ(said(), bad);
  request.set_recursive(false);
  request.set_path("b");
  EXPECT_EQ(said(), bad);
  v1::SearchRequest search;
  search.set_path("a");
  search.set_page_token(request.page_token());
  (*search.mutable_custom_metadata())["k"] = "";
  EXPECT_EQ(Said(vault_->Search(search, All).status()), bad);
  request.set_page_size(10001);
  EXPECT_EQ(said(), "INVALID_ARGUMENT: page_size: 10001; allowed are 1 to 10000, or 0 for 1000");
}

TEST_F(ListerTest, AListingGoesOnWhenItsLastEntryIsGone) {
  for (const char* path : {"a/1", "a/2", "b", "c"}) ASSERT_OK(Put(path, {{"v", "1"}}));
  v1::ListRequest request;
  request.set_recursive(true);
  request.set_page_size(1);
  const auto page = vault_->List(request, All);
  ASSERT_OK(page);
  ASSERT_OK(Rename("a", "z", true));
  request.set_page_token(page->next_page_token());
  request.set_page_size(10);
  const auto rest = vault_->List(request, All);
  ASSERT_OK(rest);
  std::string names;
  for (const auto& entry : rest->entries()) names += entry.name() + " ";
  EXPECT_EQ(names, "b c z/1 z/2 ");
}

TEST_F(ListerTest, ADirectoryTooLargeToSortIsStillListedOnce) {
  const int count = static_cast<int>(limits::kListSortedMax) + 1;
  AddNames(count);
  for (const int page_size : {3000, 0}) {
    std::vector<std::string> names = absl::StrSplit(List("", false, page_size), ' ');
    EXPECT_EQ(names.size(), static_cast<size_t>(count));
    EXPECT_FALSE(std::is_sorted(names.begin(), names.end()));
    std::sort(names.begin(), names.end());
    EXPECT_EQ(std::unique(names.begin(), names.end()), names.end());
  }
}

TEST_F(ListerTest, ADirectoryThatGrowsTooLargeWhileItIsListedLosesNothing) {
  AddNames(static_cast<int>(limits::kListSortedMax));
  v1::ListRequest request;
  request.set_page_size(5000);
  std::set<std::string> seen;
  do {
    const auto page = vault_->List(request, All);
    ASSERT_OK(page);
    for (const auto& entry : page->entries()) seen.insert(entry.name());
    if (request.page_token().empty()) ASSERT_OK(Put("one-more", {{"v", "1"}}));
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(seen.size(), limits::kListSortedMax + 1);
}

TEST_F(ListerTest, ASearchSeesOnlyWhatIsVisibleAndMatchesInAll) {
  const auto put = [this](const std::string& path, std::map<std::string, std::string> metadata) {
    PutParams params;
    params.path = *SecretPath::Parse(path);
    params.custom_metadata = std::move(metadata);
    ASSERT_OK(vault_->Put(*store_, params, Data({{"v", "1"}})));
  };
  put("a/one", {{"team", "red"}, {"env", "x"}});
  put("a/two", {{"team", "red"}});
  put("b/three", {{"team", "blue"}, {"env", "y"}});
  put("hidden/four", {{"team", "red"}, {"env", "x"}});
  put("a/hidden", {{"team", "red"}, {"env", "x"}});
  const auto found = [this](const std::map<std::string, std::string>& wanted,
                            const std::string& path = "") {
    v1::SearchRequest request;
    request.set_path(path);
    for (const auto& [key, value] : wanted) (*request.mutable_custom_metadata())[key] = value;
    const auto page = vault_->Search(
        request, [](absl::string_view at, bool) { return at != "hidden" && at != "a/hidden"; });
    if (!page.ok()) return Said(page.status());
    std::string out;
    for (const auto& secret : page->secrets()) out += secret.path() + " ";
    return out;
  };
  EXPECT_EQ(found({{"team", "red"}}), "a/one a/two ");
  EXPECT_EQ(found({{"team", "red"}, {"env", "x"}}), "a/one ");
  EXPECT_EQ(found({{"env", ""}}), "a/one b/three ");
  EXPECT_EQ(found({{"env", ""}}, "b"), "b/three ");
  EXPECT_EQ(found({{"env", "z"}}), "");
  EXPECT_EQ(found({}),
            "INVALID_ARGUMENT: custom_metadata: name at least one key (an empty value matches "
            "any)");
}

}  // namespace
}  // namespace keyturn
