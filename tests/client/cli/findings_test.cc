#include "client/cli/findings.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace keyturn::cli {
namespace {

using Run = v1::RotationRun;

const absl::Time kNow = absl::FromUnixSeconds(1'767'225'600);

v1::RotationStatus Rotation(const std::string& path, Run::State state = Run::STATE_UNSPECIFIED) {
  v1::RotationStatus status;
  status.set_path(path);
  status.set_rotates(true);
  if (state != Run::STATE_UNSPECIFIED) status.mutable_open_run()->set_state(state);
  return status;
}

v1::RotationStatus Late(const std::string& path, v1::RotationStatus::Lateness lateness) {
  v1::RotationStatus status = Rotation(path);
  status.set_lateness(lateness);
  return status;
}

// "evidence -> fix", one for each finding.
std::vector<std::string> Texts(const std::vector<Finding>& findings, Severity severity) {
  std::vector<std::string> out;
  for (const Finding& finding : findings) {
    EXPECT_EQ(finding.id, "rotations");
    EXPECT_EQ(finding.severity, severity);
    out.push_back(absl::StrCat(finding.evidence, " -> ", finding.fix));
  }
  return out;
}
using Lines = std::vector<std::string>;

TEST(RotationTally, FindsNothingWhereNothingNeedsSomebody) {
  RotationTally tally;
  EXPECT_EQ(Texts(tally.Findings(true), Severity::kOk),
            Lines{"nothing rotates of what you may list -> "});
  tally.Add(Rotation("a"), kNow);
  tally.Add(Rotation("b", Run::RUNNING), kNow);
  tally.Add(Rotation("c", Run::RETRY_WAIT), kNow);
  tally.Add(Late("d", v1::RotationStatus::DUE), kNow);
  EXPECT_EQ(Texts(tally.Findings(true), Severity::kOk),
            Lines{"none of 4 that you may list is blocked, overdue or waits for a value -> "});
}

TEST(RotationTally, NamesTheFirstOfEachSort) {
  RotationTally tally;
  tally.Add(Rotation("fine"), kNow);
  for (const char* const path : {"a", "b", "c"}) tally.Add(Rotation(path, Run::BLOCKED), kNow);
  v1::RotationStatus ending = Rotation("ending");
  ending.add_versions()->set_retire_error("refused");
  tally.Add(ending, kNow);
  tally.Add(Rotation("it's", Run::AWAITING_VALUE), kNow);
  tally.Add(Late("late", v1::RotationStatus::OVERDUE), kNow);
  tally.Add(Late("later", v1::RotationStatus::CRITICAL), kNow);
  EXPECT_EQ(Texts(tally.Findings(true), Severity::kWarn),
            (Lines{"4 rotations need a person: a, b, c and 1 more -> keyturn rotation blocked says "
                   "why",
                   "1 rotation waits for a value: it's -> keyturn secret put 'it'\\''s'",
                   "2 rotations are overdue: late, later -> keyturn rotation list --overdue"}));
}

TEST(RotationTally, SaysWhenItCouldNotLookAtAll) {
  RotationTally tally;
  for (const char* const path : {"a", "b"}) tally.Add(Rotation(path, Run::AWAITING_VALUE), kNow);
  EXPECT_EQ(
      Texts(tally.Findings(false), Severity::kWarn),
      (Lines{"2 rotations wait for a value: a, b -> keyturn secret put PATH for each; keyturn "
             "rotation list shows which wait",
             "only the first 2 rotations could be looked at in time -> keyturn rotation "
             "blocked; keyturn rotation list --overdue"}));
}

TEST(CurrentGone, SaysWhyNothingStartsAndWhatMendsIt) {
  v1::RotationStatus status = Late("a", v1::RotationStatus::OVERDUE);
  EXPECT_EQ(CurrentGone(status, kNow), "");  // of a list, where versions that work are not told
  status.set_current_version(2);
  v1::VersionInfo& former = *status.add_versions();
  former.set_version(1);
  former.mutable_delete_time()->set_seconds(1);
  v1::VersionInfo& current = *status.add_versions();
  current.set_version(2);
  current.set_state(v1::VERSION_STATE_CURRENT);
  current.mutable_expire_time()->set_seconds(absl::ToUnixSeconds(kNow) + 1);
  EXPECT_EQ(CurrentGone(status, kNow), "");
  EXPECT_EQ(CurrentGoneStep(status, kNow), "");
  EXPECT_TRUE(IsOverdue(status, kNow));
  current.mutable_delete_time()->set_seconds(1);
  EXPECT_EQ(CurrentGone(status, kNow), "version 2, the current one, is deleted");
  EXPECT_EQ(CurrentGoneStep(status, kNow), "keyturn secret undelete a brings it back");
  EXPECT_FALSE(IsOverdue(status, kNow));
  const std::string put = "keyturn secret put a gives it a value";
  EXPECT_EQ(CurrentGone(status, kNow + absl::Seconds(1)),
            "version 2, the current one, has expired");
  EXPECT_EQ(CurrentGoneStep(status, kNow + absl::Seconds(1)), put);
  current.set_state(v1::VERSION_STATE_RETIRED);
  EXPECT_EQ(CurrentGone(status, kNow), "version 2, the current one, was deleted for good");
  current.set_state(v1::VERSION_STATE_DESTROYED);
  EXPECT_EQ(CurrentGone(status, kNow), "version 2, the current one, is destroyed");
  EXPECT_EQ(CurrentGoneStep(status, kNow), put);
}

std::string Webhook(const v1::WebhookInfo& info, size_t given_up = 0, bool or_more = false) {
  const std::optional<Finding> finding = WebhookFinding(info, given_up, or_more);
  if (!finding.has_value()) return "none";
  EXPECT_EQ(finding->id, "webhooks");
  EXPECT_EQ(finding->severity, Severity::kWarn);
  return absl::StrCat(finding->evidence, " -> ", finding->fix);
}

TEST(WebhookFinding, SaysWhatIsWrongAndWhatMendsIt) {
  v1::WebhookInfo info;
  info.set_id("wh1");
  info.set_url("https://user-part.example/token-part");
  info.set_state(v1::WebhookInfo::ENABLED);
  EXPECT_EQ(Webhook(info), "none");
  EXPECT_EQ(Webhook(info, 1),
            "1 event for wh1 was given up -> keyturn webhook replay wh1 --failed --since 7d");
  EXPECT_EQ(Webhook(info, 100, true),
            "100 or more events for wh1 were given up -> keyturn webhook replay wh1 --failed "
            "--since 7d");
  info.mutable_failing_since_time()->set_seconds(1'767'225'600);
  EXPECT_EQ(Webhook(info),
            "wh1 takes nothing since 2026-01-01T00:00:00Z -> keyturn webhook deliveries wh1 says "
            "why");
  info.set_state(v1::WebhookInfo::DISABLED);
  info.set_disable_reason(v1::WebhookInfo::FAILING);
  EXPECT_EQ(Webhook(info),
            "wh1 is disabled: nothing arrived there for 5 days -> mend its endpoint, then keyturn "
            "webhook enable wh1");
  info.set_disable_reason(v1::WebhookInfo::GONE);
  EXPECT_EQ(
      Webhook(info, 2),
      "wh1 is disabled: its endpoint answered that it is gone; 2 events for wh1 were given up "
      "-> mend its endpoint, then keyturn webhook enable wh1; keyturn webhook replay wh1 "
      "--failed --since 7d");
}

}  // namespace
}  // namespace keyturn::cli
