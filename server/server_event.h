// Audit entries of what the server does by itself, in nobody's call.
#pragma once

#include "absl/strings/string_view.h"
#include "audit/event.h"
#include "base/clock.h"

namespace keyturn {

inline AuditEvent ServerEvent(absl::string_view event, Clock& clock) {
  AuditEvent out;
  out.time = clock.Now();
  out.event = std::string(event);
  out.principal = "keyturn";
  out.auth_method = "server";
  out.method = "background";
  return out;
}

}  // namespace keyturn
