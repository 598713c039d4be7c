// SecretService.Watch: the changes below a directory, as a stream. Thread-safe.
#pragma once

#include "keyturn/v1/secret_service.pb.h"
#include "server/grpc_door.h"
#include "server/streams.h"
#include "vault/vault.h"

namespace keyturn {

struct WatchParts {
  GrpcDoor& door;
  Vault& vault;
  Store& store;
  StreamRegistry& watchers;
};

// The stream begins with PROGRESS, which names the revision it starts after, and tells PROGRESS
// again when it was woken and had nothing else to tell. Events the caller may not list are left
// out. It ends with the error when the caller's rights end, and OUT_OF_RANGE when it fell behind.
raw::StreamReactor* StartWatch(const WatchParts& parts, raw::Context* context,
                               const raw::Bytes* bytes, const MethodInfo& method);

}  // namespace keyturn
