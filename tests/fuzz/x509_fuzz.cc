// Certificates and chains, as PEM text or as DER pieces with their length before them. What is read
// of one can be relied on: names without NUL, a SPIFFE id that is one, dates in which a chain that
// verifies is valid.
#include "crypto/x509.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "crypto/x509_types.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

// A day in the validity of the certificates in the corpus.
const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

std::string PemOf(absl::string_view input) {
  if (absl::StartsWith(input, "-----")) return std::string(input);
  std::string pem;
  while (const std::optional<absl::string_view> der = ReadLengthPrefixed(&input)) {
    std::string body = absl::Base64Escape(*der);
    for (size_t at = 64; at < body.size(); at += 65) body.insert(at, 1, '\n');
    absl::StrAppend(&pem, "-----BEGIN CERTIFICATE-----\n", body, "\n-----END CERTIFICATE-----\n");
  }
  return pem;
}

void CheckInfo(const CertificateInfo& info, const std::string& pem) {
  constexpr absl::string_view kNul("\0", 1);
  Require(info.sha256.size() == 64 && HexDecode(info.sha256).has_value(), "a fingerprint");
  Require(info.spiffe_id.empty() || ValidateSpiffeId(info.spiffe_id).ok(), "a SPIFFE id or none");
  Require(!absl::StrContains(info.common_name, kNul), "a common name without NUL");
  for (const std::string& name : info.dns_names) {
    Require(!absl::StrContains(name, kNul), "a DNS name without NUL");
  }
  const BioPtr bio = ReadBio(pem);
  const X509Ptr certificate = NextCertificate(bio.get());
  const std::string again = Must(ToPem(certificate.get()), "it is written");
  Require(Must(ReadCertificate(again), "and read").sha256 == info.sha256, "as the same one");
}

}  // namespace

void FuzzX509(absl::string_view input) {
  (void)ValidateSpiffeId(input).ok();
  const std::string pem = PemOf(input);
  const absl::StatusOr<CertificateInfo> info = ReadCertificate(pem);
  if (info.ok()) CheckInfo(*info, pem);
  (void)CheckServerChain(pem).ok();
  (void)CheckKeyPair(pem, Must(SecretBytes::CopyOf(pem), "the arena has room")).ok();
  // The last certificates of the text may be the CA that is trusted.
  if (VerifyClientCertificate(pem, pem, kNow).ok() && info.ok()) {
    Require(info->not_before <= kNow && kNow <= info->not_after, "valid means in date");
  }
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzX509)
