#include "revocation/verify.h"

#include "base/limits.h"
#include "tests/revocation/list_fixture.h"
#include "tests/revocation/map_snapshot.h"

namespace keyturn {
namespace {

class VerifyLogTest : public ListFixture {
 protected:
  absl::StatusOr<VerifiedLog> Verify(ProgressFn progress = NoProgress) {
    return VerifyRevocationLog(*store_->GetSnapshot(), *keys_, NowMs(), progress);
  }
  void Fill() {
    NewList({.snapshots = {.log_bytes_min = 10'000}});
    Load();
    // Each a record of its own.
    for (int i = 0; i < 50; ++i) {
      ASSERT_OK(list_->WaitFor(Put(absl::StrCat("k", i), "1", 10 * kHour)));
    }
    ASSERT_OK(list_->WaitFor(Add("set", {"x"})));
    ASSERT_OK(list_->Sweep());
    ASSERT_EQ(list_->stats().snapshots, 1U);
    ASSERT_OK(list_->WaitFor(Put("behind", "1", 10 * kHour)));
  }
};

TEST_F(VerifyLogTest, AGoodLogIsReadWholeAndIsNotChanged) {
  ASSERT_OK_AND_ASSIGN(VerifiedLog verified, Verify());
  EXPECT_EQ(verified.read, 0U);
  Fill();
  const auto before = Records();
  ASSERT_OK_AND_ASSIGN(verified, Verify());
  EXPECT_EQ(verified.read, 52U);
  EXPECT_FALSE(verified.problem.has_value());
  EXPECT_EQ(Records(), before);
  EXPECT_TRUE(Exists("k0"));
}

TEST_F(VerifyLogTest, EachRecordAndChunkThatIsDamagedIsNamed) {
  Fill();
  ASSERT_OK(list_->Sweep());  // which drops what the snapshot stands for
  const auto records = Records();
  ASSERT_EQ(records.size(), 3U);  // state, chunk, record
  for (const auto& [key, value] : records) {
    auto bad = records;
    bad[key].back() ^= 1;
    ASSERT_OK_AND_ASSIGN(const VerifiedLog verified,
                         VerifyRevocationLog(MapSnapshot(bad), *keys_, NowMs(), NoProgress));
    ASSERT_TRUE(verified.problem.has_value());
    EXPECT_TRUE(verified.problem->what.starts_with("the revocation log: "))
        << verified.problem->what;
  }
}

TEST_F(VerifyLogTest, TellsHowFarItIsAndStopsWhenTold) {
  Load();
  uint64_t change = 0;
  for (int i = 0; i < 2 * limits::kProgressEveryRecords; i += 1000) {
    auto transaction = Begin();
    for (int j = 0; j < 1000; ++j) {
      ASSERT_OK(transaction->Put(absl::StrCat("k", i + j), "1", NowMs() + 10 * kHour));
    }
    change = transaction->Commit();
  }
  ASSERT_OK(list_->WaitFor(change));
  std::vector<uint64_t> told;
  ASSERT_OK(Verify([&told](uint64_t done, uint64_t) {
    told.push_back(done);
    return absl::OkStatus();
  }));
  EXPECT_EQ(told, (std::vector<uint64_t>{4096, 8192}));
  EXPECT_CODE(Verify([](uint64_t, uint64_t) { return absl::CancelledError("enough"); }),
              kCancelled);
}

}  // namespace
}  // namespace keyturn
