#include "revocation/log.h"

#include <gtest/gtest.h>

#include <set>

#include "base/coding.h"
#include "base/limits.h"
#include "crypto/mac.h"
#include "tests/revocation/list_fixture.h"

namespace keyturn {
namespace {

using LogTest = ListFixture;

// The hours of the records, by group (a revision each).
std::map<uint64_t, std::vector<uint32_t>> HoursOf(const std::map<std::string, std::string>& log) {
  std::map<uint64_t, std::vector<uint32_t>> hours;
  for (const auto& [key, value] : log) {
    const auto item = schema::ParseRevlogKey(key);
    EXPECT_TRUE(item.has_value());
    if (item->hour != kStateHour) hours[item->revision.value()].push_back(item->hour);
  }
  return hours;
}

TEST_F(LogTest, AChangeIsSeenAtOnceAndDurableOnceItIsWritten) {
  Load();
  committer_->Hold();
  const uint64_t change = Put("k", "1", kHour);
  EXPECT_EQ(change, 1U);
  EXPECT_TRUE(Exists("k"));
  committer_->WaitForTries(1);
  EXPECT_EQ(list_->DurabilityOf(change), Durability::kWaiting);
  EXPECT_EQ(list_->DurabilityOf(0), Durability::kDurable);
  EXPECT_GT(list_->stats().waiting_bytes, 0U);
  // Who finds that there is nothing to do has found what may still be lost.
  EXPECT_EQ(Begin()->Commit(), change);
  committer_->LetGo();
  EXPECT_OK(list_->WaitFor(change));
  EXPECT_EQ(list_->DurabilityOf(change), Durability::kDurable);
  EXPECT_EQ(list_->stats().waiting_bytes, 0U);
  EXPECT_EQ(list_->stats().groups, 1U);
  EXPECT_EQ(Begin()->Commit(), change);
}

TEST_F(LogTest, TheListenerIsToldOfEachGroup) {
  std::atomic<int> told = 0;
  list_->SetDurableListener([&told] { ++told; });
  Load();
  for (int i = 1; i <= 3; ++i) {
    ASSERT_OK(list_->WaitFor(Put("k", "1", kHour)));
    Unload();  // waits for the thread, which tells after it is durable
    Load();
    EXPECT_EQ(told, i);
  }
}

TEST_F(LogTest, WhatGathersGoesAsOneGroupWithAnEntryForEachWriter) {
  Load();
  committer_->Hold();
  Put("first", "1", kHour);
  committer_->WaitForTries(1);
  const auto other = std::make_shared<RevocationWriter>();
  for (int i = 0; i < 10; ++i) Put(absl::StrCat(i), "1", kHour);
  auto transaction = *list_->Begin(other, list_->Now());
  ASSERT_OK(transaction->Put("a", "1", kNoExpiry));
  ASSERT_OK(transaction->AddMembers("s", {"x", "y"}));
  ASSERT_OK(transaction->Retime("s", NowMs() + kHour));
  ASSERT_OK(transaction->RemoveMembers("s", {"x"}));
  EXPECT_TRUE(transaction->Erase("0"));
  const uint64_t last = transaction->Commit();
  committer_->LetGo();
  ASSERT_OK(list_->WaitFor(last));
  EXPECT_EQ(list_->stats().groups, 2U);
  const auto writers = committer_->writers();
  ASSERT_EQ(writers.size(), 2U);
  EXPECT_EQ(writers[0].writer, writer_);
  EXPECT_EQ(writers[0].puts, 10U);
  EXPECT_EQ(writers[0].erases, 0U);
  EXPECT_EQ(writers[1].writer, other);
  EXPECT_EQ(writers[1].puts, 4U);
  EXPECT_EQ(writers[1].erases, 2U);
  EXPECT_EQ(writers[1].clears, 0U);
  // The hash is of the records of the last group, by ascending hours.
  const auto records = Records();
  const auto hours = HoursOf(records);
  std::string all;
  for (const uint32_t hour : hours.rbegin()->second) {
    all += records.at(schema::RevlogKey(hour, Revision(hours.rbegin()->first)));
  }
  EXPECT_EQ(committer_->hash(), HexEncode(Sha256(all)));
}

TEST_F(LogTest, ChangesAreInTheHourOfTheirEndOrOfWhatTheyReplace) {
  Load();
  const auto hour_of = [this](uint64_t change) {
    EXPECT_OK(list_->WaitFor(change));
    const auto hours = HoursOf(Records());
    EXPECT_EQ(hours.rbegin()->second.size(), 1U);
    return hours.rbegin()->second[0];
  };
  const uint32_t now = HourNow(NowMs());
  clock_.AdvanceTime(absl::Minutes(1));
  EXPECT_EQ(hour_of(Put("a", "1", kHour)), now + 2);
  EXPECT_EQ(hour_of(Put("a", "1", 5 * kHour)), now + 6);
  EXPECT_EQ(hour_of(Put("a", "odd", kHour)), now + 6);  // or the longer one would come back
  EXPECT_EQ(hour_of(Put("a", "1", 1000)), now + 2);
  EXPECT_EQ(hour_of(Erase("a")), now + 1);
  EXPECT_EQ(hour_of(Put("a", "1", kNoExpiry)), kHourForever);
  EXPECT_EQ(hour_of(Put("a", "1", kHour)), kHourForever);
  EXPECT_EQ(hour_of(Erase("a")), now + 2);
  EXPECT_EQ(hour_of(Add("s", {"x"})), kHourForever);
  auto transaction = Begin();
  ASSERT_OK(transaction->Retime("s", NowMs() + kHour));
  EXPECT_EQ(hour_of(transaction->Commit()), kHourForever);
  EXPECT_EQ(hour_of(Put("s", "1", kHour)), kHourForever);  // in place of a set
  EXPECT_EQ(hour_of(Clear()), kHourForever);
}

TEST_F(LogTest, ATransactionIsNotPartedUnlessItIsLargerThanAGroup) {
  Load();
  committer_->Hold();
  Put("first", "1", kHour);
  committer_->WaitForTries(1);
  const std::string value(limits::kRevocationGroupBytesMax / 10, 'v');
  std::vector<uint64_t> changes;
  for (int t = 0; t < 4; ++t) {  // each a good third of a group: two go in one
    auto transaction = Begin();
    for (int i = 0; i < 4; ++i) {
      ASSERT_OK(transaction->Put(absl::StrCat(t, "/", i), value, NowMs() + kHour));
    }
    changes.push_back(transaction->Commit());
  }
  auto large = Begin();
  for (int i = 0; i < 25; ++i) {
    ASSERT_OK(large->Put(absl::StrCat("large/", i), value, NowMs() + kHour));
  }
  changes.push_back(large->Commit());
  committer_->LetGo();
  ASSERT_OK(list_->WaitFor(changes.back()));
  // "first", two of two, and the large one in three pieces.
  EXPECT_EQ(list_->stats().groups, 6U);
  for (const auto& [key, sealed] : Records()) {
    EXPECT_LT(sealed.size(), limits::kRevocationGroupBytesMax + 200);
  }
  Reload();
  EXPECT_TRUE(Exists("0/0") && Exists("3/3") && Exists("large/0") && Exists("large/24"));
}

TEST_F(LogTest, AGroupHasABoundedNumberOfWriters) {
  Load();
  committer_->Hold();
  Put("first", "1", kHour);
  committer_->WaitForTries(1);
  uint64_t last = 0;
  for (size_t i = 0; i < 2 * limits::kRevocationGroupWritersMax + 1; ++i) {
    auto transaction = *list_->Begin(std::make_shared<RevocationWriter>(), list_->Now());
    ASSERT_OK(transaction->Put(absl::StrCat(i), "1", kNoExpiry));
    last = transaction->Commit();
  }
  committer_->LetGo();
  ASSERT_OK(list_->WaitFor(last));
  EXPECT_EQ(list_->stats().groups, 4U);
  EXPECT_EQ(committer_->writers().size(), 1U);
}

TEST_F(LogTest, OneChangeMayBeLargerThanAGroup) {
  Load();
  const std::string value(limits::kSecretValueBytesMax, 'v');
  ASSERT_OK(list_->WaitFor(Put("k", value, kNoExpiry)));
  auto transaction = Begin();
  const std::string name(limits::kRevocationChangeBytesMax - value.size() + 1, 'n');
  EXPECT_CODE(transaction->Put(name, value, kNoExpiry), kInvalidArgument);
  EXPECT_CODE(transaction->AddMembers(name, {value}), kInvalidArgument);
  EXPECT_EQ(list_->DurabilityOf(transaction->Commit()), Durability::kDurable);
  std::vector<std::string> members;
  for (int i = 0; i < 100'000; ++i) members.push_back(absl::StrCat("a member of some length ", i));
  const std::vector<absl::string_view> views(members.begin(), members.end());
  ASSERT_OK(list_->WaitFor(Add("s", views)));
  Reload();
  EXPECT_EQ(Value("k"), value);
  EXPECT_EQ(Value("s"), "set of 100000");
}

TEST_F(LogTest, AFullQueueIsTriedAgain) {
  Load();
  committer_->FailNext(absl::ResourceExhaustedError("full"), 3);
  const uint64_t change = Put("k", "1", kNoExpiry);
  for (int tries = 1; tries <= 3; ++tries) {
    committer_->WaitForTries(tries);
    // The last step of the clock may have come late, so that the next try is under way.
    const Durability durability = list_->DurabilityOf(change);
    if (committer_->tries() == tries) {
      EXPECT_EQ(durability, Durability::kWaiting);
    }
    // Until it waits for the clock it may miss a step of it.
    while (committer_->tries() == tries && !list_->stats().failed) {
      clock_.AdvanceTime(absl::Milliseconds(limits::kBusyRetryMilliseconds));
    }
  }
  ASSERT_OK(list_->WaitFor(change));
  EXPECT_FALSE(list_->stats().failed);
  Reload();
  EXPECT_TRUE(Exists("k"));
}

TEST_F(LogTest, WhatWaitsIsBounded) {
  Load();
  committer_->Hold();
  const std::string value(limits::kSecretValueBytesMax, 'v');
  absl::Status status;
  int puts = 0;
  for (; status.ok() && puts < 1000; ++puts) {
    auto transaction = list_->Begin(writer_, list_->Now());
    status = transaction.status();
    if (status.ok()) ASSERT_OK((*transaction)->Put("k", value, kNoExpiry));
  }
  EXPECT_CODE(status, kResourceExhausted);
  EXPECT_EQ(puts, 129);  // 64 MiB, and the one that was refused
  committer_->LetGo();
  Unload();
  Load();
  EXPECT_OK(list_->Begin(writer_, list_->Now()));
}

TEST_F(LogTest, AFailureIsFinalAndUndoneOnTheSafeSide) {
  Load();
  Put("stays", "1", 5 * kHour);
  Put("erased", "1", kHour);
  Put("erased odd", "odd", kHour);
  Put("shorter", "1", 5 * kHour);
  Put("longer", "1", kHour);
  Put("reborn", "1", kHour);
  Add("set", {"x", "y"});
  ASSERT_OK(list_->WaitFor(Add("gone set", {"x"})));
  committer_->Hold();
  committer_->FailFrom(absl::UnavailableError("the disk is gone"));
  const uint64_t first = Erase("erased");
  committer_->WaitForTries(static_cast<int>(list_->stats().groups) +
                           1);  // the rest goes to the queue behind it
  Erase("erased odd");
  Put("shorter", "1", 20'000);
  Put("longer", "1", 5 * kHour);
  Erase("reborn");
  Put("reborn", "odd", 100);
  Put("added", "1", kHour);
  Erase("gone set");
  auto transaction = Begin();
  ASSERT_OK(transaction->RemoveMembers("set", {"x"}));
  ASSERT_OK(transaction->AddMembers("set", {"z"}));
  const uint64_t last = transaction->Commit();
  EXPECT_FALSE(Exists("erased"));
  committer_->LetGo();
  const absl::Status status = list_->WaitFor(last);
  EXPECT_EQ(status.message(),
            "the revocation log could not be written, so no change is taken: the disk is gone");
  EXPECT_CODE(list_->WaitFor(first), kUnavailable);
  EXPECT_EQ(list_->DurabilityOf(first), Durability::kFailed);
  EXPECT_EQ(list_->DurabilityOf(1), Durability::kDurable);
  EXPECT_TRUE(list_->stats().failed);
  EXPECT_EQ(list_->stats().waiting_bytes, 0U);
  EXPECT_CODE(list_->Begin(writer_, list_->Now()), kUnavailable);

  for (const char* name : {"stays", "erased", "erased odd", "shorter", "longer", "reborn", "set",
                           "gone set", "added"}) {
    EXPECT_TRUE(Exists(name)) << name;
  }
  EXPECT_EQ(Value("erased odd"), "odd");
  EXPECT_EQ(Value("set"), "set of 3");
  clock_.AdvanceTime(absl::Hours(4));
  EXPECT_TRUE(Exists("shorter") && Exists("longer"));
  EXPECT_FALSE(Exists("erased"));
  EXPECT_OK(list_->Sweep());

  // Not even after a seal and an unseal; what is durable is there.
  Reload();
  EXPECT_CODE(list_->Begin(writer_, list_->Now()), kUnavailable);
  EXPECT_TRUE(Exists("stays") && Exists("shorter") && Exists("gone set"));
  EXPECT_EQ(Value("set"), "set of 2");
}

TEST_F(LogTest, AFailedClearLeavesAllThereIsAndWasPutSince) {
  Load();
  Put("hot", "1", kHour);
  Put("erased", "1", kHour);
  ASSERT_OK(list_->WaitFor(Put("odd", "odd", kHour)));
  committer_->Hold();
  committer_->FailFrom(absl::UnavailableError("the disk is gone"));
  Erase("erased");
  Clear();
  const uint64_t last = Put("new", "1", kHour);
  EXPECT_FALSE(Exists("hot") || Exists("odd"));
  EXPECT_TRUE(Exists("new"));
  committer_->LetGo();
  EXPECT_CODE(list_->WaitFor(last), kUnavailable);
  EXPECT_TRUE(Exists("hot") && Exists("odd") && Exists("new") && Exists("erased"));
}

TEST_F(LogTest, ASecondClearWaitsForTheFirstSoThatItCanBeUndone) {
  Load();
  Put("k", "1", kHour);
  for (int round = 0; round < 20; ++round) {
    Put(absl::StrCat("gone", round), "1", kHour);
    Clear();
    EXPECT_FALSE(Exists(absl::StrCat("gone", round))) << "it is cleared in each round";
    Put("k", round % 2 == 0 ? "1" : "odd", kHour);
  }
  ASSERT_OK(list_->WaitFor(Put("l", "1", kHour)));
  committer_->FailFrom(absl::UnavailableError("the disk is gone"));
  const uint64_t change = Clear();
  EXPECT_CODE(list_->WaitFor(change), kUnavailable);
  EXPECT_TRUE(Exists("k") && Exists("l"));
}

// A transaction that began before the failure and ends after it, with a Clear that has to wait.
TEST_F(LogTest, ATransactionThatMeetsTheFailureIsUndoneToo) {
  Load();
  ASSERT_OK(list_->WaitFor(Put("k", "1", kHour)));
  committer_->Hold();
  committer_->FailFrom(absl::UnavailableError("the disk is gone"));
  Clear();
  auto transaction = Begin();
  ASSERT_OK(transaction->Put("l", "1", NowMs() + kHour));
  committer_->LetGo();
  transaction->Clear();  // returns when the first is known to have failed
  EXPECT_TRUE(transaction->Find("l").has_value());
  const uint64_t change = transaction->Commit();
  EXPECT_CODE(list_->WaitFor(change), kUnavailable);
  EXPECT_TRUE(Exists("k") && Exists("l"));
}

}  // namespace
}  // namespace keyturn
