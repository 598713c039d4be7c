#include "rotation/api_key/importer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

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
  // One key under "a", its request, and the id that it has.
  v1::ImportApiKeysRequest ImportOne(const std::string& text, std::string* id) {
    v1::ImportApiKeysRequest request;
    Add(text, "a", &request);
    const absl::StatusOr<v1::ImportApiKeysResponse> imported = Import(request);
    EXPECT_OK(imported);
    if (imported.ok()) *id = imported->ids(0);
    return request;
  }
  // The one entry is told to have ended, and nothing is made of it.
  void ExpectEnded(const v1::ImportApiKeysRequest& request, const std::string& id) {
    const size_t before = keys_->stats().keys;
    ASSERT_OK_AND_ASSIGN(const v1::ImportApiKeysResponse again, Import(request));
    EXPECT_EQ(again.imported(), 0u);
    ASSERT_EQ(again.ids_size(), 1);
    EXPECT_EQ(again.ids(0), id);
    ASSERT_EQ(again.ended_size(), 1);
    EXPECT_EQ(again.ended(0), 0u);
    EXPECT_EQ(keys_->stats().keys, before);
  }
  // The one record in the index family, as it is on the disk.
  void Damage() {
    std::vector<std::string> found;
    EXPECT_OK(store_->GetSnapshot()->Scan(Family::kIndex, "", "",
                                          [&found](absl::string_view key, absl::string_view) {
                                            found.emplace_back(key);
                                            return true;
                                          }));
    ASSERT_EQ(found.size(), 1u);
    store_->SetCommitListener(nullptr);  // as a disk does it: nobody is told
    ASSERT_OK(store_->Update([&found](const View&, Batch& batch) {
      batch.Put(Family::kIndex, found[0], "damaged");
      return absl::OkStatus();
    }));
    store_->SetCommitListener(
        [this](absl::Span<const CommittedUpdate> group) { keys_->OnCommitted(group); });
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
  EXPECT_EQ(Import(request).status().message(), "entries must be 1 to 32");
  for (size_t i = 0; i <= limits::kApiKeyImportMax; ++i) Add(absl::StrCat(i), "a", &request);
  EXPECT_CODE(Import(request), kInvalidArgument);
  EXPECT_EQ(Import(request).status().message(), "entries must be 1 to 32");
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
  EXPECT_EQ(second.ended_size(), 0);  // both work
  request.mutable_entries(0)->set_path("c");
  const absl::StatusOr<v1::ImportApiKeysResponse> moved = Import(request);
  EXPECT_CODE(moved, kAlreadyExists);
  EXPECT_EQ(moved.status().message().substr(0, 11), "entries[0]:");
  EXPECT_EQ(keys_->stats().keys, 2u);
}

TEST_F(ApiKeyImport, WhatMadeRoomAfterItsEndDoesNotComeBack) {
  std::string id;
  const v1::ImportApiKeysRequest request = ImportOne("old", &id);
  Roll(id, absl::ZeroDuration());
  EXPECT_EQ(Verify("old"), "EXPIRED");
  ExpectEnded(request, id);  // its record has the secret still
  Roll(id);
  EXPECT_EQ(States(id), "3 CURRENT, 2 GRACE, 1 ENDED");
  Roll(id);
  EXPECT_EQ(States(id), "4 CURRENT, 3 GRACE, 2 GRACE");
  for (int i = 0; i < 2; ++i) {
    ExpectEnded(request, id);
    EXPECT_EQ(Verify("old"), "UNKNOWN");
    Open();
  }
  // Under another path neither, and what is new beside it is taken over.
  v1::ImportApiKeysRequest more = request;
  more.mutable_entries(0)->set_path("b");
  Add("new", "b", &more);
  ASSERT_OK_AND_ASSIGN(const v1::ImportApiKeysResponse imported, Import(more));
  EXPECT_EQ(imported.imported(), 1u);
  EXPECT_EQ(imported.ids_size(), 2);
  EXPECT_EQ(imported.ids(0), id);
  ASSERT_EQ(imported.ended_size(), 1);
  EXPECT_EQ(imported.ended(0), 0u);
  EXPECT_EQ(Verify("old"), "UNKNOWN");
  EXPECT_EQ(Verify("new"), "VALID");
}

TEST_F(ApiKeyImport, WhatWasRolledOverByForceDoesNotComeBack) {
  std::string id;
  const v1::ImportApiKeysRequest request = ImportOne("old", &id);
  Roll(id);
  Roll(id);
  EXPECT_EQ(Verify("old"), "VALID");
  EXPECT_EQ(States(id), "3 CURRENT, 2 GRACE, 1 GRACE");
  Roll(id, Days(7), /*force=*/true);
  EXPECT_EQ(States(id), "4 CURRENT, 3 GRACE, 2 GRACE");
  for (int i = 0; i < 2; ++i) {
    ExpectEnded(request, id);
    EXPECT_EQ(Verify("old"), "UNKNOWN");
    Open();
  }
}

TEST_F(ApiKeyImport, WhatWasRevokedOrExpiredDoesNotComeBackOnceItIsRemoved) {
  std::string revoked, expired;
  const v1::ImportApiKeysRequest one = ImportOne("one", &revoked);
  const v1::ImportApiKeysRequest two = ImportOne("two", &expired);
  ASSERT_OK(Revoke(revoked));
  ExpectEnded(one, revoked);
  clock_.AdvanceTime(Days(90) + absl::Milliseconds(1));
  ExpectEnded(two, expired);
  ASSERT_OK(keys_->RemoveEnded());
  EXPECT_CODE(keys_->Get(revoked), kNotFound);
  EXPECT_OK(keys_->Get(expired));
  clock_.AdvanceTime(Days(90));
  ASSERT_OK(keys_->RemoveEnded());
  EXPECT_CODE(keys_->Get(expired), kNotFound);
  for (int i = 0; i < 2; ++i) {
    ExpectEnded(one, revoked);
    ExpectEnded(two, expired);
    EXPECT_EQ(Verify("one"), "UNKNOWN");
    EXPECT_EQ(Verify("two"), "UNKNOWN");
    EXPECT_EQ(keys_->stats().keys, 0u);
    Open();
  }
}

TEST_F(ApiKeyImport, AnEndedKeyWhoseRecordDoesNotOpenDoesNotComeBack) {
  std::string id;
  const v1::ImportApiKeysRequest request = ImportOne("old", &id);
  ASSERT_OK(Revoke(id));
  Damage();
  clock_.AdvanceTime(Days(90) + absl::Milliseconds(1));
  ASSERT_OK(keys_->RemoveEnded());
  EXPECT_EQ(keys_->stats().keys, 0u);
  ExpectEnded(request, id);
}

// Whether it has ended is not known then, and it is not guessed.
TEST_F(ApiKeyImport, AMarkThatDoesNotOpenRefusesItsLine) {
  std::string id;
  const v1::ImportApiKeysRequest request = ImportOne("old", &id);
  ASSERT_OK(Revoke(id));
  clock_.AdvanceTime(Days(90) + absl::Milliseconds(1));
  ASSERT_OK(keys_->RemoveEnded());
  Damage();
  v1::ImportApiKeysRequest more;
  Add("new", "a", &more);
  Add("old", "a", &more);
  const absl::StatusOr<v1::ImportApiKeysResponse> refused = Import(more);
  EXPECT_CODE(refused, kDataLoss);
  EXPECT_EQ(refused.status().message().substr(0, 12), "entries[1]: ");
  EXPECT_EQ(keys_->stats().keys, 0u);
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
