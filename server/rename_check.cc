#include "server/rename_check.h"

#include "absl/strings/str_cat.h"
#include "base/reason.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

bool Has(const Call& call, absl::string_view permission, const std::string& path, bool directory) {
  return directory ? call.AllowsAllBelow(permission, path) : call.Allows(permission, path);
}

bool MayHave(const Call& call, absl::string_view permission, const std::string& path,
             bool directory) {
  return directory ? call.MayAllowBelow(permission, path) : call.Allows(permission, path);
}

}  // namespace

absl::Status CheckRename(const Call& call, const v1::RenameRequest& request) {
  const bool directory = request.directory();
  for (const char* const permission : {"secret:read", "secret:write"}) {
    if (!Has(call, permission, request.path(), directory)) return NotGranted(permission);
  }
  if (!Has(call, "secret:write", request.new_path(), directory)) return NotGranted("secret:write");
  for (const char* const permission : kSecretPermissions) {
    if (MayHave(call, permission, request.new_path(), directory) &&
        !Has(call, permission, request.path(), directory)) {
      return WithReason(absl::PermissionDeniedError(
                            absl::StrCat("the move would give the caller ", permission,
                                         ", which it does not have on all that would be moved")),
                        "DELEGATION");
    }
  }
  return absl::OkStatus();
}

}  // namespace keyturn
