// Verifying the audit log at the server.
#pragma once

#include "absl/status/statusor.h"
#include "client/cli/shell.h"
#include "keyturn/v1/audit_service.pb.h"

namespace keyturn::cli {

// The result, with a bar while it takes long. UNAVAILABLE when the check ends before the last
// entry.
absl::StatusOr<v1::VerifyAuditResponse> VerifyAudit(Shell& shell, Client& client,
                                                    const CallOptions& options);

}  // namespace keyturn::cli
