// Audit records and what a verification found, as the public API shows them. Thread-safe.
#pragma once

#include "audit/event.h"
#include "audit/verify.h"
#include "keyturn/v1/audit_service.pb.h"

namespace keyturn {

v1::AuditEntry ToProto(const AuditRecord& record);
v1::VerifyAuditResponse ToProto(const AuditVerification& found);

}  // namespace keyturn
