// The gRPC server: a TLS listener, and a unix socket for the operator on the machine itself. TLS
// 1.2 and 1.3, client certificates required (except in dev mode).
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/acceptor.h"
#include "server/config.h"
#include "server/tls_files.h"

namespace keyturn {

// Sends what gRPC itself has to say (refused handshakes and the like) to the log, as debug lines
// for its errors and not at all otherwise: strangers cause them at will. What protobuf says of
// requests that do not parse is for the caller, who gets it. Once, before the first use.
void RouteGrpcLog();

class GrpcListener {
 public:
  struct Options {
    HostPort address;
    std::string operator_socket;  // path; made 0600. "": none
    bool require_client_certificate = true;
    bool reflection = false;
  };

  // Serves at once. `tls` and `services` outlive this. UNAVAILABLE when an address cannot be bound;
  // INVALID_ARGUMENT for a socket path that is too long.
  static absl::StatusOr<std::unique_ptr<GrpcListener>> Start(
      const Options& options, const TlsFiles& tls, const std::vector<grpc::Service*>& services);
  ~GrpcListener();

  // With the real port.
  const std::string& address() const { return address_; }
  // What grpc.health.v1 answers.
  void SetServing(bool serving);
  // Takes no more calls, gives those that run until `grace` has passed, and returns when all ended.
  void Shutdown(absl::Duration grace);

 private:
  GrpcListener() = default;

  std::shared_ptr<grpc::ServerCredentials> credentials_;  // the server calls it at handshakes
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Acceptor> acceptor_;
  std::string address_;
  std::string socket_;
};

}  // namespace keyturn
