#include "server/delegate.h"

#include "auth/delegation.h"
#include "base/reason.h"

namespace keyturn {

absl::Status RequireEverything(const Call& call) {
  if (call.identity().grants->allows_everything()) return absl::OkStatus();
  return WithReason(
      absl::PermissionDeniedError("only a caller with the policy \"root\" may do this: it could "
                                  "become anyone with it"),
      "DELEGATION");
}

absl::Status RequireDelegable(const Call& call, const AuthStore& store,
                              absl::Span<const std::string> policies) {
  return CheckPoliciesDelegable(*call.identity().grants, call.identity().policies, policies, store);
}

}  // namespace keyturn
