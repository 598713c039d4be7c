// Rename: moves one index entry, so a directory moves with everything below it. Thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "vault/context.h"
#include "vault/vault.h"

namespace keyturn {

class Mover {
 public:
  explicit Mover(const VaultContext& context) : context_(context) {}

  absl::StatusOr<v1::RenameResponse> Rename(Updater& updater,
                                            const v1::RenameRequest& request) const;

 private:
  const VaultContext& context_;
};

}  // namespace keyturn
