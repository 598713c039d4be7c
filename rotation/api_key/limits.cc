#include "rotation/api_key/limits.h"

#include "base/coding.h"
#include "base/limits.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

RateLimit PerSecond(double calls) { return {calls, 2 * calls}; }

// No two attempts that differ are counted under one key, whatever a principal is called.
std::string KeyOf(absl::string_view caller, absl::string_view network, absl::string_view id) {
  std::string key;
  AppendLengthPrefixed(caller, &key);
  AppendLengthPrefixed(network, &key);
  key.append(id.data(), id.size());
  return key;
}

}  // namespace

ApiKeyLimits::ApiKeyLimits(Clock& clock)
    : callers_(RateLimiter::Create(PerSecond(limits::kApiKeysPerSecond), limits::kRateBucketsMax,
                                   clock)),
      networks_(RateLimiter::Create(PerSecond(limits::kApiKeyNetworkPerSecond),
                                    limits::kRateBucketsMax, clock)),
      ids_(RateLimiter::Create(PerSecond(limits::kApiKeyIdPerSecond), limits::kRateBucketsMax,
                               clock)),
      lockout_({limits::kApiKeyLockoutFailures, absl::Seconds(limits::kApiKeyLockoutSeconds)},
               clock) {}

absl::Status ApiKeyLimits::Check(const Attempt& attempt) {
  RETURN_IF_ERROR(callers_->Take(attempt.caller));
  RETURN_IF_ERROR(networks_->Take(KeyOf(attempt.caller, attempt.network, "")));
  if (attempt.id.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(ids_->Take(KeyOf(attempt.caller, "", attempt.id)));
  return lockout_.Check(KeyOf(attempt.caller, attempt.network, attempt.id));
}

void ApiKeyLimits::CountFailure(const Attempt& attempt) {
  if (attempt.id.empty()) return;
  lockout_.CountFailure(KeyOf(attempt.caller, attempt.network, attempt.id));
}

}  // namespace keyturn
