// The keys of one secret as they sign and verify at a time: made from its metadata and values once,
// then used by every call until the metadata change. A key counts while its version is current or
// in grace; the next one (STAGED) is published and does nothing else. What may be known to others,
// is deleted or is retired counts no more, from the moment that its metadata say so. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "crypto/jws.h"
#include "keyring/keyring_snapshot.h"
#include "keyturn/v1/jwt_service.pb.h"
#include "rotation/jwt/settings.h"
#include "storage/store.h"
#include "vault/records.h"

namespace keyturn {

class JwtKeySet {
 public:
  // A key that does not open, or is not what the settings say, is left out and named in the log:
  // the others sign and verify on. `metadata` are of the same state as `view`, or `may_be_older`:
  // then NOT_FOUND when the data of a version is gone, to be looked at again.
  // REQUIRES: metadata.has_jwt().
  static absl::StatusOr<std::shared_ptr<const JwtKeySet>> Load(const KeyringSnapshot& keys,
                                                               const View& view, const Uuid& secret,
                                                               const SecretMetadata& metadata,
                                                               absl::Time now, bool may_be_older);

  const v1::JwtKeySettings& settings() const { return said_.jwt(); }
  // LongestTokenOf of its metadata.
  absl::Duration LongestToken(absl::Time now) const { return LongestTokenOf(said_, now); }
  // nullptr when there is no current key that can be used; DATA_LOSS when it is damaged.
  absl::StatusOr<const JwsSigner*> signer() const;
  const std::string& signer_kid() const { return signer_kid_; }
  // By the id that a token names; nullptr for one that verifies nothing (any more). DATA_LOSS for a
  // key that would, and is damaged: nobody can tell whether the token is valid.
  absl::StatusOr<const JwsVerifier*> Find(absl::string_view kid) const;
  // The ids of all that Find knows, for a token that names none: current first, then in grace, the
  // newest first; limits::kJwtKeysTriedMax at most. They have one algorithm.
  const std::vector<std::string>& kids() const { return kids_; }
  // How many keys are left out because they are damaged.
  size_t damaged() const { return damaged_.size(); }
  // Public keys as JSON web keys: next, current, in grace. None of HS256.
  const std::vector<std::string>& jwks() const { return jwks_; }

 private:
  absl::Status Add(const KeyringSnapshot& keys, const View& view, const Uuid& secret,
                   const SecretMetadata& metadata, const VersionRecord& version);

  SecretMetadata said_;                                     // the settings alone, of now and before
  absl::flat_hash_map<std::string, absl::Status> damaged_;  // by kid
  std::string signer_kid_;                                  // of the current key
  std::unique_ptr<const JwsSigner> signer_;
  absl::flat_hash_map<std::string, std::unique_ptr<const JwsVerifier>> verifiers_;
  std::vector<std::string> kids_, jwks_;
};

// {"keys":[...]} of these.
std::string JwksDocument(const std::vector<std::string>& jwks);

// What operators see of it: next, current, in grace.
v1::JwtKey DescribeJwtKey(const std::string& path, const Uuid& secret,
                          const SecretMetadata& metadata);

}  // namespace keyturn
