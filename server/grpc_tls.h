// TLS for the gRPC listener. gRPC asks for certificate, key and client CAs at each handshake, so
// that a change serves the next connection, and the three always belong together.
#pragma once

#include <grpcpp/security/server_credentials.h>

#include <memory>

#include "server/tls_files.h"

namespace keyturn {

// `files` and the credentials outlive the server that uses them: it calls back. TLS 1.2 and 1.3;
// the ciphers are those of net/tls_policy.h. `require_client_certificate` false still verifies one
// that is presented.
std::shared_ptr<grpc::ServerCredentials> MakeTlsCredentials(const TlsFiles& files,
                                                            bool require_client_certificate);

}  // namespace keyturn
