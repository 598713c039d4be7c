// What every part of the rotation engine works with. The parts hold a reference; rotation.cc owns
// it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "keyring/keyring.h"
#include "keyturn/v1/consumer_service.pb.h"
#include "keyturn/v1/policy_service.pb.h"
#include "keyturn/v1/rotation.pb.h"
#include "rotation/driver.h"
#include "storage/store.h"
#include "vault/records.h"

namespace keyturn {

// Something that happened to a secret's rotation, for others who are to be told.
struct RotationNews {
  absl::string_view event;  // as of the audit log (docs/AUDIT.md); "secret_written": of any put
  absl::string_view path;
  absl::Time time;
  const SecretMetadata& metadata;  // and as they are afterwards
  const v1::RotationRun* run;      // nullptr: it is of none. Of a put it may not be stored
};

// A change that the server makes by itself, with its entry in the audit log: `event` on `path`.
struct NamedChange {
  absl::string_view event, path;
  UpdateFn fn;
  absl::StatusOr<Revision> result = Revision(0);
};

struct RotationContext {
  Store& store;
  Keyring& keyring;
  Clock& clock;
  // Makes a NamedChange.
  std::function<absl::StatusOr<Revision>(absl::string_view event, absl::string_view path,
                                         UpdateFn fn)>
      update;
  // Makes several, none of which needs another to go well (Updater::UpdateEach). Empty: `update` of
  // each.
  std::function<void(absl::Span<NamedChange> changes)> update_each = nullptr;
  // Writes into the update of a change who is to be told of it. Called within that update, after
  // the change itself, so it is pure as that is. Empty: nobody.
  std::function<absl::Status(const RotationNews& news, const KeyringSnapshot& keys,
                             const View& view, Batch& batch)>
      tell = nullptr;
  // By name. NOT_FOUND.
  std::function<absl::StatusOr<v1::PasswordPolicy>(const std::string& name)> password_policy;
  // Of a target of a secret, by its name; nullptr for "": the values are nowhere but here. It
  // outlives the engine.
  std::function<Driver*(const SecretMetadata& metadata, const std::string& target)> driver;
  // Who still uses a version, by name; for the retire gate.
  std::function<std::vector<std::string>(const Uuid& secret, SecretVersion version)> users;
  // All that is known of who uses the secret with this metadata; to be shown. May be empty.
  std::function<std::vector<v1::Consumer>(const Uuid& secret, const SecretMetadata& metadata)>
      consumers = nullptr;
  // Tokens signed with the key of this id are refused from now on, by all who ask; it may be
  // forgotten at `until`. Durable when it returns; may be repeated. Empty: nobody is told.
  std::function<absl::Status(const std::string& kid, absl::Time until)> revoke_kid = nullptr;
  // Whether the policy of the secret at `path` may name this target. INVALID_ARGUMENT says which
  // there are. Empty: there is none.
  std::function<absl::Status(const std::string& target, const std::string& path)> check_target =
      nullptr;
  // How many threads do what falls due, each with several secrets at once; all of the above is
  // called by them. 1: one secret after the other, in the order in which they fell due. 0:
  // limits::kRotationWorkers.
  int workers = 0;
};

}  // namespace keyturn
