// What the process does to itself before it reads any key: no core dumps, no ptrace by others,
// files for their owner only, and an allocator that overwrites what is freed (buffers of gRPC,
// protobuf and OpenSSL hold plaintext for a moment, and are not ours to wipe).
#pragma once

#include "absl/status/status.h"

namespace keyturn {

// What gRPC reads from the environment when it is first used: the TLS ciphers are those of
// net/tls_policy.h, and nothing is traced, whatever was there. Before that use.
void SetGrpcSettings();

// Runs the program again, once, with the settings that are read only at start. MALLOC_CONF:
// jemalloc overwrites what is freed. LD_BIND_NOW: the dynamic linker finds every function at start,
// of the libraries too. At the first call of one it would save the vector registers on the stack,
// and with them the 64 bytes that memcpy moved last, which may be a value, and would leave them
// there. Returns when they are in force. FAILED_PRECONDITION when that cannot be.
absl::Status ReexecWithSettings(char** argv);

// `dev` leaves core dumps and debuggers alone. UNAVAILABLE names the call that failed.
absl::Status HardenProcess(bool dev);

// FAILED_PRECONDITION unless `directory` belongs to this user and nobody else may enter it. Made
// with mode 0700 when absent.
absl::Status CheckDataDirectory(const std::string& directory);

}  // namespace keyturn
