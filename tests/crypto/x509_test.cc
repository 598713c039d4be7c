#include "crypto/x509.h"

#include <openssl/pem.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "crypto/x509_make.h"
#include "crypto/x509_types.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'767'225'600);
const Validity kYear = {kNow - absl::Hours(1), kNow + absl::Hours(24 * 365)};

class X509Test : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(ca_, MakeCa("test CA", kYear));
    ASSERT_OK_AND_ASSIGN(request_, MakeCertificateRequest());
  }
  std::string Sign(const Validity& validity = kYear,
                   const std::string& id = "spiffe://prod/ns/app") {
    absl::StatusOr<std::string> pem = SignClientCertificate(ca_, request_.csr_der, id, validity);
    EXPECT_OK(pem);
    return pem.value_or("");
  }
  CertificateAndKey ca_;
  CertificateRequest request_;
};

TEST_F(X509Test, AClientCertificateSaysWhatItWasMadeFor) {
  ASSERT_OK_AND_ASSIGN(const CertificateInfo info, ReadCertificate(Sign()));
  EXPECT_EQ(info.spiffe_id, "spiffe://prod/ns/app");
  EXPECT_EQ(info.sha256.size(), 64u);
  EXPECT_EQ(info.not_after, kYear.not_after);
  EXPECT_EQ(info.not_before, kYear.not_before);
  EXPECT_FALSE(info.is_ca);
  ASSERT_OK_AND_ASSIGN(const CertificateInfo ca, ReadCertificate(ca_.certificate_pem));
  EXPECT_TRUE(ca.is_ca);
  EXPECT_EQ(ca.common_name, "test CA");
}

TEST_F(X509Test, EachCertificateIsAnother) {
  ASSERT_OK_AND_ASSIGN(const CertificateInfo one, ReadCertificate(Sign()));
  ASSERT_OK_AND_ASSIGN(const CertificateInfo two, ReadCertificate(Sign()));
  EXPECT_NE(one.sha256, two.sha256);
  EXPECT_NE(one.serial, two.serial);
}

TEST_F(X509Test, TheSerialIsAsOpensslShowsIt) {
  const std::string pem = Sign();
  const std::string name = testing::TempDir() + "/serial.pem";
  std::ofstream(name) << pem;
  FILE* const pipe = popen(("openssl x509 -noout -serial -in " + name).c_str(), "r");
  char line[256] = {};
  ASSERT_NE(fgets(line, sizeof(line), pipe), nullptr);
  pclose(pipe);
  ASSERT_OK_AND_ASSIGN(const CertificateInfo info, ReadCertificate(pem));
  EXPECT_EQ(absl::AsciiStrToLower(absl::StripAsciiWhitespace(line)), "serial=" + info.serial);
}

TEST_F(X509Test, VerifiesByIssuerTimeAndPurpose) {
  const std::string good = Sign();
  EXPECT_OK(VerifyClientCertificate(good, ca_.certificate_pem, kNow));
  EXPECT_CODE(VerifyClientCertificate(good, ca_.certificate_pem, kYear.not_after + absl::Hours(1)),
              kUnauthenticated);
  EXPECT_CODE(VerifyClientCertificate(good, ca_.certificate_pem, kYear.not_before - absl::Hours(1)),
              kUnauthenticated);
  ASSERT_OK_AND_ASSIGN(const CertificateAndKey other, MakeCa("test CA", kYear));
  EXPECT_CODE(VerifyClientCertificate(good, other.certificate_pem, kNow), kUnauthenticated);
  EXPECT_OK(VerifyClientCertificate(good, other.certificate_pem + ca_.certificate_pem, kNow));
  EXPECT_CODE(VerifyClientCertificate(good, "", kNow), kUnauthenticated);
  const std::vector<std::string> hosts = {"localhost"};
  ASSERT_OK_AND_ASSIGN(const CertificateAndKey server, MakeServerCertificate(ca_, hosts, kYear));
  EXPECT_CODE(VerifyClientCertificate(server.certificate_pem, ca_.certificate_pem, kNow),
              kUnauthenticated);
}

TEST_F(X509Test, ALeafCannotSignAnother) {
  const CertificateAndKey leaf = {Sign(), std::move(request_.key_pem)};
  ASSERT_OK_AND_ASSIGN(const CertificateRequest victim, MakeCertificateRequest());
  ASSERT_OK_AND_ASSIGN(const std::string forged,
                       SignClientCertificate(leaf, victim.csr_der, "spiffe://prod/root", kYear));
  EXPECT_CODE(VerifyClientCertificate(forged + leaf.certificate_pem, ca_.certificate_pem, kNow),
              kUnauthenticated);
}

