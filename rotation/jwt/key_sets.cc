#include "rotation/jwt/key_sets.h"

#include "absl/strings/str_cat.h"
#include "base/reason.h"
#include "base/status_macros.h"

namespace keyturn {

absl::StatusOr<std::shared_ptr<const JwtKeySet>> JwtKeySets::Of(const Uuid& secret,
                                                                const SecretMetadata& metadata) {
  uint64_t seals = 0;
  {
    const absl::ReaderMutexLock lock(&mu_);
    seals = seals_;
    const Kept* const kept = kept_.Find(secret);
    if (kept != nullptr && kept->generation == metadata.generation()) return kept->keys;
  }
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, keyring_.Snapshot());
  ASSIGN_OR_RETURN(std::shared_ptr<const JwtKeySet> set,
                   JwtKeySet::Load(*keys, *store_.GetSnapshot(), secret, metadata, clock_.Now()));
  Generations<Uuid, Kept>::Map forgotten;
  const absl::MutexLock lock(&mu_);
  // One that was loaded across a seal must not stay behind it.
  if (open_ && seals == seals_) forgotten = kept_.Add(secret, {metadata.generation(), set});
  return set;
}

absl::StatusOr<JwtKeySets::Found> JwtKeySets::Get(const std::string& path) {
  absl::StatusOr<std::shared_ptr<const JwtKeySet>> set = absl::InternalError("not looked");
  Uuid secret;
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
    secret = found.id;
    set = Of(found.id, *found.metadata);
    if (!absl::IsNotFound(set.status())) break;
  }
  if (absl::IsNotFound(set.status())) return absl::DataLossError(set.status().message());
  RETURN_IF_ERROR(set.status());
  return Found{secret, *std::move(set)};
}

absl::StatusOr<std::shared_ptr<const JwtKeySet>> JwtKeySets::Get(const Uuid& secret) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, keyring_.Snapshot());
  ASSIGN_OR_RETURN(const std::optional<SecretMetadata> metadata,
                   ReadMetadata(*keys, *store_.GetSnapshot(), secret));
  if (!metadata.has_value() || !metadata->has_jwt()) return std::shared_ptr<const JwtKeySet>();
  return Of(secret, *metadata);
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
}

}  // namespace keyturn
