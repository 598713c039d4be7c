// What authentication asks of the list of what was revoked, which the server keeps for all doors.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace keyturn {

// What a caller showed, as far as it can be revoked; "" for what it has not. Views.
struct CredentialFacts {
  absl::string_view token_id = {};
  absl::string_view principal = {};
  absl::string_view role = {};
  absl::string_view certificate_serial = {};  // of the connection's client certificate
  absl::Time issued = absl::InfinitePast();
};

// Thread-safe.
class Revocations {
 public:
  virtual ~Revocations() = default;

  // UNAUTHENTICATED when any of it is revoked; FAILED_PRECONDITION while the list is not there.
  // Never waits for a disk.
  virtual absl::Status Check(const CredentialFacts& facts) const = 0;
  // Grows before a revocation that Check may answer with is acknowledged: what caches of who was
  // let in compare.
  virtual uint64_t epoch() const = 0;
};

}  // namespace keyturn
