// Segments are made frame by frame: what a crash leaves of them is not what the log writes.
#include "audit/recovery.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/coding.h"
#include "storage/rocks_store.h"
#include "storage/schema.h"
#include "tests/support/fault_files.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

class RecoveryTest : public testing::Test {
 protected:
  // The frames of a segment, and what the log is after each.
  struct Segment {
    std::string path;
    std::vector<std::string> frames;
    std::vector<ChainState> states;

    std::string Bytes() const {
      std::string out;
      for (const std::string& frame : frames) out += frame;
      return out;
    }
  };

  // The log's next segment: a header, then entries 'e' and checkpoints 'c'. It is written.
  Segment Begin(const std::string& kinds) {
    Segment segment;
    segment.path = SegmentPath("/audit", state_.next_sequence);
    const auto add = [&](std::string frame) {
      segment.frames.push_back(std::move(frame));
      segment.states.push_back(state_);
    };
    add(HeaderFrame(&state_));
    for (const char kind : kinds) {
      add(kind == 'e' ? Entry(&state_) : CheckpointFrame(std::string(64, 's'), &state_));
    }
    Write(segment.path, segment.Bytes());
    return segment;
  }
  static std::string Entry(ChainState* state) {
    AuditEvent event;
    event.resource = absl::StrCat("r", state->next_sequence);
    event.revision = Revision(100 + state->next_sequence);
    return EntryFrame(EncodeEvent(event), event.revision, state);
  }

  void Write(const std::string& path, const std::string& bytes) {
    ASSERT_OK(WriteFileAtomically(*files_, path, bytes, 0600));
  }
  std::string Read(const std::string& path) {
    const auto bytes = files_->Read(path);
    return bytes.ok() ? *bytes : bytes.status().ToString();
  }
  // A frame's last byte is of its hash.
  static std::string WithBadHash(std::string frame) {
    frame.back() = static_cast<char>(frame.back() ^ 1);
    return frame;
  }

  // "3 in <path>", the next sequence and the segment to go on with, or the status.
  std::string Recover(uint64_t synced = 0) {
    auto log = RecoverLog(*files_, "/audit", synced);
    if (!log.ok()) return log.status().ToString();
    recovered_ = log->state;
    return absl::StrCat(log->state.next_sequence, " in ",
                        log->last.has_value() ? log->last->path : "none");
  }
  // Everything that the next frame depends on, of what was recovered last.
  void ExpectState(const ChainState& expected) {
    EXPECT_EQ(HexEncode(recovered_.head), HexEncode(expected.head));
    EXPECT_EQ(recovered_.next_sequence, expected.next_sequence);
    EXPECT_EQ(recovered_.last_revision, expected.last_revision);
    EXPECT_EQ(recovered_.tree.size(), expected.tree.size());
    EXPECT_EQ(HexEncode(recovered_.tree.Root()), HexEncode(expected.tree.Root()));
  }

  const std::unique_ptr<FileSystem> files_ = NewMemoryFileSystem();
  ChainState state_ = ChainState::Start();
  ChainState recovered_;
};

TEST_F(RecoveryTest, WithoutSegmentsTheLogIsAtItsStart) {
  EXPECT_EQ(Recover(), "1 in none");
  ExpectState(ChainState::Start());
  ASSERT_OK(files_->CreateDirectory("/audit", 0700));
  EXPECT_EQ(Recover(), "1 in none");
}

TEST_F(RecoveryTest, TheBeginningOfAFrameIsNone) {
  const std::string frame = Entry(&state_);
  for (size_t size = 0; size < frame.size(); ++size) {
    absl::string_view torn = absl::string_view(frame).substr(0, size);
    EXPECT_FALSE(ReadFrame(&torn).has_value()) << size;
    EXPECT_EQ(torn.size(), size);
  }
}

