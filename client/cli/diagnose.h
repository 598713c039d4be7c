// What is wrong with a connection, in plain words: what can be found out on this machine, and what
// an error of the transport means. For `doctor`. Thread-safe.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/cli/settings.h"

namespace keyturn::cli {

struct Diagnosis {
  std::string evidence, fix;
};

// OK when `key_file` holds the private key of the first certificate in `certificate_file`.
// Otherwise says which of both is wrong.
absl::Status CheckKeyFile(const std::string& certificate_file, const std::string& key_file);

// OK unless `address` ("host:port") has a name that no address is known for.
absl::Status CheckHost(const std::string& address);

// Why a call to the address of `settings` ended with `status`.
Diagnosis ExplainConnection(const absl::Status& status, const Settings& settings);

// What to do about a client certificate that ends soon, or has ended. `spiffe_id` is whom it names.
std::string HowToRenew(const std::string& spiffe_id, const Settings& settings);
std::string HowToComeBack(const std::string& spiffe_id);

}  // namespace keyturn::cli
