// Chance for tests that can be run again. Thread-safe.
#pragma once

#include <cstdint>

namespace keyturn {

// Of the environment's KEYTURN_SEED, or by chance; printed, so that a failure can be run again.
uint64_t TestSeed();

// The number in this environment variable, `otherwise` without it.
int TestCount(const char* variable, int otherwise);

// Whether this build is instrumented, and so many times slower.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace keyturn