TEST_F(X509Test, RefusesBadRequests) {
  const auto sign = [&](const std::string& der) {
    return SignClientCertificate(ca_, der, "spiffe://prod/x", kYear).status();
  };
  EXPECT_CODE(sign(""), kInvalidArgument);
  EXPECT_CODE(sign("rubbish"), kInvalidArgument);
  EXPECT_CODE(sign(request_.csr_der + "x"), kInvalidArgument);
  int refused = 0;
  for (size_t i = 0; i < request_.csr_der.size(); ++i) {
    std::string flipped = request_.csr_der;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    if (!sign(flipped).ok()) ++refused;
  }
  // Every flipped bit breaks the form, the key or the signature.
  EXPECT_EQ(refused, static_cast<int>(request_.csr_der.size()));
}

TEST_F(X509Test, RefusesBadNames) {
  for (const char* id :
       {"", "spiffe://", "spiffe:///path", "https://prod/x", "spiffe://Prod/x", "spiffe://prod/",
        "spiffe://prod//x", "spiffe://prod/..", "spiffe://prod/./x", "spiffe://prod/a b",
        "spiffe://prod/a,URI:spiffe://prod/b", "spiffe://prod:80/x", "spiffe://prod/x?y"}) {
    EXPECT_CODE(ValidateSpiffeId(id), kInvalidArgument);
    EXPECT_CODE(SignClientCertificate(ca_, request_.csr_der, id, kYear), kInvalidArgument);
  }
  EXPECT_CODE(ValidateSpiffeId("spiffe://prod/" + std::string(2048, 'x')), kInvalidArgument);
  EXPECT_OK(ValidateSpiffeId("spiffe://prod.example-1/ns/Ab_c.d-e"));
}

TEST_F(X509Test, PairsAreChecked) {
  ASSERT_OK_AND_ASSIGN(const CertificateRequest other, MakeCertificateRequest());
  EXPECT_OK(CheckKeyPair(Sign(), request_.key_pem));
  EXPECT_CODE(CheckKeyPair(Sign(), other.key_pem), kInvalidArgument);
  EXPECT_CODE(CheckKeyPair("", request_.key_pem), kInvalidArgument);
  EXPECT_CODE(CheckKeyPair(Sign(), *SecretBytes::CopyOf("no key")), kInvalidArgument);
}

// The passphrase stands ready on standard input, where OpenSSL looks for it without a terminal.
TEST_F(X509Test, NobodyIsAskedForThePassphraseOfAnEncryptedKey) {
  ASSERT_OK_AND_ASSIGN(const EvpKeyPtr key, KeyFromPem(request_.key_pem));
  const BioPtr bio(BIO_new(BIO_s_mem()));
  ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), EVP_aes_256_cbc(), "secret", 6,
                                          nullptr, nullptr),
            1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  ASSERT_OK_AND_ASSIGN(const SecretBytes encrypted,
                       SecretBytes::CopyOf({data, static_cast<size_t>(size)}));
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "secret\n", 7), 7);
  const int before = dup(STDIN_FILENO);
  ASSERT_EQ(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
  close(ends[1]);
  EXPECT_CODE(CheckKeyPair(Sign(), encrypted), kInvalidArgument);
  char left = 0;
  EXPECT_EQ(read(ends[0], &left, 1), 1) << "standard input was read";
  EXPECT_EQ(dup2(before, STDIN_FILENO), STDIN_FILENO);
  close(before);
  close(ends[0]);
}

TEST_F(X509Test, ServerChainsAreChecked) {
  ASSERT_OK_AND_ASSIGN(const CertificateAndKey server,
                       MakeServerCertificate(ca_, {{"localhost"}}, kYear));
  ASSERT_OK_AND_ASSIGN(const CertificateAndKey other, MakeCa("other", kYear));
  EXPECT_OK(CheckServerChain(server.certificate_pem));
  EXPECT_OK(CheckServerChain(server.certificate_pem + ca_.certificate_pem));
  EXPECT_CODE(CheckServerChain(server.certificate_pem + other.certificate_pem), kInvalidArgument);
  EXPECT_CODE(CheckServerChain(ca_.certificate_pem + server.certificate_pem), kInvalidArgument);
  EXPECT_CODE(CheckServerChain(Sign()), kInvalidArgument);  // for clients
  EXPECT_CODE(CheckServerChain(""), kInvalidArgument);
}

TEST_F(X509Test, ServerCertificatesNameTheirHosts) {
  const std::vector<std::string> hosts = {"localhost", "127.0.0.1", "::1", "vault.example"};
  ASSERT_OK_AND_ASSIGN(const CertificateAndKey made, MakeServerCertificate(ca_, hosts, kYear));
  ASSERT_OK_AND_ASSIGN(const CertificateInfo info, ReadCertificate(made.certificate_pem));
  EXPECT_EQ(info.dns_names, (std::vector<std::string>{"localhost", "vault.example"}));
  EXPECT_EQ(info.spiffe_id, "");
  EXPECT_OK(CheckKeyPair(made.certificate_pem, made.key_pem));
}

TEST(ReadCertificate, RefusesWhatIsNone) {
  EXPECT_CODE(ReadCertificate(""), kInvalidArgument);
  EXPECT_CODE(ReadCertificate("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
              kInvalidArgument);
}

}  // namespace
}  // namespace keyturn
