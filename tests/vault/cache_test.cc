#include "vault/cache.h"

#include <gtest/gtest.h>

#include "crypto/random.h"
#include "storage/schema.h"
#include "tests/support/status.h"
#include "vault/generations.h"

namespace keyturn {
namespace {

TEST(Generations, KeepsTheNewerHalfAndNeverMoreThanItsBound) {
  Generations<int, int> map(100);
  for (int i = 0; i < 1000; ++i) {
    (void)map.Add(i, i);
    ASSERT_LE(map.size(), 100u);
    for (int newer = std::max(0, i - 49); newer <= i; ++newer) {
      ASSERT_NE(map.Find(newer), nullptr) << newer << " of " << i;
    }
  }
  EXPECT_EQ(map.Find(100), nullptr);
  map.Erase(999);
  EXPECT_EQ(map.Find(999), nullptr);
}

TEST(Generations, TheNewerValueWins) {
  Generations<int, int> map(4);
  (void)map.Add(1, 10);
  (void)map.Add(2, 20);
  (void)map.Add(3, 30);  // 1 and 2 are old now
  (void)map.Add(1, 11);
  EXPECT_EQ(*map.Find(1), 11);
  map.Erase(1);
  EXPECT_EQ(map.Find(1), nullptr);
}

class VaultCacheTest : public testing::Test {
 protected:
  VaultCacheTest() { cache_.Open(); }

  VaultCache::Secret Secret() {
    return {RandomUuid(), 7, std::make_shared<const SecretMetadata>()};
  }
  void AddDek(VaultCache::Epoch epoch, const Uuid& id) {
    cache_.AddData(epoch, id, SecretVersion(1), {std::make_shared<const SecretBytes>(), nullptr});
  }
  void Commit(const std::vector<Batch::Operation>& operations) {
    const CommittedUpdate update{Revision(1), &operations};
    cache_.Invalidate({&update, 1});
  }

