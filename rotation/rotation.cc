#include "rotation/rotation.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "rotation/attention.h"
#include "rotation/attention_walk.h"
#include "rotation/clock_keeper.h"
#include "rotation/crew.h"
#include "rotation/errands.h"
#include "rotation/forecast.h"
#include "rotation/held_grace.h"
#include "rotation/listing.h"
#include "rotation/operations.h"
#include "rotation/status.h"
#include "rotation/storm_breaker.h"
#include "rotation/worker.h"
#include "storage/schema.h"
#include "vault/context.h"
#include "vault/due_timers.h"
#include "vault/rotation_rules.h"
#include "vault/tree.h"

namespace keyturn {
namespace {

class RotationImpl : public Rotation {
 public:
  explicit RotationImpl(RotationContext context)
      : context_(std::move(context)),
        operations_(context_),
        clock_(context_),
        timers_({kDueRotation}),
        errands_([this](const std::string& lane, const Uuid& secret) { WorkApart(lane, secret); }),
        walk_(context_, timers_, attention_),
        worker_(context_, clock_, storm_, errands_.interrupt(), attention_),
        workers_(context_.workers > 0 ? context_.workers : limits::kRotationWorkers),
        crew_(static_cast<int>(workers_)) {}
  // Its threads use everything else.
  ~RotationImpl() override { errands_.Stop(); }

  absl::Status OnUnsealed() override {
    RETURN_IF_ERROR(clock_.OnUnsealed());
    attention_.Clear();
    errands_.Start();
    RETURN_IF_ERROR(timers_.Load(context_.store));
    walk_.Begin();
    return absl::OkStatus();
  }
  void OnSealed() override {
    errands_.Stop();
    timers_.Clear();
    attention_.Clear();
    const absl::MutexLock lock(&mu_);
    failing_.clear();
    passed_over_.clear();
  }
  void OnCommitted(absl::Span<const CommittedUpdate> group) override {
    timers_.OnCommitted(group);
    attention_.OnCommitted(group);
  }

  absl::StatusOr<v1::RotationStatus> SetPolicy(
      Updater& updater, const v1::SetRotationPolicyRequest& request) override {
    return Then(operations_.SetPolicy(updater, request), request.path());
  }
  absl::StatusOr<v1::RotationStatus> RemovePolicy(
      Updater& updater, const v1::RemoveRotationPolicyRequest& request) override {
    return Then(operations_.RemovePolicy(updater, request), request.path());
  }
  absl::StatusOr<v1::RotationStatus> Cancel(Updater& updater,
                                            const v1::CancelRotationRequest& request) override {
    return Then(operations_.Cancel(updater, request), request.path());
  }
  absl::StatusOr<v1::RotationStatus> Pause(Updater& updater,
                                           const v1::PauseRotationRequest& request) override {
    return Then(operations_.Pause(updater, request), request.path());
  }
  absl::StatusOr<v1::RotationStatus> Resume(Updater& updater,
                                            const v1::ResumeRotationRequest& request) override {
    return Then(operations_.Resume(updater, request), request.path());
  }
  absl::StatusOr<v1::RotationStatus> Rotate(Updater& updater, const v1::RotateRequest& request,
                                            const std::string& principal) override {
    return Then(operations_.Rotate(updater, request, principal), request.path());
  }
  absl::StatusOr<v1::RotationStatus> Rollback(Updater& updater, const v1::RollbackRequest& request,
                                              const std::string& principal) override {
    return Then(operations_.Rollback(updater, request, principal), request.path());
  }
  absl::StatusOr<v1::RotationStatus> SetGrace(Updater& updater,
                                              const v1::SetGraceRequest& request) override {
    return Then(operations_.SetGrace(updater, request), request.path());
  }
  absl::StatusOr<v1::RotationStatus> Retire(Updater& updater,
                                            const v1::RetireRequest& request) override {
    return Then(operations_.Retire(updater, request), request.path());
  }

