// The checker of the simulated year finds each fault: an entry that is missing, that comes twice,
// too early or too late.
#include "tests/rotation/story.h"

#include <gtest/gtest.h>

#include "absl/strings/str_join.h"

namespace keyturn {
namespace {

constexpr absl::Duration kLate = absl::Minutes(1);

class StoryTest : public testing::Test {
 protected:
  StoryTest() {
    for (const size_t i : {size_t{0}, kGated}) AddYear(i);
    std::stable_sort(year_.begin(), year_.end(),
                     [](const AuditEvent& a, const AuditEvent& b) { return a.time < b.time; });
  }

  void Add(size_t i, const std::string& name, absl::Time when, uint64_t version,
           std::vector<std::pair<std::string, std::string>> details = {}) {
    AuditEvent event;
    event.event = name;
    event.resource = Stories::PathOf(i);
    event.time = when;
    event.version = SecretVersion(version);
    event.details = std::move(details);
    year_.push_back(std::move(event));
  }
  void AddYear(size_t i) {
    for (uint64_t former = 1; former <= 4; ++former) {
      const absl::Time at = start_ + absl::Hours(24 * 90 * static_cast<int64_t>(former));
      Add(i, "rotation_started", at, former + 1);
      Add(i, "rotation_applied", at, 0);
      Add(i, "rotation_tested", at, 0);
      Add(i, "rotation_promoted", at, former + 1, {{"previous_version", absl::StrCat(former)}});
      Add(i, "rotation_announced", at, 0);
      absl::Time end = at + absl::Hours(24 * 7);
      if (i == kGated && former == 1) {
        Add(i, "rotation_grace_extended", end, former,
            {{"still_used_by", absl::StrCat("app-", i)}});
        end = at + kConverges;
        Add(i, "rotation_grace_released", end, former);
      }
      if (end > End()) return;
      Add(i, "rotation_grace_ended", end, former);
      Add(i, "rotation_retired", end, former);
      if (end + absl::Hours(24 * 30) > End()) return;
      Add(i, "version_destroyed", end + absl::Hours(24 * 30), former);
    }
  }
  absl::Time End() const { return start_ + absl::Hours(24 * 365); }

  // How many problems there are with these entries.
  uint64_t Problems(const std::vector<AuditEvent>& events) {
    Stories stories(kGated + 1, start_, kLate);
    bool converged = false;
    for (const AuditEvent& event : events) {
      const bool gated = Stories::NumberOf(event.resource) == kGated;
      // The first grace is used for longer; in the others its consumer is quick.
      const absl::Time converges = stories.of(kGated).promoted + kConverges;
      if (stories.of(kGated).current == 2 && !converged && event.time >= converges) {
        stories.Converged(kGated, converges);
        converged = true;
      }
      if (stories.Take(event) && gated && event.version.value() > 2) {
        stories.Converged(kGated, event.time);
      }
    }
    // The secrets between are not a part of this.
    const uint64_t known = stories.problems();
    stories.Finish(End());
    shown_ = absl::StrJoin(stories.shown(), "\n");
    return known + (stories.problems() - known - (kGated - 1));
  }
  std::string Named(const AuditEvent& event) {
    return absl::StrCat(event.event, " ", event.resource, " ", absl::FormatTime(event.time));
  }

  static constexpr size_t kGated = 3;
  static constexpr absl::Duration kConverges = absl::Hours(24 * 9);
  const absl::Time start_ = absl::FromUnixSeconds(1'800'000'000);
  std::vector<AuditEvent> year_;
  std::string shown_;
};

TEST_F(StoryTest, AYearAsItIsToBeHasNoProblem) { EXPECT_EQ(Problems(year_), 0u) << shown_; }

TEST_F(StoryTest, AnEntryThatIsMissingIsFound) {
  for (size_t i = 0; i < year_.size(); ++i) {
    std::vector<AuditEvent> events = year_;
    events.erase(events.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_GT(Problems(events), 0u) << Named(year_[i]);
  }
}

TEST_F(StoryTest, AnEntryThatComesTwiceIsFound) {
  for (size_t i = 0; i < year_.size(); ++i) {
    std::vector<AuditEvent> events = year_;
    events.insert(events.begin() + static_cast<ptrdiff_t>(i), year_[i]);
    EXPECT_GT(Problems(events), 0u) << Named(year_[i]);
  }
}

TEST_F(StoryTest, ATransitionAtAnotherTimeIsFound) {
  for (size_t i = 0; i < year_.size(); ++i) {
    const std::string& name = year_[i].event;
    std::vector<AuditEvent> events = year_;
    if (name == "rotation_grace_ended" || name == "rotation_grace_extended") {
      for (const absl::Duration off : {absl::Seconds(-1), absl::Seconds(1), absl::Hours(-1)}) {
        events[i].time = year_[i].time + off;
        EXPECT_GT(Problems(events), 0u) << Named(events[i]);
      }
    } else if (name == "rotation_promoted") {
      for (const absl::Duration off : {absl::Hours(2), absl::Hours(-24 * 4)}) {
        events[i].time = year_[i].time + off;
        EXPECT_GT(Problems(events), 0u) << Named(events[i]);
      }
    } else if (name == "version_destroyed") {
      events[i].time = year_[i].time - absl::Seconds(1);
      EXPECT_GT(Problems(events), 0u) << Named(events[i]);
    }
  }
}

TEST_F(StoryTest, AVersionThatEndsWhileItIsUsedIsFound) {
  for (AuditEvent& event : year_) {
    if (event.event != "rotation_grace_extended") continue;
    // As if nobody had asked who uses it.
    event.event = "rotation_grace_ended";
    EXPECT_GT(Problems(year_), 0u);
    EXPECT_NE(shown_.find("it has a user still"), std::string::npos) << shown_;
    return;
  }
  FAIL() << "there is none";
}

TEST_F(StoryTest, WhatIsNoPartOfARotationIsFound) {
  Add(0, "rotation_blocked", End(), 0);
  EXPECT_GT(Problems(year_), 0u);
  year_.back().event = "rotation_storm";
  EXPECT_GT(Problems(year_), 0u);
  year_.back().resource = "d1/other";
  year_.back().event = "rotation_started";
  EXPECT_GT(Problems(year_), 0u);
}

}  // namespace
}  // namespace keyturn
