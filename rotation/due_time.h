// When a rotation is to start, and how late one is (the policy's timers): from the times, lengths
// and windows of a policy alone, so that any server at any time finds the same answer.
//
// Without jitter and windows a version is replaced at its deadline: promoted_at + period, less the
// grace in mode BEFORE; and in both modes promoted_at + max_credential_age - grace at the latest.
//
// The start is brought forward from there, never back. First by jitter, which is `hash` modulo
// (jitter_max + 1) seconds, so that what was made together is not replaced together. Then, if the
// windows are closed at that time, into the last one before it; if there is none, into the last one
// between it and the deadline. The place in the window is by `hash` too, for the same reason.
//
// It is brought forward by half of the time from promotion to deadline at most, and not into the
// first limits::kRotationRestSecondsMin or into the grace of the version before; what of a window
// is earlier does not count. Else a window that opens once a year would rotate again and again
// while it is open. If these leave nothing, the start is the deadline; and the deadline is at least
// kRotationRestSecondsMin after the promotion, whatever the lengths.
//
// If no window fits: a STRICT policy starts at the deadline, outside of any; a SOFT one when the
// next window after the deadline opens, unless that is not within limits::kWindowHorizonSeconds: a
// secret that is never rotated is worse than one that is rotated outside of windows.
//
// Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "rotation/windows.h"

namespace keyturn {

// AFTER: the new version comes at the end of the period, and the old one lives for the grace more.
// BEFORE: the old one ends with the period, and the new one comes a grace before that.
enum class GraceMode { kAfter, kBefore };
// What happens at a deadline that no window fits before.
enum class WindowMode { kStrict, kSoft };

// Lengths are finite and not negative.
struct RotationTimers {
  absl::Time promoted_at;  // of the current version
  absl::Duration period;
  absl::Duration grace;
  GraceMode grace_mode = GraceMode::kAfter;
  absl::Duration jitter_max;                         // of which whole seconds count
  std::optional<absl::Duration> max_credential_age;  // from promotion until the version is gone
  WindowMode window_mode = WindowMode::kStrict;
  // The same for a version always and unrelated for different ones: an HMAC of the secret's id and
  // the version under a key of the vault.
  uint64_t hash = 0;
};

struct DueTime {
  absl::Time due;                // when the rotation starts
  absl::Time deadline;           // without jitter and windows
  bool outside_windows = false;  // at `due` no window is open
  friend bool operator==(const DueTime&, const DueTime&) = default;
};

// due <= deadline, except for a SOFT policy that waits for a window. Costs a few calls of
// WindowSet.
DueTime ComputeDueTime(const RotationTimers& timers, const WindowSet& windows);

// The overdue ladder.
enum class Lateness {
  kNone,      // not yet due
  kDue,       // from `due` on
  kOverdue,   // after the deadline
  kCritical,  // after the deadline and the grace: in mode BEFORE, or with a maximal age, the
              // version has outlived what the policy allows
};

Lateness LatenessAt(absl::Time now, const DueTime& due, absl::Duration grace);

}  // namespace keyturn
