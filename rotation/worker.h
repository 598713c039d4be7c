// Does for one secret what NextAction says, one change of the store at a time. Every change is
// checked again inside its update, so that two who work on one secret, or one who was interrupted,
// do nothing twice; whatever is outside (drivers) is called between a change that says so and one
// that says how it went. What takes long there is left to a thread of its own. Thread-safe; a
// secret has one worker at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "rotation/attention.h"
#include "rotation/clock_keeper.h"
#include "rotation/context.h"
#include "rotation/next_action.h"
#include "rotation/store_state.h"
#include "rotation/storm_breaker.h"
#include "vault/directories.h"

namespace keyturn {

class Worker {
 public:
  // All outlive this. The interrupt ends what is under way outside. `attention` is told of each
  // look, and so of what each change has left.
  Worker(const RotationContext& context, const ClockKeeper& clock, StormBreaker& storm,
         const Interrupt& interrupt, Attention& attention)
      : context_(context),
        clock_(clock),
        storm_(storm),
        interrupt_(interrupt),
        attention_(attention) {}

  struct Worked {
    int acted = 0;
    bool busy = false;  // another works on the secret
    std::string lane;   // not empty: the next action is one for that thread (Driver::lane)
  };
  // Until nothing can be done now, limits::kRotationActionsPerLook actions at most. On the
  // thread of `own_lane` (not empty) also what takes long, of that lane. Errors are of the store,
  // or of this secret.
  absl::StatusOr<Worked> Work(const Uuid& secret, bool frozen, const std::string& own_lane);
  // The same for who needs it done: one who works on the secret already, and may have looked at it
  // before it changed, is waited for. Busy only if that is outside, at a target, or is the caller.
  absl::StatusOr<Worked> WorkAfterOthers(const Uuid& secret, bool frozen);

  struct Job {
    size_t number;  // the caller's own
    Uuid secret;
  };
  // Work of all that `next` gives until it gives none, `at_once` of them at a time, with what they
  // change written together. `done` gets what Work would return. Both are called on this thread.
  void WorkOnAll(size_t at_once, absl::FunctionRef<std::optional<Job>()> next,
                 absl::FunctionRef<void(size_t number, absl::StatusOr<Worked> worked)> done);

  // Whether the schedule would start a rotation of the secret at `now`, were it not held by others.
  // One that does not open would not. Errors are of the store.
  absl::StatusOr<bool> StartIsDue(const Uuid& secret, absl::Time now) const;

 private:
  // What it refers to outlives the action: it is kept until the change is written, and may be
  // called more than once.
  using Edit = absl::AnyInvocable<absl::Status(RotatingSecret& secret, const View& view,
                                               absl::Time now, Batch& batch) const>;
  // What one action on a secret leaves to the next. Each update looks whether it is so still, by
  // the bytes that are stored; only what is not is opened again.
  struct Carried {
    std::optional<RotatingSecret> left;  // by the last change
    std::optional<ResolvedPath> path;
  };
  struct Look {
    RotatingSecret secret;
    Action action;
    std::shared_ptr<const KeyringSnapshot> keys;
    bool frozen = false;
    Carried* carried = nullptr;
  };
  struct Holder {
    std::thread::id thread;
    bool outside = false;  // calls a driver
  };
  struct Prepared;
  struct Planned;
  struct Task;
  // What an action has come to: a change that is to be written, or nothing more (nullptr).
  using Acted = absl::StatusOr<std::unique_ptr<Planned>>;

  // REQUIRES: Take(secret), which this lets go.
  absl::StatusOr<Worked> WorkTaken(const Uuid& secret, bool frozen, const std::string& own_lane);
  // False: another has it.
  bool Take(const Uuid& secret) ABSL_LOCKS_EXCLUDED(mu_);
  bool TakeLocked(const Uuid& secret) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void LetGo(const Uuid& secret);
  // Goes on until a change is to be written. False: nothing more can be done now.
  bool Plan(Task& task);
  // Writes what each has planned.
  void Write(absl::Span<Task* const> tasks) const;
  // An action of the task has come to its end.
  static void Went(const absl::Status& status, Task* task);
  static absl::StatusOr<Worked> ResultOf(const Task& task);
  void SayOutside(const Uuid& secret, bool outside);
  // That the action calls; nullptr: none.
  const Driver* CalledBy(const Look& look) const;
  // Of the thread that is to take the action; "": any.
  std::string LaneOf(const Look& look) const;
  absl::StatusOr<std::optional<Look>> LookAt(const Uuid& secret, bool frozen,
                                             Carried* carried) const;
  // As the store has it: as it was left, or of one snapshot.
  absl::StatusOr<std::optional<RotatingSecret>> Find(const KeyringSnapshot& keys,
                                                     const Uuid& secret,
                                                     const Carried& carried) const;
  Acted Act(const Look& look) const;

