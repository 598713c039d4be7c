#include "rotation/run_ahead.h"

#include <algorithm>

#include "base/limits.h"
#include "base/timestamps.h"
#include "rotation/jwt/settings.h"
#include "rotation/policy.h"
#include "rotation/runs.h"
#include "rotation/start_time.h"
#include "rotation/status.h"
#include "rotation/transitions.h"
#include "vault/rotation_rules.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

using Kind = Action::Kind;

// Hints are of whole seconds.
absl::Time WholeSecond(absl::Time time) {
  return absl::FromUnixSeconds((absl::ToUnixMillis(time) + 999) / 1000);
}

v1::RotationRun OpenRunAhead(SecretMetadata* metadata, absl::Time now) {
  Batch nowhere{Revision(0)};
  return OpenRun(metadata, v1::RotationRun::SCHEDULED, now, nowhere);
}

}  // namespace

RunAhead::RunAhead(const KeyringSnapshot& keys, const Clock& clock, std::vector<FutureSecret> group,
                   const Bounds& bounds)
    : keys_(keys), clock_(clock), bounds_(bounds), now_(bounds.now) {
  for (FutureSecret& secret : group) {
    Member member;
    static_cast<FutureSecret&>(member) = std::move(secret);
    std::optional<v1::RotationRun>& run = member.secret.run;
    // Nobody is known to come and mend it.
    if (run.has_value() && run->state() == v1::RotationRun::BLOCKED) {
      AwaitUntil(bounds.end + absl::Hours(24), v1::RotationRun::BLOCKED, &*run);
    }
    PlanIfNeeded(keys_, &member.secret.metadata);
    members_.push_back(std::move(member));
  }
}

v1::Forecast RunAhead::Run() {
  const SecretMetadata& metadata = members_[0].secret.metadata;
  forecast_.set_path(members_[0].path);
  forecast_.set_kind(static_cast<v1::Kind>(metadata.kind()));
  *forecast_.mutable_effective_policy() =
      EffectivePolicy(metadata.rotation().policy(), forecast_.kind());
  forecast_.set_current_version(metadata.current_version());
  for (const VersionRecord& version : metadata.versions()) {
    if (IsState(version, v1::VERSION_STATE_GRACE)) forecast_.add_grace_versions(version.version());
  }
  const std::optional<v1::RotationRun>& run = members_[0].secret.run;
  if (run.has_value() && run->state() == v1::RotationRun::BLOCKED) {
    forecast_.add_obstacles(v1::Forecast::BLOCKED);
    forecast_.set_block_error(run->error());
  }
  for (size_t i = 0; i < members_.size(); ++i) Schedule(i);
  while (!turns_.empty()) {
    const auto [when, id, index] = *turns_.begin();
    if (when >= bounds_.end) break;
    now_ = when;
    if (IsSpent()) {
      forecast_.add_obstacles(v1::Forecast::TOO_MANY);
      *forecast_.mutable_end_time() = ToTimestamp(now_);
      break;
    }
    turns_.erase(turns_.begin());
    Work(index);
    Schedule(index);
  }
  AddObstacles();
  return std::move(forecast_);
}

bool RunAhead::IsSpent() const {
  return actions_ >= limits::kForecastActionsMax ||
         static_cast<size_t>(forecast_.events_size()) >= limits::kForecastSecretEventsMax ||
         clock_.MonotonicNanos() >= bounds_.stop_nanos;
}

void RunAhead::AddObstacles() {
  const SecretMetadata& metadata = members_[0].secret.metadata;
  if (metadata.rotation().paused()) {
    forecast_.add_obstacles(v1::Forecast::PAUSED);
  } else if (!MayStart(metadata, now_)) {
    forecast_.add_obstacles(v1::Forecast::UNREADABLE);
  }
}