// The numbers of a header count only once its hash is right.
TEST_F(RecoveryTest, ABadHeaderAloneIsNotBelieved) {
  ChainState elsewhere = ChainState::Start();
  elsewhere.next_sequence = 1000;
  const std::string path = SegmentPath("/audit", 1);
  Write(path, WithBadHash(HeaderFrame(&elsewhere)));
  EXPECT_EQ(Recover(7).substr(0, 10), "DATA_LOSS:");
  EXPECT_TRUE(files_->Exists(path));
  EXPECT_EQ(Recover(0), "1 in none");
  ExpectState(ChainState::Start());
}

TEST_F(RecoveryTest, TheLogGoesOnWhereItEnded) {
  const Segment first = Begin("eece");
  EXPECT_EQ(Recover(3), "4 in " + first.path);
  ExpectState(state_);
  const Segment second = Begin("ec");
  EXPECT_EQ(Recover(4), "5 in " + second.path);
  ExpectState(state_);
  EXPECT_EQ(Read(first.path), first.Bytes());
  EXPECT_EQ(Read(second.path), second.Bytes());
}

// All of it is for verify to read: a log of many segments would take long to start.
TEST_F(RecoveryTest, OnlyTheNewestSegmentsAreRead) {
  const Segment oldest = Begin("ee");
  Begin("e");
  const Segment newest = Begin("e");
  Write(oldest.path, "damaged");
  EXPECT_EQ(Recover(4), "5 in " + newest.path);
  ExpectState(state_);
  ASSERT_OK(files_->Remove(oldest.path));
  EXPECT_EQ(Recover(4), "5 in " + newest.path);
  ExpectState(state_);
}

TEST_F(RecoveryTest, WhatIsLeftOfATornFrameIsCutOffAtAnyByte) {
  Begin("ee");
  const ChainState before = state_;
  const Segment newest = Begin("ece");
  const std::string whole = newest.Bytes();
  size_t frames = 0, end = 0;  // whole ones before the cut
  for (size_t size = 0; size <= whole.size(); ++size) {
    SCOPED_TRACE(size);
    if (frames < newest.frames.size() && size == end + newest.frames[frames].size()) {
      end = size;
      ++frames;
    }
    Write(newest.path, whole.substr(0, size));
    if (frames == 0) {
      ASSERT_EQ(Recover(2), "3 in none");
      ExpectState(before);
      EXPECT_FALSE(files_->Exists(newest.path));
      continue;
    }
    const ChainState& expected = newest.states[frames - 1];
    ASSERT_EQ(Recover(2), absl::StrCat(expected.next_sequence, " in ", newest.path));
    ExpectState(expected);
    EXPECT_TRUE(Read(newest.path) == whole.substr(0, end));
  }
  EXPECT_EQ(frames, newest.frames.size());
}

TEST_F(RecoveryTest, ALogWhoseOnlySegmentIsTornInItsHeaderBeginsAnew) {
  const Segment only = Begin("");
  Write(only.path, only.Bytes().substr(0, 40));
  EXPECT_EQ(Recover(), "1 in none");
  ExpectState(ChainState::Start());
  EXPECT_FALSE(files_->Exists(only.path));
}

// A disk may have made room for bytes that it did not write.
TEST_F(RecoveryTest, ALastFrameOfOtherBytesIsCutOffAsWell) {
  const Segment only = Begin("ee");
  const std::string good = only.frames[0] + only.frames[1];
  const size_t size = only.frames[2].size();
  for (const std::string& torn :
       {WithBadHash(only.frames[2]), std::string(100, '\0'), std::string(1, '\0') + only.frames[2],
        only.frames[2].substr(0, 20) + std::string(size - 20, '\0'), std::string(100, '\xff')}) {
    Write(only.path, good + torn);
    EXPECT_EQ(Recover(1), "2 in " + only.path);
    ExpectState(only.states[1]);
    EXPECT_EQ(Read(only.path), good);
  }
}

