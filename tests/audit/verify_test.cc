#include "audit/verify.h"

#include "absl/strings/match.h"
#include "tests/audit/audit_fixture.h"

namespace keyturn {
namespace {

using VerifyTest = AuditFixture;

TEST_F(VerifyTest, EveryFlippedByteIsFound) {
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

TEST_F(VerifyTest, DeletedReorderedInsertedAndTruncatedEntriesAreFound) {
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

// Two logs with one beginning are each whole by themselves: what was noted of one tells them apart.
TEST_F(VerifyTest, AForkIsFoundByWhatWasNoted) {
  const auto verify = [this](const AuditNote& note) {
    return *VerifyAuditDirectory(*files_, options_.directory, "", NoProgress, {}, note);
  };
  const auto note = [&] {
    const AuditVerification now = verify({});
    return AuditNote{now.entries, now.head_hash};
  };
  ASSERT_OK(log_->Append(Event("before")));
  const AuditNote common = note();
  const std::string path = LastSegment();
  const std::string beginning = *files_->Read(path);
  ASSERT_OK(log_->Append(Event("one")));
  const AuditNote one = note();
  log_->SetKeys(nullptr);  // a checkpoint, which moves the head and adds no entry
  EXPECT_TRUE(verify(one).problems.empty());
  Close();
  Replace(path, beginning);
  options_.accept_loss = true;
  ASSERT_OK(Open());
  ASSERT_OK(log_->Append(Event("other")));
  EXPECT_TRUE(verify({}).problems.empty());
  EXPECT_TRUE(verify(common).problems.empty());
  ASSERT_EQ(verify(one).problems.size(), 1u);
  EXPECT_TRUE(absl::StrContains(verify(one).problems[0], "a fork"));
  EXPECT_EQ(verify({one.entries + 5, one.head_hash}).problems.size(), 1u);
}

TEST_F(VerifyTest, DamageToWhatWasOnDiskIsNotTakenForATornEnd) {
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

TEST_F(VerifyTest, ALossCanBeAccepted) {
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

TEST_F(VerifyTest, ACheckpointWithoutSignatureIsFound) {
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

TEST_F(VerifyTest, AnotherKeysCheckpointsAreFound) {
  ASSERT_OK(log_->Append(Event("read")));
  log_->SetKeys(nullptr);  // writes a checkpoint
  const std::string public_key = [&] {
    log_->SetKeys(keys_);
    return log_->Verify()->public_key;
  }();
  EXPECT_EQ(VerifyAuditDirectory(*files_, "/audit", public_key, NoProgress)->problems.size(), 0u);
  EXPECT_GT(
      VerifyAuditDirectory(*files_, "/audit", std::string(32, 'x'), NoProgress)->problems.size(),
      0u);
}

// A file system whose every look at a file comes after somebody has appended to the log.
class BusyFiles : public FileSystem {
 public:
  explicit BusyFiles(FileSystem& files) : files_(files) {}
  std::function<void()> meanwhile = [] {};

  absl::StatusOr<std::unique_ptr<WritableFile>> OpenForAppend(const std::string& path,
                                                              uint32_t mode) override {
    return files_.OpenForAppend(path, mode);
  }
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path,
                                                       uint32_t mode) override {
    return files_.Create(path, mode);
  }
  absl::StatusOr<std::string> Read(const std::string& path) override { return files_.Read(path); }
  absl::StatusOr<std::string> ReadAt(const std::string& path, uint64_t offset,
                                     size_t size) override {
    meanwhile();
    return files_.ReadAt(path, offset, size);
  }
  absl::StatusOr<uint64_t> FileSize(const std::string& path) override {
    meanwhile();
    return files_.FileSize(path);
  }
  absl::Status Truncate(const std::string& path, uint64_t size) override {
    return files_.Truncate(path, size);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return files_.Rename(from, to);
  }
  absl::Status Remove(const std::string& path) override { return files_.Remove(path); }
  absl::Status SyncDirectory(const std::string& path) override {
    return files_.SyncDirectory(path);
  }
  absl::Status CreateDirectory(const std::string& path, uint32_t mode) override {
    return files_.CreateDirectory(path, mode);
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override {
    return files_.List(directory);
  }
  bool Exists(const std::string& path) override { return files_.Exists(path); }

 private:
  FileSystem& files_;
};

// Also when a segment ends meanwhile. Half a frame is what a reader sees of one being written.
TEST_F(VerifyTest, EntriesThatComeMeanwhileAreNoProblem) {
  for (const uint64_t segment_bytes : {uint64_t{1} << 20, uint64_t{2000}}) {
    SCOPED_TRACE(segment_bytes);
    Close();
    BusyFiles files(*files_);
    AuditLogOptions options = options_;
    options.directory = absl::StrCat("/busy", segment_bytes);
    options.segment_bytes_max = segment_bytes;
    ASSERT_OK_AND_ASSIGN(const auto log, AuditLog::Open(options, files, *store_, clock_));
    log->SetKeys(keys_);
    for (int i = 0; i < 10; ++i) ASSERT_OK(log->Append(Event("before")));
    int appended = 0;
    files.meanwhile = [&] {
      ++appended;
      EXPECT_OK(log->Append(Event("meanwhile")));
    };
    ASSERT_OK_AND_ASSIGN(const AuditVerification found, log->Verify());
    EXPECT_GT(appended, 1);
    EXPECT_EQ(found.entries, 10u);
    EXPECT_EQ(found.problems, std::vector<std::string>{});
    files.meanwhile = [] {};
    // What was there when the extent was taken must still be there.
    ASSERT_OK_AND_ASSIGN(const AuditVerification later, log->Verify());
    EXPECT_EQ(later.entries, 10u + appended);
    EXPECT_EQ(later.problems, std::vector<std::string>{});
  }
}

TEST_F(VerifyTest, ALogThatLostItsEndIsFoundWhileItRuns) {
  ASSERT_OK(log_->Append(Event("one")));
  ASSERT_OK(log_->Append(Event("two")));
  const std::string path = LastSegment();
  const uint64_t size = *files_->FileSize(path);
  ASSERT_OK(files_->Truncate(path, size - 5));
  EXPECT_EQ(Problems(), 2u) << "half a frame, and an entry less than were written";
}

}  // namespace
}  // namespace keyturn
