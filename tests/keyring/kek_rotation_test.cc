// The life of KEKs in the keyring: rotation, what older snapshots can still do, retirement, and
// each with a fault at every file operation.
#include "base/limits.h"
#include "crypto/arena.h"
#include "keyring/envelope.h"
#include "keyring/keyring.h"
#include "tests/support/fault_files.h"
#include "tests/support/fault_fixture.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

constexpr int kLossesPerFault = 8;

class KekRotationTest : public FaultFixture {
 protected:
  using Keys = std::shared_ptr<const KeyringSnapshot>;

  void SetUp() override {
    FaultFixture::SetUp();
    NewVault();
  }

  void NewVault() {
    keyring_.reset();
    files_.reset();
    disk_ = std::make_unique<FaultDisk>(random_());
    files_ = NewFaultFileSystem(*disk_);
    ASSERT_OK_AND_ASSIGN(keyring_, Keyring::Open(options_, *files_, clock_));
    ASSERT_OK(keyring_->Init(std::vector<SealSpec>(1)));
  }
  // Reads everything from the disk again.
  void Reopen() {
    ASSERT_OK_AND_ASSIGN(keyring_, Keyring::Open(options_, *files_, clock_));
    ASSERT_OK(keyring_->UnsealWithKeyFile(Revision(0)));
  }

  Keys Now() { return *keyring_->Snapshot(); }
  KekTerm Rotate(AeadSuite suite = AeadSuite::kAes256Gcm, bool compromised = false) {
    const absl::StatusOr<KekTerm> term = keyring_->RotateKek(suite, compromised);
    EXPECT_OK(term);
    return term.value_or(KekTerm(0));
  }
  static std::string Seal(const Keys& keys, absl::string_view text) {
    return *SealRecord(*keys, {Purpose::kRole, "a place", 7}, text);
  }
  static std::string OpenText(const Keys& keys, absl::string_view sealed) {
    const auto opened = OpenRecord(*keys, Purpose::kRole, "a place", sealed);
    return opened.ok() ? std::string(opened->plaintext.ExposeForCrypto())
                       : opened.status().ToString();
  }

  SimulatedClock clock_;
  std::unique_ptr<FaultDisk> disk_;
  std::unique_ptr<FileSystem> files_;
  std::unique_ptr<Keyring> keyring_;
};

TEST_F(KekRotationTest, NewRecordsGoUnderTheNewTermAndOldOnesStillOpen) {
  const std::string before = Seal(Now(), "before");
  const std::string token_key(Now()->token_key().ExposeForCrypto());
  clock_.AdvanceTime(absl::Hours(1));
  EXPECT_EQ(Rotate(AeadSuite::kXChaCha20Poly1305), KekTerm(2));
  const std::string after = Seal(Now(), "after");
  EXPECT_EQ(*TermOf(before), KekTerm(1));
  EXPECT_EQ(*TermOf(after), KekTerm(2));
  for (const bool reopened : {false, true}) {
    SCOPED_TRACE(reopened);
    if (reopened) Reopen();
    EXPECT_EQ(keyring_->status().kek_term, KekTerm(2));
    EXPECT_EQ(OpenText(Now(), before), "before");
    EXPECT_EQ(OpenText(Now(), after), "after");
    EXPECT_EQ(Now()->active_kek().suite, AeadSuite::kXChaCha20Poly1305);
    EXPECT_EQ(Now()->active_kek().created_ms, absl::ToUnixMillis(clock_.Now()));
    EXPECT_EQ(Now()->token_key().ExposeForCrypto(), token_key);
    EXPECT_EQ(Now()->compromised_below(), KekTerm(0));
  }
  EXPECT_NE(Now()->FindKek(KekTerm(1))->key.ExposeForCrypto(),
            Now()->FindKek(KekTerm(2))->key.ExposeForCrypto());
}

TEST_F(KekRotationTest, ACallFromBeforeOpensWhatIsSealedAfter) {
  const Keys before = Now();
  EXPECT_FALSE(keyring_->FormerSnapshotsHeld());
  Rotate();
  const std::string second = Seal(Now(), "under term 2");
  Rotate();
  EXPECT_EQ(OpenText(before, second), "under term 2");
  EXPECT_EQ(OpenText(before, Seal(Now(), "under term 3")), "under term 3");
  EXPECT_EQ(*TermOf(Seal(before, "its own")), KekTerm(1));
  EXPECT_TRUE(keyring_->FormerSnapshotsHeld());
}

