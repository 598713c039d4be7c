// TLS on a server's non-blocking sockets, by OpenSSL: 1.2 and 1.3 with the suites of
// net/tls_policy.h, no renegotiation, no compression and no resumption, so that every connection
// shows its certificate anew.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

struct ssl_st;
struct ssl_ctx_st;

namespace keyturn {

// What connections that begin from now on use. Immutable; thread-safe.
class TlsServerContext {
 public:
  // All PEM; a NUL at the key's end does no harm. `client_cas` vouch for clients' certificates: one
  // that is shown and not vouched for ends the handshake, and without one it ends only if
  // `require_client_certificate`. INVALID_ARGUMENT with OpenSSL's reason.
  static absl::StatusOr<std::shared_ptr<const TlsServerContext>> Create(
      absl::string_view certificate, absl::string_view key, absl::string_view client_cas,
      bool require_client_certificate);
  ~TlsServerContext();
  TlsServerContext(const TlsServerContext&) = delete;
  TlsServerContext& operator=(const TlsServerContext&) = delete;

  // For connections that another library drives, which takes a reference of its own.
  ssl_ctx_st* native() const { return context_; }

 private:
  friend class TlsServerStream;
  explicit TlsServerContext(ssl_ctx_st* context) : context_(context) {}

  ssl_ctx_st* const context_;
};

// One connection. Not thread-safe. What it wants is to be waited for, then the same call made
// again.
class TlsServerStream {
 public:
  enum class Result { kOk, kWantsRead, kWantsWrite, kClosed };

  // `fd` stays the caller's, and open as long as this. RESOURCE_EXHAUSTED without memory.
  static absl::StatusOr<std::unique_ptr<TlsServerStream>> Create(const TlsServerContext& context,
                                                                 int fd);
  ~TlsServerStream();
  TlsServerStream(const TlsServerStream&) = delete;
  TlsServerStream& operator=(const TlsServerStream&) = delete;

  // Before anything else, until it is kOk.
  Result Handshake();
  // At least one byte with kOk. kClosed also for an end that was not announced.
  Result Read(absl::Span<char> into, size_t* size);
  // Some of it with kOk. The bytes may have moved when it is called again, not changed.
  Result Write(absl::string_view bytes, size_t* size);
  // Whether bytes that came are waiting here, which the socket does not tell of.
  bool pending() const;
  // Tells the peer that it ends here, if that can be done without waiting.
  void Close();
  // PEM of the peer's certificate and, if it sent them, of its issuers; "" without one. After
  // Handshake.
  std::string PeerCertificate() const;

 private:
  explicit TlsServerStream(ssl_st* stream) : stream_(stream) {}

  Result After(int returned);

  ssl_st* const stream_;
};

}  // namespace keyturn