  absl::StatusOr<v1::RotationStatus> GetStatus(
      const v1::GetRotationStatusRequest& request) override {
    return ReadRotationStatus(context_, request.path());
  }
  absl::StatusOr<v1::ListRotationsResponse> List(const v1::ListRotationsRequest& request,
                                                 VisibleFn visible) override {
    return ListRotations(context_, request, visible);
  }
  absl::StatusOr<v1::ListRotationRunsResponse> ListRuns(
      const v1::ListRotationRunsRequest& request) override {
    return ListRotationRuns(context_, request);
  }
  absl::StatusOr<v1::ForecastResponse> Forecast(const v1::ForecastRequest& request,
                                                VisibleFn visible) override {
    const auto check = [this](const v1::SetRotationPolicyRequest& asked,
                              const SecretMetadata& metadata) {
      return operations_.CheckPolicy(asked, metadata);
    };
    ASSIGN_OR_RETURN(v1::ForecastResponse response,
                     ForecastRotations(context_, request, clock_.up(), visible, check));
    response.set_clock_trusted(clock_.trusted());
    return response;
  }

  absl::Status LookAtUsers(const Uuid& secret) override {
    ASSIGN_OR_RETURN(const int released, ReleaseHeld(context_, secret));
    return released == 0 ? absl::OkStatus() : WorkOn(secret);
  }
  absl::Status WorkOn(const Uuid& secret) override {
    return WorkNow(secret, /*waits=*/false).status();
  }
  absl::StatusOr<v1::AcceptClockResponse> AcceptClock(
      Updater& updater, const v1::AcceptClockRequest& request) override {
    return clock_.Accept(updater, request);
  }
  bool clock_trusted() const override { return clock_.trusted(); }

  absl::StatusOr<int> RunDue(absl::Time* next) override {
    const bool frozen = !clock_.Look();
    RETURN_IF_ERROR(clock_.Keep());
    RETURN_IF_ERROR(walk_.Go());
    if (!frozen) RETURN_IF_ERROR(BeginRound());
    size_t handled = 0;
    while (!frozen && handled < limits::kRotationItemsPerRun) {
      const std::vector<schema::DueItem> some = timers_.DueAfter(
          std::nullopt, context_.clock.Now(), limits::kRotationItemsPerRun - handled);
      if (some.empty()) break;
      RETURN_IF_ERROR(HandleAll(some));
      handled += some.size();
    }
    const std::optional<schema::DueItem> item = timers_.First();
    *next = item.has_value() ? item->when : absl::InfiniteFuture();
    const absl::Time now = context_.clock.Now();
    if (*next > now) storm_.AllDone();
    // While the clock is not trusted, all that is due by it waits.
    if (frozen && *next <= now) *next = now + absl::Minutes(1);
    return static_cast<int>(handled);
  }

  Stats stats() const override {
    const absl::MutexLock lock(&mu_);
    constexpr size_t kCounted = 1000;
    const Attention::Counts needs = attention_.CountsAt(context_.clock.Now());
    return {.secrets_waiting = timers_.size(),
            .secrets_due = timers_.CountDue(context_.clock.Now(), kCounted),
            .secrets_failing = failing_.size(),
            .clock_trusted = clock_.trusted(),
            .clock_ahead = clock_.ahead(),
            .starts_held = storm_.held(),
            .secrets_blocked = needs.blocked,
            .secrets_awaiting_value = needs.awaiting_value,
            .secrets_overdue = needs.overdue};
  }
  absl::Status LookAtAll(ProgressFn progress) override { return walk_.All(progress); }

 private:
  // Of what is due: plans, ends of graces and steps are due as well, after each restart.
  absl::StatusOr<size_t> CountStarts(absl::Time now) const {
    size_t starts = 0;
    std::optional<schema::DueItem> last;
    while (true) {
      const std::vector<schema::DueItem> some =
          timers_.DueAfter(last, now, limits::kRotationItemsPerRun);
      if (some.empty()) return starts;
      for (const schema::DueItem& item : some) {
        ASSIGN_OR_RETURN(const bool starts_now, worker_.StartIsDue(item.object, now));
        starts += starts_now ? 1 : 0;
      }
      last = some.back();
    }
  }

