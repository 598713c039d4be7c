#include "vault/changes.h"

#include "base/limits.h"
#include "storage/schema.h"
#include "tests/vault/vault_fixture.h"

namespace keyturn {
namespace {

class ChangesTest : public VaultFixture {
 protected:
  // "WRITTEN a/x; RENAMED a/ to b/; " of one answer, or the status.
  std::string Since(const std::string& path, Revision after, size_t limit = 100) {
    const auto events =
        vault_->ChangesSince(*SecretPath::ParseDirectory(path), after, limit, &reached_);
    if (!events.ok()) return Said(events.status());
    std::string out;
    for (const auto& event : *events) {
      absl::StrAppend(&out, v1::WatchResponse::Type_Name(event.type()), " ", event.path(),
                      event.new_path().empty() ? "" : " to ", event.new_path(), "; ");
    }
    return out;
  }

  // The change of this revision no longer opens.
  void Damage(Revision revision) {
    ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
      batch.Put(Family::kChanges, schema::RevisionKey(revision), "nonsense");
      return absl::OkStatus();
    }));
  }

  Revision reached_;
};

TEST_F(ChangesTest, WatchGivesEveryChangeOnceAndInOrder) {
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

TEST_F(ChangesTest, OldChangesAreDroppedAndSaidSo) {
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

TEST_F(ChangesTest, WatchersAreWoken) {
  int woken = 0;
  auto handle = vault_->OnChange([&] { ++woken; });
  ASSERT_OK(Put("a", {{"v", "1"}}));
  EXPECT_EQ(woken, 1);
  handle.reset();
  ASSERT_OK(Put("a", {{"v", "2"}}));
  EXPECT_EQ(woken, 1);
}

TEST_F(ChangesTest, AWatchIsOfAPathWhatIsBelowAndTheDirectoriesAbove) {
  const Revision start = store_->LastRevision();
  for (const char* path : {"a/b", "a/b/c", "a/bc", "a", "x"}) ASSERT_OK(Put(path, {{"v", "1"}}));
  EXPECT_EQ(Since("a/b", start), "WRITTEN a/b; WRITTEN a/b/c; ");
  EXPECT_EQ(Since("", start), "WRITTEN a/b; WRITTEN a/b/c; WRITTEN a/bc; WRITTEN a; WRITTEN x; ");
  EXPECT_EQ(Since("a/none", start), "");
  const Revision moved = store_->LastRevision();
  ASSERT_OK(Rename("x", "a/b/x"));
  ASSERT_OK(Rename("a/bc", "y"));
  ASSERT_OK(Rename("a", "z", true));
  EXPECT_EQ(Since("a/b", moved), "RENAMED x to a/b/x; RENAMED a/ to z/; ");
  EXPECT_EQ(Since("z/b/c", moved), "RENAMED a/ to z/; ");
  EXPECT_EQ(Since("y", moved), "RENAMED a/bc to y; ");
}

TEST_F(ChangesTest, AnEventSaysWhatWhenAndWhichVersion) {
  const Revision start = store_->LastRevision();
  ASSERT_OK(Put("a", {{"v", "1"}}));
  clock_.AdvanceTime(absl::Milliseconds(1500));
  const auto put = Put("a", {{"v", "2"}});
  ASSERT_OK(Delete("a", {1}));
  const auto events = vault_->ChangesSince(SecretPath(), start, 10, &reached_);
  ASSERT_OK(events);
  ASSERT_EQ(events->size(), 3u);
  const v1::WatchResponse& event = (*events)[1];
  EXPECT_EQ(event.type(), v1::WatchResponse::WRITTEN);
  EXPECT_EQ(event.version(), 2u);
  EXPECT_EQ(event.revision(), put->revision.value());
  EXPECT_EQ(event.time().seconds(), absl::ToUnixSeconds(clock_.Now()));
  EXPECT_EQ(event.time().nanos(), 500'000'000);
  EXPECT_EQ((*events)[2].version(), 1u);
}

TEST_F(ChangesTest, AnAnswerThatIsFullIsCompleteUpToItsLastEvent) {
  const Revision start = store_->LastRevision();
  for (const char* path : {"a", "b", "c"}) ASSERT_OK(Put(path, {{"v", "1"}}));
  EXPECT_EQ(Since("", start, 2), "WRITTEN a; WRITTEN b; ");
  EXPECT_EQ(reached_.value(), start.value() + 2);
  EXPECT_EQ(Since("", reached_, 2), "WRITTEN c; ");
  EXPECT_EQ(reached_, store_->LastRevision());
  // Also where the rest is of no concern.
  EXPECT_EQ(Since("a", start), "WRITTEN a; ");
  EXPECT_EQ(reached_, store_->LastRevision());
}

TEST_F(ChangesTest, ChangesAreDroppedAfterADayAFewAtATime) {
  for (int i = 0; i < 60; ++i) ASSERT_OK(Put("a", {{"v", "1"}}));
  const uint64_t last_old = store_->LastRevision().value();
  clock_.AdvanceTime(absl::Seconds(limits::kChangesKeptSeconds));
  EXPECT_EQ(RunDue(), 0) << "a day is not over a day";
  ASSERT_OK(Put("b", {{"v", "1"}}));
  clock_.AdvanceTime(absl::Milliseconds(1));
  EXPECT_EQ(RunDue(), 50);
  EXPECT_EQ(RunDue(), 10);
  EXPECT_EQ(RunDue(), 0);
  EXPECT_EQ(Count(Family::kChanges), 1u);
  EXPECT_EQ(Since("", Revision(last_old - 1)),
            absl::StrCat("OUT_OF_RANGE: changes after revision ", last_old - 1,
                         " are no longer kept (the oldest is ", last_old + 1,
                         "); list again and watch from its revision"));
  EXPECT_EQ(Since("", Revision(last_old)), "WRITTEN b; ");
}

TEST_F(ChangesTest, AChangeThatDoesNotOpenIsNotPassedOver) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  const Revision revision = store_->LastRevision();
  Damage(revision);
  EXPECT_EQ(Since("", Revision(0)), "DATA_LOSS: a change record does not open");
  EXPECT_EQ(Since("", revision), "");
  EXPECT_EQ(Since("", Revision(std::numeric_limits<uint64_t>::max())), "");
}

// Nobody knows how old it is: it goes with the ones after it.
TEST_F(ChangesTest, AChangeThatDoesNotOpenIsNotDroppedBeforeItsTime) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  Damage(store_->LastRevision());
  EXPECT_EQ(RunDue(), 0);
  EXPECT_EQ(Count(Family::kChanges), 1u);
  ASSERT_OK(Put("b", {{"v", "1"}}));
  EXPECT_EQ(RunDue(), 0);
  clock_.AdvanceTime(absl::Seconds(limits::kChangesKeptSeconds) + absl::Milliseconds(1));
  EXPECT_EQ(RunDue(), 2);
  EXPECT_EQ(Count(Family::kChanges), 0u);
}

TEST_F(ChangesTest, EachWaiterIsWokenUntilItGoes) {
  int one = 0, two = 0;
  auto first = vault_->OnChange([&] { ++one; });
  const auto second = vault_->OnChange([&] { ++two; });
  ASSERT_OK(Put("a", {{"v", "1"}}));
  first.reset();
  ASSERT_OK(Put("a", {{"v", "2"}}));
  EXPECT_EQ(one, 1);
  EXPECT_EQ(two, 2);
}

}  // namespace
}  // namespace keyturn
