// What every part of the API keys works with. The parts hold a reference; api_keys.cc owns it.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "keyring/keyring.h"
#include "storage/store.h"

namespace keyturn {

// When a key stops working, unless it is rolled before.
struct ApiKeyEnd {
  std::string id, path;
  absl::Time end;
};

struct ApiKeyContext {
  Store& store;
  Keyring& keyring;
  Clock& clock;
  // A change that the server makes by itself, with its entry in the audit log.
  std::function<absl::StatusOr<Revision>(absl::string_view event, UpdateFn fn)> update;
  // Whether the revocation list has the id. Never waits for a disk. FAILED_PRECONDITION while the
  // list is not there.
  std::function<absl::StatusOr<bool>(absl::string_view id)> revoked;
};

}  // namespace keyturn
