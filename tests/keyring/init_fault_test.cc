// Init, unseal and the anchor with a fault at each of their file operations in turn: the directory
// is then not initialised, and takes an init, or is whole, and opens with every seal.
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keyring/key_file.h"
#include "keyring/keyring.h"
#include "tests/support/fault_files.h"
#include "tests/support/fault_fixture.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

constexpr char kPassphrase[] = "a long passphrase";
constexpr int kLossesPerOperation = 8;  // each drops another part of what was not synced
// Of each kind so many faults must have come: a loop that ends at once shows nothing. An atomic
// write is five operations; init writes the anchor, both copies of the keyring and seal.ktn, an
// unseal that mends a copy writes both and the anchor.
constexpr int kInitFaultsMin = 18;
constexpr int kUnsealFaultsMin = 12;
constexpr int kAnchorFaultsMin = 5;

class InitFaultTest : public FaultFixture {
 protected:
  void SetUp() override {
    FaultFixture::SetUp();
    options_.anchor_file = "/anchor/anchor.ktn";
    NewDisk();
  }

  void NewDisk() {
    files_.reset();
    disk_ = std::make_unique<FaultDisk>(random_());
    files_ = NewFaultFileSystem(*disk_);
    ASSERT_OK(files_->CreateDirectory("/anchor", 0700));
  }

  std::unique_ptr<Keyring> Open() {
    auto keyring = Keyring::Open(options_, *files_, clock_);
    EXPECT_TRUE(keyring.ok()) << keyring.status();
    return keyring.ok() ? *std::move(keyring) : nullptr;
  }

  static absl::StatusOr<InitResult> Init(Keyring& keyring) {
    std::vector<SealSpec> seals(3);
    seals[0].type = SealSpec::Type::kKeyFile;
    seals[1].type = SealSpec::Type::kPassphrase;
    seals[1].passphrase = *SecretBytes::CopyOf(kPassphrase);
    seals[2].type = SealSpec::Type::kShamir;
    seals[2].shares = 3;
    seals[2].threshold = 2;
    return keyring.Init(std::move(seals));
  }

  // Opens the directory anew and gives the keys by each seal that the machine can give.
  void ExpectWhole() {
    const auto by_key_file = Open();
    ASSERT_NE(by_key_file, nullptr);
    ASSERT_OK(by_key_file->UnsealWithKeyFile(Revision(0)));
    const auto by_passphrase = Open();
    ASSERT_OK(by_passphrase->UnsealWithPassphrase(*SecretBytes::CopyOf(kPassphrase), Revision(0)));
    EXPECT_EQ((*by_key_file->Snapshot())->index_key().ExposeForCrypto(),
              (*by_passphrase->Snapshot())->index_key().ExposeForCrypto());
    EXPECT_EQ(by_key_file->status().seals,
              (std::vector<std::string>{"keyfile", "passphrase", "shamir"}));
  }

  void ExpectCleanOrWhole(bool* whole) {
    const auto keyring = Open();
    ASSERT_NE(keyring, nullptr);
    *whole = keyring->status().initialized;
    if (!*whole) {
      EXPECT_TRUE(keyring->status().sealed);
      ASSERT_OK(Init(*keyring));
    }
    ExpectWhole();
  }

  SimulatedClock clock_;
  std::unique_ptr<FaultDisk> disk_;
  std::unique_ptr<FileSystem> files_;
};

TEST_F(InitFaultTest, APowerLossLeavesItCleanOrWhole) {
  int clean = 0;
  int whole = 0;
  bool finished = false;
  for (uint64_t n = 1; !finished; ++n) {
    for (int i = 0; i < kLossesPerOperation; ++i) {
      NewDisk();
      disk_->FailAt(n, DiskFault::kPowerOff);
      finished = Init(*Open()).ok();
      if (finished) disk_->PowerOff();
      disk_->PowerOn();
      bool is_whole = false;
      ASSERT_NO_FATAL_FAILURE(ExpectCleanOrWhole(&is_whole)) << "operation " << n;
      EXPECT_TRUE(is_whole || !finished);  // an acknowledged one is there
      ++(is_whole ? whole : clean);
    }
  }
  std::printf("%d losses left it clean, %d whole\n", clean, whole);
  EXPECT_GT(clean, 0);
  EXPECT_GE(whole, kLossesPerOperation);  // those after the answer, at least
}