  absl::Status BeginRound() {
    constexpr size_t kCounted = 1'000'000;
    const absl::Time now = context_.clock.Now();
    const size_t waiting = timers_.size();
    const size_t due = storm_.IsWatched(now) ? 0 : timers_.CountDue(now, kCounted);
    if (!storm_.BeginRound(now, due, waiting)) return absl::OkStatus();
    ASSIGN_OR_RETURN(const size_t starts, CountStarts(now));
    if (!storm_.CountedStarts(now, starts, waiting)) return absl::OkStatus();
    const std::string text = std::to_string(starts), of = std::to_string(waiting);
    LogWarning("much has fallen due while nobody looked: scheduled rotations start one by one",
               {{"due", text}, {"of", of}});
    return context_
        .update("rotation_storm", "",
                [&](const View&, Batch& batch) {
                  batch.Note("due", text);
                  batch.Note("of", of);
                  return absl::OkStatus();
                })
        .status();
  }

  // By several threads, each on other secrets. The first error ends it: what is not begun then is
  // left to the next round.
  absl::Status HandleAll(const std::vector<schema::DueItem>& items) {
    absl::Mutex mu;
    absl::Status failed;
    size_t begun = 0;
    const auto next = [&]() -> std::optional<Worker::Job> {
      const absl::MutexLock lock(&mu);
      while (failed.ok() && begun < items.size()) {
        const size_t i = begun++;
        const absl::Time until = PassedOverUntil(items[i].object);
        if (until <= context_.clock.Now()) return Worker::Job{i, items[i].object};
        timers_.Postpone(items[i], until);
      }
      return std::nullopt;
    };
    const auto done = [&](size_t i, const absl::StatusOr<Worker::Worked>& worked) {
      const absl::Status status = Handled(items[i], worked);
      const absl::MutexLock lock(&mu);
      failed.Update(status);
    };
    // To wake a thread for one secret costs more than to do it as well.
    const size_t workers = storm_.is_storm() ? 1 : workers_;
    const size_t threads = std::clamp<size_t>(items.size() / 2, 1, workers);
    const size_t share = (items.size() + threads - 1) / threads;
    const size_t at_once = workers == 1 ? 1 : std::min(share, limits::kRotationSecretsPerWorker);
    crew_.Do(threads, [&](size_t) { worker_.WorkOnAll(at_once, next, done); });
    return failed;
  }

  // Errors of the machine end the round. One secret that fails must not hold up all others: it is
  // looked at again in an hour, and counted until it goes well.
  absl::Status Handled(const schema::DueItem& item, const absl::StatusOr<Worker::Worked>& worked) {
    const absl::Time now = context_.clock.Now();
    if (worked.ok() && worked->busy) {
      timers_.Postpone(item, now + absl::Seconds(1));
      return absl::OkStatus();
    }
    // The lane's thread moves the hint. Those that wait for it must not take the turns of others.
    if (worked.ok() && !worked->lane.empty()) {
      errands_.Add(worked->lane, item.object);
      timers_.Postpone(item, now + absl::Seconds(limits::kTargetWaitSeconds));
      return absl::OkStatus();
    }
    const absl::Status status = worked.ok() ? Done(item, worked->acted) : worked.status();
    if (absl::IsUnavailable(status) || !context_.keyring.Snapshot().ok()) return status;
    Count(item.object, status, /*apart=*/false);
    if (status.ok()) return status;
    timers_.Postpone(item, now + absl::Seconds(limits::kRotationPassedOverSeconds));
    return absl::OkStatus();
  }

  // What somebody has changed may be mended. What takes long goes on by itself.
  // Who waits for an answer waits for those who work on the secret already as well: the schedule
  // may have been quicker to see the change.
  absl::StatusOr<Worker::Worked> WorkNow(const Uuid& secret, bool waits) {
    {
      const absl::MutexLock lock(&mu_);
      passed_over_.erase(secret);
    }
    const bool frozen = !clock_.Look();
    ASSIGN_OR_RETURN(Worker::Worked worked, waits ? worker_.WorkAfterOthers(secret, frozen)
                                                  : worker_.Work(secret, frozen, /*own_lane=*/""));
    if (!worked.lane.empty()) errands_.Add(worked.lane, secret);
    return worked;
  }

