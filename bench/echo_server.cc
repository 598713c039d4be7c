// The ceiling: a gRPC server that does nothing but answer. It serves SecretService.Get with a fixed
// reply of the size of Keyturn's, over the same mutual TLS, with the callback API.
//   echo_server INFO_FILE CLIENT_CA_FILE
// Writes {"grpc", "ca_file", "pid"} to INFO_FILE once it listens; ends on SIGTERM.
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "bench/measure.h"
#include "crypto/x509_make.h"
#include "keyturn/v1/secret_service.grpc.pb.h"

namespace keyturn::bench {
namespace {

class Echo : public v1::SecretService::CallbackService {
 public:
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context, const v1::GetRequest* request,
                                v1::GetResponse* response) override {
    response->set_path(request->path());
    response->set_kind(v1::KIND_GENERIC);
    response->set_revision(1);
    response->mutable_version()->set_version(1);
    response->mutable_version()->set_created_by("bench");
    v1::Field* const field = response->mutable_data()->add_fields();
    field->set_name("value");
    field->set_value(value_);
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  const std::string value_ = std::string(300, 'v');
};

std::string Read(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

void Serve(const std::string& info_file, const std::string& client_ca_file) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const absl::Time now = Clock::Real().Now();
  const Validity validity{now - absl::Hours(1), now + absl::Hours(24)};
  const auto ca = OrDie(MakeCa("bench", validity));
  const std::vector<std::string> hosts = {"127.0.0.1", "localhost"};
  const auto leaf = OrDie(MakeServerCertificate(ca, hosts, validity));
  grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_root_certs = Read(client_ca_file);
  tls.pem_key_cert_pairs.push_back(
      {std::string(leaf.key_pem.ExposeForCrypto()), leaf.certificate_pem});

  Echo service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) Die("the echo server cannot listen");

  const std::string ca_file = info_file + ".ca.pem";
  std::ofstream(ca_file) << ca.certificate_pem;
  const nlohmann::json info = {
      {"grpc", "127.0.0.1:" + std::to_string(port)}, {"ca_file", ca_file}, {"pid", getpid()}};
  std::ofstream(info_file + ".new") << info.dump() << "\n";
  std::rename((info_file + ".new").c_str(), info_file.c_str());
  int signal = 0;
  sigwait(&signals, &signal);
  server->Shutdown();
}

}  // namespace
}  // namespace keyturn::bench

int main(int argc, char** argv) {
  if (argc != 3) keyturn::bench::Die("usage: echo_server INFO_FILE CLIENT_CA_FILE");
  keyturn::bench::Serve(argv[1], argv[2]);
  return 0;
}
