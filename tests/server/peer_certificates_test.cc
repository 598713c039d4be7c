#include "server/peer_certificates.h"

#include <gtest/gtest.h>

#include "crypto/x509.h"
#include "crypto/x509_make.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

constexpr char kId[] = "spiffe://example.org/api";

class PeerCertificatesTest : public testing::Test {
 protected:
  Validity For(absl::Duration from, absl::Duration to) {
    return {clock_.Now() + from, clock_.Now() + to};
  }
  std::string Issue(const CertificateAndKey& ca, const Validity& validity) {
    return *SignClientCertificate(ca, MakeCertificateRequest()->csr_der, kId, validity);
  }
  std::string Issue(const CertificateAndKey& ca) {
    return Issue(ca, For(-absl::Hours(1), absl::Hours(1)));
  }

  SimulatedClock clock_;
  const CertificateAndKey ca_ = *MakeCa("ca", For(-absl::Hours(24), absl::Hours(24)));
  PeerCertificates peers_{clock_};
};

TEST_F(PeerCertificatesTest, KnowsWhoACertificateIs) {
  peers_.SetCa(ca_.certificate_pem);
  const std::string pem = Issue(ca_);
  const auto peer = peers_.Find(pem);
  ASSERT_NE(peer, nullptr);
  EXPECT_EQ(peer->spiffe_id, kId);
  EXPECT_EQ(peer->sha256, ReadCertificate(pem)->sha256);
  EXPECT_EQ(peer->not_after, ReadCertificate(pem)->not_after);
  EXPECT_EQ(peers_.Find(pem), peer);  // parsed once
  const auto other = peers_.Find(Issue(ca_));
  ASSERT_NE(other, nullptr);
  EXPECT_NE(other->sha256, peer->sha256);
}

TEST_F(PeerCertificatesTest, WithoutACaNobodyIsVouchedFor) {
  EXPECT_EQ(peers_.Find(Issue(ca_)), nullptr);
  peers_.SetCa(ca_.certificate_pem);
  EXPECT_EQ(peers_.Find(""), nullptr);
  EXPECT_EQ(peers_.Find("not a certificate"), nullptr);
}

TEST_F(PeerCertificatesTest, OnlyCertificatesForClientsOfTheCaCount) {
  peers_.SetCa(ca_.certificate_pem);
  // Of the same name, so that only the signature tells them apart.
  const CertificateAndKey other = *MakeCa("ca", For(-absl::Hours(24), absl::Hours(24)));
  EXPECT_EQ(peers_.Find(Issue(other)), nullptr);
  // The CA that signed it may come with a certificate, and vouches for nothing.
  EXPECT_EQ(peers_.Find(Issue(other) + other.certificate_pem), nullptr);
  const std::vector<std::string> hosts = {"localhost"};
  const auto server = MakeServerCertificate(ca_, hosts, For(-absl::Hours(1), absl::Hours(1)));
  ASSERT_OK(server);
  EXPECT_EQ(peers_.Find(server->certificate_pem), nullptr);
}

TEST_F(PeerCertificatesTest, AnExchangedCaCountsAtOnce) {
  const CertificateAndKey next = *MakeCa("next", For(-absl::Hours(24), absl::Hours(24)));
  const std::string pem = Issue(ca_);
  peers_.SetCa(ca_.certificate_pem);
  ASSERT_NE(peers_.Find(pem), nullptr);
  peers_.SetCa(next.certificate_pem);
  EXPECT_EQ(peers_.Find(pem), nullptr);
  EXPECT_NE(peers_.Find(Issue(next)), nullptr);
  peers_.SetCa(next.certificate_pem + ca_.certificate_pem);  // while both are in use
  EXPECT_NE(peers_.Find(pem), nullptr);
}

TEST_F(PeerCertificatesTest, AKnownCertificateEndsWithItsTime) {
  peers_.SetCa(ca_.certificate_pem);
  const std::string pem = Issue(ca_, For(absl::ZeroDuration(), absl::Hours(1)));
  ASSERT_NE(peers_.Find(pem), nullptr);
  clock_.AdvanceTime(absl::Hours(1) - absl::Seconds(1));
  EXPECT_NE(peers_.Find(pem), nullptr);
  clock_.AdvanceTime(absl::Seconds(1));
  EXPECT_EQ(peers_.Find(pem), nullptr);
}

// What was refused is looked at anew each time.
TEST_F(PeerCertificatesTest, ACertificateFromTomorrowIsGoodTomorrow) {
  peers_.SetCa(ca_.certificate_pem);
  const std::string pem = Issue(ca_, For(absl::Minutes(10), absl::Hours(1)));
  EXPECT_EQ(peers_.Find(pem), nullptr);
  clock_.AdvanceTime(absl::Minutes(11));
  EXPECT_NE(peers_.Find(pem), nullptr);
}

}  // namespace
}  // namespace keyturn
