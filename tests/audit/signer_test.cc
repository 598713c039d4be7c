// How far the signatures of a log reach: to its end, a second after the last entry.
#include "audit/signer.h"

#include <functional>
#include <string>
#include <thread>

#include "base/limits.h"
#include "tests/audit/audit_fixture.h"

namespace keyturn {
namespace {

class AuditSignerTest : public AuditFixture {
 protected:
  int Checkpoints() {
    int count = 0;
    EXPECT_OK(ForEachFrame(*files_, LastSegment(), 0, [&](const Frame& frame, uint64_t) {
                count += frame.type == FrameType::kCheckpoint;
                return true;
              }).status());
    return count;
  }

  // The log signs and syncs on a thread of its own, by the clock of the test.
  bool Await(const std::function<bool()>& done) {
    const absl::Time deadline = Clock::Real().Now() + absl::Seconds(30);
    while (!done() && Clock::Real().Now() < deadline) {
      clock_.AdvanceTime(absl::Milliseconds(10));
      std::this_thread::yield();
    }
    return done();
  }
  bool AwaitSigned(uint64_t entries) {
    return Await([&] { return log_->Verify()->signed_entries == entries; });
  }

  const absl::Duration due_ = absl::Milliseconds(limits::kAuditSignMillis);
};

TEST_F(AuditSignerTest, ALogThatRestsIsSignedToItsEnd) {
  ASSERT_OK(log_->Append(Event("one")));
  EXPECT_TRUE(AwaitSigned(1));
  ASSERT_OK(Change("two"));
  ASSERT_OK(log_->Append(Event("three")));
  EXPECT_EQ(log_->Verify()->signed_entries, 1u);
  EXPECT_TRUE(AwaitSigned(3));
  EXPECT_EQ(Checkpoints(), 2);
  EXPECT_EQ(Problems(), 0u);
}

TEST_F(AuditSignerTest, ALogThatNeverRestsIsSignedASecondAfterTheFirstEntry) {
  ASSERT_OK(log_->Append(Event("one")));
  clock_.AdvanceTime(due_ - absl::Milliseconds(1));
  ASSERT_OK(log_->Append(Event("two")));
  EXPECT_EQ(log_->Verify()->signed_entries, 0u);
  clock_.AdvanceTime(absl::Milliseconds(1));
  ASSERT_OK(log_->Append(Event("three")));
  EXPECT_GE(log_->Verify()->signed_entries, 2u);
}

TEST_F(AuditSignerTest, ACheckpointIsSyncedToo) {
  options_.sync_reads = true;
  ASSERT_OK(Open());
  ASSERT_OK(log_->Append(Event("one")));
  EXPECT_EQ(log_->unsynced_bytes(), 0u);
  EXPECT_TRUE(AwaitSigned(1));
  EXPECT_TRUE(Await([&] { return log_->unsynced_bytes() == 0; }));
}

TEST_F(AuditSignerTest, ALogWithoutNewEntriesIsNotWrittenTo) {
  ASSERT_OK(log_->Append(Event("one")));
  EXPECT_TRUE(AwaitSigned(1));
  const std::string before = *files_->Read(LastSegment());
  for (int i = 0; i < 3; ++i) {
    clock_.AdvanceTime(absl::Hours(1));
    ASSERT_OK(Open());
  }
  EXPECT_EQ(*files_->Read(LastSegment()), before);
}

TEST_F(AuditSignerTest, WhatACrashOrASealLeftUnsignedIsSignedWithTheNextKeys) {
  ASSERT_OK(log_->Append(Event("one")));
  const std::string unsigned_yet = *files_->Read(LastSegment());
  Close();
  Replace(LastSegment(), unsigned_yet);
  ASSERT_OK(Open());
  EXPECT_EQ(log_->Verify()->signed_entries, 1u);

  log_->SetKeys(nullptr);
  ASSERT_OK(log_->Append(Event("two")));
  clock_.AdvanceTime(due_);
  EXPECT_EQ(log_->Verify()->signed_entries, 1u);
  log_->SetKeys(keys_);
  EXPECT_EQ(log_->Verify()->signed_entries, 2u);
  EXPECT_EQ(Problems(), 0u);
}

TEST_F(AuditSignerTest, ManyEntriesAreSignedWithoutWaiting) {
  ChainState state = ChainState::Start();
  AuditSigner signer;
  signer.SetKeys(keys_);
  EXPECT_EQ(signer.DueIn(state, 0), absl::InfiniteDuration());
  EXPECT_EQ(signer.Checkpoint(&state), std::nullopt);
  for (uint64_t i = 1; i < limits::kAuditSignEntries; ++i) EntryFrame("e", Revision(0), &state);
  signer.Wrote(0);
  EXPECT_EQ(signer.DueIn(state, 0), due_);
  EXPECT_EQ(signer.DueIn(state, absl::ToInt64Nanoseconds(due_)), absl::ZeroDuration());
  EntryFrame("e", Revision(0), &state);
  EXPECT_EQ(signer.DueIn(state, 0), absl::ZeroDuration());
  EXPECT_NE(signer.Checkpoint(&state), std::nullopt);
  EXPECT_FALSE(signer.waiting());
  EXPECT_EQ(signer.Checkpoint(&state), std::nullopt);
}

TEST_F(AuditSignerTest, WithoutKeysNothingIsSigned) {
  ChainState state = ChainState::Start();
  AuditSigner signer;
  EntryFrame("e", Revision(0), &state);
  signer.Wrote(0);
  EXPECT_FALSE(signer.waiting());
  EXPECT_EQ(signer.Checkpoint(&state), std::nullopt);
  EXPECT_EQ(signer.MacOf("value"), "");
  EXPECT_EQ(signer.public_key(), "");
}

}  // namespace
}  // namespace keyturn
