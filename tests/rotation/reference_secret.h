// What docs/ROTATION.md and the comments of the interfaces promise of one secret, as rules over
// plain values: what each call does or is refused with, which events of the engine may come when,
// what has to have happened by now, and what callers are shown. It is told of each event and of
// each answer of a target; where chance decides (jitter, waits, targets), it checks what it is told
// against the bounds that are promised. Not thread-safe; a value.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/util/time_util.h"
#include "keyturn/v1/rotation_service.pb.h"
#include "rotation/driver.h"

namespace keyturn {

class ReferenceSecret {
 public:
  using Run = v1::RotationRun;
  using Notes = std::map<std::string, std::string>;
  struct Version {
    uint64_t number = 0;
    v1::VersionState state = v1::VERSION_STATE_PENDING;
    bool compromised = false;
    absl::Time created = absl::InfinitePast();
    absl::Time promoted = absl::InfinitePast();   // InfinitePast: not since there is a policy
    absl::Time replaced = absl::InfinitePast();   // it was current until then
    absl::Time announced = absl::InfinitePast();  // its end, if later than that
    absl::Time grace_end = absl::InfinitePast();
    absl::Time destroy = absl::InfiniteFuture();
    absl::Time expires = absl::InfiniteFuture();
    absl::Time purge = absl::InfiniteFuture();
    bool deleted = false;
    int extensions = 0;
    int retire_failures = 0;
    absl::Time retire_next = absl::InfinitePast();
    std::string value;  // "": not seen yet
  };

  ReferenceSecret(std::string path, v1::Kind kind, bool has_target)
      : path_(std::move(path)), kind_(kind), has_target_(has_target) {
    if (kind != v1::KIND_GENERIC) policy_.emplace();
  }

  // Calls, each at `now`. "" when it is done, else the reason of its refusal; then nothing changes.
  std::string Put(const std::string& value, absl::Time now);
  std::string SetPolicy(const v1::RotationPolicy& policy, absl::Time now);
  std::string RemovePolicy(absl::Time now);
  std::string Cancel(absl::Time now);
  std::string Pause(bool paused);
  std::string Rotate(const v1::RotateRequest& request, absl::Time now);
  std::string Rollback(const v1::RollbackRequest& request, absl::Time now);
  std::string SetGrace(const v1::SetGraceRequest& request, absl::Time now);
  std::string Retire(uint64_t version, absl::Time now);
  std::string Delete(uint64_t version, absl::Duration window, absl::Time now);
  std::string Undelete();
  std::string Destroy(uint64_t version);
  void Rename(const std::string& path) { path_ = path; }
  void SetMaxVersions(uint32_t most);
  // What the vault does by itself: versions that are past their recovery or have expired.
  // Whether there were any.
  bool Purge(absl::Time now);
  // When it has to, a second later at most.
  absl::Time NextPurge() const;

  // What is around an event.
  struct Scene {
    absl::Time now;
    bool frozen = false;           // the clock is not trusted
    bool used = false;             // somebody uses versions in grace
    absl::Time up_since;           // the server is up, and its clock has not jumped
    absl::Duration up;             // for so long
    absl::Time up_from, up_until;  // before that it was, as far as it is known
  };
  // An event of the engine, or an answer of the target. "" if it may come now; else what is wrong.
  std::string OnEvent(const std::string& event, const Notes& notes, const Scene& scene);
  std::string OnTarget(const std::string& call, uint64_t version, const absl::Status& status,
                       bool answer, absl::Time now);

  // The vault has changed it: the engine looks at once, by the clock of this moment.
  void Changed(absl::Time now) { look_ = now; }
  // The server has died: what the target said last may be asked again.
  void ForgetAttempt();
  // By when the engine has to do something more while the clock is trusted.
  absl::Time Duty(absl::Time now) const;
  // What follows from what was asked for and waits for nothing.
  bool MustGoOn() const;

  // When something is looked at.
  struct Moment {
    absl::Time now;
    absl::Time latest;    // that the clock ever showed
    bool frozen = false;  // the clock is not trusted: the next start may not be planned yet
    bool storm = false;   // many were due at once: starts may wait for a turn
  };
  // "" if the status is as it must be. Takes over what chance decides.
  std::string Compare(const v1::RotationStatus& status, const Moment& moment);
  // The value that a read gives, or the reason of its refusal; "?" for a value not seen yet.
  std::string Read(uint64_t version, absl::Time now) const;
  uint64_t Previous() const;
  void SawValue(uint64_t version, const std::string& value);

  const std::string& path() const { return path_; }
  v1::Kind kind() const { return kind_; }
  bool has_target() const { return has_target_; }
  bool rotates() const { return policy_.has_value(); }
  bool has_run() const { return run_.has_value(); }
  uint64_t current() const { return current_; }
  uint64_t newest() const { return newest_; }
  const std::vector<Version>& versions() const { return versions_; }
  std::string ToString() const;

 private:
  template <typename Versions>
  static auto* FindIn(Versions& versions, uint64_t number) {
    const auto found = std::find_if(versions.begin(), versions.end(), [&](const Version& version) {
      return version.number == number;
    });
    return found == versions.end() ? nullptr : &*found;
  }
  Version* Find(uint64_t number) { return FindIn(versions_, number); }
  const Version* Find(uint64_t number) const { return FindIn(versions_, number); }
  static bool Works(const Version& version);
  int Live() const;
  int MostLive() const;
  bool Makes() const;
  absl::Duration Period() const;
  absl::Duration Grace() const;
  absl::Duration DestroyAfter() const;
  absl::Duration JitterMax() const;
  absl::Time LatestEnd(const Version& version) const;
  absl::Time Deadline() const;
  // What jitter and windows may bring a start forward to.
  absl::Time EarliestOfAll() const;
  absl::Time EarliestDue() const;
  bool Open(absl::Time time) const;
  bool Readable(absl::Time now) const;
  bool GoneForGood(absl::Time now) const;
  // The schedule may start a run at `now`, as far as is promised.
  std::string WhyNoStart(absl::Time now) const;
  absl::Time NextStart(absl::Time now) const;
  absl::Time DutyOfNow(absl::Time now) const;

