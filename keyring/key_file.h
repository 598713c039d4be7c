// The key file seal: 32 random bytes in a file of its own, best on another disk than the data. The
// file must be regular (no symbolic link), belong to the user that runs keyturnd and be closed to
// everyone else. Thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"

namespace keyturn {

inline constexpr size_t kKeyFileBytes = 32;

// FAILED_PRECONDITION names the rule that the file breaks and the command that mends it; NOT_FOUND
// when it is absent.
absl::StatusOr<SecretBytes> ReadKeyFile(const std::string& path);

// Makes the file (mode 0400, durable) with fresh bytes. ALREADY_EXISTS when it is there.
absl::StatusOr<SecretBytes> CreateKeyFile(const std::string& path);

// Where a key file waits while it is not in force yet: "<path>.next".
std::string NextKeyFile(const std::string& path);
// Gives the waiting key file its name, durably. OK when none waits.
absl::Status PromoteNextKeyFile(const std::string& path);
void RemoveNextKeyFile(const std::string& path);

}  // namespace keyturn
