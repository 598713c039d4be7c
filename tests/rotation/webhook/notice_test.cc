// What is told ahead of which secret, and when: the rules.
#include "rotation/webhook/notice.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace keyturn {
namespace {

using Kind = Notice::Kind;

constexpr int64_t kDayMs = 86'400'000;

class NoticeTest : public testing::Test {
 protected:
  NoticeTest() {
    metadata_.set_current_version(2);
    Add(2, v1::VERSION_STATE_CURRENT);
    rotation().set_promoted_ms(1);
    rotation().set_due_ms(90 * kDayMs);
    rotation().set_deadline_ms(90 * kDayMs);
  }
  record::v1::RotationState& rotation() { return *metadata_.mutable_rotation(); }
  VersionRecord* Add(uint64_t number, v1::VersionState state) {
    VersionRecord* const version = metadata_.add_versions();
    version->set_version(number);
    version->set_state(state);
    return version;
  }
  VersionRecord* AddInGrace(int64_t from_day, int64_t to_day) {
    VersionRecord* const version = Add(1, v1::VERSION_STATE_GRACE);
    version->set_replaced_ms(from_day * kDayMs + 1);
    version->set_grace_end_ms(to_day * kDayMs);
    return version;
  }
  static absl::Time Day(int64_t day) { return absl::FromUnixMillis(day * kDayMs); }

  static std::string Shown(const std::vector<Notice>& notices) {
    const char* const names[] = {"due", "grace", "overdue"};
    std::vector<std::string> out;
    for (const Notice& one : notices) {
      const int64_t ms = absl::ToUnixMillis(one.when);
      out.push_back(absl::StrCat(
          names[static_cast<int>(one.kind)], one.critical ? "! " : " ", one.version, "@",
          ms / kDayMs, ms % kDayMs == 0 ? "" : absl::StrCat("+", ms % kDayMs / 3'600'000, "h")));
    }
    return absl::StrJoin(out, ", ");
  }
  std::string All(int64_t day = 1) { return Shown(NoticesOf(metadata_, Day(day))); }
  std::string At(int64_t when, int64_t now) {
    return Shown(NoticesAt(NoticesOf(metadata_, Day(now)), Day(when), Day(now)));
  }

  SecretMetadata metadata_;
};

constexpr char kLate[] = "overdue 2@90+1h, overdue! 2@97+1h";

TEST_F(NoticeTest, AStartIsToldThreeTimesAheadAndADeadlineTwiceAfter) {
  EXPECT_EQ(All(), absl::StrCat("due 2@60, due 2@83, due 2@89, ", kLate));
  EXPECT_EQ(NoticesOf(metadata_, Day(1))[0].of, Day(90));
}

TEST_F(NoticeTest, AStartBeforeItsDeadlineIsToldByItself) {
  rotation().set_due_ms(88 * kDayMs);
  EXPECT_EQ(All(), absl::StrCat("due 2@58, due 2@81, due 2@87, ", kLate));
}

TEST_F(NoticeTest, AShortPeriodHasNoEarlyNotice) {
  rotation().set_promoted_ms(76 * kDayMs);
  EXPECT_EQ(All(77), absl::StrCat("due 2@83, due 2@89, ", kLate));
  rotation().set_promoted_ms(89 * kDayMs);  // a moment that is the promotion's is none either
  EXPECT_EQ(All(89), kLate);
}

TEST_F(NoticeTest, AHeldStartIsTheOneThatIsTold) {
  rotation().set_hold_until_ms(95 * kDayMs);
  EXPECT_EQ(All(), "due 2@65, due 2@88, overdue 2@90+1h, due 2@94, overdue! 2@97+1h");
}

TEST_F(NoticeTest, WhatDoesNotStartByItselfIsOnlyLate) {
  rotation().set_paused(true);
  EXPECT_EQ(All(), kLate);
  rotation().set_paused(false);
  rotation().set_open_run(1);
  EXPECT_EQ(All(), kLate);
}

TEST_F(NoticeTest, WhatIsDeletedNotPlannedOrDoesNotRotateHasNone) {
  metadata_.mutable_versions(0)->set_deleted_ms(5);
  EXPECT_EQ(All(), "");
  metadata_.mutable_versions(0)->set_deleted_ms(0);
  rotation().set_due_ms(0);
  EXPECT_EQ(All(), "");
  metadata_.clear_rotation();
  EXPECT_EQ(All(), "");
}

TEST_F(NoticeTest, WithoutAGraceNothingIsOutlived) {
  rotation().mutable_policy()->set_grace_seconds(-1);
  EXPECT_EQ(All(), "due 2@60, due 2@83, due 2@89, overdue 2@90+1h");
}

TEST_F(NoticeTest, TheEndOfAGraceIsToldTwiceAhead) {
  rotation().set_due_ms(0);
  VersionRecord* const old = AddInGrace(3, 10);
  EXPECT_EQ(All(), "grace 1@8, grace 1@9");
  EXPECT_EQ(NoticesOf(metadata_, Day(4))[1].of, Day(10));
  old->set_grace_end_ms(17 * kDayMs);  // it was moved
  EXPECT_EQ(All(), "grace 1@15, grace 1@16");
  old->set_state(v1::VERSION_STATE_RETIRING);
  EXPECT_EQ(All(), "");
}

TEST_F(NoticeTest, AShortGraceHasNoEarlyNotice) {
  rotation().set_due_ms(0);
  AddInGrace(8, 10);
  EXPECT_EQ(All(), "grace 1@9");
  metadata_.mutable_versions(1)->set_replaced_ms(9 * kDayMs);
  EXPECT_EQ(All(), "");
}

TEST_F(NoticeTest, AMomentIsToldUnlessALaterOneSaysIt) {
  EXPECT_EQ(At(60, 60), "due 2@60");
  EXPECT_EQ(At(60, 82), "due 2@60");  // late, and still so
  EXPECT_EQ(At(60, 83), "");
  EXPECT_EQ(At(83, 88), "due 2@83");
  EXPECT_EQ(At(83, 89), "");
  EXPECT_EQ(At(89, 90), "");  // it has happened
  EXPECT_EQ(At(61, 61), "");  // no moment
}

TEST_F(NoticeTest, OneThingsMomentsSayNothingOfAnothers) {
  rotation().set_due_ms(40 * kDayMs);
  rotation().set_deadline_ms(60 * kDayMs);
  AddInGrace(1, 12);
  EXPECT_EQ(All(),
            "due 2@10, grace 1@10, grace 1@11, due 2@33, due 2@39, overdue 2@60+1h, "
            "overdue! 2@67+1h");
  EXPECT_EQ(At(10, 10), "due 2@10, grace 1@10");
  EXPECT_EQ(At(10, 11), "due 2@10");
}

TEST_F(NoticeTest, WhatIsLateIsToldHoweverLate) {
  const absl::Time late = Day(90) + absl::Hours(1), later = Day(97) + absl::Hours(1);
  const auto at = [&](absl::Time when, absl::Time now) {
    return Shown(NoticesAt(NoticesOf(metadata_, now), when, now));
  };
  EXPECT_EQ(at(late, Day(95)), "overdue 2@90+1h");
  EXPECT_EQ(at(late, Day(200)), "");
  EXPECT_EQ(at(later, Day(200)), "overdue! 2@97+1h");
}

}  // namespace
}  // namespace keyturn
