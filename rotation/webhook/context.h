// What every part of the webhooks works with. The parts hold a reference; webhooks.cc owns it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "auth/cidr.h"
#include "base/clock.h"
#include "keyring/keyring.h"
#include "net/https_post.h"
#include "rotation/api_key/context.h"
#include "storage/store.h"

namespace keyturn {

struct WebhookOptions {
  bool enabled = true;          // else nothing is written for endpoints, and nothing sent
  std::string ca_file;          // PEM; "": those of the system
  std::vector<Cidr> addresses;  // that may be connected to although they are not public
};

struct WebhookContext {
  Store& store;
  Keyring& keyring;
  Clock& clock;
  // A change that the server makes by itself, with its entry in the audit log: `event` on
  // `resource`.
  std::function<absl::StatusOr<Revision>(absl::string_view event, absl::string_view resource,
                                         UpdateFn fn)>
      update;
  WebhookOptions options;
  std::function<absl::StatusOr<HttpsAnswer>(const HttpsRequest& request)> post = HttpsPost;
  // Who still uses a version, by name. Empty: nobody is known.
  std::function<std::vector<std::string>(const Uuid& secret, SecretVersion version)> users =
      nullptr;
  // As ApiKeys::EndingBetween. Empty: there are none.
  std::function<std::vector<ApiKeyEnd>(absl::Time from, absl::Time to)> api_keys_ending = nullptr;
  // Whether time is to be gone by. Empty: always.
  std::function<bool()> clock_trusted = nullptr;
};

}  // namespace keyturn
