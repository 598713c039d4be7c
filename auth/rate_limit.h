// Token buckets by key (a source address or a principal), bounded in number: when full, the least
// recently used bucket goes. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "base/clock.h"

namespace keyturn {

struct RateLimit {
  double per_second = 0;  // 0: no limit
  double burst = 0;
};

class RateLimiter {
 public:
  static std::unique_ptr<RateLimiter> Create(const RateLimit& limit, size_t buckets_max,
                                             Clock& clock);
  virtual ~RateLimiter() = default;
  // RESOURCE_EXHAUSTED with the time to wait (RetryAfterOf) while the bucket is empty.
  virtual absl::Status Take(absl::string_view key) = 0;
};

}  // namespace keyturn
