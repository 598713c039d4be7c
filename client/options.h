// How a client reaches a server, and what it says with each call. Values.
#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "base/clock.h"
#include "client/cancellation.h"
#include "client/retry.h"

namespace keyturn {

struct ClientOptions {
  // "host:port" (TLS), or "unix:PATH" for the operator socket of a server on this machine (its file
  // mode is the protection; no TLS).
  std::string address;
  // Who may vouch for the server: a PEM file, or the text itself. One of them for "host:port".
  std::string ca_file;
  std::string ca_pem;
  // The client's certificate and key (PEM files); both or neither.
  std::string client_cert_file;
  std::string client_key_file;
  // Overrides the name that the server's certificate must have; "" is the host of `address`.
  std::string server_name;
  // Sent as a bearer token when not empty.
  std::string token;
  // For each call with its retries.
  absl::Duration timeout = absl::Seconds(5);
  // How often the certificate files are looked at for new contents; zero: read once. Used only when
  // the CA is a file. New handshakes use the new certificates.
  absl::Duration reload_interval = absl::Seconds(30);
  // Put before the library's own name.
  std::string user_agent;
  RetryPolicy retry;
  Clock* clock = &Clock::Real();  // outlives the client
};

struct CallOptions {
  std::optional<absl::Duration> timeout;  // the client's by default; streams have none by default
  std::string correlation_id;             // made up when empty; at most 64 bytes
  Cancellation* cancellation = nullptr;   // outlives the call
};

}  // namespace keyturn
