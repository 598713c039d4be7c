#include "rotation/jwt/key_sets.h"

#include "absl/strings/str_cat.h"
#include "base/reason.h"
#include "base/status_macros.h"

namespace keyturn {

std::shared_ptr<const JwtKeySet> JwtKeySets::FindKept(const Uuid& secret, uint64_t generation,
                                                      uint64_t* seals) const {
  const absl::ReaderMutexLock lock(&mu_);
  *seals = seals_;
  const Kept* const kept = kept_.Find(secret);
  return kept != nullptr && kept->generation == generation ? kept->keys : nullptr;
}

void JwtKeySets::Keep(const Uuid& secret, uint64_t generation, uint64_t seals,
                      const std::shared_ptr<const JwtKeySet>& set) {
  Generations<Uuid, Kept>::Map forgotten;
  const absl::MutexLock lock(&mu_);
  // One that was loaded across a seal must not stay behind it.
  if (!open_ || seals != seals_) return;
  forgotten = kept_.Add(secret, {generation, set});
  if (set->damaged() == 0) {
    damaged_.erase(secret);
  } else {
    damaged_[secret] = set->damaged();
  }
}

absl::StatusOr<JwtKeySets::Found> JwtKeySets::Get(const std::string& path) {
  // Data that went after the metadata were read belong to newer metadata.
  for (int attempt = 0; attempt <= limits::kUpdateRetriesMax; ++attempt) {
    ASSIGN_OR_RETURN(const FoundSecret found, vault_.Find(path));
    if (!found.metadata->has_jwt()) {
      return WithReason(
          absl::FailedPreconditionError(absl::StrCat(
              path,
              " is no key that signs tokens; run: keyturn jwt create, or keyturn jwt adopt "
              "for a secret of kind jwt_key")),
          "NOT_A_SIGNING_KEY");
    }
    uint64_t seals = 0;
    const uint64_t generation = found.metadata->generation();
    if (auto kept = FindKept(found.id, generation, &seals)) return Found{found.id, std::move(kept)};
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, keyring_.Snapshot());
    const bool may_be_older = attempt < limits::kUpdateRetriesMax;
    absl::StatusOr<std::shared_ptr<const JwtKeySet>> set = JwtKeySet::Load(
        *keys, *store_.GetSnapshot(), found.id, *found.metadata, clock_.Now(), may_be_older);
    if (absl::IsNotFound(set.status())) continue;
    RETURN_IF_ERROR(set.status());
    Keep(found.id, generation, seals, *set);
    return Found{found.id, *std::move(set)};
  }
  return absl::DataLossError("the keys of the secret are not there");
}

absl::StatusOr<std::shared_ptr<const JwtKeySet>> JwtKeySets::Get(const Uuid& secret,
                                                                 const KeyringSnapshot& keys,
                                                                 const Snapshot& snapshot) {
  ASSIGN_OR_RETURN(const std::optional<SecretMetadata> metadata,
                   ReadMetadata(keys, snapshot, secret));
  if (!metadata.has_value() || !metadata->has_jwt()) {
    const absl::MutexLock lock(&mu_);
    damaged_.erase(secret);
    return std::shared_ptr<const JwtKeySet>();
  }
  uint64_t seals = 0;
  if (auto kept = FindKept(secret, metadata->generation(), &seals)) return kept;
  ASSIGN_OR_RETURN(std::shared_ptr<const JwtKeySet> set,
                   JwtKeySet::Load(keys, snapshot, secret, *metadata, clock_.Now(), false));
  Keep(secret, metadata->generation(), seals, set);
  return set;
}

size_t JwtKeySets::damaged() const {
  const absl::MutexLock lock(&mu_);
  size_t out = 0;
  for (const auto& [secret, count] : damaged_) out += count;
  return out;
}

void JwtKeySets::Open() {
  const absl::MutexLock lock(&mu_);
  open_ = true;
}

void JwtKeySets::Close() {
  const absl::MutexLock lock(&mu_);
  open_ = false;
  ++seals_;
  kept_.Clear();
  damaged_.clear();
}

}  // namespace keyturn
