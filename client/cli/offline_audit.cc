#include "client/cli/offline_audit.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "audit/to_proto.h"
#include "audit/verify.h"
#include "base/status_macros.h"
#include "client/cli/exit_codes.h"

namespace keyturn::cli {

absl::StatusOr<v1::VerifyAuditResponse> VerifyAuditOffline(const std::string& directory,
                                                           const std::string& public_key_hex,
                                                           ProgressFn progress) {
  const bool hex = std::all_of(public_key_hex.begin(), public_key_hex.end(),
                               [](char c) { return absl::ascii_isxdigit(c); });
  if (!hex || (!public_key_hex.empty() && public_key_hex.size() != 64)) {
    return UsageError("--public-key must be 64 hexadecimal digits");
  }
  if (!FileSystem::Posix().Exists(directory)) {
    return absl::NotFoundError(absl::StrCat("there is no directory ", directory));
  }
  ASSIGN_OR_RETURN(const AuditVerification found,
                   VerifyAuditDirectory(FileSystem::Posix(), directory,
                                        absl::HexStringToBytes(public_key_hex), progress));
  if (found.entries == 0 && found.problems.empty()) {
    return absl::NotFoundError(absl::StrCat(directory, " has no audit entries"));
  }
  return ToProto(found);
}

}  // namespace keyturn::cli
