// Bounds of targets outside, where rotation sets values: as base/limits.h, for what few files need.
#pragma once

#include <cstddef>
#include <cstdint>

namespace keyturn::limits {

inline constexpr size_t kTargetsMax = 32;  // each has a thread of its own
inline constexpr size_t kTargetNameBytesMax = 64;
inline constexpr size_t kTargetPathsMax = 32;
inline constexpr size_t kTargetWordsMax = 64;         // of a command, and its environment
inline constexpr size_t kTargetAddressesMax = 32;     // blocks that one may have
inline constexpr int64_t kTargetSecondsDefault = 30;  // one call
inline constexpr int64_t kTargetSecondsMax = 300;
inline constexpr int64_t kTargetKillMilliseconds = 2000;  // from SIGTERM to SIGKILL
inline constexpr size_t kTargetAnswerBytesMax = 64 * 1024;
inline constexpr size_t kTargetErrorBytesMax = 4 * 1024;  // of what a program complains of
inline constexpr size_t kTargetQueueMax = 10'000;         // secrets that wait for one target
inline constexpr int64_t kTargetBusySeconds = 1;          // until a secret that waits is looked at
inline constexpr size_t kWebhookKeyBytesMin = 24;         // Standard Webhooks 1.0.0
inline constexpr size_t kWebhookKeyBytesMax = 64;

}  // namespace keyturn::limits
