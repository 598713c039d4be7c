#include "storage/group.h"

#include <gtest/gtest.h>

#include <random>

#include "base/limits.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/seed.h"

namespace keyturn {
namespace {

class GroupTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(db_, RocksDb::Open({.directory = "/mem", .in_memory = true}));
    Begin();
  }

  // The next group, after what was written.
  void Begin(const RecordHasher* hasher = &kHasher) {
    const Revision last = group_ == nullptr ? Revision(7) : group_->last();
    group_ = std::make_unique<Group>(*db_, hasher, sums_, recent_, last);
  }

  std::string Seen(const View& view, absl::string_view key, Family family = Family::kRecords) {
    const auto value = view.Get(family, key);
    return value.ok() ? value->value_or("(absent)") : value.status().ToString();
  }
  std::string Stored(absl::string_view key, Family family = Family::kRecords) {
    const auto value = db_->Get(rocksdb::ReadOptions(), family, key);
    return value.ok() ? value->value_or("(absent)") : value.status().ToString();
  }
  // As if the database held only these, in one bucket.
  static Accumulators::Sum SumOf(const std::vector<std::pair<std::string, std::string>>& records) {
    Accumulators expected;
    for (const auto& [key, value] : records) {
      expected.Add(key, kHasher.Hash(Family::kRecords, key, value));
    }
    return expected.sum('k');
  }

  static const SumHasher kHasher;
  std::shared_ptr<RocksDb> db_;
  Accumulators sums_;
  RecentRecords recent_;
  std::unique_ptr<Group> group_;
};
const SumHasher GroupTest::kHasher;

TEST_F(GroupTest, EachFunctionSeesTheOnesBeforeItAndNothingIsStoredYet) {
  EXPECT_EQ(group_->Run(Putting("k1", "one")).value(), Revision(8));
  EXPECT_EQ(group_
                ->Run([&](const View& view, Batch& batch) {
                  EXPECT_EQ(batch.revision(), Revision(9));
                  EXPECT_EQ(Seen(view, "k1"), "one");
                  EXPECT_EQ(Seen(view, "k1", Family::kDeks), "(absent)");
                  batch.Delete(Family::kRecords, "k1");
                  batch.Put(Family::kRecords, "k2", "two");
                  return absl::OkStatus();
                })
                .value(),
            Revision(9));
  EXPECT_EQ(Seen(*group_, "k1"), "(absent)");
  EXPECT_EQ(Seen(*group_, "k2"), "two");
  EXPECT_EQ(Stored("k2"), "(absent)");
  ASSERT_OK(group_->Write(true));
  EXPECT_EQ(Stored("k1"), "(absent)");
  EXPECT_EQ(Stored("k2"), "two");
}

TEST_F(GroupTest, AFunctionThatFailsLeavesNothing) {
  ASSERT_OK(group_->Run(Putting("k1", "one")));
  const absl::Status lost = absl::AbortedError("lost");
  EXPECT_EQ(group_
                ->Run([&](const View&, Batch& batch) {
                  batch.Put(Family::kRecords, "k1", "changed");
                  batch.Put(Family::kRecords, "k2", "two");
                  batch.Put(Family::kMeta, "m", "three");
                  return lost;
                })
                .status(),
            lost);
  EXPECT_EQ(Seen(*group_, "k1"), "one");
  EXPECT_EQ(group_->last(), Revision(8));
  EXPECT_EQ(group_->Run(Putting("k3", "next")).value(), Revision(9));
  ASSERT_OK(group_->Write(true));
  EXPECT_EQ(Stored("k1"), "one");
  EXPECT_EQ(Stored("k2"), "(absent)");
  EXPECT_EQ(Stored("m", Family::kMeta), "(absent)");
  EXPECT_EQ(sums_.sum('k'), SumOf({{"k1", "one"}, {"k3", "next"}}));
}

TEST_F(GroupTest, AFunctionThatOnlyLooksTakesNoRevision) {
  EXPECT_EQ(group_
                ->Run([](const View&, Batch& batch) {
                  batch.Note("name", "value");
                  return absl::OkStatus();
                })
                .value(),
            Revision(7));
  EXPECT_TRUE(group_->empty());
}

TEST_F(GroupTest, ChangesThatAreTooLargeAreRefusedWhole) {
  EXPECT_EQ(group_
                ->Run([](const View&, Batch& batch) {
                  for (size_t i = 0; i <= limits::kBatchKeysMax; ++i) {
                    batch.Put(Family::kRecords, absl::StrCat("k", i), "");
                  }
                  return absl::OkStatus();
                })
                .status(),
            absl::InvalidArgumentError("a change of 101 records; at most 100 fit in one"));
  const std::string most(limits::kBatchBytesMax - 1, 'x');
  EXPECT_EQ(group_->Run(Putting("k1", most)).status(),
            absl::InvalidArgumentError("a change of 1048577 bytes; at most 1048576 fit in one"));
  EXPECT_TRUE(group_->empty());
  EXPECT_EQ(sums_.sum('k'), SumOf({}));
  EXPECT_OK(group_->Run(Putting("k", most)));
}

