// A secret becomes one of another kind, with the data that it has. The kind is bound into every
// version, so each is sealed anew for it; its number, its time and what it says stay. So the URL of
// a database can get its parts as fields beside it without a new version: it is the same
// credential, as old as it was, and nothing rotates by it. From then on the secret rotates as its
// kind does, counted from when its value was put. Thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "vault/context.h"
#include "vault/path.h"
#include "vault/vault.h"

namespace keyturn {

class Adopter {
 public:
  explicit Adopter(const VaultContext& context) : context_(context) {}

  // As Vault::Adopt.
  absl::StatusOr<v1::SecretInfo> Adopt(Updater& updater, const SecretPath& path,
                                       const v1::AdoptRequest& request) const;

 private:
  struct Plan;
  absl::StatusOr<Plan> MakePlan(const KeyringSnapshot& keys, const SecretPath& path,
                                const v1::AdoptRequest& request) const;

  const VaultContext& context_;
};

}  // namespace keyturn