void RunAhead::Schedule(size_t index) {
  Member& member = members_[index];
  const std::optional<v1::RotationRun>& run = member.secret.run;
  const bool awaits = run.has_value() && run->state() == v1::RotationRun::AWAITING_VALUE;
  if (!awaits) member.put_at.reset();
  if (awaits && !member.put_at.has_value() && bounds_.value_delay.has_value()) {
    member.put_at = std::max(now_, ToTime(run->start_time()) + *bounds_.value_delay);
  }
  const Action next = NextAction(member.secret.metadata, run, now_, false);
  member.next = next.kind == Kind::kNone ? next.when : now_;
  if (member.next > now_ && member.next != absl::InfiniteFuture()) {
    member.next = WholeSecond(member.next);
  }
  if (member.put_at.has_value()) member.next = std::min(member.next, *member.put_at);
  if (member.next != absl::InfiniteFuture()) {
    turns_.insert({member.next, member.secret.id, index});
  }
}

void RunAhead::Work(size_t index) {
  Member& member = members_[index];
  if (member.put_at.has_value() && *member.put_at <= now_) PutValue(member);
  for (int i = 0; i < limits::kRotationActionsPerLook; ++i) {
    ++actions_;
    const Action action = NextAction(member.secret.metadata, member.secret.run, now_, false);
    if (action.kind == Kind::kNone) return;
    Act(member, action);
    PlanIfNeeded(keys_, &member.secret.metadata);
    if (member.secret.metadata.rotation().open_run() == 0) member.secret.run.reset();
  }
}

void RunAhead::Act(Member& member, const Action& action) {
  RotatingSecret& secret = member.secret;
  switch (action.kind) {
    case Kind::kNone:
    case Kind::kPlan:  // whoever asked plans
      return;
    case Kind::kStart:
      return Start(member);
    case Kind::kStep:
      return Step(member);
    case Kind::kRemind:
      return MakesValues(secret.metadata) ? Generate(member) : Ask(member);
    case Kind::kFulfil:
      secret.run->set_version(secret.metadata.current_version());
      return CloseRun(&secret.metadata, &*secret.run, v1::RotationRun::DONE, now_);
    case Kind::kCancelRun:
      Abandon(&secret, *secret.run, now_);
      return CloseRun(&secret.metadata, &*secret.run, v1::RotationRun::CANCELLED, now_);
    case Kind::kStage:
      AddNext(member, v1::VERSION_STATE_STAGED);
      Tell(member, Event::STAGED, secret.metadata.newest_version());
      return;
    case Kind::kArm: {  // targets hear what they are told
      VersionRecord* const version = FindVersion(&secret.metadata, action.version);
      version->set_armed_ms(version->grace_end_ms());
      return;
    }
    case Kind::kEndGrace:
      if (EndsLater(member, action.version)) return;
      [[fallthrough]];
    case Kind::kRetire:
      MarkRetired(&secret, action.version, now_);
      Tell(member, Event::RETIRED, action.version);
      return;
    case Kind::kDestroyData:
      MarkDestroyed(FindVersion(&secret.metadata, action.version));
      Tell(member, Event::DESTROYED, action.version);
      return;
  }
}

bool RunAhead::EndsLater(Member& member, uint64_t version) {
  VersionRecord* const record = FindVersion(&member.secret.metadata, version);
  UpTime up = bounds_.up;
  up.lasts += now_ - bounds_.now;
  const std::optional<absl::Time> later =
      LaterEnd(member.secret.metadata.rotation().policy(), *record, up, now_);
  if (later.has_value()) AnnounceAnew(*later, up, record);
  return later.has_value();
}

absl::Time RunAhead::AllowedFrom(Member& member) {
  const SecretMetadata& metadata = member.secret.metadata;
  const absl::Time room = RoomFrom(metadata, now_);
  const absl::Time ordered =
      AfterOthers(member, LastOrderWait(metadata.rotation()), /*alone=*/room <= now_);
  const absl::Time open = WindowFrom(metadata.rotation(), now_);
  const absl::Time from = std::max({room, ordered, open});
  if (from <= now_) return from;
  if (from == ordered) {
    member.waited = Event::ORDER;
  } else {
    member.waited = from == room ? Event::LIVE_VERSIONS : Event::WINDOW;
  }
  return std::min(from, now_ + absl::Hours(24));
}