TEST_F(GroupTest, CoveredFamiliesNeedAHasher) {
  Begin(nullptr);
  for (const Family family : {Family::kRecords, Family::kDeks, Family::kIndex, Family::kDue}) {
    EXPECT_EQ(group_->Run(Putting("k", "v", family)).status(),
              absl::FailedPreconditionError("the vault is sealed; run: keyturn operator unseal"));
  }
  EXPECT_TRUE(group_->empty());
  for (const Family family :
       {Family::kChanges, Family::kRevlog, Family::kAuditTail, Family::kMeta}) {
    EXPECT_OK(group_->Run(Putting("k", "v", family)));
  }
}

// In the database, in the group and in the batch itself.
TEST_F(GroupTest, TheSumsFollowWhatIsReplacedWhereverItIs) {
  ASSERT_OK(group_->Run(Putting("k1", "stored")));
  ASSERT_OK(group_->Write(true));
  Begin();
  ASSERT_OK(group_->Run(Putting("k1", "in the group")));
  EXPECT_EQ(sums_.sum('k'), SumOf({{"k1", "in the group"}}));
  ASSERT_OK(group_->Run([](const View&, Batch& batch) {
    batch.Put(Family::kRecords, "k1", "first");
    batch.Put(Family::kRecords, "k1", "second");
    batch.Delete(Family::kRecords, "k1");
    batch.Put(Family::kRecords, "k1", "last");
    batch.Delete(Family::kRecords, "k never");
    return absl::OkStatus();
  }));
  EXPECT_EQ(sums_.sum('k'), SumOf({{"k1", "last"}}));
  ASSERT_OK(group_->Write(true));
  EXPECT_EQ(Stored("k1"), "last");
  Begin();
  ASSERT_OK(group_->Run([](const View&, Batch& batch) {
    batch.Delete(Family::kRecords, "k1");
    return absl::OkStatus();
  }));
  EXPECT_EQ(sums_.sum('k'), SumOf({}));
}

TEST_F(GroupTest, AnInsertIsAPutThatCountsAsNew) {
  ASSERT_OK(group_->Run([](const View&, Batch& batch) {
    batch.Insert(Family::kRecords, "k1", "one");
    EXPECT_EQ(batch.bytes(), 5u);
    EXPECT_TRUE(batch.operations().back().is_new);
    batch.Put(Family::kRecords, "k1", "two");
    EXPECT_FALSE(batch.operations().back().is_new);
    return absl::OkStatus();
  }));
  EXPECT_EQ(Seen(*group_, "k1"), "two");
  EXPECT_EQ(sums_.sum('k'), SumOf({{"k1", "two"}}));
  ASSERT_OK(group_->Write(true));
  EXPECT_EQ(Stored("k1"), "two");
}

TEST_F(GroupTest, TellsWhatWasCommittedInOrder) {
  ASSERT_OK(group_->Run(Putting("k1", "one")));
  EXPECT_CODE(group_->Run([](const View&, Batch&) { return absl::AbortedError("lost"); }),
              kAborted);
  ASSERT_OK(group_->Run(Putting("k2", "two", Family::kChanges)));
  const std::vector<CommittedUpdate> committed = group_->Committed();
  ASSERT_EQ(committed.size(), 2u);
  EXPECT_EQ(committed[0].revision, Revision(8));
  EXPECT_EQ(committed[0].operations->at(0).key, "k1");
  EXPECT_EQ(committed[1].revision, Revision(9));
  EXPECT_EQ(committed[1].operations->at(0).family, Family::kChanges);
}

TEST_F(GroupTest, RevisionAndSumsAreInTheSameWrite) {
  ASSERT_OK(group_->Run(Putting("k1", "one")));
  ASSERT_OK(group_->Write(true));
  EXPECT_EQ(Stored("revision", Family::kMeta), std::string("\0\0\0\0\0\0\0\x08", 8));
  EXPECT_EQ(Stored("acc/k", Family::kMeta).size(), 32u);
  EXPECT_EQ(Stored("acc/j", Family::kMeta), "(absent)");
}

TEST_F(GroupTest, WhatIsRecentIsWhatIsStored) {
  recent_ = RecentRecords(4000);  // so that much is forgotten, and read again
  std::mt19937_64 random(TestSeed());
  const auto key = [&] { return absl::StrCat("k", random() % 40); };
  for (int group = 0; group < 300; ++group) {
    Begin();
    for (uint64_t change = random() % 4; change > 0; --change) {
      const bool fails = random() % 5 == 0;
      (void)group_->Run([&](const View& view, Batch& batch) {
        (void)view.Get(Family::kRecords, key());
        const std::string value(random() % 300, static_cast<char>('a' + random() % 26));
        random() % 3 == 0 ? batch.Delete(Family::kRecords, key())
                          : batch.Put(Family::kRecords, key(), value);
        return fails ? absl::AbortedError("lost") : absl::OkStatus();
      });
    }
    ASSERT_OK(group_->Write(false));
    Begin();
    for (int i = 0; i < 40; i += 3) {
      ASSERT_EQ(Seen(*group_, absl::StrCat("k", i)), Stored(absl::StrCat("k", i))) << group;
    }
  }
}

}  // namespace
}  // namespace keyturn
