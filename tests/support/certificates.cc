#include "tests/support/certificates.h"

#include <fstream>

#include "base/clock.h"
#include "storage/file_system.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

Validity Around(absl::Duration left) {
  const absl::Time end = Clock::Real().Now() + left;
  return {end - absl::Hours(90 * 24), end};
}

}  // namespace

TestCa::TestCa(std::string directory) : directory_(std::move(directory)) {
  absl::StatusOr<CertificateAndKey> made = MakeCa("test CA", Around(absl::Hours(24)));
  EXPECT_OK(made);
  ca_ = *std::move(made);
  std::ofstream(file()) << ca_.certificate_pem;
}

void TestCa::Server(const std::string& name) {
  const absl::StatusOr<CertificateAndKey> made =
      MakeServerCertificate(ca_, {"127.0.0.1"}, Around(absl::Hours(12)));
  EXPECT_OK(made);
  Write(name, made->certificate_pem, made->key_pem);
}

void TestCa::Client(const std::string& name, const std::string& spiffe_id, absl::Duration left) {
  const absl::StatusOr<CertificateRequest> request = MakeCertificateRequest();
  EXPECT_OK(request);
  const absl::StatusOr<std::string> pem =
      SignClientCertificate(ca_, request->csr_der, spiffe_id, Around(left));
  EXPECT_OK(pem);
  Write(name, *pem, request->key_pem);
}

void TestCa::Write(const std::string& name, const std::string& certificate_pem,
                   const SecretBytes& key) {
  std::ofstream(directory_ + "/" + name + ".pem") << certificate_pem;
  EXPECT_OK(WriteFileAtomically(FileSystem::Posix(), directory_ + "/" + name + ".key",
                                key.ExposeForCrypto(), 0600));
}

}  // namespace keyturn
