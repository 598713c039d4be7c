#include "server/audit_words.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/nearest.h"

namespace keyturn {
namespace {

// Of no method's own; audit_document_test holds them to what the code emits.
constexpr const char* kOtherEvents[] = {
    "authorization_failure", "rate_limited", "authentication_failure", "authentication_locked_out",
    "secret_expired", "token_purged", "integrity_checked", "due_hints_mended", "records_rewrapped",
    "kek_retired", "rollback_accepted", "calls_refused", "revocations_changed",
    "apikey_uses_recorded", "apikey_removed",
    // Of the rotation engine.
    "rotation_started", "rotation_generated", "rotation_applied", "rotation_tested",
    "rotation_promoted", "rotation_announced", "rotation_fulfilled", "rotation_superseded",
    "rotation_awaiting_value", "rotation_failed", "rotation_blocked", "rotation_grace_extended",
    "rotation_end_announced", "rotation_grace_released", "rotation_grace_ended", "rotation_retired",
    "rotation_retire_failed", "rotation_armed", "rotation_arm_failed", "rotation_disarmed",
    "version_destroyed", "rotation_storm", "clock_distrusted", "clock_ahead",
    // Of keys that sign.
    "rotation_staged", "rotation_published", "jwt_refresh_reused",
    // Of webhooks.
    "webhook_disabled", "rotation_due", "rotation_grace_ending", "rotation_overdue", "apikey_due"};

// The word itself is not said: it may be a token that was pasted to the wrong place.
std::string Suggestion(absl::string_view word, const std::vector<std::string>& known) {
  const std::string similar = Similar(word, known);
  return similar.empty() ? "" : absl::StrCat("; did you mean ", similar);
}

}  // namespace

std::vector<std::string> AuditEvents(const MethodTable& methods) {
  std::vector<std::string> events(std::begin(kOtherEvents), std::end(kOtherEvents));
  for (const MethodInfo& method : methods.methods()) events.push_back(method.audit_event);
  std::sort(events.begin(), events.end());
  events.erase(std::unique(events.begin(), events.end()), events.end());
  return events;
}

absl::Status CheckAuditEvent(const MethodTable& methods, absl::string_view event) {
  if (event.empty()) return absl::OkStatus();
  const std::vector<std::string> known = AuditEvents(methods);
  if (std::binary_search(known.begin(), known.end(), event)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("there is no such event", Suggestion(event, known),
                                                 "; docs/AUDIT.md lists them"));
}

absl::Status CheckAuditOutcome(absl::string_view outcome) {
  if (outcome.empty()) return absl::OkStatus();
  std::vector<std::string> known = {"ok"};
  for (int code = 1; code <= static_cast<int>(absl::StatusCode::kUnauthenticated); ++code) {
    known.push_back(absl::StatusCodeToString(static_cast<absl::StatusCode>(code)));
  }
  if (std::find(known.begin(), known.end(), outcome) != known.end()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("there is no such outcome",
                                                 Suggestion(outcome, known), "; there are ",
                                                 absl::StrJoin(known, ", ")));
}

}  // namespace keyturn
