// The part of base/limits.h that is about rotation: include that one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace keyturn::limits {

// Rotation.
inline constexpr int64_t kRotationPeriodSecondsDefault = 90 * kDaySeconds;
inline constexpr int64_t kRotationPeriodSecondsMin = 60;
inline constexpr int64_t kRotationPeriodSecondsMax = 3650 * kDaySeconds;
inline constexpr int64_t kRotationGraceSecondsDefault = 7 * kDaySeconds;
inline constexpr int64_t kRotationDestroySecondsDefault = 30 * kDaySeconds;
inline constexpr int64_t kRotationDestroySecondsMax = 3650 * kDaySeconds;
inline constexpr int64_t kRotationGraceEndSecondsMax = 90 * kDaySeconds;  // from now, moved by hand
inline constexpr uint32_t kRotationLiveVersionsDefault = 3;
inline constexpr uint32_t kRotationLiveVersionsMax = 20;
inline constexpr size_t kRotationRunsKept = 20;            // of one secret, finished ones included
inline constexpr size_t kRotationOrdersMax = 8;            // secrets that must be rotated before
inline constexpr size_t kRotationOrdersFollowedMax = 256;  // and those before them, in all
inline constexpr size_t kRotationReasonBytesMax = 512;
inline constexpr size_t kRotationPolicyBytesMax = 8 * kKiB;
inline constexpr int64_t kRotationPassedOverSeconds = 3600;  // a secret that fails is tried again
inline constexpr size_t kRotationErrorBytesMax = 512;        // of a failed attempt, kept
inline constexpr uint32_t kRotationAttemptsMax = 10;  // of a step that fails for a while; blocked
inline constexpr int64_t kRotationFailingSecondsMax = kDaySeconds;  // also blocked
inline constexpr uint32_t kRotationValuesMax = 3;  // made anew for a target that refuses them
inline constexpr int64_t kRotationBackoffSecondsMin = 60;
inline constexpr int64_t kRotationBackoffSecondsMax = 3600;
inline constexpr int64_t kRotationBlockedSeconds = kDaySeconds;      // until the next attempt
inline constexpr int64_t kRotationHoldSecondsDefault = kDaySeconds;  // no start after a rollback
inline constexpr int64_t kRotationOrderWaitSeconds = kDaySeconds;    // beyond the deadline, at most
inline constexpr uint32_t kRotationExtensionsMax = 2;                // of a grace, by its users
inline constexpr int64_t kRotationExtensionSeconds = 7 * kDaySeconds;
inline constexpr int64_t kRotationNoticeSeconds = 3600;   // of a version's end, with the server up
inline constexpr int64_t kRotationClockJumpSeconds = 60;  // off the monotonic clock: a jump
inline constexpr int64_t kRotationClockStepsSeconds = 3600;  // small steps add up to one
inline constexpr int64_t kRotationClockAgreeSeconds = 600;   // without one, until it is believed
inline constexpr int64_t kRotationClockMarkSeconds = 3600;   // how old the time kept on disk may be
inline constexpr int64_t kRotationClockAheadSeconds = kDaySeconds;  // of it at unseal: is said
inline constexpr size_t kRotationStormSecretsMin = 10;  // due at once, and not foreseen: a storm,
inline constexpr size_t kRotationStormPercent = 5;      // if they are that part of all as well
inline constexpr int64_t kRotationStormSeconds = 60;    // from one start to the next in a storm
inline constexpr int kRotationActionsPerLook = 16;
inline constexpr size_t kRotationItemsPerRun = 256;
inline constexpr int kRotationWorkers = 3;               // threads, for what has fallen due
inline constexpr size_t kRotationSecretsPerWorker = 32;  // at once
inline constexpr size_t kUsageShards = 64;
inline constexpr size_t kUsesPerShardMax = 2048;       // in memory, not yet written
inline constexpr size_t kUsageLossSlots = 4096;        // of uses that found no place there
inline constexpr size_t kConsumersPerSecretMax = 200;  // by name; of others, that they are
inline constexpr size_t kConsumerVersionsMax = 4;      // of one consumer, those it used last
inline constexpr size_t kConsumerNameBytesMax = 512;   // longer ones are cut, and told by a hash
inline constexpr size_t kConsumersNamedMax = 16;       // in an audit entry, a line of the log
inline constexpr size_t kConsumersPageMax = 1000;
inline constexpr int64_t kConsumerGoneSeconds = 7 * kDaySeconds;  // not seen before a replacement
inline constexpr int64_t kUsageWriteSeconds = 60;
inline constexpr size_t kUsageRecordsPerUpdate = 32;
inline constexpr size_t kUsageBytesPerUpdate = 256 * kKiB;  // but one record always
inline constexpr int kUsageUpdatesPerTurn = 64;             // in one look of the background
inline constexpr size_t kCronTextBytesMax = 512;   // the longest canonical one has about 300
inline constexpr size_t kWindowsMax = 8;           // of one policy
inline constexpr int64_t kWindowSecondsMin = 900;  // in less, a rotation may not end
inline constexpr int64_t kWindowSecondsMax = 31 * kDaySeconds;
inline constexpr int64_t kWindowRunSecondsMax = 31 * kDaySeconds;  // windows that touch, as one
inline constexpr int64_t kWindowHorizonSeconds = int64_t{5} * 366 * kDaySeconds;  // looked ahead
inline constexpr size_t kZoneNameBytesMax = 64;
inline constexpr int64_t kRotationRestSecondsMin = 60;  // from a promotion to the next rotation

