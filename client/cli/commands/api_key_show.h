// How an API key is shown. Not thread-safe.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "client/cli/output.h"
#include "client/cli/shell.h"
#include "keyturn/v1/api_key_service.pb.h"

namespace keyturn::cli {

// What is known of the key, and its secrets.
Pairs DescribeApiKey(const v1::ApiKeyInfo& key, absl::Time now);
absl::Status PrintApiKey(const Shell& shell, const v1::ApiKeyInfo& key);
// A new key: alone with -o raw; or into a file of its own, mode 0600, and not shown. It is not
// shown again, and that is said.
absl::Status PrintNewApiKey(const Shell& shell, const std::string& key, const v1::ApiKeyInfo& info,
                            const std::string& output_file);
// To be asked before anything is made: the file must not be there.
absl::Status CheckNewFile(const std::string& output_file);

// "in grace", "expired", ....
std::string StateText(const v1::ApiKeyInfo& key);

}  // namespace keyturn::cli
