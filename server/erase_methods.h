// What takes deleted data out of the files of the store: SecretService.Erase and
// SystemService.Purge. Thread-safe.
#pragma once

#include "keyturn/v1/secret_service.pb.h"
#include "keyturn/v1/system_service.pb.h"
#include "server/grpc_door.h"
#include "server/streams.h"
#include "vault/vault.h"

namespace keyturn {

// Vault::Destroy's errors; RESOURCE_EXHAUSTED, reason BUSY, while limits::kWorkStreamsMax such
// calls and verifications run; FAILED_PRECONDITION, reason OLD_STATE_READ (vault/eraser.h).
absl::StatusOr<v1::EraseResponse> Erase(Call& call, const v1::EraseRequest& request, GrpcDoor& door,
                                        Vault& vault, Store& store);

// Purges every family, and tells after each. The last message has `done`. Ends with Store::Purge's
// errors.
raw::StreamReactor* StartPurge(GrpcDoor& door, Store& store, raw::Context* context,
                               const raw::Bytes* request, const MethodInfo& method);

}  // namespace keyturn
