// A server on disk: init through the operator socket, sealed and unsealed, restarted.
#include <atomic>
#include <thread>

#include "server/lifecycle.h"

#include <grpcpp/impl/codegen/client_unary_call.h>
#include <sys/stat.h>

#include "absl/strings/match.h"
#include "server/grpc_listener.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

class LifecycleTest : public ServerFixture {
 protected:
  void SetUp() override { StartReal(); }

  v1::StatusResponse Status(Stubs& stubs, const std::string& token = "") {
    v1::StatusResponse response;
    EXPECT_EQ(Text(stubs.system->Status(Ctx(token), {}, &response)), "OK");
    return response;
  }
  grpc::Status UnsealWithKeyFile(Stubs& stubs) {
    v1::UnsealRequest request;
    request.set_key_file(true);
    v1::StatusResponse response;
    return stubs.system->Unseal(Ctx(), request, &response);
  }
};

TEST_F(LifecycleTest, StartsUninitialisedAndLetsNobodyInOverTls) {
  Stubs local = Local();
  EXPECT_FALSE(Status(local).initialized());
  EXPECT_TRUE(Status(local).sealed());
  EXPECT_EQ(Status(local).version(), "0.1.0");
  v1::StatusResponse response;
  EXPECT_EQ(stubs_->system->Status(Ctx("", 3), {}, &response).error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

TEST_F(LifecycleTest, InitMakesAnOperatorWhoMayDoEverything) {
  const v1::InitResponse init = InitReal();
  EXPECT_FALSE(init.vault_id().empty());
  EXPECT_TRUE(absl::StartsWith(init.root_token(), "kts."));
  Stubs op = Operator();
  v1::WhoAmIResponse who;
  ASSERT_EQ(Text(op.auth->WhoAmI(Ctx(), {}, &who)), "OK");
  EXPECT_EQ(who.principal(), "spiffe://keyturn/operator");
  EXPECT_EQ(who.method(), "certificate");
  EXPECT_EQ(who.role(), "operator");
  EXPECT_EQ(who.policies(0), "root");
  v1::PutPolicyRequest request;
  request.mutable_policy()->set_name("app");
  v1::Policy policy;
  EXPECT_EQ(Text(op.policies->PutPolicy(Ctx(), request, &policy)), "OK");
}

TEST_F(LifecycleTest, SecondInitIsRefused) {
  InitReal();
  v1::InitRequest request;
  request.add_seals()->mutable_key_file();
  v1::InitResponse response;
  const grpc::Status status = Local().system->Init(Ctx(), request, &response);
  EXPECT_EQ(ReasonIn(status), "ALREADY_INITIALIZED");
  EXPECT_TRUE(response.root_token().empty());
}

TEST_F(LifecycleTest, ABadRequestForTheOperatorMakesNothing) {
  v1::InitRequest request;
  request.add_seals()->mutable_key_file();
  request.set_operator_csr("rubbish");
  v1::InitResponse response;
  Stubs local = Local();
  EXPECT_EQ(local.system->Init(Ctx(), request, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_FALSE(Status(local).initialized());
}

TEST_F(LifecycleTest, TheOperatorSocketTakesThreeMethodsOnly) {
  InitReal();
  struct stat info;
  ASSERT_EQ(stat(server_->info().operator_socket.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  Stubs local = Local();
  v1::GetRequest request;
  request.set_path("a");
  v1::GetResponse response;
  const grpc::Status status = local.secrets->Get(Ctx(root_), request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(ReasonIn(status), "OPERATOR_SOCKET");
  v1::StatusResponse sealed;
  EXPECT_EQ(ReasonIn(local.system->Seal(Ctx(root_), {}, &sealed)), "OPERATOR_SOCKET");
}

TEST_F(LifecycleTest, ASealedServerAnswersPublicMethodsOnly) {
  InitReal();
  Stubs op = Operator();
  v1::StatusResponse response;
  ASSERT_EQ(Text(op.system->Seal(Ctx(), {}, &response)), "OK");
  EXPECT_TRUE(response.sealed());
  v1::GetRequest get;
  get.set_path("a");
  v1::GetResponse secret;
  const grpc::Status status = op.secrets->Get(Ctx(), get, &secret);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonIn(status), "SEALED");
  EXPECT_TRUE(absl::StrContains(status.error_message(), "keyturn operator unseal"));
  EXPECT_TRUE(Status(op).sealed());
  EXPECT_EQ(Status(op).version(), "");  // nobody can be told apart while sealed
  EXPECT_EQ(Text(UnsealWithKeyFile(op)), "OK");
  EXPECT_FALSE(Status(op).sealed());
  EXPECT_EQ(Status(op).version(), "0.1.0");
}

TEST_F(LifecycleTest, HealthFollowsTheSeal) {
  InitReal();
  Stubs op = Operator();
  const auto health = [&] {
    // grpc.health.v1.Health/Check by hand: field 1 of the answer is 1 for SERVING, 2 for not.
    const grpc::Slice nothing("");
    const grpc::ByteBuffer request(&nothing, 1);
    grpc::ByteBuffer response;
    const grpc::internal::RpcMethod rpc("/grpc.health.v1.Health/Check",
                                        grpc::internal::RpcMethod::NORMAL_RPC);
    EXPECT_EQ(Text(grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(
                  op.channel.get(), rpc, Ctx(), request, &response)),
              "OK");
    grpc::Slice slice;
    EXPECT_TRUE(response.DumpToSingleSlice(&slice).ok());
    return slice.size() == 2 ? static_cast<int>(slice.begin()[1]) : -1;
  };
  EXPECT_EQ(health(), 1);
  v1::StatusResponse response;
  ASSERT_EQ(Text(op.system->Seal(Ctx(), {}, &response)), "OK");
  EXPECT_EQ(health(), 2);
}

TEST_F(LifecycleTest, EverythingIsThereAfterARestart) {
  InitReal();
  Stubs op = Operator();
  v1::PutRequest put;
  put.set_path("app/key");
  put.mutable_data()->add_fields()->set_name("value");
  put.mutable_data()->mutable_fields(0)->set_value("kept");
  v1::PutResponse written;
  ASSERT_EQ(Text(op.secrets->Put(Ctx(), put, &written)), "OK");
  const size_t entries = Entries().size();
  server_->Stop(absl::Seconds(1));
  StartReal();
  Stubs again = Operator();  // the same certificate, by the CA on disk
  EXPECT_TRUE(Status(again).sealed());
  ASSERT_EQ(Text(UnsealWithKeyFile(again)), "OK");
  v1::GetRequest get;
  get.set_path("app/key");
  v1::GetResponse secret;
  ASSERT_EQ(Text(again.secrets->Get(Ctx(), get, &secret)), "OK");
  EXPECT_EQ(secret.data().fields(0).value(), "kept");
  EXPECT_GT(Entries().size(), entries);
  v1::VerifyAuditResponse verified;
  ASSERT_EQ(Text(VerifyAudit(again, &verified)), "OK");
  EXPECT_EQ(verified.problems_size(), 0);
}

TEST_F(LifecycleTest, AutoUnsealOpensAtStart) {
  InitReal();
  server_->Stop(absl::Seconds(1));
  StartReal([](Config& config) { config.auto_unseal = true; });
  Stubs op = Operator();
  EXPECT_FALSE(Status(op).sealed());
}

TEST_F(LifecycleTest, AutoUnsealThatFailsLeavesTheServerSealedAndUp) {
  InitReal();
  server_->Stop(absl::Seconds(1));
  const std::string key = ReadFile(dir_.File("key"));
  ASSERT_OK(FileSystem::Posix().Remove(dir_.File("key")));
  StartReal([](Config& config) { config.auto_unseal = true; });
  Stubs local = Local();
  EXPECT_TRUE(Status(local).sealed());
  ASSERT_OK(WriteFileAtomically(FileSystem::Posix(), dir_.File("key"), key, 0400));
  EXPECT_EQ(Text(UnsealWithKeyFile(local)), "OK");
}

TEST_F(LifecycleTest, AForgedCaOnDiskIsNotBelievedAfterUnseal) {
  InitReal();
  server_->Stop(absl::Seconds(1));
  // Someone with the disk, but no key, makes a CA and a certificate for the operator's name.
  const absl::Time now = Clock::Real().Now();
  const Validity validity = {now - absl::Hours(1), now + absl::Hours(24)};
  ASSERT_OK_AND_ASSIGN(const CertificateAndKey forged, MakeCa("forged", validity));
  ASSERT_OK_AND_ASSIGN(const CertificateRequest request, MakeCertificateRequest());
  ASSERT_OK_AND_ASSIGN(const std::string certificate,
                       SignClientCertificate(forged, request.csr_der, kOperatorSpiffeId, validity));
  ASSERT_OK(WriteFileAtomically(FileSystem::Posix(), dir_.File("tls/client-ca.pem"),
                                forged.certificate_pem, 0600));
  StartReal();
  Stubs intruder(TlsChannel(certificate, std::string(request.key_pem.ExposeForCrypto())));
  EXPECT_TRUE(Status(intruder).sealed());  // connected, by the forged file
  Stubs local = Local();
  ASSERT_EQ(Text(UnsealWithKeyFile(local)), "OK");
  v1::WhoAmIResponse who;
  EXPECT_EQ(intruder.auth->WhoAmI(Ctx(), {}, &who).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_NE(ReadFile(dir_.File("tls/client-ca.pem")), forged.certificate_pem);

  // Nor when it is forged while the server runs, and the files are read again.
  ASSERT_OK(WriteFileAtomically(
      FileSystem::Posix(), dir_.File("tls/client-ca.pem"),
      absl::StrCat(ReadFile(dir_.File("tls/client-ca.pem")), forged.certificate_pem), 0600));
  ASSERT_OK(server_->Reload());
  EXPECT_EQ(intruder.auth->WhoAmI(Ctx(), {}, &who).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  Stubs again(TlsChannel(certificate, std::string(request.key_pem.ExposeForCrypto())));
  EXPECT_NE(again.auth->WhoAmI(Ctx(), {}, &who).error_code(), grpc::StatusCode::OK);
  EXPECT_FALSE(absl::StrContains(ReadFile(dir_.File("tls/client-ca.pem")), forged.certificate_pem));
}

TEST_F(LifecycleTest, AWrongPassphraseSaysOnlyThat) {
  v1::InitRequest request;
  request.add_seals()->mutable_passphrase()->set_passphrase("a long passphrase");
  v1::InitResponse init;
  Stubs local = Local();
  ASSERT_EQ(Text(local.system->Init(Ctx("", 60), request, &init)), "OK");
  server_->lifecycle().Seal();
  v1::UnsealRequest unseal;
  unseal.set_passphrase("another passphrase");
  v1::StatusResponse response;
  EXPECT_EQ(local.system->Unseal(Ctx("", 60), unseal, &response).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Entries().back().event.event, "system_unsealed");
  EXPECT_EQ(Entries().back().event.outcome, "UNAUTHENTICATED");
  unseal.set_passphrase("a long passphrase");
  EXPECT_EQ(Text(local.system->Unseal(Ctx("", 60), unseal, &response)), "OK");
}

TEST_F(LifecycleTest, StrangersTryOneKeyAtATime) {
  ASSERT_OK_AND_ASSIGN(const CertificateRequest csr, MakeCertificateRequest());
  v1::InitRequest request;
  request.set_operator_csr(csr.csr_der);
  request.add_seals()->mutable_passphrase()->set_passphrase("a long passphrase");
  v1::InitResponse init;
  Stubs local = Local();
  ASSERT_EQ(Text(local.system->Init(Ctx("", 60), request, &init)), "OK");
  server_->lifecycle().Seal();
  Stubs remote(
      TlsChannel(init.operator_certificate_pem(), std::string(csr.key_pem.ExposeForCrypto())));
  v1::StatusResponse response;
  ASSERT_EQ(Text(remote.system->Status(Ctx(), {}, &response)), "OK");
  v1::UnsealRequest guess;
  guess.set_passphrase("another passphrase");
  std::atomic<int> tried{0}, refused{0};
  std::vector<std::thread> strangers;
  for (int i = 0; i < 8; ++i) {
    strangers.emplace_back([&] {
      v1::StatusResponse ignored;
      const grpc::Status status = remote.system->Unseal(Ctx("", 60), guess, &ignored);
      (ReasonIn(status) == "BUSY" ? refused : tried) += 1;
    });
  }
  v1::UnsealRequest unseal;
  unseal.set_passphrase("a long passphrase");
  EXPECT_EQ(Text(local.system->Unseal(Ctx("", 60), unseal, &response)), "OK");
  for (std::thread& stranger : strangers) stranger.join();
  EXPECT_GE(refused, 1);
  EXPECT_GE(tried, 1);
}

TEST_F(LifecycleTest, SharesCollectUntilThereAreEnough) {
  v1::InitRequest request;
  request.add_seals()->mutable_shamir()->set_shares(3);
  request.mutable_seals(0)->mutable_shamir()->set_threshold(2);
  v1::InitResponse init;
  Stubs local = Local();
  ASSERT_EQ(Text(local.system->Init(Ctx("", 60), request, &init)), "OK");
  ASSERT_EQ(init.shares_size(), 3);
  server_->lifecycle().Seal();
  v1::UnsealRequest unseal;
  v1::StatusResponse response;
  EXPECT_EQ(local.system->Unseal(Ctx(), unseal, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  unseal.set_share(init.shares(2));
  ASSERT_EQ(Text(local.system->Unseal(Ctx(), unseal, &response)), "OK");
  EXPECT_TRUE(response.sealed());
  EXPECT_EQ(response.shares_given(), 1u);
  EXPECT_EQ(response.shares_threshold(), 2u);
  unseal.set_share(init.shares(0));
  unseal.set_nonce(response.unseal_nonce());
  ASSERT_EQ(Text(local.system->Unseal(Ctx(), unseal, &response)), "OK");
  EXPECT_FALSE(response.sealed());
}

// Yesterday's store under today's anchor.
TEST_F(LifecycleTest, ARollbackNeedsAReasonThatTheLogKeeps) {
  const std::string anchor = dir_.File("anchor");
  StartReal([&](Config& config) { config.anchor_file = anchor; });
  InitReal();
  ASSERT_OK(server_->rooms().keyring->WriteAnchor(Revision(1'000'000)));
  server_->lifecycle().Seal();
  Stubs local = Local();
  const grpc::Status refused = UnsealWithKeyFile(local);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_TRUE(absl::EndsWith(refused.error_message(), "--accept-rollback REASON"))
      << refused.error_message();
  StartReal([&](Config& config) {
    config.anchor_file = anchor;
    config.accept_rollback = "restored from the backup of Monday";
  });
  Stubs again = Local();
  ASSERT_EQ(Text(UnsealWithKeyFile(again)), "OK");
  AuditEvent found;
  for (const AuditRecord& record : Entries()) {
    if (record.event.event == "rollback_accepted") found = record.event;
  }
  EXPECT_EQ(found.principal, "keyturn");
  ASSERT_EQ(found.details.size(), 3u);
  EXPECT_EQ(found.details[0].second, "restored from the backup of Monday");
  EXPECT_EQ(found.details[1].second, "1000000");
}

// Whoever could discard what others gave, could keep the vault sealed.
TEST_F(LifecycleTest, OnlyTheOperatorSocketDiscardsShares) {
  ASSERT_OK_AND_ASSIGN(const CertificateRequest csr, MakeCertificateRequest());
  v1::InitRequest request;
  request.set_operator_csr(csr.csr_der);
  request.add_seals()->mutable_shamir()->set_shares(3);
  request.mutable_seals(0)->mutable_shamir()->set_threshold(2);
  v1::InitResponse init;
  Stubs local = Local();
  ASSERT_EQ(Text(local.system->Init(Ctx("", 60), request, &init)), "OK");
  server_->lifecycle().Seal();
  v1::UnsealRequest give, reset;
  v1::StatusResponse response;
  give.set_share(init.shares(0));
  ASSERT_EQ(Text(local.system->Unseal(Ctx(), give, &response)), "OK");
  reset.set_reset(true);
  Stubs remote(
      TlsChannel(init.operator_certificate_pem(), std::string(csr.key_pem.ExposeForCrypto())));
  EXPECT_EQ(Text(remote.system->Unseal(Ctx(), reset, &response)),
            "PERMISSION_DENIED: reset is taken on the operator socket only, on the server's "
            "machine");
  EXPECT_EQ(Status(local).shares_given(), 1u);
  ASSERT_EQ(Text(local.system->Unseal(Ctx(), reset, &response)), "OK");
  EXPECT_EQ(Status(local).shares_given(), 0u);
}

TEST_F(LifecycleTest, ADirectoryThatIsTooLongForASocketIsNamed) {
  Config config = BaseConfig();
  config.dev = true;
  config.data_directory = dir_.path() + "/" + std::string(100, 'd');
  ASSERT_OK(FileSystem::Posix().CreateDirectory(config.data_directory, 0700));
  const absl::Status status = Server::Start(config, Clock::Real()).status();
  EXPECT_CODE(status, kInvalidArgument);
  EXPECT_TRUE(absl::StartsWith(status.message(), "data_directory is too long"));
}

}  // namespace
}  // namespace keyturn
