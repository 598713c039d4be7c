// Put: a new version. The value is sealed before the update, for "version n+1 of what was read";
// the update checks that this still holds, else everything is done again. Thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "vault/context.h"
#include "vault/reader.h"
#include "vault/vault.h"

namespace keyturn {

class Writer {
 public:
  Writer(const VaultContext& context, const Reader& reader) : context_(context), reader_(reader) {}

  absl::StatusOr<PutResult> Put(Updater& updater, const PutParams& params,
                                const SecretBytes& data) const;

 private:
  // What the value was sealed for.
  struct Plan {
    bool is_new = false;
    Uuid secret;
    SecretMetadata metadata;  // as read
    SealedVersion sealed;
    size_t size = 0;
    absl::Time now;
  };

  absl::StatusOr<Plan> MakePlan(const KeyringSnapshot& keys, const PutParams& params,
                                const SecretBytes& data) const;
  absl::Status Apply(const KeyringSnapshot& keys, const PutParams& params, const Plan& plan,
                     const View& view, Batch& batch, PutResult* result) const;

  const VaultContext& context_;
  const Reader& reader_;
};

}  // namespace keyturn