TEST_F(KekRotationTest, FormerSnapshotsAreHeldUntilTheLastIsLetGo) {
  Keys first = Now();
  Rotate();
  Keys second = Now();
  EXPECT_TRUE(keyring_->FormerSnapshotsHeld());
  first.reset();
  EXPECT_FALSE(keyring_->FormerSnapshotsHeld()) << "the newest one does not count";
  Rotate();
  EXPECT_TRUE(keyring_->FormerSnapshotsHeld());
  // Not even sealing makes a call forget what it holds.
  keyring_->Seal();
  ASSERT_OK(keyring_->UnsealWithKeyFile(Revision(0)));
  EXPECT_TRUE(keyring_->FormerSnapshotsHeld());
  second.reset();
  EXPECT_FALSE(keyring_->FormerSnapshotsHeld());
}

TEST_F(KekRotationTest, RetiredKeysAreGoneForGood) {
  const std::string before = Seal(Now(), "before");
  const std::string key(Now()->active_kek().key.ExposeForCrypto());
  clock_.SetTime(absl::FromUnixSeconds(1000));
  Rotate(AeadSuite::kXChaCha20Poly1305);
  clock_.SetTime(absl::FromUnixSeconds(2000));
  ASSERT_OK(keyring_->RetireKeks(KekTerm(2)));
  for (const bool reopened : {false, true}) {
    SCOPED_TRACE(reopened);
    if (reopened) Reopen();
    EXPECT_EQ(OpenText(Now(), before),
              "FAILED_PRECONDITION: a record is sealed under key term 1, which is not in the "
              "keyring: it was retired, or store and keyring are not of one copy");
    EXPECT_EQ(Now()->FindKek(KekTerm(1)), nullptr);
    ASSERT_EQ(Now()->keks().size(), 1u);
    ASSERT_EQ(Now()->retired().size(), 1u);
    EXPECT_EQ(Now()->retired()[0].term, KekTerm(1));
    EXPECT_EQ(Now()->retired()[0].suite, AeadSuite::kAes256Gcm);
    EXPECT_EQ(Now()->retired()[0].retired_ms, 2'000'000);
    EXPECT_EQ(Now()->retired()[0].uses, 1u);
  }
  EXPECT_EQ(Rotate(), KekTerm(3)) << "a number is never given twice";
}

TEST_F(KekRotationTest, RetiredKeysLeaveTheMemoryToo) {
  Rotate();
  ASSERT_OK(keyring_->RetireKeks(KekTerm(2)));
  const size_t before = GetArenaStats().in_use;
  for (uint64_t term = 3; term < 20; ++term) {
    Rotate();
    ASSERT_OK(keyring_->RetireKeks(KekTerm(term)));
  }
  EXPECT_EQ(GetArenaStats().in_use, before);
}

TEST_F(KekRotationTest, TheActiveKeyAndWhatIsRetiredAreLeftAlone) {
  EXPECT_CODE(keyring_->RetireKeks(KekTerm(2)), kInvalidArgument);
  const uint64_t operations = disk_->operations();
  EXPECT_OK(keyring_->RetireKeks(KekTerm(1)));
  EXPECT_EQ(disk_->operations(), operations);
  keyring_->Seal();
  EXPECT_CODE(keyring_->RotateKek(AeadSuite::kAes256Gcm, false), kFailedPrecondition);
  EXPECT_CODE(keyring_->RetireKeks(KekTerm(1)), kFailedPrecondition);
  EXPECT_CODE(keyring_->SaveKekUses(), kFailedPrecondition);
}

TEST_F(KekRotationTest, CompromiseMarksEveryOlderTerm) {
  Rotate();
  Rotate(AeadSuite::kAes256Gcm, true);
  EXPECT_EQ(Now()->compromised_below(), KekTerm(3));
  Rotate();
  Reopen();
  EXPECT_EQ(Now()->compromised_below(), KekTerm(3)) << "a later rotation does not clear it";
}

