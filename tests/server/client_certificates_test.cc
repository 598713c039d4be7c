// Which client certificates a handshake takes. gRPC ends a refused one without an alert, so the
// reason is that of its log.
#include <grpc/support/log.h>

#include <cstdlib>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/synchronization/mutex.h"
#include "crypto/x509.h"
#include "tests/server/server_fixture.h"
#include "tests/support/certificates.h"

namespace keyturn {
namespace {

absl::Mutex said_mu(absl::kConstInit);
std::string& Said() {
  static std::string& said = *new std::string;
  return said;
}
void NoteWhatGrpcSays(gpr_log_func_args* args) {
  absl::MutexLock lock(&said_mu);
  absl::StrAppend(&Said(), args->message, "\n");
}

class ClientCertificatesTest : public ServerFixture {
 protected:
  void SetUp() override {
    ASSERT_OK(FileSystem::Posix().CreateDirectory(pki_, 0700));
    ca_ = std::make_unique<TestCa>(pki_);
    StartReal([this](Config& config) { config.tls_client_ca = ca_->file(); });
  }

  // "OK", or the code and the reason that gRPC's log has.
  std::string Call(const std::string& name) {
    gpr_set_log_function(&NoteWhatGrpcSays);
    const absl::Cleanup stop = [] { gpr_set_log_function(nullptr); };
    {
      absl::MutexLock lock(&said_mu);
      Said().clear();
    }
    const bool none = name.empty();
    Stubs stubs(TlsChannel(none ? "" : ReadFile(absl::StrCat(pki_, "/", name, ".pem")),
                           none ? "" : ReadFile(absl::StrCat(pki_, "/", name, ".key"))));
    v1::StatusResponse response;
    const grpc::Status status = stubs.system->Status(Ctx(), {}, &response);
    if (status.ok()) return "OK";
    absl::MutexLock lock(&said_mu);
    for (const char* why : {"certificate verify failed", "peer did not return a certificate"}) {
      if (absl::StrContains(Said(), why)) {
        return absl::StrCat(status.error_code() == grpc::UNAVAILABLE ? "UNAVAILABLE" : "other",
                            ": ", why);
      }
    }
    return absl::StrCat(Text(status), "\n", Said());
  }

  void Write(const std::string& name, const std::string& certificate, const SecretBytes& key) {
    const std::string stem = absl::StrCat(pki_, "/", name);
    ASSERT_OK(WriteFileAtomically(FileSystem::Posix(), stem + ".pem", certificate, 0600));
    ASSERT_OK(WriteFileAtomically(FileSystem::Posix(), stem + ".key", key.ExposeForCrypto(), 0600));
  }
  // By openssl: what the server's own code does not make.
  void OpenSsl(const std::string& arguments) {
    ASSERT_EQ(std::system(absl::StrCat("cd ", pki_, " && openssl ", arguments, " >",
                                       dir_.File("openssl.out"), " 2>&1")
                              .c_str()),
              0)
        << arguments;
  }

  const std::string pki_ = dir_.File("pki");
  std::unique_ptr<TestCa> ca_;
};

constexpr char kNotVerified[] = "UNAVAILABLE: certificate verify failed";

TEST_F(ClientCertificatesTest, OneOfTheCaForClientsThatIsValidIsTaken) {
  ca_->Client("good", "spiffe://x/y", absl::Hours(1));
  EXPECT_EQ(Call("good"), "OK");
}

TEST_F(ClientCertificatesTest, OthersAreRefused) {
  EXPECT_EQ(Call(""), "UNAVAILABLE: peer did not return a certificate");
  ca_->Client("expired", "spiffe://x/y", -absl::Hours(1));
  EXPECT_EQ(Call("expired"), kNotVerified);
  ca_->Client("early", "spiffe://x/y", absl::Hours(24 * 91));  // valid for the 90 days before
  EXPECT_EQ(Call("early"), kNotVerified);
  ca_->Server("server");  // for serverAuth alone
  EXPECT_EQ(Call("server"), kNotVerified);
  ASSERT_OK(FileSystem::Posix().CreateDirectory(pki_ + "/other", 0700));
  TestCa(pki_ + "/other").Client("client", "spiffe://x/y", absl::Hours(1));
  EXPECT_EQ(Call("other/client"), kNotVerified);  // of a CA with the same name
  const absl::Time now = Clock::Real().Now();
  ASSERT_OK_AND_ASSIGN(const CertificateAndKey self,
                       MakeCa("self", {now - absl::Hours(1), now + absl::Hours(1)}));
  Write("self", self.certificate_pem, self.key_pem);
  EXPECT_EQ(Call("self"), kNotVerified);
  OpenSsl(
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=client "
      "-addext subjectAltName=URI:spiffe://x/y -addext extendedKeyUsage=clientAuth "
      "-keyout leaf.key -out leaf.pem");
  EXPECT_EQ(Call("leaf"), kNotVerified);  // self-signed, and otherwise as it should be
  ca_->Client("good", "spiffe://x/y", absl::Hours(1));
  EXPECT_EQ(Call("good"), "OK");
}

}  // namespace
}  // namespace keyturn
