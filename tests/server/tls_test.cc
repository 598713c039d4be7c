// What the listener takes and refuses, asked with OpenSSL's own client.
#include "server/tls_files.h"

#include <fstream>

#include "absl/strings/match.h"
#include "crypto/x509.h"
#include "net/tls_policy.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

class TlsTest : public ServerFixture {
 protected:
  void SetUp() override {
    setenv("GRPC_SSL_CIPHER_SUITES", GrpcCipherSuites(), 1);
    StartReal();
    InitReal();
    std::ofstream(dir_.File("op.pem")) << operator_certificate_;
    std::ofstream(dir_.File("op.key")) << operator_key_;
  }

  // What s_client prints.
  std::string Connect(const std::string& options, bool with_certificate = true) {
    return OutputOf(absl::StrCat("echo | timeout 10 openssl s_client -alpn h2 -connect ",
                                 server_->info().grpc, " -CAfile ", server_->info().ca_file, " ",
                                 with_certificate ? absl::StrCat("-cert ", dir_.File("op.pem"),
                                                                 " -key ", dir_.File("op.key"), " ")
                                                  : "",
                                 options, " 2>&1"));
  }
  static bool Agreed(const std::string& out) {
    return absl::StrContains(out, "Verify return code: 0 (ok)") &&
           !absl::StrContains(out, "Cipher is (NONE)") &&
           absl::StrContains(out, "ALPN protocol: h2");
  }
};

TEST_F(TlsTest, TakesTls12And13WithGcm) {
  EXPECT_TRUE(Agreed(Connect("-tls1_3"))) << Connect("-tls1_3");
  EXPECT_TRUE(Agreed(Connect("-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256")));
  EXPECT_TRUE(Agreed(Connect("-tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384")));
}

// tls_hello_test.cc asks for what this OpenSSL cannot speak.
TEST_F(TlsTest, RefusesOldVersionsAndWeakCiphers) {
  for (const char* options :
       {"-tls1 -cipher DEFAULT@SECLEVEL=0", "-tls1_1 -cipher DEFAULT@SECLEVEL=0",
        "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384",
        "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA@SECLEVEL=0",
        "-tls1_2 -cipher AES128-GCM-SHA256:AES256-GCM-SHA384",
        "-tls1_2 -cipher ALL:!ECDHE@SECLEVEL=0", "-tls1_2 -cipher eNULL@SECLEVEL=0"}) {
    const std::string out = Connect(options);
    EXPECT_FALSE(Agreed(out)) << options;
    // It is the server that refuses: the client did ask.
    EXPECT_FALSE(absl::StrContains(out, "written 0 bytes")) << options << "\n" << out;
  }
}