// What is foreseen of rotations.
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

// Targets outside, where rotation sets values.
inline constexpr size_t kTargetsMax = 32;  // each has a thread of its own
inline constexpr size_t kTargetNameBytesMax = 64;
inline constexpr size_t kTargetPathsMax = 32;
inline constexpr size_t kTargetWordsMax = 64;         // of a command, and its environment
inline constexpr size_t kTargetAddressesMax = 32;     // blocks that one may have
inline constexpr int64_t kTargetSecondsDefault = 30;  // one call
inline constexpr int64_t kTargetSecondsMax = 300;
inline constexpr int64_t kTargetKillMilliseconds = 2000;  // from SIGTERM to SIGKILL
inline constexpr size_t kTargetAnswerBytesMax = 16 * kKiB;
inline constexpr size_t kTargetErrorBytesMax = 4 * kKiB;  // of what a program complains of
inline constexpr size_t kTargetQueueMax = 10'000;         // secrets that wait for one target
inline constexpr int64_t kTargetWaitSeconds = 60;         // until one of them is looked at again
inline constexpr size_t kWebhookKeyBytesMin = 24;         // Standard Webhooks 1.0.0
inline constexpr size_t kWebhookKeyBytesMax = 64;

// Webhooks, which are told of rotations.
inline constexpr size_t kWebhooksMax = 16;  // each has a thread, and a row in a change's batch
inline constexpr size_t kWebhookUrlBytesMax = 2 * kKiB;
inline constexpr size_t kWebhookPatternsMax = 32;  // types, and paths, of one
inline constexpr size_t kWebhookDescriptionBytesMax = 512;
inline constexpr size_t kWebhookKeyBytes = 32;  // of one that we make
inline constexpr size_t kWebhookBodyBytesMax = 20'000;
inline constexpr int64_t kWebhookSeconds = 15;               // one attempt
inline constexpr size_t kWebhookAnswerBytesMax = 16 * kKiB;  // read, and thrown away
inline constexpr int kWebhookAttemptsMax = 10;
inline constexpr int64_t kWebhookWaitSecondsMax = kDaySeconds;      // that an endpoint may ask for
inline constexpr int64_t kWebhookThrottleSeconds = 30;              // if it does not say how long
inline constexpr int64_t kWebhookFailingSeconds = 5 * kDaySeconds;  // without a success: disabled
// Of an endpoint to which nothing was sent for so long it is not known that it failed all the time.
// Longer than from one attempt to the next.
inline constexpr int64_t kWebhookQuietSeconds = 2 * kDaySeconds;
inline constexpr int64_t kWebhookFailedGrainSeconds = 3600;  // how exactly the last failure is kept
inline constexpr int64_t kWebhookKeySeconds = 7 * kDaySeconds;   // that a former key signs as well
inline constexpr int64_t kWebhookKeptSeconds = 7 * kDaySeconds;  // in the log of deliveries
inline constexpr size_t kWebhookRowsMax = 100'000;               // of one, those that wait too
inline constexpr int64_t kWebhookPurgeSeconds = 3600;
inline constexpr size_t kWebhookRowsPerUpdate = 32;
inline constexpr size_t kWebhookErrorBytesMax = 200;
inline constexpr size_t kWebhookReplayMax = 10'000;  // deliveries of one call

// What they are told ahead.
inline constexpr int64_t kNoticeDueSeconds[] = {30 * kDaySeconds, 7 * kDaySeconds, kDaySeconds};
inline constexpr int64_t kNoticeGraceSeconds[] = {2 * kDaySeconds, kDaySeconds};
inline constexpr int64_t kNoticeOverdueSeconds = 3600;  // a rotation that is under way may end
inline constexpr size_t kNoticeRecordsPerRun = 4096;    // looked at in a second, at the beginning
inline constexpr int64_t kNoticeMarkSeconds = 3600;     // how old what is kept of it may be

}  // namespace keyturn::limits
