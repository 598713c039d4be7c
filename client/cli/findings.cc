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

constexpr char kDeleted[] = "is deleted";

const v1::VersionInfo* CurrentOf(const v1::RotationStatus& status) {
  for (const v1::VersionInfo& version : status.versions()) {
    if (version.version() == status.current_version()) return &version;
  }
  return nullptr;
}

std::string GoneHow(const v1::VersionInfo& current, absl::Time now) {
  switch (current.state()) {
    case v1::VERSION_STATE_DESTROYED:
      return "is destroyed";
    case v1::VERSION_STATE_RETIRING:
    case v1::VERSION_STATE_RETIRED:
      return "was deleted for good";
    default:
      break;
  }
  if (current.has_expire_time() && TimeOf(current.expire_time()) <= now) return "has expired";
  return current.has_delete_time() ? kDeleted : "";
}

}  // namespace

bool NeedsPerson(const v1::RotationStatus& status) {
  return status.open_run().state() == v1::RotationRun::BLOCKED ||
         std::any_of(
             status.versions().begin(), status.versions().end(),
             [](const v1::VersionInfo& version) { return !version.retire_error().empty(); });
}

std::string CurrentGone(const v1::RotationStatus& status, absl::Time now) {
  const v1::VersionInfo* const current = CurrentOf(status);
  if (current == nullptr) return "";
  const std::string how = GoneHow(*current, now);
  if (how.empty()) return "";
  return absl::StrCat("version ", current->version(), ", the current one, ", how);
}

std::string CurrentGoneStep(const v1::RotationStatus& status, absl::Time now) {
  const v1::VersionInfo* const current = CurrentOf(status);
  if (current == nullptr) return "";
  const std::string how = GoneHow(*current, now);
  if (how.empty()) return "";
  const std::string path = ShellWord(status.path());
  return how == kDeleted ? absl::StrCat("keyturn secret undelete ", path, " brings it back")
                         : absl::StrCat("keyturn secret put ", path, " gives it a value");
}

bool IsOverdue(const v1::RotationStatus& status, absl::Time now) {
  return status.lateness() >= v1::RotationStatus::OVERDUE && CurrentGone(status, now).empty();
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

void RotationTally::Add(const v1::RotationStatus& status, absl::Time now) {
  ++rotations_;
  if (NeedsPerson(status)) blocked_.Add(status.path());
  if (status.open_run().state() == v1::RotationRun::AWAITING_VALUE) awaiting_.Add(status.path());
  if (IsOverdue(status, now)) overdue_.Add(status.path());
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
