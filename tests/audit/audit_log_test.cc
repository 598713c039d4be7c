#include "audit/audit_log.h"

#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "audit/segments.h"
#include "keyring/envelope.h"
#include "storage/rocks_store.h"
#include "storage/schema.h"
#include "tests/support/keys.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

class AuditLogTest : public testing::Test {
 protected:
  AuditLogTest() : files_(NewMemoryFileSystem()), keys_(TestKeys()) {
    store_ = *OpenRocksStore({.directory = "/mem", .in_memory = true}, clock_);
    store_->SetRecordHasher(NewRecordHasher(keys_));
    EXPECT_OK(Open());
  }
  ~AuditLogTest() override { Close(); }

  void Close() {
    store_->SetCommitListener(nullptr);
    log_.reset();
  }

  absl::Status Open() {
    Close();
    auto log = AuditLog::Open(options_, *files_, *store_, clock_);
    if (!log.ok()) return log.status();
    log_ = *std::move(log);
    log_->SetKeys(keys_);
    store_->SetCommitListener(
        [this](absl::Span<const CommittedUpdate> group) { log_->OnCommitted(group); });
    return absl::OkStatus();
  }

  AuditEvent Event(const std::string& name, const std::string& resource = "a/b") {
    AuditEvent event;
    event.time = clock_.Now();
    event.event = name;
    event.resource = resource;
    event.details = {{"k", "v"}};
    return event;
  }

  absl::Status Change(const std::string& resource) {
    const AuditEvent event = Event("secret_written", resource);
    AuditedUpdater updater(*store_, *log_, event);
    const auto result = updater.Update([](const View&, Batch& batch) {
      batch.Put(Family::kRecords, "key", "value");
      batch.Note("version", "7");
      return absl::OkStatus();
    });
    EXPECT_EQ(updater.recorded(), result.ok());
    return result.status();
  }

  std::vector<AuditRecord> All(uint64_t from = 1) {
    std::vector<AuditRecord> out;
    EXPECT_OK(log_->Read(from, [&](const AuditRecord& record) {
      out.push_back(record);
      return true;
    }));
    return out;
  }

  std::string LastSegment() { return ListSegments(*files_, options_.directory)->back().path; }

  void Replace(const std::string& path, const std::string& bytes) {
    ASSERT_OK(WriteFileAtomically(*files_, path, bytes, 0600));
  }

  size_t Problems() {
    const auto verified = log_->Verify();
    EXPECT_OK(verified);
    return verified->problems.size();
  }

  SimulatedClock clock_;
  AuditLogOptions options_{.directory = "/audit", .sync_reads = true};
  std::unique_ptr<FileSystem> files_;
  std::shared_ptr<const KeyringSnapshot> keys_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<AuditLog> log_;
};

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

TEST_F(AuditLogTest, AFailedChangeLeavesNoEntry) {
  const AuditEvent event = Event("secret_written");
  AuditedUpdater updater(*store_, *log_, event);
  EXPECT_FALSE(updater.Update([](const View&, Batch&) { return absl::AbortedError("no"); }).ok());
  EXPECT_FALSE(updater.recorded());
  EXPECT_TRUE(All().empty());
}

TEST_F(AuditLogTest, AnUpdateThatChangesNothingLeavesNoEntry) {
  const AuditEvent event = Event("secret_written");
  AuditedUpdater updater(*store_, *log_, event);
  ASSERT_OK(updater.Update([](const View&, Batch&) { return absl::OkStatus(); }));
  EXPECT_FALSE(updater.recorded());
  EXPECT_TRUE(All().empty());
}

TEST_F(AuditLogTest, NotesOfAChangeCompleteItsOwnEntryOnly) {
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

TEST_F(AuditLogTest, EveryFlippedByteIsFound) {
  for (int i = 0; i < 4; ++i) ASSERT_OK(log_->Append(Event("read")));
  const std::string path = LastSegment();
  const std::string whole = *files_->Read(path);
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string bad = whole;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    Replace(path, bad);
    ASSERT_GT(Problems(), 0u) << i;
  }
  Replace(path, whole);
  EXPECT_EQ(Problems(), 0u);
}

TEST_F(AuditLogTest, DeletedReorderedInsertedAndTruncatedEntriesAreFound) {
  for (int i = 0; i < 4; ++i) ASSERT_OK(log_->Append(Event(absl::StrCat("read", i))));
  const std::string path = LastSegment();
  const std::string whole = *files_->Read(path);
  std::vector<std::string> frames;
  uint64_t begin = 0;
  ASSERT_OK(ForEachFrame(*files_, path, 0, [&](const Frame&, uint64_t end) {
    frames.push_back(whole.substr(begin, end - begin));
    begin = end;
    return true;
  }));
  ASSERT_EQ(frames.size(), 5u);  // the header and four entries
  const auto with = [&](const std::vector<int>& order) {
    std::string out;
    for (const int i : order) out += frames[static_cast<size_t>(i)];
    Replace(path, out);
    return Problems();
  };
  EXPECT_EQ(with({0, 1, 2, 3, 4}), 0u);
  EXPECT_GT(with({0, 1, 3, 4}), 0u);
  EXPECT_GT(with({0, 2, 1, 3, 4}), 0u);
  EXPECT_GT(with({0, 1, 2, 2, 3, 4}), 0u);
  EXPECT_GT(with({0, 1, 2, 3}), 0u);
  EXPECT_GT(with({1, 2, 3, 4}), 0u);
}

