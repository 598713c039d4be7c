// Key sets of secrets, kept while their metadata stay as they are: a set belongs to one generation
// of the metadata, so a call never sees keys of before a change that was acknowledged. Bounded
// (limits::kJwtKeySetsCached). Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/clock.h"
#include "base/limits.h"
#include "keyring/keyring.h"
#include "rotation/jwt/key_set.h"
#include "vault/generations.h"
#include "vault/vault.h"

namespace keyturn {

class JwtKeySets {
 public:
  // All outlive this.
  JwtKeySets(Store& store, Keyring& keyring, Vault& vault, Clock& clock)
      : store_(store), keyring_(keyring), vault_(vault), clock_(clock) {}

  struct Found {
    Uuid secret;
    std::shared_ptr<const JwtKeySet> keys;
  };
  // Errors as Vault::Find; FAILED_PRECONDITION (reason NOT_A_SIGNING_KEY) for a secret of other
  // use.
  absl::StatusOr<Found> Get(const std::string& path);
  // By its uuid, as of a snapshot; nullptr for a secret that is gone or of other use.
  absl::StatusOr<std::shared_ptr<const JwtKeySet>> Get(const Uuid& secret,
                                                       const KeyringSnapshot& keys,
                                                       const Snapshot& snapshot);
  // How many keys are damaged, of the sets that were looked at since the unseal.
  size_t damaged() const;
  // After unseal. A new cache keeps nothing.
  void Open();
  // At seal: nothing that could sign stays, nor is kept by a call that goes on beside it.
  void Close();

 private:
  struct Kept {
    uint64_t generation = 0;
    std::shared_ptr<const JwtKeySet> keys;
  };
  std::shared_ptr<const JwtKeySet> FindKept(const Uuid& secret, uint64_t generation,
                                            uint64_t* seals) const;
  void Keep(const Uuid& secret, uint64_t generation, uint64_t seals,
            const std::shared_ptr<const JwtKeySet>& set);

  Store& store_;
  Keyring& keyring_;
  Vault& vault_;
  Clock& clock_;
  mutable absl::Mutex mu_;
  bool open_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t seals_ ABSL_GUARDED_BY(mu_) = 0;
  absl::flat_hash_map<Uuid, size_t> damaged_ ABSL_GUARDED_BY(mu_);  // of those that have any
  Generations<Uuid, Kept> kept_ ABSL_GUARDED_BY(mu_){limits::kJwtKeySetsCached};
};

}  // namespace keyturn
