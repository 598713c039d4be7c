// Init as the server runs it, keys and first identities, with a fault at each of its file
// operations and commits in turn. After a restart the vault is not initialised, and takes an init;
// or whole; or says that its init did not finish and opens for nobody.
#include "base/reason.h"
#include "crypto/x509_make.h"
#include "tests/crash/machine.h"
#include "tests/support/fault_fixture.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

class InitFaultTest : public FaultFixture {
 protected:
  void SetUp() override {
    FaultFixture::SetUp();
    options_.anchor_file = "/anchor/anchor.ktn";
    ASSERT_OK_AND_ASSIGN(request_, MakeCertificateRequest());
  }

  // Keys, the operator's role and the client CA, and a store and log without a flaw.
  void ExpectWhole(Machine& machine) {
    EXPECT_OK(machine.policies->GetRole(kOperatorRole));
    EXPECT_NE(machine.ca.certificate_pem(), "");
    EXPECT_TRUE(machine.store->Verify(NoProgress)->empty());
    EXPECT_TRUE(machine.audit->Verify()->problems.empty());
  }

  // Restarts after the fault. Returns what it found: "clean", "whole" or "unfinished".
  std::string Restart(FaultDisk& disk) {
    Machine machine(disk, options_);
    const absl::Status started = machine.Start();
    EXPECT_OK(started);
    if (!started.ok()) return "";
    if (!machine.keyring->status().initialized) {
      EXPECT_OK(machine.Init(request_.csr_der));
      ExpectWhole(machine);
      return "clean";
    }
    const absl::Status unsealed = machine.Unseal();
    if (unsealed.ok()) {
      ExpectWhole(machine);
      return "whole";
    }
    EXPECT_EQ(ReasonOf(unsealed), "INIT_INCOMPLETE") << unsealed;
    EXPECT_TRUE(machine.keyring->status().sealed);
    EXPECT_FALSE(machine.lifecycle->unsealed().load());
    return "unfinished";
  }

  CertificateRequest request_;
};

TEST_F(InitFaultTest, AFaultAtAnyOperationLeavesItCleanWholeOrRefused) {
  std::map<std::string, int> found;
  for (const DiskFault fault : kDiskFaults) {
    bool finished = false;
    for (uint64_t n = 1; !finished; ++n) {
      FaultDisk disk(random_());
      ASSERT_OK(NewFaultFileSystem(disk)->CreateDirectory("/anchor", 0700));
      bool acknowledged = false;
      {
        Machine machine(disk, options_);
        ASSERT_OK(machine.Start());
        disk.FailAt(n, fault);
        acknowledged = machine.Init(request_.csr_der).ok();
        finished = !disk.fault_hit();
        EXPECT_TRUE(acknowledged || !finished);
        // Half the time the machine goes on without a loss, and the server is started again.
        if (fault == DiskFault::kPowerOff || n % 2 == 0) disk.PowerOff();
      }
      disk.ClearFault();
      if (fault == DiskFault::kPowerOff || n % 2 == 0) disk.PowerOn();
      const std::string state = Restart(disk);
      EXPECT_TRUE(state == "whole" || !acknowledged) << "operation " << n << ": " << state;
      ++found[state];
    }
  }
  std::printf("%d clean, %d whole, %d unfinished\n", found["clean"], found["whole"],
              found["unfinished"]);
  EXPECT_GT(found["clean"], 0);
  EXPECT_GT(found["whole"], 0);
  EXPECT_EQ(found[""], 0);
}

}  // namespace
}  // namespace keyturn
