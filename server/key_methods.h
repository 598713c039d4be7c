// SystemService's methods about keys, as bodies of calls. Thread-safe.
#pragma once

#include "keyturn/v1/system_service.pb.h"
#include "server/call.h"
#include "server/key_turner.h"

namespace keyturn {

// INVALID_ARGUMENT for an unknown suite; Keyring::RotateKek's errors.
absl::Status RotateKek(Call& call, const v1::RotateKekRequest& request, Keyring& keyring,
                       Lifecycle& lifecycle, v1::RotateKekResponse* response);

absl::Status RewrapStatus(const Keyring& keyring, Vault& vault, const KeyTurner& turner,
                          v1::RewrapStatusResponse* response);

}  // namespace keyturn
