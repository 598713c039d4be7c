// Whether this program can open a data directory, and which formats are in it: what is asked before
// a new keyturnd takes the place of an old one. Changes nothing; the old one may be running.
// Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace keyturn::cli {

struct FormatCheck {
  std::string part;               // "store", "seal", "keyring", "audit log"
  std::string path;               // in the data directory
  std::optional<uint64_t> found;  // none: there is none, or it cannot be told
  uint64_t reads = 0;             // what this program reads and writes
  std::string problem;            // "" when this program can open it
};

// NOT_FOUND when `directory` is not a data directory: it has neither a store nor seal.ktn.
// `audit_directory`: "" for the one within it. What is missing is a problem where the server would
// miss it: a keyring or an audit log beside seal.ktn, and an audit directory that was named.
absl::StatusOr<std::vector<FormatCheck>> CheckFormats(const std::string& directory,
                                                      const std::string& audit_directory = "");

}  // namespace keyturn::cli
