// The words that a search of the audit log may ask for. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/method_table.h"

namespace keyturn {

// Every event of docs/AUDIT.md: those of methods, of refused calls, and of the server itself.
std::vector<std::string> AuditEvents(const MethodTable& methods);

// INVALID_ARGUMENT, with the nearest word, for an event that no entry has, or an outcome that is
// neither "ok" nor the name of a status code: a search for it would find nothing and look like good
// news. "" is any.
absl::Status CheckAuditEvent(const MethodTable& methods, absl::string_view event);
absl::Status CheckAuditOutcome(absl::string_view outcome);

}  // namespace keyturn
