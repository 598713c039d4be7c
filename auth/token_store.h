// Tokens. ktb. tokens are stateless: the token is its own record, sealed under the token key, and
// every login gives one without a durable write. kts. tokens are stored: root, periodic and
// limited-use ones. Both kinds are revoked by id, durably, with effect on the next call.
// Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "auth/cidr.h"
#include "base/clock.h"
#include "crypto/secret_bytes.h"
#include "keyring/keyring.h"
#include "keyturn/v1/token_service.pb.h"
#include "storage/store.h"

namespace keyturn {

struct TokenParams {
  std::string principal;
  std::string auth_method = "token";
  std::string display_name;
  std::string role;
  std::vector<std::string> policies;
  absl::Duration ttl = absl::ZeroDuration();      // zero: limits::kTokenTtlSecondsDefault
  absl::Duration period = absl::ZeroDuration();   // stored only
  absl::Duration max_ttl = absl::ZeroDuration();  // stored only; zero: limits::kTokenTtlSecondsMax
  uint64_t max_uses = 0;                          // stored only; 0: unlimited
  std::vector<std::string> bound_cidrs;
  absl::Time not_after = absl::InfiniteFuture();
  bool never_expires = false;      // the root token of init
  std::string certificate_sha256;  // stateless only: bound to it (RFC 8705)
};

struct CreatedToken {
  SecretBytes token;  // text form
  v1::TokenInfo info;
};

struct VerifiedToken {
  std::string id;
  std::string principal;
  std::string auth_method;
  std::string role;
  std::vector<std::string> policies;
  absl::Time issue_time;
  absl::Time expire_time;
  std::vector<std::string> bound_cidrs;
  bool limited_uses = false;  // each use must be counted, so the answer must not be cached
};

// Of a token with limited uses: whether this is one more use, so that one must be left, or goes on
// with a use that was counted, maybe the last.
enum class TokenUse { kNext, kCounted };

class TokenStore {
 public:
  static std::unique_ptr<TokenStore> Create(Store& store, Clock& clock);
  virtual ~TokenStore() = default;

  // Reads stored and revoked tokens into the mirror; nullptr at seal.
  virtual absl::Status Load(std::shared_ptr<const KeyringSnapshot> keys) = 0;
  // The same vault's keys after a rotation: new records are sealed with them.
  virtual void UseKeys(std::shared_ptr<const KeyringSnapshot> keys) = 0;

  // INVALID_ARGUMENT names the field and its bounds.
  virtual absl::StatusOr<CreatedToken> CreateStateless(const TokenParams& params) = 0;
  virtual absl::StatusOr<CreatedToken> CreateStored(Updater& updater,
                                                    const TokenParams& params) = 0;

  // UNAUTHENTICATED for anything wrong (malformed, unknown, expired, revoked, used up, wrong
  // network or certificate), always with the same message and after the same work. A limited-use
  // token is counted durably through `updater` first.
  virtual absl::StatusOr<VerifiedToken> Verify(Updater& updater, absl::string_view token,
                                               const IpAddress& source,
                                               absl::string_view certificate_sha256) = 0;
  // The same without counting, hence without waiting for a disk.
  virtual absl::StatusOr<VerifiedToken> Recognise(absl::string_view token, const IpAddress& source,
                                                  absl::string_view certificate_sha256,
                                                  TokenUse use) const = 0;

  // Whether there may be a token with this id: a stored one, or any of stateless form.
  virtual bool Knows(absl::string_view id) const = 0;
  // `id` from TokenInfo. NOT_FOUND for an id that is neither stored nor stateless form.
  virtual absl::StatusOr<Revision> Revoke(Updater& updater, absl::string_view id) = 0;
  virtual absl::StatusOr<v1::TokenInfo> Renew(Updater& updater, absl::string_view id,
                                              absl::Duration ttl) = 0;
  // Stored tokens by id, after `after_id`, at most `limit`.
  virtual std::vector<v1::TokenInfo> List(absl::string_view after_id, size_t limit) const = 0;
  // Removes records of expired stored and revoked tokens; how many. Bounded work per call.
  virtual absl::StatusOr<int> Purge(Updater& updater) = 0;
  // Grows with each revocation: what caches of verified tokens compare.
  virtual uint64_t epoch() const = 0;
};

}  // namespace keyturn
