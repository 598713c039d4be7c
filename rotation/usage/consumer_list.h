// The consumers of a secret and of all below a directory, in pages. Thread-safe (no state).
#pragma once

#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "keyring/keyring_snapshot.h"
#include "keyturn/v1/consumer_service.pb.h"
#include "storage/store.h"
#include "vault/records.h"
#include "vault/vault.h"

namespace keyturn {

using ConsumersFn = absl::FunctionRef<std::vector<v1::Consumer>(const Uuid& secret,
                                                                const SecretMetadata& metadata)>;

// As ConsumerService.List says; `consumers_of` gives those of one secret. A page ends with a whole
// secret, so it may be longer than was asked for. INVALID_ARGUMENT for a page size or token.
absl::StatusOr<v1::ListConsumersResponse> ListConsumers(const KeyringSnapshot& keys,
                                                        const Snapshot& snapshot,
                                                        const v1::ListConsumersRequest& request,
                                                        VisibleFn visible,
                                                        ConsumersFn consumers_of);

}  // namespace keyturn
