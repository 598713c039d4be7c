// What the audit log tells of many secrets, put together again: which version is in which state, at
// every instant. Each entry must be one that may come next, so one that comes twice, too early, too
// late or not at all is a problem. It knows nothing of the engine but what it tells.
//
// The secrets are "d<number % 1000>/k<number>", were all written at one time, and rotate by the
// defaults (90 days, a grace of 7, destroyed 30 days after) with a target. Those of which IsGated
// says so are under retire_gate BLOCK, with a consumer each.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "audit/event.h"

namespace keyturn {

struct Story {
  // Versions are numbered one after the other; 0: none.
  uint32_t newest = 1, current = 1, former = 0;
  uint32_t promotions = 0, retirements = 0, destructions = 0;
  enum Step : uint8_t { kNone, kStarted, kApplied, kTested, kPromoted };
  Step step = kNone;                // of the open run; its version is the newest one
  bool in_grace = false;            // the former one; else, if there is one, it is being retired
  uint8_t extensions = 0;           // of that grace
  absl::Time promoted;              // the current one
  absl::Time grace_end;             // of the former one
  absl::Time released;              // it had no users any more
  absl::Time converged;             // its consumer has gone on to the current one
  std::vector<absl::Time> retired;  // versions whose data is there still, the oldest first
};

class Stories {
 public:
  // `late` is how long after its time something may be looked at.
  Stories(int secrets, absl::Time start, absl::Duration late)
      : stories_(static_cast<size_t>(secrets)), late_(late) {
    for (Story& story : stories_) story.promoted = start;
  }

  static std::string PathOf(size_t i) { return absl::StrCat("d", i % 1000, "/k", i); }
  static size_t NumberOf(absl::string_view path) {
    size_t number = 0;
    const size_t at = path.rfind('k');
    return at != path.npos && absl::SimpleAtoi(path.substr(at + 1), &number) ? number : 0;
  }
  static bool IsGated(size_t i) { return i % 10 == 3; }

  // True if the event is a promotion.
  bool Take(const AuditEvent& event) {
    ++told_;
    if (event.event == "rotation_storm" || event.event.rfind("clock_", 0) == 0) {
      Problem(event, "is not to happen in this year");
      return false;
    }
    const size_t i = NumberOf(event.resource);
    if (i >= stories_.size() || PathOf(i) != event.resource) {
      Problem(event, "is of no secret");
      return false;
    }
    Story& story = stories_[i];
    const auto version = static_cast<uint32_t>(event.version.value());
    if (event.event == "rotation_started") return Started(event, version, &story);
    if (event.event == "rotation_applied")
      return Step(event, Story::kStarted, Story::kApplied, &story);
    if (event.event == "rotation_tested")
      return Step(event, Story::kApplied, Story::kTested, &story);
    if (event.event == "rotation_promoted") return Promoted(event, i, version, &story);
    if (event.event == "rotation_announced")
      return Step(event, Story::kPromoted, Story::kNone, &story);
    if (event.event == "rotation_grace_extended") return Extended(event, i, version, &story);
    if (event.event == "rotation_grace_released") return Released(event, version, &story);
    if (event.event == "rotation_grace_ended") return Ended(event, i, version, &story);
    if (event.event == "rotation_retired") return Retired(event, version, &story);
    if (event.event == "version_destroyed") return Destroyed(event, version, &story);
    if (event.event == "rotation_armed") {
      ++armed_;
      Expect(event, story.in_grace && version == story.former && story.extensions > 0,
             "the target is told of an end that has not moved");
      return false;
    }
    if (event.event == "rotation_failed" || event.event == "rotation_retire_failed" ||
        event.event == "rotation_arm_failed") {
      ++failures_;
      return false;
    }
    Problem(event, "is no part of a rotation");
    return false;
  }

  void Converged(size_t i, absl::Time when) { stories_[i].converged = when; }

  // At the end: nothing is missing.
  void Finish(absl::Time end) {
    for (size_t i = 0; i < stories_.size(); ++i) {
      const Story& story = stories_[i];
      const bool whole = story.promotions == 4 && story.current == 5 && story.newest == 5 &&
                         story.step == Story::kNone;
      const uint32_t working = story.former == 0 ? 0 : 1;
      const bool ended = story.retirements + working == story.promotions &&
                         story.destructions + story.retired.size() == story.retirements;
      // A target that fails again and again may be late by hours.
      const bool overdue =
          (!story.retired.empty() && story.retired.front() + absl::Hours(24 * 30) + late_ < end) ||
          (story.former != 0 && !story.in_grace && story.grace_end + absl::Hours(24) < end) ||
          (story.in_grace && story.grace_end + late_ < end);
      if (whole && ended && !overdue) continue;
      AuditEvent none;
      none.resource = PathOf(i);
      none.time = end;
      Problem(none, "the year is not whole");
    }
  }

  const Story& of(size_t i) const { return stories_[i]; }
  size_t size() const { return stories_.size(); }
  uint64_t told() const { return told_; }
  uint64_t failures() const { return failures_; }
  uint64_t extensions() const { return extensions_; }
  uint64_t problems() const { return problems_; }
  // The first ones, in words.
  const std::vector<std::string>& shown() const { return shown_; }
  // The longest time from one promotion to the next.
  absl::Duration longest() const { return longest_; }

