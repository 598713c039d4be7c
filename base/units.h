// Units that bounds are given in.
#pragma once

#include <cstddef>
#include <cstdint>

namespace keyturn::limits {

inline constexpr size_t kKiB = 1024;
inline constexpr size_t kMiB = 1024 * kKiB;
inline constexpr int64_t kDaySeconds = 86'400;

}  // namespace keyturn::limits
