// What TLS Keyturn speaks, in one place: 1.2 and 1.3, with forward secrecy and AEAD ciphers only
// (RFC 9325 section 4.2). Thread-safe.
#pragma once

namespace keyturn {

// For gRPC, which reads the list from the environment variable GRPC_SSL_CIPHER_SUITES before its
// first use. OpenSSL's syntax for TLS 1.2; the three suites of TLS 1.3 are all good and stay.
const char* GrpcCipherSuites();

}  // namespace keyturn