  void Problem(const AuditEvent& event, absl::string_view what) {
    constexpr uint64_t kShown = 10;
    if (++problems_ > kShown) return;
    const Story& story = stories_[std::min(NumberOf(event.resource), stories_.size() - 1)];
    const auto text = [](absl::Time time) { return absl::FormatTime(time, absl::UTCTimeZone()); };
    shown_.push_back(absl::StrCat(event.event, " ", event.resource, " version ",
                                  event.version.value(), " at ", text(event.time), ": ", what,
                                  "; newest ", story.newest, ", current ", story.current, " since ",
                                  text(story.promoted), ", former ", story.former,
                                  story.in_grace ? " in grace until " : " until ",
                                  text(story.grace_end), ", step ", int{story.step}));
  }

 private:
  void Expect(const AuditEvent& event, bool holds, absl::string_view what) {
    if (!holds) Problem(event, what);
  }
  static absl::Duration Days(int days) { return absl::Hours(24 * days); }

  bool Started(const AuditEvent& event, uint32_t version, Story* story) {
    Expect(event, story->step == Story::kNone, "two runs at once");
    Expect(event, version == story->newest + 1, "a version twice, or none");
    story->newest = version;
    story->step = Story::kStarted;
    return false;
  }
  bool Step(const AuditEvent& event, Story::Step from, Story::Step to, Story* story) {
    Expect(event, story->step == from, "a step twice, or out of order");
    story->step = to;
    return false;
  }
  // Both versions change places at once, so there is one current version before and after.
  bool Promoted(const AuditEvent& event, size_t i, uint32_t version, Story* story) {
    Step(event, Story::kTested, Story::kPromoted, story);
    Expect(event, version == story->newest && version == story->current + 1,
           "not the version that was made");
    Expect(event, DetailOf(event, "previous_version") == absl::StrCat(story->current),
           "it replaces another than the current version");
    Expect(event, story->former == 0, "the version before it works still");
    const absl::Duration age = event.time - story->promoted;
    longest_ = std::max(longest_, age);
    // Late by what a shaky target costs, and by nothing else.
    Expect(event, age <= Days(90) + absl::Hours(1), "too late");
    Expect(event, age >= Days(87) - absl::Seconds(1), "too early");
    story->former = story->current;
    story->current = version;
    story->promoted = event.time;
    story->in_grace = true;
    story->extensions = 0;
    story->grace_end = event.time + Days(7);
    story->released = absl::InfiniteFuture();
    story->converged = IsGated(i) ? absl::InfiniteFuture() : event.time;
    ++story->promotions;
    return true;
  }
  bool Extended(const AuditEvent& event, size_t i, uint32_t version, Story* story) {
    Expect(event, IsGated(i), "nobody asked to wait for users");
    Expect(event, story->in_grace && version == story->former, "not the version in grace");
    Expect(event, event.time == story->grace_end, "not at the end of the grace");
    Expect(event, story->converged == absl::InfiniteFuture(), "its user has gone on");
    Expect(event, DetailOf(event, "still_used_by") == absl::StrCat("app-", i), "used by another");
    Expect(event, ++story->extensions <= 2, "for longer than two weeks more");
    story->grace_end += Days(7);
    ++extensions_;
    return false;
  }
  bool Released(const AuditEvent& event, uint32_t version, Story* story) {
    Expect(event, story->in_grace && version == story->former && story->extensions > 0,
           "it was not held");
    Expect(event, story->released == absl::InfiniteFuture(), "released twice");
    Expect(event, story->converged <= event.time, "it has a user still");
    Expect(event, event.time - story->converged <= absl::Minutes(2), "held for nobody");
    story->released = story->grace_end = event.time;
    return false;
  }
  bool Ended(const AuditEvent& event, size_t i, uint32_t version, Story* story) {
    Expect(event, story->in_grace && version == story->former, "not the version in grace");
    Expect(event, event.time == story->grace_end, "not at the end of the grace");
    const bool exact = event.time - story->promoted == Days(7);
    Expect(event, exact || story->released != absl::InfiniteFuture(), "not after 7 days");
    Expect(event, !IsGated(i) || story->converged <= event.time, "it has a user still");
    story->in_grace = false;
    return false;
  }
  bool Retired(const AuditEvent& event, uint32_t version, Story* story) {
    Expect(event, story->former != 0 && version == story->former, "not the version that ended");
    Expect(event, !story->in_grace, "it is in its grace");
    story->former = 0;
    ++story->retirements;
    story->retired.push_back(event.time);
    return false;
  }
  bool Destroyed(const AuditEvent& event, uint32_t version, Story* story) {
    Expect(event, version == story->destructions + 1 && !story->retired.empty(),
           "not the version that was retired first");
    if (story->retired.empty()) return false;
    const absl::Duration kept = event.time - story->retired.front();
    Expect(event, kept >= Days(30) && kept <= Days(30) + late_, "not after 30 days");
    story->retired.erase(story->retired.begin());
    ++story->destructions;
    return false;
  }

  static std::string DetailOf(const AuditEvent& event, absl::string_view name) {
    for (const auto& [known, value] : event.details) {
      if (known == name) return value;
    }
    return "";
  }

  std::vector<Story> stories_;
  const absl::Duration late_;
  uint64_t told_ = 0, failures_ = 0, extensions_ = 0, armed_ = 0, problems_ = 0;
  absl::Duration longest_ = absl::ZeroDuration();
  std::vector<std::string> shown_;
};

}  // namespace keyturn
