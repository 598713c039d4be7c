#include "rotation/jwt/published.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "rotation/jwt/listed_keys.h"
#include "rotation/jwt/settings.h"
#include "storage/schema.h"

namespace keyturn {

absl::StatusOr<PublishedKeys::Made> PublishedKeys::Make(const KeyringSnapshot& keys) {
  const std::shared_ptr<const Snapshot> snapshot = context_.store.GetSnapshot();
  Made out;
  out.of = snapshot->revision();
  ASSIGN_OR_RETURN(out.listed, ListedKeys(keys, *snapshot));
  std::vector<std::string> jwks;
  size_t secrets = 0;
  out.jwks.max_age = absl::Seconds(limits::kJwksMaxAgeSeconds);
  for (const Uuid& secret : out.listed) {
    const absl::StatusOr<std::shared_ptr<const JwtKeySet>> set = sets_.Get(secret, keys, *snapshot);
    // One that is damaged must not take the others with it.
    if (absl::IsDataLoss(set.status())) {
      LogError("the public keys of a secret are not published",
               {{"secret", secret.ToString()}, {"error", std::string(set.status().message())}});
      continue;
    }
    RETURN_IF_ERROR(set.status());
    if (*set == nullptr) out.gone.push_back(secret);
    if (*set == nullptr || (*set)->settings().unlisted()) continue;
    if (++secrets > limits::kJwtKeysListedMax) {
      LogError("more keys are listed than are published",
               {{"published", std::to_string(limits::kJwtKeysListedMax)}});
      break;
    }
    out.jwks.max_age = std::min(out.jwks.max_age, JwksMaxAgeOf((*set)->settings()));
    jwks.insert(jwks.end(), (*set)->jwks().begin(), (*set)->jwks().end());
  }
  out.jwks.document = JwksDocument(jwks);
  return out;
}

absl::StatusOr<PublishedJwks> PublishedKeys::Get() {
  // Sealed: what was made is not given.
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  const absl::MutexLock making(&making_mu_);
  {
    const absl::MutexLock lock(&mu_);
    if (!IsStale()) return made_;
    making_ = true;
    meanwhile_.clear();
    table_ = ListedKeysPrefix(*keys);
  }
  absl::StatusOr<Made> made = Make(*keys);
  const absl::MutexLock lock(&mu_);
  making_ = false;
  RETURN_IF_ERROR(made.status());
  ++times_made_;
  if (open_) Keep(*made);
  return std::move(made->jwks);
}

void PublishedKeys::Keep(const Made& made) {
  gone_ = made.gone;
  listed_ = {made.listed.begin(), made.listed.end()};
  for (const Uuid& secret : made.listed) {
    const auto changed = meanwhile_.find(secret);
    if (changed != meanwhile_.end()) changed_at_ = std::max(changed_at_, changed->second);
  }
  meanwhile_.clear();
  made_ = made.jwks;
  made_of_ = made.of;
}

bool PublishedKeys::IsStale() const { return made_of_.value() == 0 || made_of_ < changed_at_; }

bool PublishedKeys::Concerns(const Batch::Operation& operation, Revision revision) {
  // It is to be made anyway, and not of a state from before this.
  if (!making_ && IsStale()) return true;
  if (operation.family == Family::kIndex) return absl::StartsWith(operation.key, table_);
  const std::optional<Uuid> secret = schema::SecretOf(operation);
  if (!secret.has_value()) return false;
  if (making_) meanwhile_[*secret] = revision;
  return listed_.count(*secret) > 0;
}

void PublishedKeys::OnCommitted(absl::Span<const CommittedUpdate> group) {
  const absl::MutexLock lock(&mu_);
  for (const CommittedUpdate& update : group) {
    for (const Batch::Operation& operation : *update.operations) {
      if (Concerns(operation, update.revision)) changed_at_ = update.revision;
    }
  }
}

uint64_t PublishedKeys::times_made() const {
  const absl::MutexLock lock(&mu_);
  return times_made_;
}

absl::StatusOr<int> PublishedKeys::Forget() {
  std::vector<Uuid> gone;
  {
    const absl::MutexLock lock(&mu_);
    gone.swap(gone_);
  }
  if (gone.size() > static_cast<size_t>(limits::kJwtRefreshPurgedMax))
    gone.resize(static_cast<size_t>(limits::kJwtRefreshPurgedMax));
  if (gone.empty()) return 0;
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  RETURN_IF_ERROR(context_.store
                      .Update([&](const View&, Batch& batch) {
                        for (const Uuid& secret : gone) UnlistKey(*keys, secret, batch);
                        return absl::OkStatus();
                      })
                      .status());
  return static_cast<int>(gone.size());
}

void PublishedKeys::Open() {
  const absl::MutexLock lock(&mu_);
  open_ = true;
}

void PublishedKeys::Close() {
  const absl::MutexLock lock(&mu_);
  open_ = false;
  gone_.clear();
  made_of_ = Revision();
  made_ = {};
  listed_.clear();
}

}  // namespace keyturn
