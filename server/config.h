// The configuration file: TOML, every key optional, unknown keys refused. docs/OPERATIONS.md lists
// the keys. Values; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/limits.h"
#include "base/log.h"
#include "rotation/target/target_spec.h"

namespace keyturn {

struct Config {
  bool dev = false;  // from the command line only

  std::string data_directory = "/var/lib/keyturn";
  std::string key_file;      // "": no key-file seal
  std::string anchor_file;   // "": no rollback anchor
  bool auto_unseal = false;  // with the key file, at start

  std::string grpc_address = "127.0.0.1:7400";
  std::string https_address = "127.0.0.1:7401";  // "": none
  std::string metrics_address = "127.0.0.1:7403";
  std::string resp_address = "127.0.0.1:7402";  // without TLS; "": none
  std::string resp_tls_address;                 // "": none
  std::string resp_socket;                      // a path; "": none
  bool resp_allow_plaintext = false;            // resp_address may be other than loopback
  bool resp_require_client_certificate = false;
  std::string resp_notify_keyspace_events;  // letters of revocation/change_events.h; "": none
  int resp_threads = 0;  // 0: as many as there are cores, at most limits::kRespThreadsMax
  bool revocation_scan = false;
  // In front of what gRPC callers revoke, in the names of Redis clients.
  std::string revocation_prefix = "revoked:";
  // Whether Keyturn's own tokens and certificates are looked up in the list.
  bool revocation_guards_own = true;

  std::string tls_certificate;  // "": made by the server, under <data>/tls
  std::string tls_key;
  std::string tls_client_ca;  // trusted beside Keyturn's own client CA

  std::vector<TargetSpec> targets;  // each good by CheckTargetSpec, and of another name

  bool webhooks = true;
  std::string webhooks_ca_file;                       // PEM; "": those of the system
  std::vector<std::string> webhooks_allow_addresses;  // CIDR blocks, each good by Cidr::Parse

  std::string audit_directory;  // "": <data>/audit
  bool audit_sync_reads = false;
  bool accept_audit_loss = false;  // AuditLogOptions::accept_loss; from the command line only

  // Why a store behind its anchor is unsealed all the same; "": it is not. From the command line
  // only, into the audit log.
  std::string accept_rollback;

  size_t arena_bytes = limits::kArenaBytesDefault;
  bool require_memory_lock = true;
  int worker_threads = limits::kWorkerThreadsDefault;
  double source_calls_per_second = limits::kCallsPerSecondDefault;    // 0: no limit
  double identity_calls_per_second = limits::kCallsPerSecondDefault;  // 0: no limit

  LogLevel log_level = LogLevel::kInfo;
};

// INVALID_ARGUMENT names the key (or line), what is allowed, and for an unknown key the nearest one
// there is. `text` is the file's contents.
absl::StatusOr<Config> ParseConfig(absl::string_view text);
// NOT_FOUND and UNAVAILABLE name the file.
absl::StatusOr<Config> ReadConfig(const std::string& path);

// "host:port" with a literal IP address and a port from 0 (any free one) to 65535; an IPv6 address
// stands in brackets. INVALID_ARGUMENT names `key`.
struct HostPort {
  std::string host;  // without brackets
  uint16_t port = 0;
};
absl::StatusOr<HostPort> ParseHostPort(absl::string_view key, absl::string_view text);
// The same text again.
std::string ToText(const HostPort& address);

}  // namespace keyturn
