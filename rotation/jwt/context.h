// What the parts that sign and verify tokens work with. The parts hold a reference; jwt.cc owns it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/types.h"
#include "keyring/keyring.h"
#include "keyturn/v1/revocation_service.pb.h"
#include "rotation/rotation.h"
#include "storage/store.h"
#include "vault/vault.h"

namespace keyturn {

// Which key the server signed or verified a token with, for who asked for that.
struct JwtUse {
  Uuid secret;
  SecretVersion version;  // 0: with none
  absl::Time token_end;   // the token is not valid from then on
};

struct JwtContext {
  Store& store;
  Keyring& keyring;
  Clock& clock;
  Vault& vault;
  Rotation& rotation;
  // As RotationContext::update.
  std::function<absl::StatusOr<Revision>(absl::string_view event, absl::string_view path,
                                         UpdateFn fn)>
      update;
  // What of the revocation list ends a token: "jti", "subject", ...; std::nullopt: nothing.
  // FAILED_PRECONDITION when the list is not loaded.
  std::function<absl::StatusOr<std::optional<std::string>>(const v1::RevocationQuery& query)>
      revoked;
  // These tokens are refused until they end. Durable when it returns; may be repeated.
  struct Issued {
    std::string jti;
    absl::Time expires;
  };
  std::function<absl::Status(const std::vector<Issued>& tokens)> revoke;
  // The same for all tokens of a key, until then.
  std::function<absl::Status(const std::string& kid, absl::Time until)> revoke_kid;
};

}  // namespace keyturn
