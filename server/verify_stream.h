// SystemService.Verify: reads every record of the store, the vault and the revocation log, and
// tells how far it is. Thread-safe.
#pragma once

#include "base/clock.h"
#include "keyring/keyring.h"
#include "keyturn/v1/system_service.pb.h"
#include "server/grpc_door.h"
#include "server/streams.h"
#include "vault/vault.h"

namespace keyturn {

struct VerifyParts {
  GrpcDoor& door;
  Store& store;
  Vault& vault;
  Keyring& keyring;
  Clock& clock;
};

// One message at most every limits::kProgressEveryRecords records, and only as fast as the client
// takes them; the last has `done` and the problems.
raw::StreamReactor* StartVerify(const VerifyParts& parts, raw::Context* context,
                                const raw::Bytes* request, const MethodInfo& method);

}  // namespace keyturn