  // `edit`, if the action is still the one to be taken; with an entry of `event` (a literal) in the
  // audit log.
  Acted Change(const Look& look, absl::string_view event, Edit edit) const;
  // nullptr: it cannot be made before its update.
  std::unique_ptr<Prepared> Prepare(const Look& look, const Edit& edit) const;
  // In its update.
  absl::Status MakeIn(const Look& look, Planned& planned, const View& view, Batch& batch) const;
  // The change itself: `edit`, and what it leaves written into the batch, with `*run`.
  static absl::Status Make(const Look& look, const Edit& edit, const View& view, absl::Time now,
                           RotatingSecret* secret, std::optional<v1::RotationRun>* run,
                           Batch& batch);
  // Whether all that it was made of is so still.
  static absl::StatusOr<bool> IsAsPrepared(const Look& look, const Prepared& prepared,
                                           const View& view);
  // What the look was of, as it is in an update; MOVED if another action is to be taken by now.
  absl::StatusOr<RotatingSecret> CheckStill(const Look& look, const View& view,
                                            absl::Time now) const;
  absl::StatusOr<std::string> PathFor(const Look& look) const;
  // What a target is called with about a version. It refers to `look`.
  struct TargetCall {
    DriverCall call;
    SecretBytes value;
  };
  absl::StatusOr<TargetCall> TargetCallOf(const Look& look, uint64_t version) const;
  DriverCall CallOf(const Look& look, const std::string& path, uint64_t version) const;
  // Of the target at which the version works, or is to; nullptr: none. 0 is the next version.
  Driver* DriverOf(const SecretMetadata& metadata, uint64_t version) const;
  // Changes that are no step of a rotation: when it is looked at again.
  Acted Settle(const Look& look, absl::FunctionRef<void(RotatingSecret&)> edit) const;

  Acted Start(const Look& look) const;
  // When versions that work, and secrets that must be rotated before, allow it; in the past: now.
  absl::StatusOr<absl::Time> AllowedFrom(const Look& look) const;
  Acted Ask(const Look& look) const;
  Acted Generate(const Look& look, bool start) const;
  Acted Step(const Look& look) const;
  Acted ApplyAndTest(const Look& look, Driver& driver) const;
  Acted Applied(const Look& look, const std::string& target) const;
  // Of a rollback: the version in grace goes on at its target, before it is the current one.
  Acted DisarmBack(const Look& look, Driver& driver) const;
  // Keys that sign: the next one is published long before it is needed.
  Acted Stage(const Look& look) const;
  Acted TakeStaged(const Look& look, bool start) const;
  Acted AwaitPublished(const Look& look, absl::Time from) const;
  absl::Status RevokeKey(const Look& look, uint64_t version) const;
  Acted Move(const Look& look, absl::string_view event, int step) const;
  Acted PromotePending(const Look& look, bool has_driver) const;
  Acted Announce(const Look& look, Driver* driver) const;
  Acted Fail(const Look& look, const absl::Status& failure) const;
  // In [0, 1): of the longest wait before another attempt.
  static double RandomShare();
  Acted EndGrace(const Look& look) const;
  // Of the version that the action is about, by name: who was seen here, and at its target.
  struct Users {
    std::vector<std::string> names;
    bool seen_here = false;
  };
  absl::StatusOr<Users> UsersOf(const Look& look) const;
  // The version goes on for what is missing of the notice of its end.
  Acted EndLater(const Look& look, const UpTime& up, absl::Time end) const;
  Acted HoldGrace(const Look& look, const Users& users) const;
  Acted EndVersion(const Look& look, const Users& users) const;
  Acted Arm(const Look& look) const;
  Acted RetireVersion(const Look& look) const;
  // Another version that works, or is about to, with the same value, which so must not end; 0:
  // none.
  absl::StatusOr<uint64_t> InUseAs(const Look& look, const TargetCall& old) const;
  // Of what its target was to be told of the version: it is tried again.
  Acted RetireFailed(const Look& look, absl::string_view event, const absl::Status& failure) const;

  const RotationContext& context_;
  const ClockKeeper& clock_;
  StormBreaker& storm_;
  const Interrupt& interrupt_;
  Attention& attention_;
  absl::Mutex mu_;
  absl::flat_hash_map<Uuid, Holder> busy_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