  VaultCache cache_;
};

TEST_F(VaultCacheTest, WhatWasReadBeforeAChangeIsNotTakenAfterIt) {
  const VaultCache::Secret secret = Secret();
  const VaultCache::Epoch before = cache_.epoch();
  Commit({});
  cache_.Add(before, "a", secret);
  AddDek(before, secret.id);
  EXPECT_FALSE(cache_.Find("a").has_value());
  EXPECT_EQ(cache_.FindData(secret.id, SecretVersion(1)).dek, nullptr);
  cache_.Add(cache_.epoch(), "a", secret);
  EXPECT_TRUE(cache_.Find("a").has_value());
}

TEST_F(VaultCacheTest, AChangeDropsWhatItTouchesAndNothingElse) {
  const VaultCache::Secret one = Secret();
  const VaultCache::Secret two = Secret();
  cache_.Add(cache_.epoch(), "one", one);
  cache_.Add(cache_.epoch(), "two", two);
  AddDek(cache_.epoch(), one.id);
  AddDek(cache_.epoch(), two.id);
  Commit({{Family::kRecords, false, schema::SecretMetadataKey(one.id), "x"},
          {Family::kDeks, true, schema::DekKey(one.id, SecretVersion(1)), ""}});
  EXPECT_FALSE(cache_.Find("one").has_value());
  EXPECT_EQ(cache_.FindData(one.id, SecretVersion(1)).dek, nullptr);
  EXPECT_TRUE(cache_.Find("two").has_value());
  EXPECT_NE(cache_.FindData(two.id, SecretVersion(1)).dek, nullptr);
}

TEST_F(VaultCacheTest, APayloadThatIsExchangedOrDeletedIsDropped) {
  const Uuid id = RandomUuid();
  for (const bool is_delete : {false, true}) {
    AddDek(cache_.epoch(), id);
    Commit({{Family::kRecords, is_delete, schema::PayloadKey(id, SecretVersion(2)), ""}});
    EXPECT_NE(cache_.FindData(id, SecretVersion(1)).dek, nullptr);
    Commit({{Family::kRecords, is_delete, schema::PayloadKey(id, SecretVersion(1)), ""}});
    EXPECT_EQ(cache_.FindData(id, SecretVersion(1)).dek, nullptr);
  }
}

TEST_F(VaultCacheTest, AMovedNameDropsEveryPathADestroyedSecretOnlyItself) {
  const VaultCache::Secret one = Secret();
  const VaultCache::Secret two = Secret();
  cache_.Add(cache_.epoch(), "one", one);
  cache_.Add(cache_.epoch(), "two", two);
  Commit({{Family::kIndex, true, std::string(32, 'x'), ""},
          {Family::kRecords, true, schema::SecretMetadataKey(one.id), ""}});
  EXPECT_FALSE(cache_.Find("one").has_value());
  EXPECT_TRUE(cache_.Find("two").has_value());
  Commit({{Family::kIndex, true, std::string(32, 'x'), ""}});
  EXPECT_FALSE(cache_.Find("two").has_value());
}

TEST_F(VaultCacheTest, APathForWritersIsOfOneStateOfTheTree) {
  const VaultCache::Secret secret = Secret();
  cache_.Add(cache_.epoch(), "a", secret);
  EXPECT_EQ(cache_.FindPath("a", 7), secret.id);
  EXPECT_EQ(cache_.FindPath("a", 8), std::nullopt);
  cache_.Add(cache_.epoch(), "b", {secret.id, 8, secret.metadata});
  EXPECT_EQ(cache_.FindPath("b", 8), secret.id);
  Commit({{Family::kRecords, false, schema::SecretMetadataKey(secret.id), "x"}});
  EXPECT_FALSE(cache_.Find("b").has_value());
  EXPECT_EQ(cache_.FindPath("b", 8), secret.id);
}

TEST_F(VaultCacheTest, AWriterAddsItsRecordOnlyWhileItIsTheNewest) {
  VaultCache::Secret secret = Secret();
  const auto write = [&](const std::string& record) {
    Commit({{Family::kRecords, false, schema::SecretMetadataKey(secret.id), record}});
  };
  write("first");
  write("second");
  secret.identity = IdentityOf("first");
  cache_.AddWritten(Revision(1), "a", secret);
  EXPECT_FALSE(cache_.Find("a").has_value());
  secret.identity = IdentityOf("second");
  cache_.AddWritten(Revision(2), "a", secret);
  ASSERT_TRUE(cache_.Find("a").has_value());
  EXPECT_EQ(cache_.Find("a")->metadata, secret.metadata);
  EXPECT_EQ(cache_.Find("a")->identity, secret.identity);
  // What the cache has forgotten is not brought back, least of all after a seal.
  cache_.Close();
  write("second");
  cache_.AddWritten(Revision(2), "a", secret);
  EXPECT_EQ(cache_.sizes().metadata, 0u);
  EXPECT_EQ(cache_.sizes().paths, 0u);
}

TEST_F(VaultCacheTest, AWriterDoesNotAddAPathThatHasMovedSince) {
  VaultCache::Secret secret = Secret();
  const auto commit = [&](uint64_t revision, const std::vector<Batch::Operation>& operations) {
    const CommittedUpdate update{Revision(revision), &operations};
    cache_.Invalidate({&update, 1});
  };
  secret.identity = IdentityOf("record");
  commit(5, {{Family::kRecords, false, schema::SecretMetadataKey(secret.id), "record"}});
  commit(6, {{Family::kIndex, true, std::string(32, 'x'), ""}});
  cache_.AddWritten(Revision(5), "a", secret);
  EXPECT_FALSE(cache_.Find("a").has_value());
  cache_.AddWritten(Revision(7), "b", secret);
  EXPECT_TRUE(cache_.Find("b").has_value());
}

TEST_F(VaultCacheTest, AClosedCacheHoldsNothing) {
  const VaultCache::Secret secret = Secret();
  cache_.Add(cache_.epoch(), "a", secret);
  AddDek(cache_.epoch(), secret.id);
  cache_.Close();
  // A read that took its keys before the seal and looks at the cache after it.
  cache_.Add(cache_.epoch(), "a", secret);
  AddDek(cache_.epoch(), secret.id);
  const VaultCache::Sizes sizes = cache_.sizes();
  EXPECT_EQ(sizes.paths + sizes.metadata + sizes.versions, 0u);
  cache_.Open();
  AddDek(cache_.epoch(), secret.id);
  EXPECT_EQ(cache_.sizes().versions, 1u);
}

}  // namespace
}  // namespace keyturn
