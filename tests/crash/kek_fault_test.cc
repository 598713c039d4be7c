// The turn of a key-encryption key as the server does it, rotation, rewrap and retirement, with a
// fault at each of its file operations and commits in turn. After a restart every secret is as it
// was, and the turn is taken up and comes to its end.
#include "keyring/envelope.h"
#include "storage/schema.h"
#include "tests/crash/machine.h"
#include "tests/support/fault_fixture.h"
#include "tests/support/status.h"
#include "vault/fields.h"

namespace keyturn {
namespace {

constexpr int kSecrets = 14;

class KekFaultTest : public FaultFixture {
 protected:
  void SetUp() override {
    FaultFixture::SetUp();
    options_.anchor_file = "/anchor/anchor.ktn";
  }

  static SecretPath PathOf(int i) { return *SecretPath::Parse(absl::StrCat("app/s", i)); }
  static std::string ValueOf(int i) { return absl::StrCat("the value of ", i); }

  static void Fill(Machine& machine) {
    ASSERT_OK(machine.Start());
    ASSERT_OK(machine.Init(""));
    for (int i = 0; i < kSecrets; ++i) {
      const std::string value = ValueOf(i);
      PutParams params;
      params.path = PathOf(i);
      ASSERT_OK(machine.vault->Put(*machine.store, params, *EncodeFields({{"v", 1, value}})));
    }
  }

