#include "rotation/jwt/published.h"

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "rotation/jwt/listed_keys.h"
#include "rotation/jwt/settings.h"

namespace keyturn {

absl::StatusOr<PublishedJwks> PublishedKeys::Make() {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  ASSIGN_OR_RETURN(const std::vector<Uuid> listed,
                   ListedKeys(*keys, *context_.store.GetSnapshot()));
  std::vector<std::string> jwks;
  std::vector<Uuid> gone;
  size_t secrets = 0;
  absl::Duration max_age = absl::Seconds(limits::kJwksMaxAgeSeconds);
  for (const Uuid& secret : listed) {
    const absl::StatusOr<std::shared_ptr<const JwtKeySet>> set = sets_.Get(secret);
    // One that is damaged must not take the others with it.
    if (absl::IsDataLoss(set.status()) || absl::IsNotFound(set.status())) {
      LogError("the public keys of a secret are not published",
               {{"secret", secret.ToString()}, {"error", std::string(set.status().message())}});
      continue;
    }
    RETURN_IF_ERROR(set.status());
    if (*set == nullptr) gone.push_back(secret);
    if (*set == nullptr || (*set)->settings().unlisted()) continue;
    if (++secrets > limits::kJwtKeysListedMax) {
      LogError("more keys are listed than are published",
               {{"published", std::to_string(limits::kJwtKeysListedMax)}});
      break;
    }
    max_age = std::min(max_age, JwksMaxAgeOf((*set)->settings()));
    jwks.insert(jwks.end(), (*set)->jwks().begin(), (*set)->jwks().end());
  }
  const absl::MutexLock lock(&mu_);
  gone_ = std::move(gone);
  return PublishedJwks{JwksDocument(jwks), max_age};
}

absl::StatusOr<PublishedJwks> PublishedKeys::Get() {
  RETURN_IF_ERROR(context_.keyring.Snapshot().status());  // sealed: what was made is not given
  // Before the look, so that what is made is of this state or a later one.
  const Revision revision = context_.store.LastRevision();
  {
    const absl::MutexLock lock(&mu_);
    if (revision == revision_ && revision.value() != 0) return made_;
  }
  ASSIGN_OR_RETURN(PublishedJwks made, Make());
  const absl::MutexLock lock(&mu_);
  if (open_ && revision > revision_) {
    revision_ = revision;
    made_ = made;
  }
  return made;
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
  revision_ = Revision();
  made_ = {};
}

}  // namespace keyturn
