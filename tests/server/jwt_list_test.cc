// Tokens beside the server's own revocation list, which is not loaded for a while.
#include "absl/strings/str_cat.h"
#include "tests/crash/machine.h"
#include "tests/support/fault_fixture.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

class JwtListTest : public FaultFixture {
 protected:
  void SetUp() override {
    FaultFixture::SetUp();
    options_.anchor_file = "/anchor/anchor.ktn";
  }

  static std::string Words(const absl::Status& status) {
    return absl::StrCat(absl::StatusCodeToString(status.code()), ": ", status.message());
  }
  static std::string Verified(Machine& machine, const std::string& token) {
    v1::VerifyJwtRequest request;
    request.set_path("k");
    request.set_token(token);
    const absl::StatusOr<v1::VerifyJwtResponse> answer = machine.jwt->Verify(request);
    if (!answer.ok()) return Words(answer.status());
    return answer->valid() ? "valid" : answer->message();
  }
  static absl::StatusOr<v1::SignJwtResponse> Refreshed(Machine& machine, const std::string& token) {
    v1::RefreshJwtRequest request;
    request.set_path("k");
    request.set_refresh_token(token);
    return machine.jwt->Refresh(*machine.store, request);
  }
};

// In a list that is not there, nothing is found: what was revoked would pass.
TEST_F(JwtListTest, WithoutItNoTokenIsTakenAndNoneIsRefreshed) {
  FaultDisk disk(random_());
  ASSERT_OK(NewFaultFileSystem(disk)->CreateDirectory("/anchor", 0700));
  Machine machine(disk, options_);
  ASSERT_OK(machine.Start());
  ASSERT_OK(machine.Init(""));
  v1::CreateJwtKeyRequest create;
  create.set_path("k");
  create.mutable_settings()->set_algorithm("EdDSA");
  create.mutable_settings()->set_issuer("alcs-auth");
  create.mutable_settings()->add_audiences("alcs-api");
  ASSERT_OK(machine.jwt->CreateKey(*machine.store, create, "test"));
  v1::SignJwtRequest sign;
  sign.set_path("k");
  sign.set_subject("u1");
  sign.set_with_refresh_token(true);
  ASSERT_OK_AND_ASSIGN(const v1::SignJwtResponse made, machine.jwt->Sign(*machine.store, sign));
  EXPECT_EQ(Verified(machine, made.token()), "valid");

  ASSERT_OK(machine.revocations->Load(nullptr));
  EXPECT_EQ(Verified(machine, made.token()), "FAILED_PRECONDITION: the vault is sealed");
  EXPECT_EQ(Words(Refreshed(machine, made.refresh_token()).status()),
            "FAILED_PRECONDITION: the vault is sealed");

  ASSERT_OK_AND_ASSIGN(const auto keys, machine.keyring->Snapshot());
  ASSERT_OK(machine.revocations->Load(keys));
  EXPECT_EQ(Verified(machine, made.token()), "valid");
  EXPECT_OK(Refreshed(machine, made.refresh_token()));  // that was no use of it
}

}  // namespace
}  // namespace keyturn