TEST_F(AuditLogTest, DamageToWhatWasOnDiskIsNotTakenForATornEnd) {
  options_.sync_reads = true;
  ASSERT_OK(Open());
  for (int i = 0; i < 6; ++i) ASSERT_OK(log_->Append(Event(absl::StrCat("read", i))));
  ASSERT_OK(Change("x"));
  Close();
  const std::string path = LastSegment();
  const std::string whole = *files_->Read(path);
  uint64_t sixth_ends = 0;
  ASSERT_OK(ForEachFrame(*files_, path, 0, [&](const Frame& frame, uint64_t end) {
    const std::optional<AuditRecord> record = ParseEntry(frame);
    if (record.has_value() && record->sequence == 6) sixth_ends = end;
    return true;
  }));
  ASSERT_GT(sixth_ends, 0u);
  for (size_t at = 0; at < sixth_ends; at += 7) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    Replace(path, damaged);
    SCOPED_TRACE(at);
    EXPECT_CODE(Open(), kDataLoss);
    EXPECT_EQ(*files_->Read(path), damaged) << "nothing may be cut";
  }
  Replace(path, whole.substr(0, sixth_ends - 1));
  const absl::Status lost = Open();
  EXPECT_CODE(lost, kDataLoss);
  EXPECT_TRUE(absl::StrContains(lost.message(), "entries 6 to 6")) << lost;
  ASSERT_OK(files_->Remove(path));
  EXPECT_CODE(Open(), kDataLoss);
  // What is behind may be what a crash left: it is cut.
  Replace(path, whole + whole.substr(0, 20));
  ASSERT_OK(Open());
  EXPECT_EQ(All().size(), 7u);
}

TEST_F(AuditLogTest, ALossCanBeAccepted) {
  options_.sync_reads = true;
  ASSERT_OK(Open());
  for (int i = 0; i < 6; ++i) ASSERT_OK(log_->Append(Event(absl::StrCat("read", i))));
  ASSERT_OK(Change("x"));
  Close();
  ASSERT_OK(files_->Remove(LastSegment()));
  ASSERT_FALSE(Open().ok());
  options_.accept_loss = true;
  ASSERT_OK(Open());
  options_.accept_loss = false;
  ASSERT_OK(Open());
  EXPECT_EQ(All().size(), 1u);  // the change, which the store had
  EXPECT_EQ(Problems(), 0u);
}

TEST_F(AuditLogTest, ACheckpointWithoutSignatureIsFound) {
  ASSERT_OK(log_->Append(Event("read")));
  log_->SetKeys(nullptr);  // writes a checkpoint
  log_->SetKeys(keys_);
  Close();
  const std::string path = LastSegment();
  std::string forged;
  ChainState state = ChainState::Start();
  ASSERT_OK(ForEachFrame(*files_, path, 0, [&](const Frame& frame, uint64_t) {
    if (frame.type == FrameType::kHeader) forged += HeaderFrame(&state);
    if (frame.type == FrameType::kEntry) {
      AuditEvent event = ParseEntry(frame)->event;
      event.principal = "somebody else";
      forged += EntryFrame(EncodeEvent(event), Revision(0), &state);
    }
    if (frame.type == FrameType::kCheckpoint) forged += CheckpointFrame("", &state);
    return true;
  }));
  Replace(path, forged);
  ASSERT_OK(Open());
  EXPECT_EQ(Problems(), 1u);
}

