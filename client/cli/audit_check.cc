#include "client/cli/audit_check.h"

#include "base/status_macros.h"
#include "client/cli/progress.h"

namespace keyturn::cli {

absl::StatusOr<v1::VerifyAuditResponse> VerifyAudit(Shell& shell, Client& client,
                                                    const CallOptions& options) {
  v1::VerifyAuditResponse last;
  Progress progress("audit entries checked", shell.terminal(), shell.clock());
  RETURN_IF_ERROR(client.VerifyAudit(
      {},
      [&](v1::VerifyAuditResponse& step) {
        progress.Update(step.entries(), step.entries_total());
        last = step;
        return true;
      },
      options));
  if (!last.done()) return absl::UnavailableError("the check ended before the last entry");
  return last;
}

}  // namespace keyturn::cli
