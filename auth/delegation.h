// May an identity pass something on? Only what it has itself: otherwise whoever may write policies
// or make tokens could make itself anything. The answers are cautious: "no" when it cannot be
// shown. Thread-safe.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "auth/auth_store.h"
#include "auth/grants.h"
#include "auth/identity.h"
#include "auth/token_store.h"
#include "keyturn/v1/policy_service.pb.h"

namespace keyturn {

// Whether everything that `wanted` (an allow rule) grants is granted by `mine`, for as long and
// from everywhere that `wanted` is.
bool Covers(const GrantSet& mine, const GrantRule& wanted);

// PERMISSION_DENIED, with reason DELEGATION, in all of these.
// For a token or role with these policies: each must exist (else INVALID_ARGUMENT), and be among
// `my_policies` or grant nothing beyond `mine`.
absl::Status CheckPoliciesDelegable(const GrantSet& mine, absl::Span<const std::string> my_policies,
                                    absl::Span<const std::string> policies, const AuthStore& store);
// For a token made with a token: it does not outlive `mine`, and is open to no network that mine is
// not. Shortens `params`, and gives it the networks of `mine` if it names none. A token whose uses
// are counted makes none. A login's token is bound to its certificate and short-lived by itself; it
// stands for the certificate here.
absl::Status InheritTokenLimits(const Identity& mine, TokenParams* params);
// For writing role `next` in place of `previous` (null: new): the caller must be able to pass on
// the policies of both, and a policy with denies stays with all that the role is bound to, since it
// may be what holds others, or the caller, back. A null `next` stands for deleting.
absl::Status CheckRoleChange(const Identity& mine, const v1::Role* previous, const v1::Role* next,
                             const AuthStore& store);
// For writing `next` in place of `previous` (null: new): its allow grants must be covered by
// `mine`, and no deny of `previous` may be lost, since it may be what holds others, or the caller,
// back. A null `next` stands for deleting.
absl::Status CheckPolicyChange(const GrantSet& mine, const v1::Policy* previous,
                               const v1::Policy* next);

}  // namespace keyturn