  static void ExpectWhole(Machine& machine) {
    for (int i = 0; i < kSecrets; ++i) {
      v1::GetRequest get;
      get.set_path(PathOf(i).text());
      ASSERT_OK_AND_ASSIGN(const ReadResult read, machine.vault->Get(get, absl::InfiniteFuture()));
      EXPECT_OK(ForEachField(read.data.ExposeForCrypto(), [&](const FieldView& field) {
        EXPECT_EQ(field.value, ValueOf(i));
        return true;
      }));
    }
    EXPECT_OK(machine.policies->GetRole(kOperatorRole));
    EXPECT_NE(machine.ca.certificate_pem(), "");
    EXPECT_EQ(machine.Problems(), std::vector<std::string>());
  }
};

TEST_F(KekFaultTest, AFaultAtAnyOperationIsSurvivedAndTheTurnIsTakenUp) {
  int runs = 0, rotated_runs = 0, interrupted = 0;
  for (const DiskFault fault : kDiskFaults) {
    bool finished = false;
    for (uint64_t n = 1; !finished; ++n) {
      SCOPED_TRACE(absl::StrCat("operation ", n, ", fault ", static_cast<int>(fault)));
      FaultDisk disk(random_());
      ASSERT_OK(NewFaultFileSystem(disk)->CreateDirectory("/anchor", 0700));
      const bool compromised = n % 2 == 1;
      absl::StatusOr<KekTerm> rotated = KekTerm(0);
      {
        Machine machine(disk, options_);
        Fill(machine);
        if (HasFatalFailure()) return;
        disk.FailAt(n, fault);
        rotated = machine.lifecycle->RotateKek(AeadSuite::kXChaCha20Poly1305, compromised);
        const absl::Status turned = rotated.ok() ? machine.Turn() : rotated.status();
        finished = !disk.fault_hit();
        interrupted += turned.ok() ? 0 : 1;
        EXPECT_TRUE(turned.ok() || !finished) << turned;
        if (fault == DiskFault::kPowerOff || n % 3 == 0) disk.PowerOff();
      }
      disk.ClearFault();
      if (fault == DiskFault::kPowerOff || n % 3 == 0) disk.PowerOn();
      Machine machine(disk, options_);
      ASSERT_OK(machine.Start());
      ASSERT_OK(machine.Unseal());
      ExpectWhole(machine);
      if (rotated.ok()) {
        EXPECT_EQ(machine.keyring->status().kek_term, *rotated);
        ++rotated_runs;
      }
      ASSERT_OK(machine.Turn());
      ExpectWhole(machine);
      EXPECT_EQ((*machine.keyring->Snapshot())->keks().size(), 1u);
      if (HasFailure()) return;
      ++runs;
    }
  }
  std::printf("%d runs, %d were interrupted; %d times the rotation itself was done\n", runs,
              interrupted, rotated_runs);
  EXPECT_GT(interrupted, 4 * 10);
  EXPECT_GT(rotated_runs, 4 * 10);
}

// A call from before the rotation whose write fails may have left a record under the older key in
// the store's log, where no scan finds it before the next start.
TEST_F(KekFaultTest, AStoreThatStoppedKeepsTheOlderKey) {
  for (uint64_t n = 1; n <= 3; ++n) {
    SCOPED_TRACE(n);
    FaultDisk disk(random_());
    ASSERT_OK(NewFaultFileSystem(disk)->CreateDirectory("/anchor", 0700));
    const std::string key = schema::IndexKey(std::string(16, 'd'), std::string(16, 'n'));
    bool stopped = false;
    {
      Machine machine(disk, options_);
      Fill(machine);
      std::shared_ptr<const KeyringSnapshot> held = *machine.keyring->Snapshot();
      ASSERT_OK(machine.lifecycle->RotateKek(AeadSuite::kAes256Gcm, false));
      KeyTurner turner = machine.Turner();
      ASSERT_OK(turner.Turn());
      disk.FailAt(n, DiskFault::kError);
      const auto written = machine.store->Update([&](const View&, Batch& batch) {
        batch.Put(Family::kIndex, key, *SealRecord(*held, {Purpose::kSetting, key, 0}, "late"));
        return absl::OkStatus();
      });
      held.reset();
      stopped = !written.ok();
      disk.ClearFault();
      if (!stopped) continue;
      EXPECT_CODE(turner.Turn(), kUnavailable);
      EXPECT_EQ((*machine.keyring->Snapshot())->keks().size(), 2u);
    }
    Machine machine(disk, options_);
    ASSERT_OK(machine.Start());
    ASSERT_OK(machine.Unseal());
    ASSERT_OK(machine.Turn());
    const auto sealed = machine.store->Newest().Get(Family::kIndex, key);
    if (!sealed->has_value()) continue;
    EXPECT_OK(OpenRecord(**machine.keyring->Snapshot(), Purpose::kSetting, key, **sealed));
  }
}

// A call from before the rotation writes behind the pass: the count before the retirement finds it.
// A turner that retires after the pass alone is the mutant, and loses it.
TEST_F(KekFaultTest, MutantThatRetiresWithoutTheCountLosesALateRecord) {
  const std::string key = schema::IndexKey(std::string(16, 'd'), std::string(16, 'n'));
  for (const bool mutant : {false, true}) {
    SCOPED_TRACE(mutant);
    FaultDisk disk(random_());
    ASSERT_OK(NewFaultFileSystem(disk)->CreateDirectory("/anchor", 0700));
    Machine machine(disk, options_);
    Fill(machine);
    std::shared_ptr<const KeyringSnapshot> held = *machine.keyring->Snapshot();
    ASSERT_OK_AND_ASSIGN(const KekTerm term,
                         machine.lifecycle->RotateKek(AeadSuite::kAes256Gcm, false));
    ASSERT_OK(machine.vault->Rewrap(*machine.store, NoProgress));
    ASSERT_OK(machine.store->Update([&](const View&, Batch& batch) {
      batch.Put(Family::kIndex, key, *SealRecord(*held, {Purpose::kSetting, key, 0}, "late"));
      return absl::OkStatus();
    }));
    held.reset();
    ASSERT_OK(mutant ? machine.lifecycle->RetireKeks(term) : machine.Turn());
    ASSERT_EQ((*machine.keyring->Snapshot())->keks().size(), 1u);
    const auto sealed = machine.store->Newest().Get(Family::kIndex, key);
    ASSERT_TRUE(sealed.ok() && sealed->has_value());
    EXPECT_EQ(OpenRecord(**machine.keyring->Snapshot(), Purpose::kSetting, key, **sealed).ok(),
              !mutant);
  }
}

}  // namespace
}  // namespace keyturn
