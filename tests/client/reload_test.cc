// Certificates that change while a client runs: new connections use the new files.
#include <grpcpp/channel.h>

#include <filesystem>
#include <fstream>

#include "client/channel.h"
#include "client/client.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

class ReloadTest : public ServerFixture {
 protected:
  void SetUp() override {
    StartReal();
    InitReal();
    const Validity day = {Clock::Real().Now() - absl::Hours(1),
                          Clock::Real().Now() + absl::Hours(23)};
    ASSERT_OK_AND_ASSIGN(const CertificateAndKey other, MakeCa("other", day));
    other_ca_ = other.certificate_pem;
    ASSERT_OK_AND_ASSIGN(const CertificateRequest request, MakeCertificateRequest());
    other_key_ = std::string(request.key_pem.ExposeForCrypto());
    ASSERT_OK_AND_ASSIGN(other_certificate_,
                         SignClientCertificate(other, request.csr_der, kOperatorSpiffeId, day));
    good_ca_ = ReadFile(server_->info().ca_file);
  }
  // As tools that renew certificates do: a new file takes the place of the old one.
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_.File(name + ".new")) << text;
    std::filesystem::rename(dir_.File(name + ".new"), dir_.File(name));
  }
  ClientOptions Options() {
    ClientOptions options;
    options.address = server_->info().grpc;
    options.ca_file = dir_.File("c-ca.pem");
    options.client_cert_file = dir_.File("c.pem");
    options.client_key_file = dir_.File("c.key");
    options.reload_interval = absl::Seconds(1);
    return options;
  }
  // Tries to connect, again and again, for up to `seconds`.
  static bool Connects(grpc::ChannelInterface& channel, int seconds) {
    return channel.WaitForConnected(
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_seconds(seconds, GPR_TIMESPAN)));
  }

  std::string good_ca_, other_ca_, other_certificate_, other_key_;
};

TEST_F(ReloadTest, ANewClientCertificateIsUsed) {
  Write("c-ca.pem", good_ca_);
  Write("c.pem", other_certificate_);
  Write("c.key", other_key_);
  ASSERT_OK_AND_ASSIGN(const auto channel, MakeChannel(Options()));
  EXPECT_FALSE(Connects(*channel, 1));
  Write("c.key", operator_key_);
  Write("c.pem", operator_certificate_);
  EXPECT_TRUE(Connects(*channel, 30));
}

TEST_F(ReloadTest, ANewCaIsBelieved) {
  Write("c-ca.pem", other_ca_);
  Write("c.pem", operator_certificate_);
  Write("c.key", operator_key_);
  ASSERT_OK_AND_ASSIGN(const auto channel, MakeChannel(Options()));
  EXPECT_FALSE(Connects(*channel, 1));
  Write("c-ca.pem", good_ca_);
  EXPECT_TRUE(Connects(*channel, 30));
}

TEST_F(ReloadTest, WithoutAnIntervalFilesAreReadOnce) {
  Write("c-ca.pem", other_ca_);
  Write("c.pem", operator_certificate_);
  Write("c.key", operator_key_);
  ClientOptions options = Options();
  options.reload_interval = absl::ZeroDuration();
  ASSERT_OK_AND_ASSIGN(const auto channel, MakeChannel(options));
  Write("c-ca.pem", good_ca_);
  EXPECT_FALSE(Connects(*channel, 3));
}

}  // namespace
}  // namespace keyturn
