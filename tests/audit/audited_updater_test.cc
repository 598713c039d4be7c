#include "audit/audit_log.h"
#include "tests/audit/audit_fixture.h"

namespace keyturn {
namespace {

using AuditedUpdaterTest = AuditFixture;

TEST_F(AuditedUpdaterTest, AFailedChangeLeavesNoEntry) {
  const AuditEvent event = Event("secret_written");
  AuditedUpdater updater(*store_, *log_, event);
  EXPECT_FALSE(updater.Update([](const View&, Batch&) { return absl::AbortedError("no"); }).ok());
  EXPECT_FALSE(updater.recorded());
  EXPECT_TRUE(All().empty());
}

TEST_F(AuditedUpdaterTest, AnUpdateThatChangesNothingLeavesNoEntry) {
  const AuditEvent event = Event("secret_written");
  AuditedUpdater updater(*store_, *log_, event);
  ASSERT_OK(updater.Update([](const View&, Batch&) { return absl::OkStatus(); }));
  EXPECT_FALSE(updater.recorded());
  EXPECT_TRUE(All().empty());
}

TEST_F(AuditedUpdaterTest, NotesOfAChangeCompleteItsOwnEntryOnly) {
  AuditEvent event = Event("secret_written");
  event.version = SecretVersion(3);
  AuditedUpdater updater(*store_, *log_, event);
  const auto note = [&](const std::string& name, const std::string& value) {
    ASSERT_OK(updater.Update([&](const View&, Batch& batch) {
      batch.Put(Family::kRecords, "key", "value");
      batch.Note(name, value);
      return absl::OkStatus();
    }));
  };
  note("tokens", "12");
  note("version", "7");
  note("version", "seven");
  const auto records = All();
  ASSERT_EQ(records.size(), 3u);
  using Details = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(records[0].event.details, (Details{{"k", "v"}, {"tokens", "12"}}));
  EXPECT_EQ(records[0].event.version, SecretVersion(3));
  EXPECT_EQ(records[1].event.details, (Details{{"k", "v"}}));
  EXPECT_EQ(records[1].event.version, SecretVersion(7));
  EXPECT_EQ(records[2].event.details, (Details{{"k", "v"}, {"version", "seven"}}));
  EXPECT_EQ(records[2].event.version, SecretVersion(3));
}

TEST_F(AuditedUpdaterTest, AChangeOfSeveralCallersHasAnEntryOfEach) {
  std::vector<AuditEvent> events = {Event("written", "a"), Event("written", "b")};
  events[1].principal = "token:second";
  AuditedUpdater updater(*store_, *log_, events);
  ASSERT_OK(updater.Update([](const View&, Batch& batch) {
    batch.Put(Family::kRecords, "key", "value");
    batch.Note("hash", "12");
    return absl::OkStatus();
  }));
  EXPECT_TRUE(updater.recorded());
  const auto records = All();
  ASSERT_EQ(records.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(records[i].event.resource, events[i].resource);
    EXPECT_EQ(records[i].event.principal, events[i].principal);
    EXPECT_EQ(records[i].event.revision, store_->LastRevision());
    EXPECT_EQ(records[i].event.details.back(), (std::pair<std::string, std::string>("hash", "12")));
  }
  EXPECT_EQ(Problems(), 0u);
}

TEST_F(AuditedUpdaterTest, EachOfSeveralChangesHasItsOwnEntry) {
  const auto put = [](const View&, Batch& batch) {
    batch.Put(Family::kRecords, "key", "value");
    batch.Note("version", absl::StrCat(batch.revision().value() + 10));
    return absl::OkStatus();
  };
  const auto fails = [](const View&, Batch&) { return absl::AbortedError("no"); };
  std::vector<AuditedChange> changes = {
      {Event("written", "a"), put}, {Event("written", "b"), fails}, {Event("written", "c"), put}};
  UpdateEachAudited(*store_, *log_, absl::MakeSpan(changes));
  EXPECT_EQ(changes[1].result.status(), absl::AbortedError("no"));
  const auto records = All();
  ASSERT_EQ(records.size(), 2u);
  for (const size_t i : {0, 1}) {
    const AuditedChange& change = changes[i * 2];
    ASSERT_OK(change.result);
    EXPECT_EQ(records[i].event.resource, change.event.resource);
    EXPECT_EQ(records[i].event.revision, *change.result);
    EXPECT_EQ(records[i].event.version, SecretVersion(change.result->value() + 10));
  }
  EXPECT_EQ(Problems(), 0u);
}

TEST_F(AuditedUpdaterTest, TheTailIsTrimmedOnceSegmentsAreSynced) {
  for (int i = 0; i < 20; ++i) {
    ASSERT_OK(Change("x"));
    ASSERT_OK(log_->Append(Event("read")));  // syncs
  }
  size_t tail = 0;
  ASSERT_OK(store_->GetSnapshot()->Scan(Family::kAuditTail, "", "",
                                        [&](absl::string_view, absl::string_view) {
                                          ++tail;
                                          return true;
                                        }));
  EXPECT_LT(tail, 5u);
}

TEST_F(AuditedUpdaterTest, UpdatesOfOneGroupTrimDifferentEntriesAndNoneIsForgotten) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(store_->Update([](const View&, Batch& batch) {
      batch.Put(Family::kAuditTail, schema::RevisionKey(batch.revision()),
                EncodeEvent(AuditEvent()));
      return absl::OkStatus();
    }));
  }
  ASSERT_OK(log_->Append(Event("read")));  // syncs
  const std::vector<Revision> first = log_->Trimmable(2);
  EXPECT_EQ(first, (std::vector<Revision>{Revision(1), Revision(2)}));
  EXPECT_EQ(log_->Trimmable(2), std::vector<Revision>{Revision(3)});
  EXPECT_TRUE(log_->Trimmable(2).empty());
  // The group ends without having deleted them.
  log_->OnCommitted({});
  EXPECT_EQ(log_->Trimmable(2), first);
}

}  // namespace
}  // namespace keyturn
