#include "absl/strings/match.h"
#include "audit/audit_log.h"

namespace keyturn {

bool Matches(const AuditFilter& filter, const AuditRecord& record) {
  const AuditEvent& event = record.event;
  const auto is = [](const std::string& wanted, const std::string& actual) {
    return wanted.empty() || wanted == actual;
  };
  return event.time >= filter.after && event.time < filter.before &&
         is(filter.event, event.event) && is(filter.principal, event.principal) &&
         is(filter.correlation_id, event.correlation_id) && is(filter.outcome, event.outcome) &&
         absl::StartsWith(event.resource, filter.resource_prefix);
}

}  // namespace keyturn
