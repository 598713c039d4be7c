#include "auth/rate_limit.h"

#include <algorithm>
#include <list>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/reason.h"

namespace keyturn {
namespace {

class TokenBuckets : public RateLimiter {
 public:
  TokenBuckets(const RateLimit& limit, size_t buckets_max, Clock& clock)
      : limit_(limit), buckets_max_(buckets_max), clock_(clock) {}

  absl::Status Take(absl::string_view key) override {
    if (limit_.per_second <= 0) return absl::OkStatus();
    const int64_t now = clock_.MonotonicNanos();
    absl::MutexLock lock(&mu_);
    Bucket& bucket = Find(key, now);
    const double passed = static_cast<double>(now - bucket.updated_nanos) * 1e-9;
    bucket.tokens = std::min(limit_.burst, bucket.tokens + passed * limit_.per_second);
    bucket.updated_nanos = now;
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return absl::OkStatus();
    }
    const absl::Duration wait =
        absl::Ceil(absl::Seconds((1 - bucket.tokens) / limit_.per_second), absl::Milliseconds(1));
    return WithRetryAfter(absl::ResourceExhaustedError(absl::StrCat("too many calls; try again in ",
                                                                    absl::FormatDuration(wait))),
                          wait);
  }

 private:
  struct Bucket {
    std::string key;
    double tokens = 0;
    int64_t updated_nanos = 0;
  };
  using Buckets = std::list<Bucket>;

  Bucket& Find(absl::string_view key, int64_t now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const auto found = by_key_.find(key);
    if (found != by_key_.end()) {
      recent_.splice(recent_.begin(), recent_, found->second);
      return recent_.front();
    }
    if (by_key_.size() >= buckets_max_) {
      by_key_.erase(recent_.back().key);
      recent_.pop_back();
    }
    recent_.push_front({std::string(key), limit_.burst, now});
    by_key_.emplace(recent_.front().key, recent_.begin());
    return recent_.front();
  }

  const RateLimit limit_;
  const size_t buckets_max_;
  Clock& clock_;
  absl::Mutex mu_;
  Buckets recent_ ABSL_GUARDED_BY(mu_);  // most recently used first
  absl::flat_hash_map<std::string, Buckets::iterator> by_key_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

std::unique_ptr<RateLimiter> RateLimiter::Create(const RateLimit& limit, size_t buckets_max,
                                                 Clock& clock) {
  return std::make_unique<TokenBuckets>(limit, buckets_max, clock);
}

}  // namespace keyturn
