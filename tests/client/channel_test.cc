// What a client refuses to connect with, and whom it believes.
#include "client/channel.h"

#include <fstream>

#include "absl/strings/match.h"
#include "client/client.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

class OptionsTest : public testing::Test {
 protected:
  void SetUp() override {
    const Validity day = {Clock::Real().Now() - absl::Hours(1),
                          Clock::Real().Now() + absl::Hours(23)};
    ASSERT_OK_AND_ASSIGN(const CertificateAndKey ca, MakeCa("ca", day));
    ca_pem_ = ca.certificate_pem;
    std::ofstream(dir_.File("ca.pem")) << ca_pem_;
    std::ofstream(dir_.File("junk.pem")) << "not a certificate";
    good_.address = "vault.example:7400";
    good_.ca_file = dir_.File("ca.pem");
  }
  absl::Status Try(const std::function<void(ClientOptions&)>& adjust) {
    ClientOptions options = good_;
    adjust(options);
    return Client::Connect(std::move(options)).status();
  }
  TempDir dir_;
  std::string ca_pem_;
  ClientOptions good_;
};

TEST_F(OptionsTest, AnAddressIsHostAndPortOrASocket) {
  for (const char* good : {"vault.example:7400", "10.0.0.1:7400", "[::1]:7400", "unix:/run/x"}) {
    EXPECT_OK(Try([&](ClientOptions& o) { o.address = good; }));
  }
  for (const char* bad :
       {"", "vault.example", "https://vault.example:7400", "vault.example:7400/v1",
        "dns:///vault.example:7400", ":7400", "vault.example:", "vault.example:0",
        "vault.example:65536", "vault.example:74x", "vault.example:-1", "unix:", "::1:7400",
        "[::1]", "a b:7400"}) {
    const absl::Status status = Try([&](ClientOptions& o) { o.address = bad; });
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_TRUE(absl::StrContains(status.message(), "host:port")) << status;
  }
}

TEST_F(OptionsTest, SomebodyHasToVouchForTheServer) {
  EXPECT_CODE(Try([](ClientOptions& o) { o.ca_file = ""; }), kInvalidArgument);
  EXPECT_CODE(Try([&](ClientOptions& o) { o.ca_pem = ca_pem_; }), kInvalidArgument);
  EXPECT_OK(Try([&](ClientOptions& o) {
    o.ca_pem = ca_pem_;
    o.ca_file = "";
  }));
  // On this machine the mode of the socket does.
  EXPECT_OK(Try([](ClientOptions& o) {
    o.address = "unix:/run/x";
    o.ca_file = "";
  }));
}

TEST_F(OptionsTest, FilesAreReadAtOnce) {
  const std::string absent = dir_.File("absent.pem");
  const absl::Status no_ca = Try([&](ClientOptions& o) { o.ca_file = absent; });
  EXPECT_CODE(no_ca, kNotFound);
  EXPECT_TRUE(absl::StrContains(no_ca.message(), absent)) << no_ca;
  EXPECT_CODE(Try([&](ClientOptions& o) { o.ca_file = dir_.File("junk.pem"); }), kInvalidArgument);
  const absl::Status no_cert = Try([&](ClientOptions& o) {
    o.client_cert_file = absent;
    o.client_key_file = dir_.File("ca.pem");
  });
  EXPECT_CODE(no_cert, kNotFound);
  EXPECT_CODE(Try([&](ClientOptions& o) {
                o.client_cert_file = dir_.File("ca.pem");
                o.client_key_file = dir_.File("junk.pem");
              }),
              kInvalidArgument);
}

TEST_F(OptionsTest, ACertificateAndItsKeyGoTogether) {
  EXPECT_CODE(Try([&](ClientOptions& o) { o.client_cert_file = dir_.File("ca.pem"); }),
              kInvalidArgument);
  EXPECT_CODE(Try([&](ClientOptions& o) { o.client_key_file = dir_.File("ca.pem"); }),
              kInvalidArgument);
}

// A whole server, in dev mode: it has a certificate and asks for none.
class ChannelTest : public ServerFixture {
 protected:
  ClientOptions Good() {
    ClientOptions options;
    options.address = server_->info().grpc;
    options.ca_file = server_->info().ca_file;
    options.token = root_;
    return options;
  }
  // How a call ends.
  absl::Status Ask(ClientOptions options) {
    RetryPolicy::Options once;
    once.attempts_max = 1;
    options.retry = RetryPolicy(once);
    absl::StatusOr<std::unique_ptr<Client>> client = Client::Connect(std::move(options));
    if (!client.ok()) return client.status();
    return (*client)->WhoAmI({}).status();
  }
};

TEST_F(ChannelTest, BelievesTheServerItsCaSigned) {
  EXPECT_OK(Ask(Good()));
  ClientOptions text = Good();
  text.ca_pem = ReadFile(text.ca_file);
  text.ca_file = "";
  EXPECT_OK(Ask(text));
  ClientOptions once = Good();
  once.reload_interval = absl::ZeroDuration();
  EXPECT_OK(Ask(once));
}

TEST_F(ChannelTest, RefusesAServerOfAnotherCa) {
  const Validity day = {Clock::Real().Now() - absl::Hours(1),
                        Clock::Real().Now() + absl::Hours(23)};
  ASSERT_OK_AND_ASSIGN(const CertificateAndKey other, MakeCa("Keyturn", day));
  for (const bool file : {false, true}) {
    ClientOptions options = Good();
    if (file) {
      options.ca_file = dir_.File("other.pem");
      std::ofstream(options.ca_file) << other.certificate_pem;
    } else {
      options.ca_file = "";
      options.ca_pem = other.certificate_pem;
    }
    EXPECT_CODE(Ask(options), kUnavailable);
  }
}

TEST_F(ChannelTest, RefusesAServerOfAnotherName) {
  ClientOptions options = Good();
  options.server_name = "vault.elsewhere.example";
  EXPECT_CODE(Ask(options), kUnavailable);
  options.server_name = "localhost";
  EXPECT_OK(Ask(options));
}

TEST_F(ChannelTest, ReachesTheOperatorSocketWithoutTls) {
  ClientOptions options;
  options.address = "unix:" + server_->info().operator_socket;
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Client> client, Client::Connect(options));
  EXPECT_OK(client->Status({}));
}

TEST_F(ChannelTest, WithoutAServerIsUnavailable) {
  const ClientOptions options = Good();
  server_->Stop(absl::ZeroDuration());
  EXPECT_CODE(Ask(options), kUnavailable);
}

}  // namespace
}  // namespace keyturn