// The shares of a Shamir seal go out with the answer: a vault whose init failed but which counts as
// initialised could be one that nobody can open.
TEST_F(InitFaultTest, AFailedInitLeavesItCleanInTheProcessAndOnDisk) {
  for (const DiskFault fault : kDiskErrors) {
    bool finished = false;
    int hits = 0;
    for (uint64_t n = 1; !finished; ++n) {
      NewDisk();
      const auto keyring = Open();
      disk_->FailAt(n, fault);
      const auto made = Init(*keyring);
      hits += disk_->fault_hit() ? 1 : 0;
      finished = made.ok();
      disk_->ClearFault();
      if (!finished && Open()->status().initialized) {
        // The disk took no more changes: then whoever asked is told.
        EXPECT_EQ(fault, DiskFault::kReadOnly);
        EXPECT_THAT(std::string(made.status().message()),
                    testing::HasSubstr("remove it before the next init"));
        ASSERT_OK(files_->Remove("/data/seal.ktn"));
      }
      ASSERT_EQ(Open()->status().initialized, finished) << "operation " << n;
      if (!finished) {
        EXPECT_FALSE(keyring->status().initialized);
        EXPECT_CODE(keyring->Snapshot(), kFailedPrecondition);
        ASSERT_OK(Init(*keyring));
      }
      ASSERT_NO_FATAL_FAILURE(ExpectWhole()) << "operation " << n;
    }
    EXPECT_GE(hits, kInitFaultsMin) << "fault " << static_cast<int>(fault);
  }
}

// The key file is on the machine's own disk, often another one. A limit of no bytes kills a process
// as it writes the first.
TEST_F(InitFaultTest, AKeyFileThatWasCutShortIsNotInTheWay) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit none = {0, 0};
    setrlimit(RLIMIT_FSIZE, &none);
    CreateKeyFile(options_.key_file).IgnoreError();
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ) << status;
  ASSERT_OK(Init(*Open()));
  ExpectWhole();
  EXPECT_EQ(*FileSystem::Posix().List(dir_.path()), std::vector<std::string>{"unseal.key"});
}

// One copy of the keyring is bad, so that unsealing writes both again.
TEST_F(InitFaultTest, AFaultWhileUnsealingLosesNoKeys) {
  for (const DiskFault fault : kDiskFaults) {
    bool finished = false;
    int hits = 0;
    for (uint64_t n = 1; !finished; ++n) {
      for (int i = 0; i < kLossesPerOperation; ++i) {
        NewDisk();
        ASSERT_OK(Init(*Open()));
        ASSERT_OK(WriteFileAtomically(*files_, "/data/keyring.ktn", "bad", 0600));
        const auto keyring = Open();
        disk_->FailAt(n, fault);
        finished = keyring->UnsealWithKeyFile(Revision(0)).ok();
        hits += disk_->fault_hit() ? 1 : 0;
        EXPECT_EQ(keyring->status().sealed, !finished);
        disk_->ClearFault();
        disk_->PowerOff();
        disk_->PowerOn();
        ASSERT_NO_FATAL_FAILURE(ExpectWhole()) << "operation " << n;
      }
    }
    EXPECT_GE(hits, kUnsealFaultsMin * kLossesPerOperation) << "fault " << static_cast<int>(fault);
  }
}

TEST_F(InitFaultTest, AnAnchorIsTheOldOneOrTheNewOne) {
  bool finished = false;
  int hits = 0;
  for (uint64_t n = 1; !finished; ++n) {
    for (int i = 0; i < kLossesPerOperation; ++i) {
      NewDisk();
      const auto keyring = Open();
      ASSERT_OK(Init(*keyring));
      ASSERT_OK(keyring->WriteAnchor(Revision(10)));
      disk_->FailAt(n, DiskFault::kPowerOff);
      finished = keyring->WriteAnchor(Revision(20)).ok();
      hits += disk_->fault_hit() ? 1 : 0;
      disk_->PowerOff();
      disk_->PowerOn();
      EXPECT_CODE(Open()->UnsealWithKeyFile(Revision(9)), kFailedPrecondition);
      // An unseal moves the anchor to its revision, so this is asked first.
      const absl::Status older = Open()->UnsealWithKeyFile(Revision(19));
      EXPECT_TRUE(absl::IsFailedPrecondition(older) || !finished) << older;
      EXPECT_OK(Open()->UnsealWithKeyFile(Revision(20)));
    }
  }
  EXPECT_GE(hits, kAnchorFaultsMin * kLossesPerOperation);
}

}  // namespace
}  // namespace keyturn
