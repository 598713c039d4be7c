// The RESP door: plain TCP, TCP with TLS and a unix socket, dealt out to loops of one thread each.
// Connections are accepted in one place (server/acceptor.h), which keeps descriptors for the store
// and shares them out evenly; with SO_REUSEPORT the system would share them out by chance.
// Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "revocation/list.h"
#include "server/call.h"
#include "server/config.h"
#include "server/peer_certificates.h"
#include "server/tls_files.h"

namespace keyturn {

struct RespListenerOptions {
  std::optional<HostPort> plain, tls;
  std::string socket_path;                  // "": none
  bool require_client_certificate = false;  // of TLS connections
  int threads = 1;
  std::string notify_keyspace_events;  // letters that ParseEventClasses takes
};

class RespListener {
 public:
  struct Parts {
    RevocationList& list;
    GateParts& gate;
    const TlsFiles& tls;
    PeerCertificates& certificates;
    Clock& clock;
  };
  // Becomes the list's durable listener: it outlives what the list has loaded. UNAVAILABLE names
  // the address and the reason. All parts outlive this.
  static absl::StatusOr<std::unique_ptr<RespListener>> Start(const RespListenerOptions& options,
                                                             const Parts& parts);
  virtual ~RespListener() = default;

  // "127.0.0.1:7402"; "" when there is no such door.
  virtual std::string plain_address() const = 0;
  virtual std::string tls_address() const = 0;

  // No more connections and requests; what waits for the disk is answered within `grace`.
  virtual void Stop(absl::Duration grace) = 0;

  struct Stats {
    uint64_t connections = 0, connections_total = 0, commands_total = 0;
  };
  virtual Stats stats() const = 0;
};

}  // namespace keyturn
