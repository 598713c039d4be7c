// The version of everything in a data directory that depends on the program: keys and families of
// the store, and with them the formats of seal.ktn, keyring.ktn and the audit log, as in
// docs/FORMAT.md. It is the first thing that is read, and a program does not open a directory of a
// version that it does not know: neither writes what the other cannot read. Thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace keyturn {

inline constexpr uint64_t kDataFormat = 1;

// FAILED_PRECONDITION, saying which program to use, unless it is kDataFormat.
absl::Status CheckDataFormat(const std::string& directory, uint64_t found);

// Of the store in `directory`, without changing anything there: a server may have it open.
// NOT_FOUND when there is no store; DATA_LOSS when it does not read.
absl::StatusOr<uint64_t> ReadDataFormat(const std::string& directory);

}  // namespace keyturn
