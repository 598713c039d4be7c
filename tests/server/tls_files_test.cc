// What may take the place of the listener's certificate.
#include "server/tls_files.h"

#include "absl/strings/match.h"
#include "crypto/x509.h"
#include "crypto/x509_make.h"
#include "storage/file_system.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {
namespace {

class TlsFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(ca_, MakeCa("test", {Now() - absl::Hours(1), Now() + absl::Hours(9999)}));
    Write(Make(0, 24));
    ASSERT_OK_AND_ASSIGN(files_, TlsFiles::Open(Options(), clock_));
  }
  absl::Time Now() { return clock_.Now(); }
  TlsFilesOptions Options() {
    return {.directory = dir_.File("tls"),
            .certificate = dir_.File("server.pem"),
            .key = dir_.File("server.key"),
            .extra_client_ca = "",
            .hosts = {"localhost"}};
  }
  CertificateAndKey Make(int from_hours, int to_hours) {
    return *MakeServerCertificate(ca_, {{"localhost"}},
                                  {Now() + absl::Hours(from_hours), Now() + absl::Hours(to_hours)});
  }
  void Write(const CertificateAndKey& pair) {
    FileSystem& files = FileSystem::Posix();
    ASSERT_OK(WriteFileAtomically(files, dir_.File("server.pem"), pair.certificate_pem, 0600));
    ASSERT_OK(
        WriteFileAtomically(files, dir_.File("server.key"), pair.key_pem.ExposeForWire(), 0600));
  }
  // Reloads; on a refusal, with a part of its message, what was in place must stay.
  void Refuses(const std::string& message) {
    const std::string before = files_->material()->certificate;
    const absl::Status status = files_->Reload("");
    EXPECT_TRUE(!status.ok() && absl::StrContains(status.message(), message)) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), dir_.File("server.pem"))) << status;
    EXPECT_EQ(files_->material()->certificate, before);
  }

  TempDir dir_;
  SimulatedClock clock_;
  CertificateAndKey ca_;
  std::unique_ptr<TlsFiles> files_;
};

TEST_F(TlsFilesTest, AReloadTakesAGoodPair) {
  const CertificateAndKey next = Make(0, 48);
  Write(next);
  ASSERT_OK(files_->Reload(""));
  EXPECT_EQ(files_->material()->certificate, next.certificate_pem);
  CertificateAndKey chained = Make(0, 48);
  chained.certificate_pem += ca_.certificate_pem;
  Write(chained);
  ASSERT_OK(files_->Reload(""));
  EXPECT_EQ(files_->material()->certificate, chained.certificate_pem);
}

TEST_F(TlsFilesTest, AReloadRefusesWhatClientsWould) {
  Write(Make(-48, -24));
  Refuses("not now");
  Write(Make(24, 48));
  Refuses("not now");
  CertificateAndKey pair = Make(0, 24);
  pair.key_pem = std::move(Make(0, 24).key_pem);
  Write(pair);
  Refuses("not for this private key");
  CertificateAndKey chain = Make(0, 24);
  chain.certificate_pem += Make(0, 24).certificate_pem;
  Write(chain);
  Refuses("the chain is broken");
  const CertificateRequest request = *MakeCertificateRequest();
  Write({*SignClientCertificate(ca_, request.csr_der, "spiffe://prod/x",
                                {Now(), Now() + absl::Hours(1)}),
         *SecretBytes::CopyOf(request.key_pem.ExposeForCrypto())});
  Refuses("not for servers");
  Write({"rubbish", *SecretBytes::CopyOf("rubbish")});
  Refuses("no certificate");
}

// The operator can mend a server that runs.
TEST_F(TlsFilesTest, AStartWithACertificateOutOfDateGoesOn) {
  Write(Make(-48, -24));
  ASSERT_OK_AND_ASSIGN(files_, TlsFiles::Open(Options(), clock_));
  EXPECT_OK(files_->Reload(ca_.certificate_pem));  // as at unseal
}

}  // namespace
}  // namespace keyturn