TEST_F(KekRotationTest, TheNumberOfKeysIsBounded) {
  for (size_t i = 1; i < limits::kKeksMax; ++i) Rotate();
  const auto refused = keyring_->RotateKek(AeadSuite::kAes256Gcm, false);
  EXPECT_CODE(refused, kResourceExhausted);
  EXPECT_EQ(Now()->keks().size(), limits::kKeksMax);
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK(keyring_->RetireKeks(Now()->active_kek().term));
    for (size_t k = 1; k < limits::kKeksMax; ++k) Rotate();
  }
  ASSERT_OK(keyring_->RetireKeks(Now()->active_kek().term));
  EXPECT_EQ(Now()->retired().size(), limits::kRetiredKeksKept);
  EXPECT_EQ(Now()->retired().back().term.value(), Now()->active_kek().term.value() - 1);
}

TEST_F(KekRotationTest, UsesAreNeverCountedTooFew) {
  Seal(Now(), "a");
  Seal(Now(), "b");
  const uint64_t operations = disk_->operations();
  EXPECT_EQ(Now()->active_kek().uses.load(), 2u);
  ASSERT_OK(keyring_->SaveKekUses());
  EXPECT_EQ(disk_->operations(), operations) << "init has counted ahead";
  Reopen();
  const uint64_t counted = Now()->active_kek().uses.load();
  EXPECT_EQ(counted, limits::kKekUsesStep);
  Seal(Now(), "c");
  ASSERT_OK(keyring_->SaveKekUses());
  EXPECT_GT(disk_->operations(), operations);
  Reopen();
  EXPECT_EQ(Now()->active_kek().uses.load(), counted + 1 + limits::kKekUsesStep);
}

// After any fault at any file operation: the keyring in use still works, and so does the one that
// the next start reads; each opens everything that either has sealed.
TEST_F(KekRotationTest, NoFaultLosesAKey) {
  int failed = 0;
  bool finished = false;
  for (uint64_t n = 1; !finished; ++n) {
    for (const DiskFault fault : kDiskFaults) {
      for (int loss = 0; loss < kLossesPerFault; ++loss) {
        SCOPED_TRACE(absl::StrCat("operation ", n, ", fault ", static_cast<int>(fault)));
        NewVault();
        Rotate();
        const std::string first = Seal(Now(), "first");
        disk_->FailAt(n, fault);
        const absl::StatusOr<KekTerm> rotated = keyring_->RotateKek(AeadSuite::kAes256Gcm, false);
        finished = !disk_->fault_hit();
        if (!rotated.ok()) ++failed;
        EXPECT_EQ(keyring_->status().kek_term, KekTerm(rotated.ok() ? 3 : 2));
        const std::string second = Seal(Now(), "second");
        disk_->PowerOff();
        disk_->PowerOn();
        Reopen();
        EXPECT_EQ(OpenText(Now(), first), "first");
        EXPECT_EQ(OpenText(Now(), second), "second");
        if (rotated.ok()) {
          EXPECT_EQ(keyring_->status().kek_term, KekTerm(3));
        }
      }
    }
  }
  EXPECT_GE(failed, 4 * kLossesPerFault);
}

// A second try after a failed one: what the first left behind is not taken for newer.
TEST_F(KekRotationTest, AFailedRotationCanBeTriedAgain) {
  for (uint64_t n = 1; n <= 12; ++n) {
    SCOPED_TRACE(n);
    NewVault();
    disk_->FailAt(n, DiskFault::kError);
    if (keyring_->RotateKek(AeadSuite::kAes256Gcm, false).ok()) break;
    EXPECT_EQ(Rotate(), KekTerm(2));
    const std::string sealed = Seal(Now(), "after the second try");
    Reopen();
    EXPECT_EQ(OpenText(Now(), sealed), "after the second try");
  }
}

TEST_F(KekRotationTest, ARetirementThatFailsKeepsWhatIsNeeded) {
  bool finished = false;
  for (uint64_t n = 1; !finished; ++n) {
    for (int loss = 0; loss < kLossesPerFault; ++loss) {
      SCOPED_TRACE(n);
      NewVault();
      Rotate();
      const std::string sealed = Seal(Now(), "under term 2");
      disk_->FailAt(n, DiskFault::kPowerOff);
      const absl::Status retired = keyring_->RetireKeks(KekTerm(2));
      finished = retired.ok();
      EXPECT_EQ(Now()->keks().size(), retired.ok() ? 1u : 2u);
      disk_->PowerOff();
      disk_->PowerOn();
      Reopen();
      EXPECT_EQ(OpenText(Now(), sealed), "under term 2");
      if (retired.ok()) {
        EXPECT_EQ(Now()->FindKek(KekTerm(1)), nullptr);
      }
    }
  }
}

}  // namespace
}  // namespace keyturn
