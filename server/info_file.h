// The file that tells scripts where a server listens: one JSON object, written once it does.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace keyturn {

struct ServerInfo {
  std::string grpc, metrics;    // "127.0.0.1:40123"
  std::string https;            // likewise; "" where there is none
  std::string resp, resp_tls;   // likewise; "" where there is none
  std::string resp_socket;      // path; "" without one
  std::string operator_socket;  // path; "" without one
  std::string ca_file;          // of the server's certificate
  std::string root_token_file;  // dev only
  std::string data_directory;
};

// Replaces `path` atomically, mode 0600.
absl::Status WriteInfoFile(const std::string& path, const ServerInfo& info);

}  // namespace keyturn