  // On a lane's thread. Who asks for the secret's next turn meanwhile comes again by its hint.
  void WorkApart(const std::string& lane, const Uuid& secret) {
    const absl::StatusOr<Worker::Worked> worked = worker_.Work(secret, !clock_.Look(), lane);
    const absl::Status& status = worked.status();
    if (worked.ok() && !worked->lane.empty()) errands_.Add(worked->lane, secret);
    if (!absl::IsUnavailable(status) && context_.keyring.Snapshot().ok()) {
      Count(secret, status, /*apart=*/true);
    }
  }

  // What was done has moved the hint; one that is still there says nothing any more.
  absl::Status Done(const schema::DueItem& item, int acted) {
    if (acted > 0 || !timers_.Has(item)) return absl::OkStatus();
    RETURN_IF_ERROR(DropHint(item));
    // If it is there all the same, it is the secret's own.
    timers_.Postpone(item, context_.clock.Now());
    return absl::OkStatus();
  }

  // One that failed apart is still among the timers.
  void Count(const Uuid& secret, const absl::Status& status, bool apart) {
    {
      const absl::MutexLock lock(&mu_);
      if (status.ok()) {
        failing_.erase(secret);
        passed_over_.erase(secret);
        return;
      }
      if (apart) {
        passed_over_[secret] =
            context_.clock.Now() + absl::Seconds(limits::kRotationPassedOverSeconds);
      }
      if (!failing_.insert(secret).second) return;
    }
    LogError("a rotation is passed over until its secret is mended",
             {{"secret", secret.ToString()}, {"error", std::string(status.message())}});
  }
  absl::Time PassedOverUntil(const Uuid& secret) {
    const absl::MutexLock lock(&mu_);
    const auto found = passed_over_.find(secret);
    return found == passed_over_.end() ? absl::InfinitePast() : found->second;
  }

  // Unless it is the secret's own.
  absl::Status DropHint(const schema::DueItem& item) {
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys,
                     context_.keyring.Snapshot());
    return context_.store
        .Update([&](const View& view, Batch& batch) -> absl::Status {
          ASSIGN_OR_RETURN(std::optional<RotatingSecret> secret,
                           LoadRotating(*keys, view, item.object));
          const std::string key = schema::DueKey(item.object, item.when, kDueRotation);
          const bool own =
              secret.has_value() && RotationHint(item.object, secret->hinted_ms) == key;
          if (!own) batch.Delete(Family::kDue, key);
          if (!secret.has_value()) return absl::OkStatus();
          return SaveRotating(*keys, view, context_.clock.Now(), &*secret, nullptr, batch);
        })
        .status();
  }

  absl::StatusOr<v1::RotationStatus> Then(const absl::StatusOr<Uuid>& secret,
                                          const std::string& path) {
    RETURN_IF_ERROR(secret.status());
    // The change is made; what follows from it goes on by itself if this does not come to an end.
    if (const absl::Status worked = WorkNow(*secret, /*waits=*/true).status(); !worked.ok()) {
      LogWarning("a rotation did not go on at once",
                 {{"secret", secret->ToString()}, {"error", std::string(worked.message())}});
    }
    return ReadRotationStatus(context_, path);
  }

  const RotationContext context_;
  const Operations operations_;
  StormBreaker storm_;
  ClockKeeper clock_;
  DueTimers timers_;
  mutable absl::Mutex mu_;
  absl::flat_hash_set<Uuid> failing_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<Uuid, absl::Time> passed_over_ ABSL_GUARDED_BY(mu_);  // and until when
  Errands errands_;
  mutable Attention attention_;  // of what time has made of it
  AttentionWalk walk_;
  Worker worker_;
  const size_t workers_;
  Crew crew_;
};

}  // namespace

std::unique_ptr<Rotation> Rotation::Create(RotationContext context) {
  return std::make_unique<RotationImpl>(std::move(context));
}

}  // namespace keyturn
