// Verifying audit segments without a server. Thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "keyturn/v1/audit_service.pb.h"

namespace keyturn::cli {

// `public_key_hex` is 64 hexadecimal digits, or "" to leave signatures unchecked; `noted` is
// "ENTRIES:HEAD" of an earlier verification, or "". NOT_FOUND when the directory has no segments.
absl::StatusOr<v1::VerifyAuditResponse> VerifyAuditOffline(const std::string& directory,
                                                           const std::string& public_key_hex,
                                                           const std::string& noted,
                                                           ProgressFn progress);

}  // namespace keyturn::cli