TEST_F(RecoveryTest, ABadFrameWithMoreBehindItIsDamageAndNothingIsCut) {
  Begin("e");
  const Segment newest = Begin("eec");
  const std::vector<std::string>& good = newest.frames;
  ChainState elsewhere = newest.states[0];
  ++elsewhere.next_sequence;
  const std::string skipped = Entry(&elsewhere);
  ChainState emptier = newest.states[1];
  emptier.tree = MerkleTree();
  const std::string forged = CheckpointFrame("s", &emptier);
  const std::pair<std::string, std::string> damages[] = {
      {WithBadHash(good[0]) + good[1], ", after entry 1: the chain of hashes is broken"},
      {good[0] + WithBadHash(good[1]) + good[2], ", after entry 1: the chain of hashes is broken"},
      {good[0] + good[1] + WithBadHash(good[2]) + good[3],
       ", after entry 2: the chain of hashes is broken"},
      {good[0] + skipped + good[2], ", after entry 1: entry 3 stands where 2 belongs"},
      {good[0] + good[2] + good[1], ", after entry 1: entry 3 stands where 2 belongs"},
      {good[0] + good[1] + forged + good[3],
       ", after entry 2: a checkpoint does not agree with the entries before it"},
      {good[0] + good[1] + good[0] + good[2],
       ", after entry 2: the segment's header does not continue the log before it"},
  };
  for (const auto& [bytes, problem] : damages) {
    Write(newest.path, bytes);
    EXPECT_EQ(Recover(), "DATA_LOSS: " + newest.path + problem);
    EXPECT_EQ(Read(newest.path), bytes);
  }
}

// Only the newest segment can have been written to when the power went.
TEST_F(RecoveryTest, AnOlderSegmentThatIsTornIsDamage) {
  const Segment older = Begin("ee");
  const Segment newest = Begin("e");
  const std::string good = older.Bytes();
  const std::string last_bad = older.frames[0] + older.frames[1] + WithBadHash(older.frames[2]);
  const std::pair<std::string, std::string> damages[] = {
      {good.substr(0, good.size() - 1), " ends in a torn entry"},
      {good + "x", " ends in a torn entry"},
      {last_bad, ", after entry 1: the chain of hashes is broken"},
  };
  for (const auto& [bytes, problem] : damages) {
    Write(older.path, bytes);
    EXPECT_EQ(Recover(), "DATA_LOSS: " + older.path + problem);
    EXPECT_EQ(Read(older.path), bytes);
  }
  Write(older.path, "");
  EXPECT_EQ(Recover(), "DATA_LOSS: " + newest.path +
                           ", after entry 0: the segment's header does not continue the log "
                           "before it");
}

TEST_F(RecoveryTest, AMissingSegmentIsDamage) {
  Begin("ee");
  const Segment missing = Begin("e");
  const Segment newest = Begin("e");
  ASSERT_OK(files_->Remove(missing.path));
  EXPECT_EQ(Recover(), "DATA_LOSS: " + newest.path +
                           ", after entry 2: the segment's header does not continue the log "
                           "before it");
}

TEST_F(RecoveryTest, EntriesThatWereOnDiskAreMissedAndNothingIsCut) {
  const auto lost = [](const std::string& where, const std::string& entries) {
    return "DATA_LOSS: " + where + ": entries " + entries +
           " of the audit log were on disk and are gone or damaged; restore the audit directory, "
           "or start once with --accept-audit-loss to go on without them";
  };
  EXPECT_EQ(Recover(2), lost("/audit", "1 to 2"));
  const Segment only = Begin("ee");
  EXPECT_EQ(Recover(2), "3 in " + only.path);
  EXPECT_EQ(Recover(5), lost(only.path, "3 to 5"));
  const std::string torn = only.Bytes().substr(0, only.Bytes().size() - 1);
  Write(only.path, torn);
  EXPECT_EQ(Recover(2), lost(only.path, "2 to 2"));
  EXPECT_EQ(Read(only.path), torn);
  Write(only.path, "");
  EXPECT_EQ(Recover(1), lost(only.path, "1 to 1"));
  EXPECT_TRUE(files_->Exists(only.path));
}

