// The rotations of a few secrets, run ahead of time: what NextAction says is done to copies of the
// metadata, at the seconds at which the engine would do it. Not thread-safe.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "keyturn/v1/rotation_service.pb.h"
#include "rotation/end_notice.h"
#include "rotation/next_action.h"
#include "rotation/store_state.h"

namespace keyturn {

// A secret as it is when the run begins.
struct FutureSecret {
  std::string path;
  RotatingSecret secret;
  // Of each of policy.after, where in the group that secret is; kNobody: it is not waited for.
  std::vector<size_t> after;
  static constexpr size_t kNobody = SIZE_MAX;
};

class RunAhead {
 public:
  struct Bounds {
    absl::Time now;                             // it begins
    UpTime up;                                  // of the server, at that time
    absl::Time end;                             // events are before this
    std::optional<absl::Duration> value_delay;  // until an owner has put a value; none: never
    int64_t stop_nanos = INT64_MAX;             // monotonic: no longer than that
  };

  // The first of the group is the one that is told of; the others are those that it waits for, and
  // that these wait for. `keys` and `clock`, which only measures the work, outlive this.
  RunAhead(const KeyringSnapshot& keys, const Clock& clock, std::vector<FutureSecret> group,
           const Bounds& bounds);

  // The first secret's events, and what stands in their way.
  v1::Forecast Run();

 private:
  using Event = v1::ForecastEvent;
  using Turn = std::tuple<absl::Time, Uuid, size_t>;  // as the engine orders what is due
  struct Member : FutureSecret {
    absl::Time next = absl::InfiniteFuture();    // its turn
    std::optional<absl::Time> put_at;            // its owner puts the value that is awaited
    Event::Why waited = Event::WHY_UNSPECIFIED;  // for what its start was put off last
    std::string waited_for;
    bool conditional = false;
  };

  void Schedule(size_t index);
  void Work(size_t index);
  void Act(Member& member, const Action& action);
  void Start(Member& member);
  void Ask(Member& member);
  void Generate(Member& member);
  void Step(Member& member);
  void Promote(Member& member);
  void PutValue(Member& member);
  // Whether the grace of `version` goes on, since its end is news.
  bool EndsLater(Member& member, uint64_t version);
  void AddNext(Member& member, v1::VersionState state);
  // When it may start, and what it waits for; in the past: now.
  absl::Time AllowedFrom(Member& member);
  // `alone`: nothing but the others is waited for.
  absl::Time AfterOthers(Member& member, absl::Time last, bool alone);
  Event::Why WhyNow(const Member& member) const;
  void TellStarted(Member& member);
  // nullptr of a secret that is not told of.
  Event* Tell(const Member& member, Event::Kind kind, uint64_t version);
  bool IsTold(const Member& member) const { return &member == members_.data(); }
  bool IsSpent() const;
  void AddObstacles();

  const KeyringSnapshot& keys_;
  const Clock& clock_;
  const Bounds bounds_;
  std::vector<Member> members_;
  std::set<Turn> turns_;
  absl::Time now_;
  int actions_ = 0;
  v1::Forecast forecast_;
};

}  // namespace keyturn