  void MakeCurrent(Version* version, absl::Time now);
  void Prune();
  void Abandon(uint64_t number, absl::Time now);
  void Retired(Version* version, absl::Time now);
  void OpenRun(Run::Cause cause, Run::State state);
  void CloseRun(Run::State state);
  std::string AddPending(const Notes& notes, absl::Time now);
  std::string OnRunEvent(const std::string& event, const Notes& notes, absl::Time now, bool frozen);
  std::string OnVersionEvent(const std::string& event, const Notes& notes, const Scene& scene);
  static absl::Duration MissingNotice(const Version& version, const Scene& scene);
  std::string OnFailure(bool blocked, absl::Time now);
  std::string CompareVersions(const v1::RotationStatus& status) const;
  std::string CompareRun(const v1::RotationStatus& status, absl::Time now);
  std::string CompareTimes(const v1::RotationStatus& status, const Moment& moment);
  std::string CheckDue(absl::Time due) const;

  struct OpenedRun {
    uint64_t number = 0;
    Run::Cause cause = Run::SCHEDULED;
    Run::Step step = Run::GENERATE;
    Run::State state = Run::RUNNING;
    uint64_t version = 0;
    uint64_t previous = 0;
    uint32_t attempts = 0;
    absl::Time next = absl::InfinitePast();
    bool next_told = true;  // false: by chance, and not read yet
    uint32_t refused = 0;   // of these: values
    absl::Time failing_since = absl::InfinitePast();
    bool unsure = false;  // it may be set or not
    // What the target has said in this attempt.
    Failure failing = Failure::kNone;
    bool probed_new = false, probed_old = false, applied = false, tested = false;
  };

