// What `keyturn doctor` finds, and what of it is about rotations and webhooks that need somebody.
// Errors: none. Pure; not thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "keyturn/v1/rotation_service.pb.h"
#include "keyturn/v1/webhook_service.pb.h"

namespace keyturn::cli {

enum class Severity { kOk, kWarn, kFail };

struct Finding {
  std::string id;
  Severity severity = Severity::kOk;
  std::string evidence, fix;
};

// Whether a person has to see to it: its run is blocked, or a version could not be ended at its
// target.
bool NeedsPerson(const v1::RotationStatus& status);
// Why nothing of a rotation starts: "version 2, the current one, is deleted". "": it may start.
std::string CurrentGone(const v1::RotationStatus& status, absl::Time now);
// What mends that.
std::string CurrentGoneStep(const v1::RotationStatus& status, absl::Time now);
// Whether it is past its deadline, and could be in time.
bool IsOverdue(const v1::RotationStatus& status, absl::Time now);

// Counts the rotations that need somebody, and keeps the names of the first ones.
class RotationTally {
 public:
  void Add(const v1::RotationStatus& status, absl::Time now);
  // One finding for each sort, or one that there is none. `whole`: all that the caller may see was
  // added.
  std::vector<Finding> Findings(bool whole) const;

 private:
  struct Sort {
    size_t count = 0;
    std::vector<std::string> first;

    void Add(const std::string& path);
    // "2 rotations wait for a value: a, b".
    std::string Text(const std::string& one, const std::string& many) const;
  };

  size_t rotations_ = 0;
  Sort blocked_, awaiting_, overdue_;
};

// What is wrong with a webhook of which so many events were given up, `or_more` if there may be
// more; std::nullopt: nothing.
std::optional<Finding> WebhookFinding(const v1::WebhookInfo& info, size_t given_up, bool or_more);

}  // namespace keyturn::cli
