// Audit records as the public API shows them. Thread-safe.
#pragma once

#include "audit/event.h"
#include "keyturn/v1/audit_service.pb.h"

namespace keyturn {

v1::AuditEntry ToProto(const AuditRecord& record);

}  // namespace keyturn
