#include "client/cli/findings.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/next_step.h"
#include "client/cli/output.h"

namespace keyturn::cli {
namespace {

constexpr size_t kNamed = 3;
constexpr char kRotations[] = "rotations";

std::string DisabledText(v1::WebhookInfo::DisableReason reason) {
  switch (reason) {
    case v1::WebhookInfo::GONE:
      return " is disabled: its endpoint answered that it is gone";
    case v1::WebhookInfo::FAILING:
      return " is disabled: nothing arrived there for 5 days";
    default:
      return " is disabled";
  }
}

}  // namespace

bool NeedsPerson(const v1::RotationStatus& status) {
  return status.open_run().state() == v1::RotationRun::BLOCKED ||
         std::any_of(
             status.versions().begin(), status.versions().end(),
             [](const v1::VersionInfo& version) { return !version.retire_error().empty(); });
}

bool IsOverdue(const v1::RotationStatus& status) {
  return status.lateness() >= v1::RotationStatus::OVERDUE;
}

void RotationTally::Sort::Add(const std::string& path) {
  ++count;
  if (first.size() < kNamed) first.push_back(path);
}

std::string RotationTally::Sort::Text(const std::string& one, const std::string& many) const {
  std::string text = count == 1 ? absl::StrCat("1 rotation ", one, ": ")
                                : absl::StrCat(count, " rotations ", many, ": ");
  absl::StrAppend(&text, absl::StrJoin(first, ", "));
  if (count > first.size()) absl::StrAppend(&text, " and ", count - first.size(), " more");
  return text;
}

void RotationTally::Add(const v1::RotationStatus& status) {
  ++rotations_;
  if (NeedsPerson(status)) blocked_.Add(status.path());
  if (status.open_run().state() == v1::RotationRun::AWAITING_VALUE) awaiting_.Add(status.path());
  if (IsOverdue(status)) overdue_.Add(status.path());
}

std::vector<Finding> RotationTally::Findings(bool whole) const {
  std::vector<Finding> out;
  const auto warn = [&out](std::string evidence, std::string fix) {
    out.push_back({kRotations, Severity::kWarn, std::move(evidence), std::move(fix)});
  };
  if (blocked_.count > 0) {
    warn(blocked_.Text("needs a person", "need a person"), "keyturn rotation blocked says why");
  }
  if (awaiting_.count > 0) {
    warn(awaiting_.Text("waits for a value", "wait for a value"),
         awaiting_.count == 1
             ? absl::StrCat("keyturn secret put ", ShellWord(awaiting_.first[0]))
             : "keyturn secret put PATH for each; keyturn rotation list shows which wait");
  }
  if (overdue_.count > 0) {
    warn(overdue_.Text("is overdue", "are overdue"), "keyturn rotation list --overdue");
  }
  if (!whole) {
    warn(absl::StrCat("only the first ", rotations_, " rotations could be looked at in time"),
         "keyturn rotation blocked; keyturn rotation list --overdue");
  }
  if (!out.empty()) return out;
  return {{kRotations, Severity::kOk,
           rotations_ == 0 ? "nothing rotates of what you may list"
                           : absl::StrCat("none of ", rotations_,
                                          " that you may list is blocked, overdue or waits for a "
                                          "value"),
           ""}};
}

std::optional<Finding> WebhookFinding(const v1::WebhookInfo& info, size_t given_up, bool or_more) {
  std::vector<std::string> found, fix;
  const std::string id = ShellWord(info.id());
  if (info.state() == v1::WebhookInfo::DISABLED) {
    found.push_back(absl::StrCat(info.id(), DisabledText(info.disable_reason())));
    fix.push_back(absl::StrCat("mend its endpoint, then keyturn webhook enable ", id));
  } else if (info.has_failing_since_time()) {
    found.push_back(
        absl::StrCat(info.id(), " takes nothing since ", TimeText(info.failing_since_time())));
    fix.push_back(absl::StrCat("keyturn webhook deliveries ", id, " says why"));
  }
  if (given_up > 0) {
    found.push_back(absl::StrCat(
        given_up, or_more ? " or more" : "", given_up == 1 && !or_more ? " event" : " events",
        " for ", info.id(), given_up == 1 && !or_more ? " was" : " were", " given up"));
    fix.push_back(absl::StrCat("keyturn webhook replay ", id, " --failed --since 7d"));
  }
  if (found.empty()) return std::nullopt;
  return Finding{"webhooks", Severity::kWarn, absl::StrJoin(found, "; "), absl::StrJoin(fix, "; ")};
}

}  // namespace keyturn::cli
