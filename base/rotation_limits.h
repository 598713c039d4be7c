// Bounds of rotations beyond those of limits.h: of what is foreseen of them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/limits.h"

namespace keyturn::limits {

inline constexpr int64_t kRotationOrderPollSeconds = 60;  // while another secret is under way
inline constexpr int64_t kForecastSecondsDefault = 30 * kDaySeconds;
inline constexpr int64_t kForecastSecondsMax = 400 * kDaySeconds;  // from now
inline constexpr size_t kForecastPageMax = 200;                    // secrets in one answer
inline constexpr size_t kForecastSecretEventsMax = 4000;           // of one; then it ends early
inline constexpr size_t kForecastPageEventsMax = 16'000;           // in one answer, but one secret
inline constexpr int kForecastActionsMax = 40'000;  // of one secret and those it waits for
inline constexpr int64_t kForecastMillisMax =
    1000;                                         // of work for one answer; of its last secret too
inline constexpr size_t kForecastOrdersMax = 32;  // secrets that one waits for

}  // namespace keyturn::limits
