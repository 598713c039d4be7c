// Drives a server that wrote an info file (keyturnd --info-file, echo_server).
//   loadgen init INFO DIR              initialises keyturnd through its operator socket; puts the
//                                      root token, an operator certificate and the CA into DIR
//   loadgen preload INFO DIR COUNT     writes COUNT secrets of 300 bytes
//   loadgen CALL INFO DIR IN_FLIGHT SECONDS KEYS [CONNECTIONS]
//                                      runs a closed loop of CALL and prints one row: get, put,
//                                      apikey-verify, jwt-sign-ALG or jwt-verify-ALG (ALG as in a
//                                      token's header: HS256, ...)
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "bench/closed_loop.h"
#include "bench/measure.h"
#include "crypto/x509_make.h"
#include "keyturn/v1/system_service.grpc.pb.h"

namespace keyturn::bench {
namespace {

std::string Read(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream out;
  out << file.rdbuf();
  if (!file) Die("cannot read " + path);
  return out.str();
}

nlohmann::json ReadInfo(const std::string& path) { return nlohmann::json::parse(Read(path)); }

void Init(const nlohmann::json& info, const std::string& directory) {
  const auto request = OrDie(MakeCertificateRequest());
  v1::InitRequest init;
  init.add_seals()->mutable_key_file();
  init.set_operator_csr(request.csr_der);
  const auto channel = grpc::CreateChannel("unix:" + info["operator_socket"].get<std::string>(),
                                           grpc::InsecureChannelCredentials());
  grpc::ClientContext context;
  context.set_deadline(
      gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_seconds(30, GPR_TIMESPAN)));
  v1::InitResponse response;
  const grpc::Status status = v1::SystemService::NewStub(channel)->Init(&context, init, &response);
  if (!status.ok()) Die(status.error_message());
  std::ofstream(directory + "/token") << response.root_token();
  std::ofstream(directory + "/client_ca.pem") << response.client_ca_pem();
  std::ofstream(directory + "/certificate.pem") << response.operator_certificate_pem();
  std::ofstream(directory + "/key.pem") << request.key_pem.ExposeForWire();
}

Target TargetOf(const nlohmann::json& info, const std::string& directory) {
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = Read(info["ca_file"]);
  tls.pem_cert_chain = Read(directory + "/certificate.pem");
  tls.pem_private_key = Read(directory + "/key.pem");
  Target target;
  target.address = info["grpc"];
  target.credentials = grpc::SslCredentials(tls);
  target.token = Read(directory + "/token");
  target.pid = info["pid"];
  return target;
}

constexpr size_t kValueBytes = 300;

CallerFactory CallersOf(absl::string_view call, const Target& target) {
  if (call == "get") return Gets();
  if (call == "put") return Puts(kValueBytes);
  if (call == "apikey-verify") return ApiKeyVerifies(target);
  if (absl::ConsumePrefix(&call, "jwt-sign-")) return JwtSigns(target, std::string(call));
  if (absl::ConsumePrefix(&call, "jwt-verify-")) return JwtVerifies(target, std::string(call));
  Die(absl::StrCat("no such call: ", call, " (see the top of bench/loadgen.cc)"));
}

void Loop(const Target& target, const std::vector<std::string>& arguments) {
  LoopOptions options;
  options.in_flight = std::stoi(arguments[3]);
  options.seconds = std::stod(arguments[4]);
  options.keys = std::stoull(arguments[5]);
  options.connections = arguments.size() > 6 ? std::stoi(arguments[6]) : 4;
  options.connections = std::min(options.connections, options.in_flight);
  const LoopResult result = RunLoop(target, CallersOf(arguments[0], target), options);
  std::printf("%.0f %.2f %.2f %.1f %.1f %llu\n", result.per_second, result.p50_ms, result.p99_ms,
              result.server_cpu_us, result.client_cpu_us,
              static_cast<unsigned long long>(result.errors));
  if (result.errors > 0) std::fprintf(stderr, "first error: %s\n", result.first_error.c_str());
}

void Main(const std::vector<std::string>& arguments) {
  const std::string verb = arguments.size() >= 3 ? arguments[0] : "";
  if (verb == "init" && arguments.size() == 3) {
    Init(ReadInfo(arguments[1]), arguments[2]);
  } else if (verb == "preload" && arguments.size() == 4) {
    Preload(TargetOf(ReadInfo(arguments[1]), arguments[2]), std::stoull(arguments[3]), kValueBytes);
  } else if (arguments.size() >= 6) {
    Loop(TargetOf(ReadInfo(arguments[1]), arguments[2]), arguments);
  } else {
    Die("usage: loadgen init|preload|CALL INFO DIR ... (see the top of bench/loadgen.cc)");
  }
}

}  // namespace
}  // namespace keyturn::bench

int main(int argc, char** argv) {
  keyturn::bench::Main(std::vector<std::string>(argv + 1, argv + argc));
  return 0;
}
