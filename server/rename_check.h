// Who may move a secret or a directory. Thread-safe.
#pragma once

#include "absl/status/status.h"
#include "keyturn/v1/secret_service.pb.h"
#include "server/call.h"

namespace keyturn {

// What the methods of SecretService, RotationService, ConsumerService and JwtService ask for.
inline constexpr const char* kSecretPermissions[] = {
    "secret:read",    "secret:write",  "secret:list", "secret:delete",
    "secret:destroy", "secret:rotate", "jwt:sign",    "jwt:verify"};

// A move takes a secret from where one list of grants holds to where another does. So the caller
// must be allowed to read and write all that moves, where it is, and to write all of it where it
// goes; and it must not come to do there what it may not do here. PERMISSION_DENIED otherwise. For
// a directory this is asked of the grants, not of the secrets that happen to be in it; the answer
// is cautious.
absl::Status CheckRename(const Call& call, const v1::RenameRequest& request);

}  // namespace keyturn
