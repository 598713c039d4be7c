// A small HTTP/1.1 listener, with TLS or without: one thread, bounded connections (in all and of
// one /24 or /64), headers, bodies and times. It answers GET of a few paths, for probes, Prometheus
// and those who verify tokens.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "server/config.h"
#include "server/tls_contexts.h"

namespace keyturn {

struct HttpReply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string cache_control = "no-store";
};

class HttpListener {
 public:
  // Path -> what to answer. Called on the listener's thread; must not block for long.
  using Routes = absl::flat_hash_map<std::string, std::function<HttpReply()>>;

  // Listens and serves at once. UNAVAILABLE when the address cannot be bound; `key` is what the
  // configuration calls it. `tls` (nullptr: none) outlives the listener.
  static absl::StatusOr<std::unique_ptr<HttpListener>> Start(absl::string_view key,
                                                             const HostPort& address, Routes routes,
                                                             TlsContexts* tls = nullptr);
  // Closes every connection and ends the thread.
  virtual ~HttpListener() = default;

  // With the real port.
  virtual std::string address() const = 0;
};

}  // namespace keyturn
