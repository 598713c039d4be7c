// Certificate requests (DER) from callers: one that passes the check is signed, and the certificate
// is the caller's by the id it was asked for and by nothing that the request says.
#include "crypto/x509.h"
#include "crypto/x509_make.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {

void FuzzCsr(absl::string_view input) {
  constexpr char kId[] = "spiffe://prod/app";
  static const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  static const Validity validity = {now - absl::Hours(1), now + absl::Hours(1)};
  static const auto* const ca =
      new CertificateAndKey(Must(MakeCa("a CA of tests", validity), "a CA is made"));
  const bool fine = CheckCertificateRequest(input).ok();
  const absl::StatusOr<std::string> pem = SignClientCertificate(*ca, input, kId, validity);
  Require(pem.ok() == fine, "what passes the check is signed, and nothing else");
  if (!fine) return;
  const CertificateInfo info = Must(ReadCertificate(*pem), "it is read");
  Require(info.spiffe_id == kId && info.dns_names.empty() && !info.is_ca, "names of the request");
  Require(VerifyClientCertificate(*pem, ca->certificate_pem, now).ok(), "it verifies");
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzCsr)