absl::Time RunAhead::AfterOthers(Member& member, absl::Time last, bool alone) {
  const record::v1::RotationState& rotation = member.secret.metadata.rotation();
  const absl::Duration poll = absl::Seconds(limits::kRotationOrderPollSeconds);
  absl::Time ordered = absl::InfinitePast(), moves = absl::InfiniteFuture();
  bool polls = false;
  for (size_t i = 0; i < member.after.size(); ++i) {
    if (member.after[i] == FutureSecret::kNobody) continue;
    const Member& other = members_[member.after[i]];
    const record::v1::RotationState& its = other.secret.metadata.rotation();
    const v1::RotationOrder& order = rotation.policy().after(static_cast<int>(i));
    const absl::Time from = OrderFrom(its, order.offset_seconds(), now_);
    if (from > now_) {
      member.waited_for = other.path;
      member.conditional = member.conditional || other.conditional;
    }
    if (IsUnderWay(its, now_)) {
      moves = std::min(moves, other.next);
      polls = true;
    }
    ordered = std::max(ordered, from);
  }
  // The engine asks again each minute. The answer stays the same until one of them moves, so the
  // minutes before that are passed over, unless something else may change meanwhile.
  alone = alone && rotation.policy().windows().empty();
  if (polls && alone && ordered == now_ + poll && moves > ordered) {
    const absl::Time until = std::min(moves, last);
    ordered = now_ + poll * ((until - now_ + poll - absl::Nanoseconds(1)) / poll);
  }
  return std::min(ordered, last);
}

void RunAhead::Start(Member& member) {
  const absl::Time from = AllowedFrom(member);
  if (from > now_) {
    SecretMetadata& metadata = member.secret.metadata;
    const bool room = RoomFrom(metadata, now_) <= now_;
    return WaitUntil(from, room ? WaitsFor::kOther : WaitsFor::kRoom, &metadata);
  }
  TellStarted(member);
  member.waited = Event::WHY_UNSPECIFIED;
  return MakesValues(member.secret.metadata) ? Generate(member) : Ask(member);
}

v1::ForecastEvent::Why RunAhead::WhyNow(const Member& member) const {
  if (member.waited != Event::WHY_UNSPECIFIED) return member.waited;
  const record::v1::RotationState& rotation = member.secret.metadata.rotation();
  const absl::Time due = absl::FromUnixMillis(rotation.due_ms());
  const absl::Time deadline = absl::FromUnixMillis(rotation.deadline_ms());
  if (rotation.hold_until_ms() > rotation.due_ms()) return Event::HOLD;
  if (deadline < bounds_.now) return Event::OVERDUE;
  if (rotation.policy().windows().empty()) return due < deadline ? Event::JITTER : Event::DEADLINE;
  if (due > deadline) return Event::LATE_WINDOW;
  if (due < deadline) return Event::WINDOW;
  return WindowsOf(rotation.policy()).value_or(WindowSet()).IsOpen(due) ? Event::DEADLINE
                                                                        : Event::NO_WINDOW;
}

void RunAhead::TellStarted(Member& member) {
  Event* const event = Tell(member, Event::STARTED, 0);
  if (event == nullptr) return;
  event->set_why(WhyNow(member));
  if (event->why() == Event::ORDER) event->set_after_path(member.waited_for);
  const record::v1::RotationState& rotation = member.secret.metadata.rotation();
  *event->mutable_deadline_time() = ToTimestamp(absl::FromUnixMillis(rotation.deadline_ms()));
  // As the status tells it, which need not be a whole second.
  const absl::Time planned =
      absl::FromUnixMillis(std::max(rotation.due_ms(), rotation.hold_until_ms()));
  if (WholeSecond(planned) == now_) *event->mutable_time() = ToTimestamp(planned);
}

void RunAhead::Ask(Member& member) {
  RotatingSecret& secret = member.secret;
  const bool anew = !secret.run.has_value();
  if (anew) secret.run = OpenRunAhead(&secret.metadata, now_);
  const bool asked = secret.run->state() == v1::RotationRun::AWAITING_VALUE;
  secret.run->set_step(v1::RotationRun::GENERATE);
  AwaitValue(now_, &*secret.run);
  if (!asked) Tell(member, Event::AWAITING_VALUE, 0);
}

