// One slot of seal.ktn: the root key wrapped under the unseal key of one seal. Making a slot and
// opening it with what an operator gives. Thread-safe; passphrases take a second and much memory.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/types.h"
#include "crypto/secret_bytes.h"
#include "crypto/shamir.h"
#include "keyring/keyring.h"
#include "keyturn/record/v1/keyring.pb.h"

namespace keyturn {

// "keyfile", "passphrase" or "shamir".
std::string SealName(record::v1::SealSlot::Type type);

record::v1::SealSlot::Type SlotType(SealSpec::Type type);

struct NewSlot {
  record::v1::SealSlot slot;
  std::vector<SecretBytes> shares;  // text form, of a Shamir seal
};

// INVALID_ARGUMENT for parameters outside the limits; the key file is made when it is absent.
absl::StatusOr<NewSlot> MakeSlot(const SealSpec& spec, const KeyringOptions& options,
                                 const Uuid& vault_id, const SecretBytes& root_key,
                                 int64_t created_ms);

// INVALID_ARGUMENT for none, or two of one type.
absl::Status CheckSeals(absl::Span<const SealSpec> seals);

// The slot with another root key, for the same unseal key.
absl::StatusOr<record::v1::SealSlot> RewrapSlot(const record::v1::SealSlot& slot,
                                                const Uuid& vault_id, const SecretBytes& unseal_key,
                                                const SecretBytes& root_key);

// The unseal key of a passphrase slot. DATA_LOSS for parameters out of bounds.
absl::StatusOr<SecretBytes> PassphraseKey(const record::v1::SealSlot& slot,
                                          const SecretBytes& passphrase);

// The root key. UNAUTHENTICATED when `unseal_key` is not the slot's.
absl::StatusOr<SecretBytes> OpenSlot(const record::v1::SealSlot& slot, const Uuid& vault_id,
                                     const SecretBytes& unseal_key);

}  // namespace keyturn
