// The rotation engine: replaces the current version of secrets by their policies, keeps the former
// one working for its grace, and retires it. Every change is one update of the store; a server that
// dies anywhere goes on where it was. Thread-safe.
//
// Common errors: FAILED_PRECONDITION while sealed, and (reason NO_POLICY) for a secret that does
// not rotate; NOT_FOUND for a path without a secret; DATA_LOSS for a record that does not open.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/progress.h"
#include "keyturn/v1/rotation_service.pb.h"
#include "rotation/context.h"
#include "vault/vault.h"

namespace keyturn {

class Rotation {
 public:
  // Everything that the context names outlives this.
  static std::unique_ptr<Rotation> Create(RotationContext context);
  virtual ~Rotation() = default;

  // After unseal and at seal, as the vault's.
  virtual absl::Status OnUnsealed() = 0;
  virtual void OnSealed() = 0;
  // For the server's one commit listener.
  virtual void OnCommitted(absl::Span<const CommittedUpdate> group) = 0;

  // As RotationService says. `principal` is who asks. Those that change what is due have it done
  // before they return, as far as it does not wait.
  virtual absl::StatusOr<v1::RotationStatus> SetPolicy(
      Updater& updater, const v1::SetRotationPolicyRequest& request) = 0;
  virtual absl::StatusOr<v1::RotationStatus> RemovePolicy(
      Updater& updater, const v1::RemoveRotationPolicyRequest& request) = 0;
  virtual absl::StatusOr<v1::RotationStatus> Cancel(Updater& updater,
                                                    const v1::CancelRotationRequest& request) = 0;
  virtual absl::StatusOr<v1::RotationStatus> Pause(Updater& updater,
                                                   const v1::PauseRotationRequest& request) = 0;
  virtual absl::StatusOr<v1::RotationStatus> Resume(Updater& updater,
                                                    const v1::ResumeRotationRequest& request) = 0;
  virtual absl::StatusOr<v1::RotationStatus> GetStatus(
      const v1::GetRotationStatusRequest& request) = 0;
  virtual absl::StatusOr<v1::ListRotationsResponse> List(const v1::ListRotationsRequest& request,
                                                         VisibleFn visible) = 0;
  virtual absl::StatusOr<v1::ListRotationRunsResponse> ListRuns(
      const v1::ListRotationRunsRequest& request) = 0;
  virtual absl::StatusOr<v1::ForecastResponse> Forecast(const v1::ForecastRequest& request,
                                                        VisibleFn visible) = 0;
  virtual absl::StatusOr<v1::RotationStatus> Rotate(Updater& updater,
                                                    const v1::RotateRequest& request,
                                                    const std::string& principal) = 0;
  virtual absl::StatusOr<v1::RotationStatus> Rollback(Updater& updater,
                                                      const v1::RollbackRequest& request,
                                                      const std::string& principal) = 0;
  virtual absl::StatusOr<v1::RotationStatus> SetGrace(Updater& updater,
                                                      const v1::SetGraceRequest& request) = 0;
  virtual absl::StatusOr<v1::RotationStatus> Retire(Updater& updater,
                                                    const v1::RetireRequest& request) = 0;

  // Does at once what is to be done for a secret that was written by other means, as far as it does
  // not wait.
  virtual absl::Status WorkOn(const Uuid& secret) = 0;
  // Who uses the secret has changed: a version whose grace goes on only because of its users (under
  // BLOCK) ends if there are none left.
  virtual absl::Status LookAtUsers(const Uuid& secret) = 0;
  // As RotationService says: what waits for the clock is done with the next RunDue.
  virtual absl::StatusOr<v1::AcceptClockResponse> AcceptClock(
      Updater& updater, const v1::AcceptClockRequest& request) = 0;
  // While it is not, nothing that time alone asks for is to be done.
  virtual bool clock_trusted() const = 0;

  // Does what has fallen due, limits::kRotationItemsPerRun secrets at most; how many. `*next` is
  // when the next one falls due (wall time). Several secrets at once (RotationContext::workers); in
  // a storm one after the other. One that fails holds up no other.
  virtual absl::StatusOr<int> RunDue(absl::Time* next) = 0;

  struct Stats {
    uint64_t secrets_waiting = 0;  // with something that will fall due
    uint64_t secrets_due = 0;      // of these, what is due by now; counted to 1000
    uint64_t secrets_failing = 0;  // passed over at their last turn: damaged, or not to be written
    bool clock_trusted = true;     // else nothing starts, ends or is destroyed by time
    // At unseal, of the last time known; zero: less than a day.
    absl::Duration clock_ahead;
    uint64_t starts_held = 0;  // by the storm breaker, so far
    // Of what was looked at or changed since the unseal: within a day that is all that is open.
    uint64_t secrets_blocked = 0;         // their run, or the end of a version at its target
    uint64_t secrets_awaiting_value = 0;  // of their owners
    uint64_t secrets_overdue = 0;         // past their deadline
  };
  virtual Stats stats() const = 0;
  // Looks at all secrets for the last three of these: at those as well that are paused or held, and
  // that nobody had a reason to look at since the unseal. For the background: it opens the metadata
  // of each.
  virtual absl::Status LookAtAll(ProgressFn progress) = 0;
};

}  // namespace keyturn
