#include "rotation/api_key/importer.h"

#include <gtest/gtest.h>

#include <string>

#include "base/coding.h"
#include "rotation/api_key/codec.h"
#include "tests/rotation/api_key/api_key_fixture.h"

namespace keyturn {
namespace {

class ApiKeyImport : public ApiKeyFixture {
 protected:
  static void Add(const std::string& text, const std::string& path,
                  v1::ImportApiKeysRequest* request) {
    v1::ImportedApiKey& entry = *request->add_entries();
    entry.set_sha256(Sha256(text));
    entry.set_path(path);
    entry.add_scopes("read");
  }
  absl::StatusOr<v1::ImportApiKeysResponse> Import(const v1::ImportApiKeysRequest& request) {
    return keys_->Import(*updater_, request, "alice");
  }
};

TEST_F(ApiKeyImport, AKeyOfElsewhereIsVerifiedAndRolled) {
  v1::ImportApiKeysRequest request;
  Add("sk_live_4242", "acme", &request);
  ASSERT_OK_AND_ASSIGN(const v1::ImportApiKeysResponse imported, Import(request));
  EXPECT_EQ(imported.imported(), 1u);
  const std::string& id = imported.ids(0);
  ASSERT_OK_AND_ASSIGN(const v1::VerifyApiKeyResponse answer, Asked("sk_live_4242", {"read"}));
  EXPECT_TRUE(answer.valid());
  EXPECT_TRUE(answer.legacy());
  EXPECT_EQ(answer.id(), id);
  EXPECT_EQ(Verify("sk_live_4243"), "UNKNOWN");
  EXPECT_EQ(Verify(HexEncode(Sha256("sk_live_4242"))), "UNKNOWN");  // the hash is no key
  EXPECT_EQ(Verify(Sha256("sk_live_4242")), "UNKNOWN");
  EXPECT_TRUE(Info(id).legacy());
  EXPECT_EQ(Info(id).secrets(0).last_characters(), "");
  const std::string second = Roll(id);
  EXPECT_EQ(Verify(second), "VALID");
  EXPECT_EQ(Verify("sk_live_4242"), "VALID");
  EXPECT_FALSE(Info(id).legacy());
  Open();
  EXPECT_EQ(Verify("sk_live_4242"), "VALID");
  clock_.AdvanceTime(Days(7));
  EXPECT_EQ(Verify("sk_live_4242"), "EXPIRED");
  EXPECT_EQ(Verify(second), "VALID");
  EXPECT_EQ(Info(id).uses(), 2u);  // those that were not written before the kill are gone
}

TEST_F(ApiKeyImport, ItMustBeRolledWithinNinetyDays) {
  v1::ImportApiKeysRequest request;
  Add("old", "acme", &request);
  request.set_ttl_seconds(limits::kApiKeyTtlSecondsMax + 1);
  EXPECT_CODE(Import(request), kInvalidArgument);
  request.set_ttl_seconds(0);
  ASSERT_OK(Import(request));
  clock_.AdvanceTime(Days(90) - absl::Milliseconds(1));
  EXPECT_EQ(Verify("old"), "VALID");
  clock_.AdvanceTime(absl::Milliseconds(1));
  EXPECT_EQ(Verify("old"), "EXPIRED");
}

TEST_F(ApiKeyImport, AllOrNothing) {
  v1::ImportApiKeysRequest request;
  Add("one", "a", &request);
  Add("two", "a//b", &request);
  const absl::StatusOr<v1::ImportApiKeysResponse> bad = Import(request);
  EXPECT_CODE(bad, kInvalidArgument);
  EXPECT_EQ(bad.status().message().substr(0, 12), "entries[1]: ");
  EXPECT_EQ(keys_->stats().keys, 0u);
  request.mutable_entries(1)->set_path("b");
  request.mutable_entries(1)->set_sha256("short");
  EXPECT_EQ(Import(request).status().message(), "entries[1].sha256: has 5 bytes; a SHA-256 has 32");
  request.mutable_entries(1)->set_sha256(Sha256("one"));
  EXPECT_EQ(Import(request).status().message(), "entries[1]: has the same hash as entries[0]");
  EXPECT_EQ(keys_->stats().keys, 0u);
  request.Clear();
  EXPECT_CODE(Import(request), kInvalidArgument);
  for (size_t i = 0; i <= limits::kApiKeyImportMax; ++i) Add(absl::StrCat(i), "a", &request);
  EXPECT_CODE(Import(request), kInvalidArgument);
  request.mutable_entries()->RemoveLast();
  ASSERT_OK(Import(request));
  EXPECT_EQ(keys_->stats().keys, limits::kApiKeyImportMax);
  EXPECT_EQ(Verify("31"), "VALID");
}

TEST_F(ApiKeyImport, TheSameAgainChangesNothing) {
  v1::ImportApiKeysRequest request;
  Add("one", "a", &request);
  ASSERT_OK_AND_ASSIGN(const v1::ImportApiKeysResponse first, Import(request));
  Add("two", "b", &request);
  ASSERT_OK_AND_ASSIGN(const v1::ImportApiKeysResponse second, Import(request));
  EXPECT_EQ(second.imported(), 1u);
  EXPECT_EQ(second.ids(0), first.ids(0));
  request.mutable_entries(0)->set_path("c");
  const absl::StatusOr<v1::ImportApiKeysResponse> moved = Import(request);
  EXPECT_CODE(moved, kAlreadyExists);
  EXPECT_EQ(moved.status().message().substr(0, 11), "entries[0]:");
  EXPECT_EQ(keys_->stats().keys, 2u);
}

// A kt1_ key is verified as such only, even if its hash was imported.
TEST_F(ApiKeyImport, AHashOfOneOfOurOwnKeysLetsNobodyIn) {
  ASSERT_OK_AND_ASSIGN(const SecretBytes text, api_key::NewText(api_key::NewId()));
  v1::ImportApiKeysRequest request;
  Add(std::string(text.ExposeForWire()), "a", &request);
  ASSERT_OK(Import(request));
  EXPECT_EQ(Verify(text.ExposeForWire()), "UNKNOWN");
}

// Who has the database and not the pepper cannot even test a hash that he knows.
TEST_F(ApiKeyImport, TheHashIsNotOnDisk) {
  v1::ImportApiKeysRequest request;
  Add("one", "a", &request);
  ASSERT_OK(Import(request));
  ASSERT_OK_AND_ASSIGN(const FileSearch search, store_->SearchFiles({Sha256("one")}, NoProgress));
  EXPECT_TRUE(search.found.empty());
}

}  // namespace
}  // namespace keyturn