void RunAhead::PutValue(Member& member) {
  SecretMetadata& metadata = member.secret.metadata;
  member.put_at.reset();
  member.conditional = true;
  const uint64_t former = metadata.current_version();
  AddVersion(&metadata, now_, "", absl::ZeroDuration(), 0);
  PruneVersions(&metadata);
  PlanIfNeeded(keys_, &metadata);
  Event* const event = Tell(member, Event::PROMOTED, metadata.current_version());
  const VersionRecord* const before = FindVersion(metadata, former);
  if (event == nullptr || before == nullptr || !IsState(*before, v1::VERSION_STATE_GRACE)) return;
  *event->mutable_grace_end_time() = ToTimestamp(absl::FromUnixMillis(before->grace_end_ms()));
}

void RunAhead::AddNext(Member& member, v1::VersionState state) {
  SecretMetadata& metadata = member.secret.metadata;
  VersionRecord& added = *metadata.add_versions();
  metadata.set_newest_version(metadata.newest_version() + 1);
  added.set_version(metadata.newest_version());
  added.set_state(state);
  added.set_created_ms(absl::ToUnixMillis(now_));
  if (state == v1::VERSION_STATE_STAGED) added.set_staged_ms(added.created_ms());
  PruneVersions(&metadata);
}

void RunAhead::Generate(Member& member) {
  RotatingSecret& secret = member.secret;
  if (!secret.run.has_value()) secret.run = OpenRunAhead(&secret.metadata, now_);
  ClearFailures(&*secret.run);
  if (const VersionRecord* const staged = FindStaged(secret.metadata); staged != nullptr) {
    secret.run->set_version(staged->version());
  } else {
    AddNext(member,
            secret.metadata.has_jwt() ? v1::VERSION_STATE_STAGED : v1::VERSION_STATE_PENDING);
    secret.run->set_version(secret.metadata.newest_version());
  }
  secret.run->set_step(v1::RotationRun::PROMOTE);  // targets take what they are given
}

void RunAhead::Step(Member& member) {
  RotatingSecret& secret = member.secret;
  switch (secret.run->step()) {
    case v1::RotationRun::GENERATE:
      return MakesValues(secret.metadata) ? Generate(member) : Ask(member);
    case v1::RotationRun::ANNOUNCE:
      return CloseRun(&secret.metadata, &*secret.run, v1::RotationRun::DONE, now_);
    case v1::RotationRun::PROMOTE:
      return Promote(member);
    default:
      ClearFailures(&*secret.run);
      secret.run->set_step(v1::RotationRun::PROMOTE);
  }
}

void RunAhead::Promote(Member& member) {
  RotatingSecret& secret = member.secret;
  const uint64_t version = secret.run->version();
  const absl::Time from = SignsFrom(secret.metadata, version);
  if (from > now_ && secret.run->cause() != v1::RotationRun::EMERGENCY) {
    AwaitUntil(from, v1::RotationRun::PUBLISHED, &*secret.run);
    Tell(member, Event::PUBLISHED, version);
    return;
  }
  VersionRecord* const next = FindVersion(&secret.metadata, version);
  if (next == nullptr) return AwaitUntil(bounds_.end, v1::RotationRun::BLOCKED, &*secret.run);
  const uint64_t former = secret.metadata.current_version();
  if (secret.run->cause() == v1::RotationRun::ROLLBACK) {
    GoBackTo(&secret.metadata, next, now_);
  } else {
    BecomeCurrent(&secret.metadata, next, now_);
  }
  CloseRun(&secret.metadata, &*secret.run, v1::RotationRun::DONE, now_);
  Event* const event = Tell(member, Event::PROMOTED, version);
  const VersionRecord* const before = FindVersion(secret.metadata, former);
  if (event == nullptr || before == nullptr || !IsState(*before, v1::VERSION_STATE_GRACE)) return;
  *event->mutable_grace_end_time() = ToTimestamp(absl::FromUnixMillis(before->grace_end_ms()));
}

v1::ForecastEvent* RunAhead::Tell(const Member& member, Event::Kind kind, uint64_t version) {
  if (!IsTold(member)) return nullptr;
  Event* const event = forecast_.add_events();
  event->set_kind(kind);
  *event->mutable_time() = ToTimestamp(now_);
  event->set_version(version);
  event->set_conditional(member.conditional);
  return event;
}

}  // namespace keyturn
