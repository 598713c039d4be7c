// SystemService's methods that change the root key and the seals, as bodies of calls. Thread-safe.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "keyring/keyring.h"
#include "keyturn/v1/system_service.pb.h"
#include "server/call.h"

namespace keyturn {

// The seals that a request asks for. INVALID_ARGUMENT for one that says nothing.
absl::StatusOr<std::vector<SealSpec>> ToSealSpecs(
    const google::protobuf::RepeatedPtrField<v1::SealConfig>& configs);

// PERMISSION_DENIED unless the caller may do everything: the keys of a vault are made here.
// Keyring::StartRekey's errors.
absl::Status StartRekey(Call& call, const v1::StartRekeyRequest& request, Keyring& keyring,
                        v1::StartRekeyResponse* response);
// Keyring::GiveRekeyKey's errors, but a wrong key is INVALID_ARGUMENT, reason WRONG_KEY: it says
// nothing about who the caller is. The key file is the server's, so it takes a caller who may do
// everything.
absl::Status GiveRekeyKey(Call& call, const v1::GiveRekeyKeyRequest& request, Keyring& keyring,
                          v1::GiveRekeyKeyResponse* response);
v1::Rekey ToRekey(const RekeyStatus& status);

}  // namespace keyturn
