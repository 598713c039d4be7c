// Policies, roles and password policies: sealed records with a mirror in memory that calls read
// without touching the disk. Writes go through an Updater; the mirror follows before they return.
// Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "auth/grants.h"
#include "base/clock.h"
#include "keyring/keyring.h"
#include "keyturn/v1/policy_service.pb.h"
#include "storage/store.h"

namespace keyturn {

// Names are [a-z0-9][a-z0-9_-]{0,127}; INVALID_ARGUMENT says so. `what` is "policy", "role", ....
absl::Status ValidateName(absl::string_view what, absl::string_view name);

class AuthStore {
 public:
  // `store` and `clock` outlive this.
  static std::unique_ptr<AuthStore> Create(Store& store, Clock& clock);
  virtual ~AuthStore() = default;

  // Reads every record into the mirror (unseal), or empties it (seal, with nullptr).
  virtual absl::Status Load(std::shared_ptr<const KeyringSnapshot> keys) = 0;
  // The same vault's keys after a rotation: new records are sealed with them.
  virtual void UseKeys(std::shared_ptr<const KeyringSnapshot> keys) = 0;

  // Put replaces. All return the object as stored, with update_time. Errors: INVALID_ARGUMENT
  // (which field, allowed form; a role may name only policies that exist), NOT_FOUND,
  // FAILED_PRECONDITION ("root" is reserved; a policy still used by a role cannot be deleted).
  virtual absl::StatusOr<v1::Policy> PutPolicy(Updater& updater, const v1::Policy& policy) = 0;
  virtual absl::StatusOr<v1::Policy> GetPolicy(absl::string_view name) const = 0;
  virtual std::vector<v1::Policy> ListPolicies() const = 0;
  virtual absl::Status DeletePolicy(Updater& updater, absl::string_view name) = 0;

  virtual absl::StatusOr<v1::Role> PutRole(Updater& updater, const v1::Role& role) = 0;
  virtual absl::StatusOr<v1::Role> GetRole(absl::string_view name) const = 0;
  virtual std::vector<v1::Role> ListRoles() const = 0;
  virtual absl::Status DeleteRole(Updater& updater, absl::string_view name) = 0;

  virtual absl::StatusOr<v1::PasswordPolicy> PutPasswordPolicy(
      Updater& updater, const v1::PasswordPolicy& policy) = 0;
  virtual absl::StatusOr<v1::PasswordPolicy> GetPasswordPolicy(absl::string_view name) const = 0;
  virtual std::vector<v1::PasswordPolicy> ListPasswordPolicies() const = 0;
  virtual absl::Status DeletePasswordPolicy(Updater& updater, absl::string_view name) = 0;

  // The compiled grants of a list of policies; unknown names grant nothing. Cached by list until
  // the next write. "root" allows everything.
  virtual std::shared_ptr<const GrantSet> GrantsOf(absl::Span<const std::string> policies) = 0;
  // Grows with each change of a policy or role: what caches compare.
  virtual uint64_t epoch() const = 0;
};

}  // namespace keyturn
