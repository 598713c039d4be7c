// How often one caller may have keys verified: in all, by id, and by network of who presents the
// keys; and how often he may be wrong about one id from one network before nothing is looked at for
// a while. All are counted for each caller by itself, so that nobody who may verify some keys can
// keep others from verifying theirs. Bounded. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "auth/lockout.h"
#include "auth/rate_limit.h"
#include "base/clock.h"

namespace keyturn {

class ApiKeyLimits {
 public:
  // `clock` outlives this.
  explicit ApiKeyLimits(Clock& clock);

  struct Attempt {
    absl::string_view caller;   // the principal that asks
    absl::string_view network;  // IpAddress::network of who presented the key
    absl::string_view id;       // "" for a key that was made elsewhere
  };
  // RESOURCE_EXHAUSTED with the time to wait (RetryAfterOf).
  absl::Status Check(const Attempt& attempt);
  // The secret was not that of the id.
  void CountFailure(const Attempt& attempt);

 private:
  const std::unique_ptr<RateLimiter> callers_, networks_, ids_;
  Lockout lockout_;
};

}  // namespace keyturn