TEST_F(RecoveryTest, OtherFilesAreLeftAlone) {
  const Segment only = Begin("e");
  const std::vector<std::string> others = {"/audit/audit-00000000000000000002.ktl.new",
                                           "/audit/audit-2.ktl", "/audit/notes"};
  for (const std::string& other : others) Write(other, "x");
  EXPECT_EQ(Recover(1), "2 in " + only.path);
  for (const std::string& other : others) EXPECT_EQ(Read(other), "x");
}

TEST_F(RecoveryTest, WhenTheDiskRefusesTheCutItIsMadeTheNextTime) {
  FaultDisk disk(7);
  const std::unique_ptr<FileSystem> files = NewFaultFileSystem(disk);
  ASSERT_OK(files->CreateDirectory("/audit", 0700));
  const Segment only = Begin("e");
  ASSERT_OK(WriteFileAtomically(*files, only.path, only.Bytes() + "torn", 0600));
  disk.FailAt(1, DiskFault::kError);
  EXPECT_CODE(RecoverLog(*files, "/audit", 1), kUnavailable);
  const auto log = RecoverLog(*files, "/audit", 1);
  ASSERT_OK(log);
  EXPECT_EQ(log->state.next_sequence, 2u);
  EXPECT_EQ(*files->Read(only.path), only.Bytes());
}

class SyncedNoteTest : public testing::Test {
 protected:
  absl::Status Update(UpdateFn fn) { return store_->Update(fn).status(); }
  // How many records noting this writes.
  size_t Note(uint64_t sequence) {
    size_t written = 0;
    EXPECT_OK(Update([&](const View& view, Batch& batch) {
      const absl::Status noted = NoteSynced(sequence, view, batch);
      written = batch.operations().size();
      return noted;
    }));
    return written;
  }
  uint64_t Synced() { return ReadSynced(*store_->GetSnapshot()).value(); }

  SimulatedClock clock_;
  const std::unique_ptr<Store> store_ =
      *OpenRocksStore({.directory = "/mem", .in_memory = true}, clock_);
};

TEST_F(SyncedNoteTest, IsWhatTheNewestChangeNoted) {
  EXPECT_EQ(Synced(), 0u);
  EXPECT_EQ(Note(7), 1u);
  EXPECT_EQ(Synced(), 7u);
  EXPECT_EQ(Note(uint64_t{1} << 40), 1u);
  EXPECT_EQ(Synced(), uint64_t{1} << 40);
  // As when a loss was accepted.
  ASSERT_OK(Update([](const View&, Batch& batch) {
    WriteSynced(3, batch);
    return absl::OkStatus();
  }));
  EXPECT_EQ(Synced(), 3u);
}

TEST_F(SyncedNoteTest, WhatIsNotedAlreadyIsNotWrittenAgain) {
  EXPECT_EQ(Note(0), 0u);
  EXPECT_EQ(Note(7), 1u);
  EXPECT_EQ(Note(7), 0u);
  EXPECT_EQ(Synced(), 7u);
}

TEST_F(SyncedNoteTest, ANoteThatIsCutShortIsNoNumber) {
  ASSERT_OK(Update([](const View&, Batch& batch) {
    batch.Put(Family::kMeta, schema::kAuditSyncedKey, "short");
    return absl::OkStatus();
  }));
  const std::string expected = "DATA_LOSS: meta record audit/synced is cut short";
  EXPECT_EQ(ReadSynced(*store_->GetSnapshot()).status().ToString(), expected);
  EXPECT_EQ(
      Update([](const View& view, Batch& batch) { return NoteSynced(7, view, batch); }).ToString(),
      expected);
}

}  // namespace
}  // namespace keyturn
