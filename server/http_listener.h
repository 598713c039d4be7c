// A small HTTP/1.1 listener: one thread, bounded connections, headers, bodies and times. Today it
// answers GET of a few paths for probes and Prometheus.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "server/config.h"

namespace keyturn {

struct HttpReply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
};

class HttpListener {
 public:
  // Path -> what to answer. Called on the listener's thread; must not block for long.
  using Routes = absl::flat_hash_map<std::string, std::function<HttpReply()>>;

  // Listens and serves at once. UNAVAILABLE when the address cannot be bound.
  static absl::StatusOr<std::unique_ptr<HttpListener>> Start(const HostPort& address,
                                                             Routes routes);
  // Closes every connection and ends the thread.
  virtual ~HttpListener() = default;

  // With the real port.
  virtual std::string address() const = 0;
};

}  // namespace keyturn
