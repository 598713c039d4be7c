#include "vault/due_timers.h"

#include "crypto/random.h"
#include "tests/vault/vault_fixture.h"

namespace keyturn {
namespace {

class DueTimersTest : public VaultFixture {
 protected:
  DueTimersTest() : timers_({2, 3}) {
    store_->SetCommitListener(
        [this](absl::Span<const CommittedUpdate> group) { timers_.OnCommitted(group); });
  }
  void Put(int64_t seconds, uint8_t due_class, const Uuid& object = RandomUuid()) {
    ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
      batch.Put(Family::kDue, schema::DueKey(object, absl::FromUnixSeconds(seconds), due_class),
                "");
      return absl::OkStatus();
    }));
  }
  int64_t First() {
    const auto item = timers_.First();
    return item.has_value() ? absl::ToUnixSeconds(item->when) : -1;
  }

  DueTimers timers_;
};

TEST_F(DueTimersTest, TheEarliestOfTheirClassesIsFirst) {
  EXPECT_EQ(First(), -1);
  Put(30, 3);
  Put(20, 2);
  Put(10, 1);  // another's
  EXPECT_EQ(First(), 20);
  EXPECT_EQ(timers_.size(), 2u);
  timers_.Remove(*timers_.First());
  EXPECT_EQ(First(), 30);
  EXPECT_EQ(timers_.First()->due_class, 3);
}

TEST_F(DueTimersTest, WhatIsPostponedComesLaterUnlessItHasMoved) {
  Put(10, 2);
  const schema::DueItem item = *timers_.First();
  EXPECT_TRUE(timers_.Has(item));
  timers_.Postpone(item, absl::FromUnixSeconds(20));
  EXPECT_FALSE(timers_.Has(item));
  EXPECT_EQ(First(), 21);
  timers_.Postpone(item, absl::FromUnixSeconds(90));
  EXPECT_EQ(First(), 21) << "it is not there any more";
  EXPECT_EQ(timers_.size(), 1u);
}

TEST_F(DueTimersTest, WhatIsDeletedIsGone) {
  const Uuid object = RandomUuid();
  Put(10, 2, object);
  ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
    batch.Delete(Family::kDue, schema::DueKey(object, absl::FromUnixSeconds(10), 2));
    return absl::OkStatus();
  }));
  EXPECT_EQ(timers_.size(), 0u);
}

TEST_F(DueTimersTest, LoadFindsWhatIsStored) {
  for (int i = 0; i < 100; ++i) Put(1000 - i, static_cast<uint8_t>(1 + i % 3));
  timers_.Clear();
  EXPECT_EQ(timers_.size(), 0u);
  ASSERT_OK(timers_.Load(*store_));
  ASSERT_OK(timers_.Load(*store_));  // nothing is there twice
  EXPECT_EQ(timers_.size(), 66u);
  EXPECT_EQ(First(), 902);
}

TEST_F(DueTimersTest, CountsWhatIsDue) {
  for (int i = 0; i < 10; ++i) Put(100 + i, 2);
  EXPECT_EQ(timers_.CountDue(absl::FromUnixSeconds(99), 100), 0u);
  EXPECT_EQ(timers_.CountDue(absl::FromUnixSeconds(104), 100), 5u);
  EXPECT_EQ(timers_.CountDue(absl::FromUnixSeconds(104), 3), 3u);
  EXPECT_EQ(timers_.CountDue(absl::InfiniteFuture(), 100), 10u);
}

TEST_F(DueTimersTest, ListsWhatIsDueInSlices) {
  for (int i = 0; i < 10; ++i) Put(100 + i, 2);
  std::vector<int64_t> seen;
  std::optional<schema::DueItem> last;
  while (true) {
    const auto some = timers_.DueAfter(last, absl::FromUnixSeconds(106), 3);
    EXPECT_LE(some.size(), 3u);
    if (some.empty()) break;
    for (const schema::DueItem& item : some) seen.push_back(absl::ToUnixSeconds(item.when));
    last = some.back();
  }
  EXPECT_EQ(seen, (std::vector<int64_t>{100, 101, 102, 103, 104, 105, 106}));
}

}  // namespace
}  // namespace keyturn