TEST_F(AuditLogTest, AnotherKeysCheckpointsAreFound) {
  ASSERT_OK(log_->Append(Event("read")));
  log_->SetKeys(nullptr);  // writes a checkpoint
  const std::string public_key = [&] {
    log_->SetKeys(keys_);
    return log_->Verify()->public_key;
  }();
  EXPECT_EQ(VerifyAuditDirectory(*files_, "/audit", public_key)->problems.size(), 0u);
  EXPECT_GT(VerifyAuditDirectory(*files_, "/audit", std::string(32, 'x'))->problems.size(), 0u);
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

TEST_F(AuditLogTest, TheTailIsTrimmedOnceSegmentsAreSynced) {
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

TEST_F(AuditLogTest, UpdatesOfOneGroupTrimDifferentEntriesAndNoneIsForgotten) {
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

TEST_F(AuditLogTest, NothingInAnEventCanForgeAnEntry) {
  AuditEvent event = Event("read", "line\nbreak\x7f\xff");
  event.user_agent = std::string(5000, 'u');
  ASSERT_OK(log_->Append(event));
  const auto records = All();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].event.resource, "line\\x0abreak\\x7f\\xff");
  EXPECT_LE(records[0].event.user_agent.size(), 1100u);
}

// A reply that carries it must parse, and a terminal must not obey it.
TEST(EventCodec, WhatIsNoTextIsEscaped) {
  const std::pair<const char*, const char*> cases[] = {
      {"\xc3\xa4", "\xc3\xa4"},
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},  // a surrogate
      {"\xed\x9f\xbf", "\xed\x9f\xbf"},
      {"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},  // overlong
      {"\xe0\xa0\x80", "\xe0\xa0\x80"},
      {"\xc2\x9b", "\\xc2\\x9b"},  // CSI
      {"\xc2\xa0", "\xc2\xa0"},
      {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
      {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
      {"\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf"},
      {"\xf0\x90\x80\x80", "\xf0\x90\x80\x80"},
  };
  for (const auto& [given, kept] : cases) {
    AuditEvent event;
    event.resource = given;
    const std::optional<AuditEvent> back = DecodeEvent(EncodeEvent(event));
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(back->resource, kept);
  }
}

TEST(EventCodec, AnEventComesBackWhole) {
  const AuditEvent event = {.time = absl::FromUnixNanos(1234567890123),
                            .event = "secret_read",
                            .principal = "token:ci",
                            .auth_method = "token",
                            .method = "/keyturn.v1.SecretService/Get",
                            .resource = "a/\xc3\xa4",
                            .source = "192.0.2.1",
                            .user_agent = "agent",
                            .correlation_id = "id",
                            .outcome = "NOT_FOUND",
                            .reason = "VERSION_EXPIRED",
                            .revision = Revision(7),
                            .version = SecretVersion(8),
                            .count = 9,
                            .details = {{"a", "b"}, {"c", ""}}};
  const std::optional<AuditEvent> read = DecodeEvent(EncodeEvent(event));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->time, event.time);
  EXPECT_EQ(
      absl::StrJoin(
          {read->event, read->principal, read->auth_method, read->method, read->resource,
           read->source, read->user_agent, read->correlation_id, read->outcome, read->reason},
          "|"),
      "secret_read|token:ci|token|/keyturn.v1.SecretService/Get|a/\xc3\xa4|192.0.2.1|agent|id|"
      "NOT_FOUND|VERSION_EXPIRED");
  EXPECT_EQ(read->revision, Revision(7));
  EXPECT_EQ(read->version, SecretVersion(8));
  EXPECT_EQ(read->count, 9u);
  EXPECT_EQ(read->details, event.details);
}

TEST(EventCodec, DetailsBeyondTheBoundAreLeftOut) {
  AuditEvent event;
  for (int i = 0; i < 17; ++i) event.details.emplace_back(absl::StrCat(i), "x");
  const std::optional<AuditEvent> read = DecodeEvent(EncodeEvent(event));
  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->details.size(), 16u);
  EXPECT_EQ(read->details.back().first, "15");
}

TEST(EventCodec, WhatDecodesEncodesToTheSameBytes) {
  AuditEvent event;
  event.time = absl::FromUnixNanos(1234567890123);
  event.event = "e";
  event.details = {{"a", "b"}, {"c", "d"}};
  const std::string bytes = EncodeEvent(event);
  ASSERT_TRUE(DecodeEvent(bytes).has_value());
  EXPECT_EQ(EncodeEvent(*DecodeEvent(bytes)), bytes);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeEvent(absl::string_view(bytes).substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(DecodeEvent(bytes + "x").has_value());
}

TEST(AuditFilterTest, EachFieldNarrows) {
  AuditRecord record;
  record.event.time = absl::FromUnixSeconds(100);
  record.event.event = "read";
  record.event.principal = "p";
  record.event.resource = "a/b";
  record.event.correlation_id = "c";
  EXPECT_TRUE(Matches({}, record));
  const auto matches = [&record](std::string AuditFilter::*field, const std::string& wanted) {
    AuditFilter filter;
    filter.*field = wanted;
    return Matches(filter, record);
  };
  EXPECT_TRUE(matches(&AuditFilter::event, "read"));
  EXPECT_FALSE(matches(&AuditFilter::event, "rea"));
  EXPECT_TRUE(matches(&AuditFilter::principal, "p"));
  EXPECT_FALSE(matches(&AuditFilter::principal, "-"));
  EXPECT_TRUE(matches(&AuditFilter::resource_prefix, "a/"));
  EXPECT_FALSE(matches(&AuditFilter::resource_prefix, "a/b/"));
  EXPECT_TRUE(matches(&AuditFilter::correlation_id, "c"));
  EXPECT_FALSE(matches(&AuditFilter::correlation_id, "d"));
  EXPECT_TRUE(matches(&AuditFilter::outcome, "ok"));
  EXPECT_FALSE(matches(&AuditFilter::outcome, "NOT_FOUND"));
  // From the first moment on, and before the second.
  AuditFilter times;
  times.after = absl::FromUnixSeconds(100);
  times.before = absl::FromUnixSeconds(101);
  EXPECT_TRUE(Matches(times, record));
  times.after = absl::FromUnixSeconds(101);
  EXPECT_FALSE(Matches(times, record));
  times.after = absl::InfinitePast();
  times.before = absl::FromUnixSeconds(100);
  EXPECT_FALSE(Matches(times, record));
}

}  // namespace
}  // namespace keyturn
