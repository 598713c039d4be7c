// The clock that graces and rotations go by, across restarts. While it is believed, the time is
// kept in the store, sealed, once an hour; at unseal a clock that is behind the time kept is not
// believed (ClockGuard). One that is far ahead is: a server may have been off for long, and nothing
// tells that from a clock that is wrong. It is said, in the log, the audit log and a metric.
// Thread-safe.
//
// Events of the audit log: clock_distrusted and clock_ahead, without a path.
#pragma once

#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "keyturn/v1/rotation_service.pb.h"
#include "rotation/clock_guard.h"
#include "rotation/context.h"
#include "rotation/end_notice.h"

namespace keyturn {

class ClockKeeper {
 public:
  explicit ClockKeeper(const RotationContext& context) : context_(context) {}

  // Reads the time kept, takes a first look, and keeps the time if there is nothing to be said. A
  // time that does not open counts as one that never comes: the clock is not believed until
  // somebody accepts it.
  absl::Status OnUnsealed();
  // Takes a look; whether the clock is believed.
  bool Look();
  bool trusted() const;
  // Enters what was seen into the audit log, and keeps the time when the one kept is old. Errors
  // are of the store; it is tried again with the next call.
  absl::Status Keep();
  // As RotationService.AcceptClock.
  absl::StatusOr<v1::AcceptClockResponse> Accept(Updater& updater,
                                                 const v1::AcceptClockRequest& request);
  // How far the clock was ahead of the time kept, at the last unseal; zero: less than a day.
  absl::Duration ahead() const;
  // A jump of the clock counts as a downtime, and so does a minute or more for which the machine
  // was suspended.
  UpTime up() const;

 private:
  // To be entered into the audit log.
  struct Said {
    const char* event = nullptr;
    const char* cause = nullptr;
    absl::Time known = absl::InfinitePast();
  };

  struct Kept {
    absl::Time time;
    std::optional<absl::Time> up_since;
  };
  // What was taken of the clocks at the last look.
  struct Looked {
    absl::Time wall;
    int64_t monotonic_nanos = 0, awake_nanos = 0;
  };

  static absl::StatusOr<std::optional<Kept>> ReadKept(const RotationContext& context);
  // Takes the first look; whether there is something to be said.
  bool Begin(const std::optional<Kept>& kept);
  bool LookLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Whether it is not believed from now on, and was before.
  bool Observe(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void BeginUpTime(const std::optional<UpTime::Former>& former, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  static absl::Status Write(const KeyringSnapshot& keys, absl::Time now, absl::Time up_since,
                            Batch& batch);

  const RotationContext& context_;
  mutable absl::Mutex mu_;
  ClockGuard guard_ ABSL_GUARDED_BY(mu_);
  std::optional<absl::Time> kept_ ABSL_GUARDED_BY(mu_);
  std::optional<Looked> looked_ ABSL_GUARDED_BY(mu_);
  UpTime up_ ABSL_GUARDED_BY(mu_);
  int64_t up_since_nanos_ ABSL_GUARDED_BY(mu_) = 0;  // awake
  absl::Duration ahead_ ABSL_GUARDED_BY(mu_);
  std::optional<Said> said_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