TEST_F(TlsTest, RefusesACallWithoutClientCertificate) {
  // In TLS 1.2 the session id comes with the last message of a handshake that succeeds.
  EXPECT_TRUE(absl::StrContains(Connect("-tls1_2", false), "Session-ID: \n"));
  EXPECT_FALSE(absl::StrContains(Connect("-tls1_2"), "Session-ID: \n"));
  v1::StatusResponse response;
  Stubs stranger(TlsChannel(""));
  EXPECT_EQ(stranger.system->Status(Ctx("", 5), {}, &response).error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TlsTest, RefusesCertificatesThatOurCaDidNotSign) {
  const absl::Time now = Clock::Real().Now();
  const Validity good = {now - absl::Hours(1), now + absl::Hours(1)};
  ASSERT_OK_AND_ASSIGN(const CertificateAndKey other, MakeCa("other", good));
  ASSERT_OK_AND_ASSIGN(const CertificateRequest request, MakeCertificateRequest());
  const std::string key(request.key_pem.ExposeForCrypto());
  ASSERT_OK_AND_ASSIGN(const std::string certificate,
                       SignClientCertificate(other, request.csr_der, kOperatorSpiffeId, good));
  v1::StatusResponse response;
  EXPECT_EQ(
      Stubs(TlsChannel(certificate, key)).system->Status(Ctx("", 5), {}, &response).error_code(),
      grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TlsTest, AnIssuedCertificateIsWhoItSays) {
  ASSERT_OK_AND_ASSIGN(const CertificateRequest request, MakeCertificateRequest());
  v1::IssueCertificateRequest issue;
  issue.set_csr(request.csr_der);
  issue.set_spiffe_id("spiffe://prod/api");
  issue.set_ttl_seconds(3600);
  v1::IssueCertificateResponse issued;
  Stubs op = Operator();
  ASSERT_EQ(Text(op.system->IssueCertificate(Ctx(), issue, &issued)), "OK");
  ASSERT_OK_AND_ASSIGN(const CertificateInfo info, ReadCertificate(issued.certificate_pem()));
  EXPECT_EQ(info.spiffe_id, "spiffe://prod/api");
  EXPECT_FALSE(info.is_ca);

  Stubs api(TlsChannel(issued.certificate_pem(), std::string(request.key_pem.ExposeForCrypto())));
  v1::WhoAmIResponse who;
  EXPECT_EQ(api.auth->WhoAmI(Ctx(), {}, &who).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);  // no role binds it yet
  v1::PutRoleRequest role;
  role.mutable_role()->set_name("api");
  role.mutable_role()->add_bound_spiffe_ids("spiffe://prod/*");
  v1::Role stored;
  ASSERT_EQ(Text(op.policies->PutRole(Ctx(), role, &stored)), "OK");
  ASSERT_EQ(Text(api.auth->WhoAmI(Ctx(), {}, &who)), "OK");
  EXPECT_EQ(who.principal(), "spiffe://prod/api");
  EXPECT_EQ(who.role(), "api");

  v1::LoginResponse login;
  ASSERT_EQ(Text(api.auth->Login(Ctx(), {}, &login)), "OK");
  EXPECT_TRUE(absl::StartsWith(login.token(), "ktb."));
  ASSERT_EQ(Text(api.auth->WhoAmI(Ctx(login.token()), {}, &who)), "OK");
  EXPECT_EQ(who.method(), "certificate");
  EXPECT_NE(who.token_id(), "");
  // The token is bound to the certificate it was given for.
  EXPECT_EQ(op.auth->WhoAmI(Ctx(login.token()), {}, &who).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(TlsTest, ANewCertificateServesNewConnections) {
  const auto serial = [&] {
    const std::string out = Connect("-tls1_3 2>/dev/null | openssl x509 -noout -serial");
    return out.substr(0, out.find('\n'));
  };
  const std::string before = serial();
  ASSERT_TRUE(absl::StartsWith(before, "serial=")) << before;
  ASSERT_OK(FileSystem::Posix().Remove(dir_.File("tls/server.pem")));
  ASSERT_OK(server_->Reload());
  EXPECT_NE(serial(), before);
  EXPECT_TRUE(Agreed(Connect("-tls1_3")));
}

TEST_F(TlsTest, AReloadOfAPairThatDoesNotMatchKeepsTheOldOne) {
  ASSERT_OK_AND_ASSIGN(const CertificateRequest other, MakeCertificateRequest());
  ASSERT_OK(WriteFileAtomically(FileSystem::Posix(), dir_.File("tls/server.key"),
                                other.key_pem.ExposeForCrypto(), 0600));
  const absl::Status status = server_->Reload();
  EXPECT_CODE(status, kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(status.message(), "server.pem: the certificate is not for this"));
  EXPECT_TRUE(Agreed(Connect("-tls1_3")));
}

TEST_F(TlsTest, ConfiguredFilesAreChecked) {
  Config config = BaseConfig();
  config.dev = true;
  config.data_directory = dir_.File("two");
  ASSERT_OK(FileSystem::Posix().CreateDirectory(config.data_directory, 0700));
  config.tls_certificate = dir_.File("op.pem");
  config.tls_key = dir_.File("absent.key");
  EXPECT_CODE(Server::Start(config, Clock::Real()), kNotFound);
  config.tls_key = dir_.File("tls/server.key");
  EXPECT_CODE(Server::Start(config, Clock::Real()), kInvalidArgument);
}

}  // namespace
}  // namespace keyturn
