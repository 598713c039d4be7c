// What deploy/issue-certificates.sh issues serves a server and lets a client in.
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

class IssuedCertificatesTest : public ServerFixture {
 protected:
  std::string Run(const std::string& arguments) {
    const char* const source = std::getenv("KEYTURN_SOURCE");
    const std::string command =
        absl::StrCat(source == nullptr ? "." : source, "/deploy/issue-certificates.sh --dir ",
                     dir_.File("issued"), " ", arguments, " 2>&1");
    FILE* const pipe = popen(command.c_str(), "r");
    std::string out;
    char buffer[4096];
    while (const size_t got = fread(buffer, 1, sizeof(buffer), pipe)) out.append(buffer, got);
    return pclose(pipe) == 0 ? "" : out;
  }
  std::string Issued(const std::string& name) { return ReadFile(dir_.File("issued/" + name)); }

  Stubs Connect(const std::string& certificate, const std::string& key) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = Issued("ca.pem");
    options.pem_cert_chain = certificate;
    options.pem_private_key = key;
    return Stubs(NewChannel(server_->info().grpc, grpc::SslCredentials(options)));
  }
};

TEST_F(IssuedCertificatesTest, ServeAServerAndNameAClient) {
  ASSERT_EQ(Run("--server localhost,127.0.0.1 --client spiffe://example.org/api"), "");
  Config config = BaseConfig();
  config.data_directory = dir_.File("data");
  config.key_file = dir_.File("key");
  config.tls_certificate = dir_.File("issued/server.pem");
  config.tls_key = dir_.File("issued/server.key");
  config.tls_client_ca = dir_.File("issued/ca.pem");
  ASSERT_OK_AND_ASSIGN(server_, Server::Start(config, Clock::Real()));
  InitReal();

  Stubs api = Connect(Issued("client.pem"), Issued("client.key"));
  v1::WhoAmIResponse who;
  EXPECT_EQ(api.auth->WhoAmI(Ctx(), {}, &who).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);  // known, but no role binds it
  v1::PutRoleRequest role;
  role.mutable_role()->set_name("api");
  role.mutable_role()->add_bound_spiffe_ids("spiffe://example.org/api");
  v1::Role stored;
  Stubs op = Connect(operator_certificate_, operator_key_);
  ASSERT_EQ(Text(op.policies->PutRole(Ctx(), role, &stored)), "OK");
  ASSERT_EQ(Text(api.auth->WhoAmI(Ctx(), {}, &who)), "OK");
  EXPECT_EQ(who.principal(), "spiffe://example.org/api");
  EXPECT_EQ(who.role(), "api");

  // The server's certificate is for servers: as a client's it is refused.
  Stubs server = Connect(Issued("server.pem"), Issued("server.key"));
  EXPECT_FALSE(server.auth->WhoAmI(Ctx("", 5), {}, &who).ok());
}

}  // namespace
}  // namespace keyturn