  std::string path_;
  v1::Kind kind_;
  bool has_target_;
  std::vector<Version> versions_;  // ascending
  uint64_t current_ = 0, newest_ = 0, newest_run_ = 0;
  uint32_t max_versions_ = 10;
  std::multimap<absl::Time, bool> purges_;  // when the vault looks
  std::optional<v1::RotationPolicy> policy_;
  bool paused_ = false, emergency_ = false;
  absl::Time promoted_ = absl::InfinitePast();
  absl::Time due_ = absl::InfinitePast();       // InfinitePast: not told yet
  absl::Time hold_ = absl::InfinitePast();      // no scheduled start before
  absl::Time wait_ = absl::InfinitePast();      // the engine looks again, because it had to wait
  absl::Time may_hold_ = absl::InfinitePast();  // none before, maybe
  bool crowded_ = false;  // there was no room for another version since the last look
  absl::Time look_ = absl::InfinitePast();
  std::optional<OpenedRun> run_;
  uint64_t retiring_ = 0;  // at the target, in this attempt
  bool dead_ = false;      // it was found to be refused
  Failure retire_failing_ = Failure::kNone;
};

inline bool ReferenceSecret::Works(const Version& version) {
  switch (version.state) {
    case v1::VERSION_STATE_PENDING:
    case v1::VERSION_STATE_CURRENT:
    case v1::VERSION_STATE_GRACE:
    case v1::VERSION_STATE_RETIRING:
      return true;
    default:
      return false;
  }
}

// Versions from before there was a policy do not count.
inline int ReferenceSecret::Live() const {
  int live = 0;
  for (const Version& version : versions_) {
    const bool counted = version.promoted != absl::InfinitePast();
    live += version.state == v1::VERSION_STATE_CURRENT ||
                    version.state == v1::VERSION_STATE_RETIRING ||
                    (version.state == v1::VERSION_STATE_GRACE && counted)
                ? 1
                : 0;
  }
  return live;
}

inline int ReferenceSecret::MostLive() const {
  return policy_->max_live_versions() == 0 ? 3 : static_cast<int>(policy_->max_live_versions());
}

inline bool ReferenceSecret::Makes() const {
  if (policy_->source().has_generate()) return true;
  return !policy_->source().has_reminder() && kind_ == v1::KIND_JWT_KEY;
}

inline absl::Duration ReferenceSecret::Period() const {
  return policy_->period_seconds() == 0 ? absl::Hours(90 * 24)
                                        : absl::Seconds(policy_->period_seconds());
}

inline absl::Duration ReferenceSecret::Grace() const {
  if (policy_->grace_seconds() < 0) return absl::ZeroDuration();
  if (policy_->grace_seconds() > 0) return absl::Seconds(policy_->grace_seconds());
  return std::min(absl::Duration(absl::Hours(7 * 24)), Period());
}

inline absl::Duration ReferenceSecret::DestroyAfter() const {
  return policy_->destroy_after_seconds() == 0 ? absl::Hours(30 * 24)
                                               : absl::Seconds(policy_->destroy_after_seconds());
}

inline absl::Duration ReferenceSecret::JitterMax() const {
  if (policy_->jitter_max_seconds() < 0) return absl::ZeroDuration();
  if (policy_->jitter_max_seconds() > 0) return absl::Seconds(policy_->jitter_max_seconds());
  return std::min(Period() / 20, absl::Duration(absl::Hours(72)));
}

inline absl::Time ReferenceSecret::LatestEnd(const Version& version) const {
  if (policy_->max_credential_age_seconds() == 0 || version.promoted == absl::InfinitePast()) {
    return absl::InfiniteFuture();
  }
  return version.promoted + absl::Seconds(policy_->max_credential_age_seconds());
}

inline absl::Time ReferenceSecret::Deadline() const {
  const bool before = policy_->grace_mode() == v1::RotationPolicy::BEFORE;
  absl::Duration life = before ? Period() - Grace() : Period();
  if (policy_->max_credential_age_seconds() != 0) {
    life = std::min(life, absl::Seconds(policy_->max_credential_age_seconds()) - Grace());
  }
  return promoted_ + std::max(life, absl::Duration(absl::Minutes(1)));
}

// The model's windows are an hour from 3:00 UTC on, each day.
inline bool ReferenceSecret::Open(absl::Time time) const {
  return policy_->windows().empty() || absl::ToCivilSecond(time, absl::UTCTimeZone()).hour() == 3;
}

inline bool ReferenceSecret::GoneForGood(absl::Time now) const {
  const Version* const current = Find(current_);
  return current == nullptr || current->state == v1::VERSION_STATE_DESTROYED ||
         current->expires <= now;
}

inline bool ReferenceSecret::Readable(absl::Time now) const {
  return !GoneForGood(now) && !Find(current_)->deleted;
}

inline std::string ReferenceSecret::WhyNoStart(absl::Time now) const {
  if (!policy_.has_value()) return "it has no policy";
  if (run_.has_value()) return "a run is open";
  if (paused_) return "it is paused";
  if (!Readable(now)) return "its current version cannot be read";
  const absl::Time due = due_ == absl::InfinitePast() ? EarliestDue() : due_;
  if (due > now) return absl::StrCat("it is due at ", absl::FormatTime(due));
  if (hold_ > now) return absl::StrCat("it is held until ", absl::FormatTime(hold_));
  if (Live() >= MostLive()) return absl::StrCat(Live(), " versions work");
  const bool late = policy_->enforcement() != v1::RotationPolicy::SOFT && now >= Deadline();
  if (!Open(now) && !late) return "no window is open";
  return "";
}

// When the engine has to look at it, at the latest.
inline absl::Time ReferenceSecret::NextStart(absl::Time now) const {
  if (!policy_.has_value() || run_.has_value() || paused_ || !Readable(now)) {
    return absl::InfiniteFuture();
  }
  return std::max({due_, hold_, wait_, may_hold_});
}

inline void ReferenceSecret::MakeCurrent(Version* version, absl::Time now) {
  Version* const former = Find(current_);
  if (former != nullptr && former->state == v1::VERSION_STATE_CURRENT && former != version) {
    former->replaced = now;
    if (!policy_.has_value()) {
      former->state = v1::VERSION_STATE_PREVIOUS;
    } else {
      if (emergency_) former->compromised = true;
      const absl::Duration grace = former->compromised ? absl::ZeroDuration() : Grace();
      former->grace_end = std::max(now, std::min(now + grace, LatestEnd(*former)));
      former->state =
          former->grace_end > now ? v1::VERSION_STATE_GRACE : v1::VERSION_STATE_RETIRING;
    }
  }
  current_ = version->number;
  version->state = v1::VERSION_STATE_CURRENT;
  version->grace_end = version->announced = absl::InfinitePast();
  if (version->promoted == absl::InfinitePast()) version->promoted = now;
  if (!policy_.has_value()) return;
  promoted_ = version->promoted;
  due_ = hold_ = wait_ = may_hold_ = absl::InfinitePast();
  emergency_ = false;
}

inline void ReferenceSecret::Prune() {
  size_t surplus = versions_.size() > max_versions_ ? versions_.size() - max_versions_ : 0;
  for (size_t i = 0; i < versions_.size() && surplus > 0;) {
    if (Works(versions_[i])) {
      ++i;
      continue;
    }
    versions_.erase(versions_.begin() + static_cast<ptrdiff_t>(i));
    --surplus;
  }
}

inline void ReferenceSecret::Abandon(uint64_t number, absl::Time now) {
  Version* const version = Find(number);
  if (version == nullptr || version->state == v1::VERSION_STATE_DESTROYED) return;
  version->state = v1::VERSION_STATE_ABANDONED;
  version->destroy = now + DestroyAfter();
}

inline void ReferenceSecret::Retired(Version* version, absl::Time now) {
  // What waited for room is looked at again.
  if (Live() >= MostLive()) wait_ = absl::InfinitePast();
  version->state = v1::VERSION_STATE_RETIRED;
  version->destroy = version->compromised ? now : now + DestroyAfter();
}

inline void ReferenceSecret::OpenRun(Run::Cause cause, Run::State state) {
  run_ = OpenedRun();
  run_->number = ++newest_run_;
  run_->cause = cause;
  run_->state = state;
  run_->previous = current_;
}

inline void ReferenceSecret::CloseRun(Run::State state) {
  if (state == Run::CANCELLED) emergency_ = false;
  run_.reset();
}

inline std::string ReferenceSecret::Put(const std::string& value, absl::Time now) {
  Version version;
  version.number = newest_ + 1;
  version.created = now;
  version.value = value;
  ReferenceSecret after = *this;
  after.newest_ = version.number;
  after.versions_.push_back(version);
  after.MakeCurrent(&after.versions_.back(), now);
  after.Prune();
  if (after.versions_.size() > 100) return "GRACE_ACTIVE";
  *this = std::move(after);
  return "";
}

inline std::string ReferenceSecret::SetPolicy(const v1::RotationPolicy& policy, absl::Time now) {
  const bool first = !policy_.has_value();
  // What is due and waits is held, if it is for something that the new policy does not wait for.
  // Whether it waits, nothing told: it may be.
  const auto waits = [](const v1::RotationPolicy& of) {
    std::string out = absl::StrCat(of.enforcement(), " ", of.max_live_versions());
    for (const auto& window : of.windows()) absl::StrAppend(&out, "\n", window.DebugString());
    for (const auto& order : of.after()) absl::StrAppend(&out, "\n", order.DebugString());
    return out;
  };
  const bool may_hold =
      !first && due_ != absl::InfinitePast() && due_ <= now && waits(*policy_) != waits(policy);
  policy_ = policy;
  if (first) {
    for (Version& version : versions_) {
      version.promoted = absl::InfinitePast();
      if (version.state != v1::VERSION_STATE_PREVIOUS) continue;
      version.state = v1::VERSION_STATE_GRACE;
      version.grace_end = now + Grace();
      version.announced = now;
    }
    Version* const current = Find(current_);
    promoted_ = current == nullptr ? now : current->created;
    if (current != nullptr) current->promoted = promoted_;
    newest_run_ = 0;
    hold_ = absl::InfinitePast();
    paused_ = emergency_ = false;
  }
  // What was to start by the policy before is not put off.
  const absl::Time planned = first || due_ == absl::InfinitePast() ? absl::InfiniteFuture() : due_;
  hold_ = std::max(hold_, std::min(now + absl::Hours(24), std::max(now, planned)));
  if (may_hold) may_hold_ = now + absl::Hours(24);
  due_ = wait_ = absl::InfinitePast();
  if (run_.has_value() && run_->state == Run::BLOCKED) {
    run_->next = run_->failing_since = absl::InfinitePast();
    run_->next_told = true;
  }
  return "";
}

inline std::string ReferenceSecret::RemovePolicy(absl::Time now) {
  if (!policy_.has_value()) return "NO_POLICY";
  if (kind_ != v1::KIND_GENERIC) return "FAILED_PRECONDITION";
  if (run_.has_value()) return "ROTATION_IN_PROGRESS";
  for (Version& version : versions_) {
    if (version.state == v1::VERSION_STATE_RETIRING) Retired(&version, now);
    if (version.state == v1::VERSION_STATE_GRACE) {
      version.state = v1::VERSION_STATE_PREVIOUS;
      version.grace_end = absl::InfinitePast();
    }
    if (version.destroy == absl::InfiniteFuture() || version.state == v1::VERSION_STATE_DESTROYED) {
      continue;
    }
    version.expires = version.destroy;
    purges_.emplace(version.destroy, true);
  }
  policy_.reset();
  return "";
}

inline std::string ReferenceSecret::Cancel(absl::Time now) {
  if (!policy_.has_value()) return "NO_POLICY";
  if (!run_.has_value() || run_->step >= Run::ANNOUNCE) return "NO_RUN";
  Abandon(run_->version, now);
  CloseRun(Run::CANCELLED);
  hold_ = std::max(hold_, now + absl::Hours(24));
  return "";
}

inline std::string ReferenceSecret::Pause(bool paused) {
  if (!policy_.has_value()) return "NO_POLICY";
  paused_ = paused;
  if (!paused && run_.has_value()) run_->failing_since = absl::InfinitePast();
  return "";
}

inline std::string ReferenceSecret::Rotate(const v1::RotateRequest& request, absl::Time now) {
  if (request.emergency() && request.reason().empty()) return "INVALID_ARGUMENT";
  if (request.revoke_first() && !request.emergency()) return "INVALID_ARGUMENT";
  if (!policy_.has_value()) return "NO_POLICY";
  const bool announced = run_.has_value() && run_->step >= Run::ANNOUNCE;
  const bool back = run_.has_value() && !announced && run_->cause == Run::ROLLBACK;
  if (!request.emergency() && !request.force() && !back && !Readable(now)) {
    return GoneForGood(now) ? "NO_CURRENT_VERSION" : "VERSION_DELETED";
  }
  if (!run_.has_value() || announced) {
    if (!request.emergency() && Live() >= MostLive()) {
      Version* oldest = nullptr;
      for (Version& version : versions_) {
        const bool counts =
            version.state == v1::VERSION_STATE_GRACE && version.promoted != absl::InfinitePast();
        if (counts && (oldest == nullptr || version.grace_end < oldest->grace_end)) {
          oldest = &version;
        }
      }
      if (!request.force() || oldest == nullptr) return "GRACE_ACTIVE";
      oldest->state = v1::VERSION_STATE_RETIRING;
      oldest->grace_end = now;
    }
    OpenRun(Run::MANUAL, Makes() ? Run::RUNNING : Run::AWAITING_VALUE);
    if (!Makes()) run_->next = now + absl::Hours(24);
  } else if (Makes() || run_->state != Run::AWAITING_VALUE) {
    run_->state = Run::RUNNING;
    run_->next = absl::InfinitePast();
    run_->next_told = true;
    if (run_->cause == Run::SCHEDULED) run_->cause = Run::MANUAL;
  }
  if (request.emergency()) {
    run_->cause = Run::EMERGENCY;
    emergency_ = true;
  }
  if (request.revoke_first() && Find(current_) != nullptr) Find(current_)->compromised = true;
  return "";
}

inline std::string ReferenceSecret::Rollback(const v1::RollbackRequest& request, absl::Time now) {
  if (!policy_.has_value()) return "NO_POLICY";
  Version* const back = Find(Previous());
  if (back == nullptr || back->state != v1::VERSION_STATE_GRACE || back->deleted ||
      back->compromised || back->expires <= now) {
    return "NO_GRACE";
  }
  // What has leaked stays so.
  const bool leaked = emergency_ || request.compromised();
  if (run_.has_value()) {
    if (run_->step < Run::ANNOUNCE) Abandon(run_->version, now);
    CloseRun(Run::CANCELLED);
  }
  ++newest_run_;
  Version* const bad = Find(current_);
  if (bad != nullptr && leaked) bad->compromised = true;
  // As old as it was.
  if (back->promoted == absl::InfinitePast()) back->promoted = back->created;
  MakeCurrent(back, now);
  hold_ =
      now + (request.hold_seconds() == 0 ? absl::Hours(24) : absl::Seconds(request.hold_seconds()));
  return "";
}

inline std::string ReferenceSecret::SetGrace(const v1::SetGraceRequest& request, absl::Time now) {
  if (!policy_.has_value()) return "NO_POLICY";
  const absl::Time end = absl::FromUnixSeconds(request.end_time().seconds());
  if (end <= now || end > now + absl::Hours(24 * 90)) return "INVALID_ARGUMENT";
  Version* wanted = request.version() == 0 ? nullptr : Find(request.version());
  if (request.version() == 0) {
    for (Version& version : versions_) {
      if (version.state != v1::VERSION_STATE_GRACE) continue;
      if (wanted == nullptr || version.grace_end < wanted->grace_end) wanted = &version;
    }
  }
  if (wanted == nullptr || wanted->state != v1::VERSION_STATE_GRACE) return "NO_GRACE";
  if (end > LatestEnd(*wanted)) return "INVALID_ARGUMENT";
  wanted->grace_end = end;
  wanted->announced = now;
  return "";
}

inline std::string ReferenceSecret::Retire(uint64_t number, absl::Time now) {
  if (!policy_.has_value()) return "NO_POLICY";
  Version* const version = Find(number);
  if (version == nullptr || version->state != v1::VERSION_STATE_GRACE) return "NO_GRACE";
  version->state = v1::VERSION_STATE_RETIRING;
  version->grace_end = now;
  return "";
}

inline std::string ReferenceSecret::Delete(uint64_t number, absl::Duration window, absl::Time now) {
  Version* const version = Find(number == 0 ? current_ : number);
  if (version == nullptr || version->state == v1::VERSION_STATE_DESTROYED) {
    return "VERSION_NOT_FOUND";
  }
  if (!version->deleted) {
    version->deleted = true;
    version->purge = now + window;
  }
  purges_.emplace(now + window, true);
  return "";
}

inline std::string ReferenceSecret::Undelete() {
  for (Version& version : versions_) {
    if (version.state == v1::VERSION_STATE_DESTROYED) continue;
    version.deleted = false;
    version.purge = absl::InfiniteFuture();
  }
  return "";
}

inline std::string ReferenceSecret::Destroy(uint64_t number) {
  Version* const version = Find(number);
  if (version == nullptr || version->state == v1::VERSION_STATE_DESTROYED) {
    return "VERSION_NOT_FOUND";
  }
  version->state = v1::VERSION_STATE_DESTROYED;
  return "";
}

inline void ReferenceSecret::SetMaxVersions(uint32_t most) {
  max_versions_ = most;
  Prune();
}

inline absl::Time ReferenceSecret::NextPurge() const {
  return purges_.empty() ? absl::InfiniteFuture() : purges_.begin()->first + absl::Seconds(1);
}

inline bool ReferenceSecret::Purge(absl::Time now) {
  bool any = false;
  while (NextPurge() <= now) purges_.erase(purges_.begin());
  for (Version& version : versions_) {
    const bool due = (version.deleted && version.purge <= now) || version.expires <= now;
    if (!due || version.state == v1::VERSION_STATE_DESTROYED) continue;
    version.state = v1::VERSION_STATE_DESTROYED;
    any = true;
  }
  return any;
}

inline std::string ReferenceSecret::AddPending(const Notes& notes, absl::Time now) {
  if (!Makes()) return "the server makes no values for it";
  const auto told = notes.find("version");
  if (told == notes.end() || told->second != absl::StrCat(newest_ + 1)) return "wrong version";
  Version version;
  version.number = ++newest_;
  version.created = now;
  versions_.push_back(version);
  Prune();
  run_->version = newest_;
  run_->step = has_target_ ? Run::APPLY : Run::PROMOTE;
  run_->state = Run::RUNNING;
  run_->next = absl::InfinitePast();
  run_->next_told = true;
  run_->probed_new = run_->probed_old = run_->applied = run_->tested = false;
  return "";
}

inline std::string ReferenceSecret::OnEvent(const std::string& event, const Notes& notes,
                                            const Scene& scene) {
  // It may have looked for room, and gone on to wait, before what happens makes some.
  if (policy_.has_value() && Live() >= MostLive()) crowded_ = true;
  if (!policy_.has_value()) return "it does not rotate";
  static const auto* const of_versions = new std::vector<std::string>{
      "rotation_end_announced", "rotation_grace_extended", "rotation_grace_ended",
      "rotation_retired",       "rotation_retire_failed",  "version_destroyed"};
  for (const std::string& one : *of_versions) {
    if (event == one) return OnVersionEvent(event, notes, scene);
  }
  return OnRunEvent(event, notes, scene.now, scene.frozen);
}

inline std::string ReferenceSecret::OnFailure(bool blocked, absl::Time now) {
  if (run_->failing == Failure::kNone) return "nothing has failed";
  ++run_->attempts;
  const Failure failure = run_->failing;
  if (failure == Failure::kPolicy) {
    ++run_->refused;
  } else if (run_->failing_since == absl::InfinitePast()) {
    run_->failing_since = now;
  }
  run_->unsure = run_->unsure || failure == Failure::kAmbiguous;
  run_->failing = Failure::kNone;
  run_->probed_new = run_->probed_old = run_->applied = run_->tested = false;
  const bool waits = failure == Failure::kTransient || failure == Failure::kAmbiguous;
  const bool again = (waits && run_->attempts - run_->refused < 10 &&
                      now - run_->failing_since < absl::Hours(24)) ||
                     (failure == Failure::kPolicy && run_->refused < 3);
  if (again == blocked) return absl::StrCat("after ", run_->attempts, " failures");
  run_->state = blocked ? Run::BLOCKED : Run::RETRY_WAIT;
  run_->next = blocked ? now + absl::Hours(24) : now;
  run_->next_told = !again || !waits;
  // What is promoted stays so, whatever the target says of its former value.
  if (failure == Failure::kPolicy && run_->step < Run::ANNOUNCE) {
    Abandon(run_->version, now);
    run_->version = 0;
    run_->step = Run::GENERATE;
  }
  if (failure == Failure::kAmbiguous && run_->step == Run::TEST) run_->step = Run::APPLY;
  return "";
}

inline std::string ReferenceSecret::OnRunEvent(const std::string& event, const Notes& notes,
                                               absl::Time now, bool frozen) {
  const bool awaits = run_.has_value() && run_->state == Run::AWAITING_VALUE;
  if (event == "rotation_started" || (event == "rotation_awaiting_value" && !run_.has_value())) {
    if (frozen) return "the clock is not trusted";
    if (const std::string why = WhyNoStart(now); !why.empty()) return why;
    if (Makes() != (event == "rotation_started")) return "its values come from elsewhere";
    OpenRun(Run::SCHEDULED, Run::RUNNING);
    if (Makes()) return AddPending(notes, now);
    run_->state = Run::AWAITING_VALUE;
    run_->next = now + absl::Hours(24);
    return "";
  }
  if (!run_.has_value()) return "no run is open";
  // Whoever put a value has replaced what the run was to replace.
  const bool replaced = current_ != run_->previous && run_->step < Run::ANNOUNCE;
  if (event == "rotation_fulfilled") {
    if (!replaced || !awaits) return "no value was put that was waited for";
    CloseRun(Run::DONE);
    return "";
  }
  const Version* const pending = Find(run_->version);
  if (event == "rotation_superseded") {
    const bool lost = run_->version != 0 && (pending == nullptr || !Works(*pending));
    const bool unwanted = (replaced && !awaits) || lost || GoneForGood(now);
    if (run_->step >= Run::ANNOUNCE || !unwanted) return "its run is wanted";
    Abandon(run_->version, now);
    CloseRun(Run::CANCELLED);
    return "";
  }
  if (event == "rotation_failed") return OnFailure(false, now);
  if (event == "rotation_blocked") return OnFailure(true, now);
  if (event == "rotation_announced") {
    if (run_->step != Run::ANNOUNCE) return "it is not promoted yet";
    CloseRun(Run::DONE);
    return "";
  }
  if (replaced) return "another version was put";
  if (!Readable(now)) return "its current version cannot be read";
  if (paused_ && run_->cause == Run::SCHEDULED) return "it is paused";
  if (run_->next > now) return absl::StrCat("it waits until ", absl::FormatTime(run_->next));
  if (event == "rotation_awaiting_value") {
    if (Makes()) return "the server makes its values";
    if (run_->step != Run::GENERATE) return "it has a value";
    run_->state = Run::AWAITING_VALUE;
    run_->next = now + absl::Hours(24);
    return "";
  }
  if (event == "rotation_generated") {
    if (run_->step != Run::GENERATE || run_->version != 0) return "it has a value";
    return AddPending(notes, now);
  }
  if (event == "rotation_applied" || event == "rotation_tested") {
    const bool applied = event == "rotation_applied";
    if (run_->step != (applied ? Run::APPLY : Run::TEST)) return "out of turn";
    if (applied ? !run_->applied : !run_->tested) return "the target did not say so";
    run_->step = applied ? Run::TEST : Run::PROMOTE;
    run_->state = Run::RUNNING;
    run_->attempts = run_->refused = 0;
    run_->failing_since = run_->next = absl::InfinitePast();
    run_->unsure = false;
    return "";
  }
  if (event != "rotation_promoted") return "an event that there is not";
  if (run_->step != Run::PROMOTE) return "it is not tested yet";
  if (pending == nullptr || pending->state != v1::VERSION_STATE_PENDING) return "not pending";
  if (notes.at("version") != absl::StrCat(run_->version)) return "the wrong version";
  MakeCurrent(Find(run_->version), now);
  if (has_target_) {
    run_->step = Run::ANNOUNCE;
    run_->state = Run::RUNNING;
    run_->attempts = run_->refused = 0;
    run_->failing_since = absl::InfinitePast();
    run_->unsure = false;
  } else {
    CloseRun(Run::DONE);
  }
  return "";
}

// An hour, or the whole grace: with the server up before it went, or since it came.
inline absl::Duration ReferenceSecret::MissingNotice(const Version& version, const Scene& scene) {
  if (version.compromised || version.replaced == absl::InfinitePast()) return absl::ZeroDuration();
  const absl::Time announced = std::max(version.replaced, version.announced);
  if (announced >= scene.up_since) return absl::ZeroDuration();
  const absl::Duration wanted =
      std::min(absl::Duration(absl::Hours(1)), version.grace_end - announced);
  const absl::Duration heard =
      std::max(scene.up_until - std::max(announced, scene.up_from), absl::ZeroDuration());
  return std::max(wanted - heard - scene.up, absl::ZeroDuration());
}

inline std::string ReferenceSecret::OnVersionEvent(const std::string& event, const Notes& notes,
                                                   const Scene& scene) {
  const absl::Time now = scene.now;
  Version* version = nullptr;
  for (Version& one : versions_) {
    if (absl::StrCat(one.number) == notes.at("version")) version = &one;
  }
  if (version == nullptr) return "there is no such version";
  const bool in_grace = version->state == v1::VERSION_STATE_GRACE;
  const bool by_time = event == "rotation_grace_extended" || event == "rotation_grace_ended" ||
                       event == "rotation_end_announced" || event == "version_destroyed" ||
                       (event == "rotation_retired" && in_grace);
  if (by_time && scene.frozen) return "the clock is not trusted";
  if (in_grace && now < version->grace_end) {
    return absl::StrCat("its grace ends at ", absl::FormatTime(version->grace_end));
  }
  const absl::Duration missing = in_grace ? MissingNotice(*version, scene) : absl::ZeroDuration();
  const bool unheard = missing > absl::ZeroDuration() && LatestEnd(*version) > now;
  if (event == "rotation_end_announced") {
    if (!unheard) return "it was announced for long enough";
    version->announced = scene.up_since;
    version->grace_end = std::min(now + missing, LatestEnd(*version));
    return "";
  }
  if (unheard) return "nobody could know of its end";
  const bool may_hold = policy_->retire_gate() == v1::RotationPolicy::BLOCK && scene.used &&
                        version->extensions < 2 && LatestEnd(*version) > now;
  if (event == "rotation_grace_extended") {
    if (!in_grace || !may_hold) return "nothing holds it";
    ++version->extensions;
    version->grace_end = std::min(now + absl::Hours(7 * 24), LatestEnd(*version));
    return "";
  }
  if (in_grace && may_hold) return "it is held by its users";
  if (event == "rotation_grace_ended") {
    if (!in_grace || !has_target_) return "out of turn";
    version->state = v1::VERSION_STATE_RETIRING;
    return "";
  }
  if (event == "rotation_retired") {
    const bool retiring = version->state == v1::VERSION_STATE_RETIRING;
    if (!retiring && !(in_grace && !has_target_)) return "out of turn";
    if (has_target_ && (retiring_ != version->number || !dead_)) return "it may work at its target";
    retiring_ = 0;
    dead_ = false;
    Retired(version, now);
    return "";
  }
  if (event == "rotation_retire_failed") {
    if (version->state != v1::VERSION_STATE_RETIRING) return "out of turn";
    if (retire_failing_ == Failure::kNone) return "nothing has failed";
    ++version->retire_failures;
    version->retire_next = now + absl::Hours(1);  // at the latest
    retire_failing_ = Failure::kNone;
    retiring_ = 0;
    dead_ = false;
    return "";
  }
  const bool over =
      version->state == v1::VERSION_STATE_RETIRED || version->state == v1::VERSION_STATE_ABANDONED;
  if (!over) return "it is not retired";
  if (now < version->destroy) {
    return absl::StrCat("it is kept until ", absl::FormatTime(version->destroy));
  }
  version->state = v1::VERSION_STATE_DESTROYED;
  return "";
}

// Who calls a target, and with what, is bound to what was asked before.
inline std::string ReferenceSecret::OnTarget(const std::string& call, uint64_t number,
                                             const absl::Status& status, bool answer,
                                             absl::Time now) {
  const Version* const version = Find(number);
  if (version == nullptr || version->state == v1::VERSION_STATE_DESTROYED) {
    return "the target is told of a version that is not there";
  }
  if (call == "retire" || call == "verify") {
    if (version->state != v1::VERSION_STATE_RETIRING) return "a version that works was ended";
    retiring_ = number;
    if (!status.ok()) retire_failing_ = FailureOf(status);
    if (status.ok() && call == "verify") {
      dead_ = answer;
      if (!answer) retire_failing_ = Failure::kPermanent;
    }
    return "";
  }
  if (!run_.has_value()) return "the target is called outside of a run";
  if (run_->next_told && run_->next > now) return "the target is called before its time";
  if (paused_ && run_->cause == Run::SCHEDULED && run_->step < Run::ANNOUNCE) return "it is paused";
  if (!status.ok()) run_->failing = FailureOf(status);
  if (call == "arm") {
    if (run_->step != Run::ANNOUNCE || version->state != v1::VERSION_STATE_GRACE) {
      return "an end was armed of a version that has none";
    }
    return "";
  }
  if (number != run_->version) return "the target is told of another version";
  if (!Readable(now)) return "the target is called for a secret that is deleted";
  if (call == "probe" && run_->step == Run::APPLY) {
    if (!status.ok()) return "";
    if (!run_->probed_new) {
      run_->probed_new = true;
      run_->applied = answer;
    } else {
      run_->probed_old = true;
      if (!answer) run_->failing = Failure::kPermanent;
    }
    return "";
  }
  if (call == "apply") {
    if (run_->step != Run::APPLY || !run_->probed_new || run_->applied) {
      return "it was set without a question";
    }
    if (run_->unsure && !run_->probed_old) return "the current one was not asked";
    run_->applied = status.ok();
    return "";
  }
  if (call != "test" || run_->step != Run::TEST) return absl::StrCat(call, " out of turn");
  run_->tested = status.ok();
  return "";
}

inline void ReferenceSecret::ForgetAttempt() {
  retiring_ = 0;
  dead_ = false;
  retire_failing_ = Failure::kNone;
  if (!run_.has_value()) return;
  run_->failing = Failure::kNone;
  run_->probed_new = run_->probed_old = run_->applied = run_->tested = false;
}

inline bool ReferenceSecret::MustGoOn() const {
  if (!policy_.has_value()) return false;
  for (const Version& version : versions_) {
    if (version.state == v1::VERSION_STATE_RETIRING && version.retire_failures == 0) return true;
  }
  if (!run_.has_value() || run_->state != Run::RUNNING) return false;
  if (run_->step >= Run::ANNOUNCE) return true;
  return Readable(absl::InfinitePast()) && !(paused_ && run_->cause == Run::SCHEDULED);
}

inline absl::Time ReferenceSecret::Duty(absl::Time now) const {
  return std::max(look_, DutyOfNow(now));
}

inline absl::Time ReferenceSecret::DutyOfNow(absl::Time now) const {
  if (!policy_.has_value()) return absl::InfiniteFuture();
  absl::Time duty = NextStart(now);
  for (const Version& version : versions_) {
    if (version.state == v1::VERSION_STATE_GRACE) duty = std::min(duty, version.grace_end);
    if (version.state == v1::VERSION_STATE_RETIRING) duty = std::min(duty, version.retire_next);
    if (version.state == v1::VERSION_STATE_RETIRED ||
        version.state == v1::VERSION_STATE_ABANDONED) {
      duty = std::min(duty, version.destroy);
    }
  }
  if (!run_.has_value()) return duty;
  if (run_->step < Run::ANNOUNCE) {
    const Version* const pending = Find(run_->version);
    const bool lost = run_->version != 0 && (pending == nullptr || !Works(*pending));
    if (current_ != run_->previous || GoneForGood(now)) return std::min(duty, now);
    if (!Readable(now) || (paused_ && run_->cause == Run::SCHEDULED)) return duty;
    if (lost) return std::min(duty, now);
  }
  return std::min(duty, run_->next);
}

inline uint64_t ReferenceSecret::Previous() const {
  const Version* last = nullptr;
  for (const Version& version : versions_) {
    if (version.state != v1::VERSION_STATE_GRACE) continue;
    if (last == nullptr || version.replaced >= last->replaced) last = &version;
  }
  if (last != nullptr) return last->number;
  uint64_t previous = 0;
  for (const Version& version : versions_) {
    if (version.number < current_ && version.state == v1::VERSION_STATE_PREVIOUS) {
      previous = version.number;
    }
  }
  return previous;
}

inline std::string ReferenceSecret::Read(uint64_t number, absl::Time now) const {
  const Version* const version = Find(number);
  if (version == nullptr) return "VERSION_NOT_FOUND";
  if (version->state == v1::VERSION_STATE_DESTROYED) return "VERSION_DESTROYED";
  if (version->expires <= now) return "VERSION_EXPIRED";
  if (version->deleted) return "VERSION_DELETED";
  if (version->compromised) return "VERSION_COMPROMISED";
  switch (version->state) {
    case v1::VERSION_STATE_PENDING:
      return "VERSION_PENDING";
    case v1::VERSION_STATE_ABANDONED:
      return "VERSION_ABANDONED";
    case v1::VERSION_STATE_RETIRING:
    case v1::VERSION_STATE_RETIRED:
      return "VERSION_RETIRED";
    default:
      return version->value.empty() ? "?" : version->value;
  }
}

inline void ReferenceSecret::SawValue(uint64_t number, const std::string& value) {
  if (Version* const version = Find(number); version != nullptr) version->value = value;
}

inline std::string ReferenceSecret::CompareVersions(const v1::RotationStatus& status) const {
  using google::protobuf::util::TimeUtil;
  const auto time = [](const google::protobuf::Timestamp& stamp) {
    return absl::FromUnixMillis(TimeUtil::TimestampToMilliseconds(stamp));
  };
  if (status.versions_size() != static_cast<int>(versions_.size())) return "the versions differ";
  int current = 0;
  for (size_t i = 0; i < versions_.size(); ++i) {
    const v1::VersionInfo& shown = status.versions(static_cast<int>(versions_.size() - 1 - i));
    const Version& version = versions_[i];
    const std::string which = absl::StrCat("version ", version.number, ": ");
    if (shown.version() != version.number) return which + "is not there";
    if (shown.state() != version.state) {
      return absl::StrCat(which, v1::VersionState_Name(shown.state()), ", not ",
                          v1::VersionState_Name(version.state));
    }
    current += shown.state() == v1::VERSION_STATE_CURRENT ? 1 : 0;
    if (shown.compromised() != version.compromised) return which + "compromised";
    if (shown.has_delete_time() != version.deleted) return which + "deleted";
    if (version.state == v1::VERSION_STATE_GRACE &&
        time(shown.grace_end_time()) != version.grace_end) {
      return absl::StrCat(which, "grace until ", absl::FormatTime(time(shown.grace_end_time())),
                          ", not ", absl::FormatTime(version.grace_end));
    }
  }
  const Version* const now = Find(current_);
  const bool gone = now == nullptr || now->state == v1::VERSION_STATE_DESTROYED;
  if (current != (gone ? 0 : 1)) return absl::StrCat(current, " versions are current");
  if (status.current_version() != current_) return "another version is current";
  return "";
}

inline std::string ReferenceSecret::CompareRun(const v1::RotationStatus& status, absl::Time now) {
  using google::protobuf::util::TimeUtil;
  // Once its value is put, nobody is asked for it any more, though the run is closed later.
  const bool fulfilled = run_.has_value() && run_->state == v1::RotationRun::AWAITING_VALUE &&
                         current_ != run_->previous;
  const bool open = run_.has_value() && !fulfilled;
  if (status.has_open_run() != open) {
    return status.has_open_run() ? "a run is open" : "no run is open";
  }
  if (!open) return "";
  const Run& shown = status.open_run();
  if (shown.number() != run_->number) return absl::StrCat("run ", shown.number());
  if (shown.cause() != run_->cause || shown.step() != run_->step || shown.state() != run_->state ||
      shown.version() != run_->version || shown.previous_version() != run_->previous ||
      shown.attempts() != run_->attempts) {
    return absl::StrCat("the run is ", shown.ShortDebugString());
  }
  if (!shown.has_next_attempt_time()) {
    const bool none = run_->next == absl::InfinitePast() || run_->state == Run::RUNNING;
    return none ? "" : "when it is tried again is not told";
  }
  const absl::Time next =
      absl::FromUnixMillis(TimeUtil::TimestampToMilliseconds(shown.next_attempt_time()));
  if (run_->next_told) {
    return next == run_->next ? ""
                              : absl::StrCat("tried again at ", absl::FormatTime(next), ", not ",
                                             absl::FormatTime(run_->next));
  }
  int64_t longest = 60;
  for (uint32_t i = 1; i < run_->attempts - run_->refused; ++i)
    longest = std::min<int64_t>(3600, 2 * longest);
  if (next > now + absl::Seconds(longest)) {
    return absl::StrCat("it waits for ", absl::FormatDuration(next - now), " after ",
                        run_->attempts, " failures");
  }
  run_->next = next;
  run_->next_told = true;
  return "";
}

inline absl::Time ReferenceSecret::EarliestOfAll() const {
  const absl::Time deadline = Deadline();
  const absl::Duration rest =
      std::max({absl::Duration(absl::Minutes(1)), Grace(), (deadline - promoted_) / 2});
  return std::min(promoted_ + rest, deadline);
}

inline absl::Time ReferenceSecret::EarliestDue() const {
  const absl::Time wanted = std::max(Deadline() - JitterMax(), EarliestOfAll());
  return policy_->windows().empty() ? wanted : std::max(wanted - absl::Hours(24), EarliestOfAll());
}

inline std::string ReferenceSecret::CheckDue(absl::Time due) const {
  const absl::Time deadline = Deadline();
  const absl::Time earliest = EarliestOfAll();
  const absl::Time wanted = std::max(deadline - JitterMax(), earliest);
  const std::string told =
      absl::StrCat("due at ", absl::FormatTime(due), ", deadline ", absl::FormatTime(deadline));
  if (policy_->windows().empty()) return due >= wanted && due <= deadline ? "" : told;
  if (due <= deadline && Open(due)) {
    return due >= earliest && due >= wanted - absl::Hours(24) ? "" : told;
  }
  // No window fits, which one of each day does into more than that.
  if (deadline - earliest > absl::Hours(25)) return told;
  const bool soft = policy_->enforcement() == v1::RotationPolicy::SOFT;
  if (!soft) return due == deadline ? "" : told;
  return due >= deadline && due <= deadline + absl::Hours(24) && Open(due) ? "" : told;
}

inline std::string ReferenceSecret::CompareTimes(const v1::RotationStatus& status,
                                                 const Moment& moment) {
  const absl::Time now = moment.now;
  const auto time = [](const google::protobuf::Timestamp& stamp) {
    return absl::FromUnixSeconds(stamp.seconds());
  };
  if (status.paused() != paused_) return "paused";
  if (time(status.promote_time()) != promoted_) {
    return absl::StrCat("promoted at ", absl::FormatTime(time(status.promote_time())), ", not ",
                        absl::FormatTime(promoted_));
  }
  const absl::Time due = time(status.due_time());
  if (due_ == absl::InfinitePast()) {
    if (const std::string wrong = CheckDue(due); !wrong.empty()) return wrong;
    due_ = due;
  }
  if (due != due_) {
    return absl::StrCat("due at ", absl::FormatTime(due), " and told ", absl::FormatTime(due_));
  }
  if (time(status.deadline_time()) != Deadline()) return "the deadline";
  const v1::RotationStatus::Lateness lateness = now > Deadline() + Grace()
                                                    ? v1::RotationStatus::CRITICAL
                                                : now > Deadline() ? v1::RotationStatus::OVERDUE
                                                : now >= due_      ? v1::RotationStatus::DUE
                                                                   : v1::RotationStatus::ON_TIME;
  if (status.lateness() != lateness) return "lateness";
  // To the millisecond: it may be the next attempt at a target, after a wait by chance.
  const absl::Time held =
      status.has_hold_until_time()
          ? absl::FromUnixMillis(
                google::protobuf::util::TimeUtil::TimestampToMilliseconds(status.hold_until_time()))
          : absl::InfinitePast();
  if (hold_ > now && hold_ > due_ && held < hold_) {
    return absl::StrCat("held until ", absl::FormatTime(held), ", not ", absl::FormatTime(hold_));
  }
  if (held > std::max({now, hold_, wait_, may_hold_})) {
    const bool waits = crowded_ || Live() >= MostLive() || !Open(now) || moment.storm;
    if ((!waits && moment.latest == now) || held > moment.latest + absl::Hours(24)) {
      return absl::StrCat("it is held for nothing until ", absl::FormatTime(held));
    }
    wait_ = held;
    if (hold_ <= now) hold_ = absl::InfinitePast();  // also if the clock goes back before its end
  }
  crowded_ = false;
  return "";
}

inline std::string ReferenceSecret::Compare(const v1::RotationStatus& status,
                                            const Moment& moment) {
  if (std::string wrong = CompareVersions(status); !wrong.empty()) return wrong;
  if (status.rotates() != policy_.has_value()) return "whether it rotates";
  if (!policy_.has_value()) return "";
  if (std::string wrong = CompareRun(status, moment.now); !wrong.empty()) return wrong;
  if (!moment.frozen && look_ <= moment.now) look_ = absl::InfinitePast();
  const bool may_wait = moment.frozen || moment.now < moment.latest;
  if (may_wait && !status.has_due_time()) return "";
  return CompareTimes(status, moment);
}

inline std::string ReferenceSecret::ToString() const {
  std::string out =
      absl::StrCat(path_, " ", v1::Kind_Name(kind_), has_target_ ? " at a target" : "",
                   paused_ ? ", paused" : "", emergency_ ? ", emergency" : "", ", promoted ",
                   absl::FormatTime(promoted_, absl::UTCTimeZone()), ", due ",
                   absl::FormatTime(due_, absl::UTCTimeZone()), ", hold ",
                   absl::FormatTime(hold_, absl::UTCTimeZone()), "\n");
  for (const Version& version : versions_) {
    absl::StrAppend(&out, "  ", version.number, " ",
                    v1::VersionState_Name(version.state).substr(14), version.compromised ? "!" : "",
                    version.deleted ? " deleted" : "", " grace ",
                    absl::FormatTime(version.grace_end, absl::UTCTimeZone()), " destroy ",
                    absl::FormatTime(version.destroy, absl::UTCTimeZone()), "\n");
  }
  if (run_.has_value()) {
    absl::StrAppend(&out, "  run ", run_->number, " ", Run::Cause_Name(run_->cause), " ",
                    Run::Step_Name(run_->step), " ", Run::State_Name(run_->state), " of ",
                    run_->version, " next ", absl::FormatTime(run_->next, absl::UTCTimeZone()),
                    "\n");
  }
  if (policy_.has_value()) absl::StrAppend(&out, "  policy ", policy_->ShortDebugString(), "\n");
  return out;
}

}  // namespace keyturn
