#include "audit/audit_log.h"

#include <thread>

#include "absl/strings/match.h"
#include "tests/audit/audit_fixture.h"

namespace keyturn {
namespace {

using AuditLogTest = AuditFixture;

TEST_F(AuditLogTest, ReadsBackWhatWasAppended) {
  ASSERT_OK(log_->Append(Event("secret_read")));
  ASSERT_OK(Change("x/y"));
  const auto records = All();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].sequence, 1u);
  EXPECT_EQ(records[0].event.event, "secret_read");
  EXPECT_EQ(records[0].event.details[0].second, "v");
  EXPECT_EQ(records[1].event.resource, "x/y");
  EXPECT_EQ(records[1].event.version, SecretVersion(7));
  EXPECT_EQ(records[1].event.revision, store_->LastRevision());
  EXPECT_EQ(Problems(), 0u);
}

TEST_F(AuditLogTest, ContinuesAfterReopening) {
  ASSERT_OK(log_->Append(Event("one")));
  ASSERT_OK(Open());
  ASSERT_OK(log_->Append(Event("two")));
  const auto records = All();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].sequence, 2u);
  EXPECT_EQ(Problems(), 0u);
}

TEST_F(AuditLogTest, AfterACrashAtAnyByteEachChangeHasExactlyOneEntry) {
  for (int i = 0; i < 3; ++i) ASSERT_OK(Change(absl::StrCat("r", i)));
  const std::string path = LastSegment();
  Close();
  const std::string whole = *files_->Read(path);
  for (size_t size = 0; size <= whole.size(); ++size) {
    Close();
    Replace(path, whole.substr(0, size));
    ASSERT_OK(Open());
    const auto records = All();
    ASSERT_EQ(records.size(), 3u) << size;
    for (int i = 0; i < 3; ++i) ASSERT_EQ(records[i].event.resource, absl::StrCat("r", i)) << size;
    ASSERT_EQ(Problems(), 0u) << size;
  }
}

// In one segment, and where each change ends one: then the next begins with all entries before it.
TEST_F(AuditLogTest, AfterACrashAtAnyByteEachCallerOfAChangeHasExactlyOneEntry) {
  for (const uint64_t segment_bytes : {uint64_t{1} << 20, uint64_t{200}}) {
    options_.directory = absl::StrCat("/audit", segment_bytes);
    options_.segment_bytes_max = segment_bytes;
    options_.accept_rollback = "another log";
    ASSERT_OK(Open());
    const size_t before = All().size();
    for (int i = 0; i < 3; ++i) {
      ASSERT_OK(ChangeOfMany({absl::StrCat(i, "a"), absl::StrCat(i, "b"), absl::StrCat(i, "c")}));
    }
    std::vector<std::string> expected;
    for (const AuditRecord& record : All()) expected.push_back(record.event.resource);
    ASSERT_EQ(expected.size(), before + 9);
    const std::vector<SegmentName> segments = *ListSegments(*files_, options_.directory);
    Close();
    // The segment with the last change; what was begun behind it goes.
    size_t last = segments.size() - 1;
    while (!absl::StrContains(*files_->Read(segments[last].path), "2c")) {
      ASSERT_OK(files_->Remove(segments[last--].path));
    }
    const std::string path = segments[last].path;
    const std::string whole = *files_->Read(path);
    for (size_t size = 0; size <= whole.size(); ++size) {
      Close();
      const std::vector<SegmentName> now = *ListSegments(*files_, options_.directory);
      for (const SegmentName& later : now) {
        if (later.path > path) ASSERT_OK(files_->Remove(later.path));
      }
      Replace(path, whole.substr(0, size));
      ASSERT_OK(Open());
      std::vector<std::string> resources;
      for (const AuditRecord& record : All()) resources.push_back(record.event.resource);
      ASSERT_EQ(resources, expected) << size << " bytes of " << path;
      ASSERT_EQ(Problems(), 0u) << size;
    }
  }
}

TEST_F(AuditLogTest, RollsSegments) {
  options_.segment_bytes_max = 2000;
  ASSERT_OK(Open());
  for (int i = 0; i < 50; ++i) ASSERT_OK(log_->Append(Event("read", absl::StrCat("r", i))));
  EXPECT_GT(ListSegments(*files_, options_.directory)->size(), 3u);
  EXPECT_EQ(All().size(), 50u);
  EXPECT_EQ(All(31).size(), 20u);
  EXPECT_EQ(All(31)[0].event.resource, "r30");
  EXPECT_EQ(Problems(), 0u);
  ASSERT_OK(Open());
  EXPECT_EQ(All(50).size(), 1u);
  ASSERT_OK(files_->Remove((*ListSegments(*files_, options_.directory))[1].path));
  EXPECT_GT(Problems(), 0u);
}

TEST_F(AuditLogTest, ManyThreadsAppendOneChain) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([this] {
      for (int i = 0; i < 100; ++i) ASSERT_OK(log_->Append(Event("read")));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(All().size(), 800u);
  EXPECT_EQ(Problems(), 0u);
}

TEST_F(AuditLogTest, NothingInAnEventCanForgeAnEntry) {
  AuditEvent event = Event("read", "line\nbreak\x7f\xff");
  event.user_agent = std::string(5000, 'u');
  ASSERT_OK(log_->Append(event));
  const auto records = All();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].event.resource, "line\\x0abreak\\x7f\\xff");
  EXPECT_LE(records[0].event.user_agent.size(), 1100u);
}

// A change is in the store before its entry is in the log: a log that knows more than the store
// tells of a store that was put back, or whose own log lost its end.
TEST_F(AuditLogTest, AStoreBehindTheLogIsRefusedUnlessAccepted) {
  for (int i = 0; i < 5; ++i) ASSERT_OK(Change("a"));
  Close();
  store_ = *OpenRocksStore({.directory = "/older", .in_memory = true}, clock_);
  store_->SetRecordHasher(NewRecordHasher(*keys_));
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(store_->Update([](const View&, Batch& batch) {
      batch.Put(Family::kRecords, "key", "value");
      return absl::OkStatus();
    }));
  }
  EXPECT_EQ(Open(),
            absl::DataLossError(
                "the audit log has changes up to revision 5, but the store ends at 3: it was put "
                "back, or has lost changes. Restore the whole data directory from one copy, or "
                "start with --accept-rollback REASON"));
  options_.accept_rollback = "Monday's copy";
  ASSERT_OK(Open());
  const AuditEvent accepted = All().back().event;
  EXPECT_EQ(accepted.event, "rollback_accepted");
  EXPECT_EQ(accepted.details,
            (std::vector<std::pair<std::string, std::string>>{
                {"reason", "Monday's copy"}, {"audit_revision", "5"}, {"store_revision", "3"}}));
  EXPECT_GT(store_->LastRevision(), Revision(5));
  // Once is enough, and a change after it has a revision of its own, and an entry, which a crash
  // before it is in the segment does not lose.
  options_.accept_rollback = "";
  ASSERT_OK(Open());
  const std::string before = *files_->Read(LastSegment());
  ASSERT_OK(Change("after"));
  Close();
  Replace(LastSegment(), before);
  ASSERT_OK(Open());
  const AuditRecord last = All().back();
  EXPECT_EQ(last.event.resource, "after");
  EXPECT_GT(last.event.revision, Revision(5));
  EXPECT_TRUE(log_->Verify()->problems.empty());
}

}  // namespace
}  // namespace keyturn
