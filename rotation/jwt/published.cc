#include "rotation/jwt/published.h"

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "rotation/jwt/listed_keys.h"
#include "rotation/jwt/settings.h"

namespace keyturn {

absl::StatusOr<PublishedJwks> PublishedKeys::Make() const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  ASSIGN_OR_RETURN(const std::vector<Uuid> listed,
                   ListedKeys(*keys, *context_.store.GetSnapshot()));
  std::vector<std::string> jwks;
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
    if (*set == nullptr || (*set)->settings().unlisted()) continue;
    max_age = std::min(max_age, JwksMaxAgeOf((*set)->settings()));
    jwks.insert(jwks.end(), (*set)->jwks().begin(), (*set)->jwks().end());
  }
  return PublishedJwks{JwksDocument(jwks), max_age};
}

absl::StatusOr<PublishedJwks> PublishedKeys::Get() {
  // Before the look, so that what is made is of this state or a later one.
  const Revision revision = context_.store.LastRevision();
  {
    const absl::MutexLock lock(&mu_);
    if (revision == revision_ && revision.value() != 0) return made_;
  }
  ASSIGN_OR_RETURN(PublishedJwks made, Make());
  const absl::MutexLock lock(&mu_);
  if (revision > revision_) {
    revision_ = revision;
    made_ = made;
  }
  return made;
}

void PublishedKeys::Clear() {
  const absl::MutexLock lock(&mu_);
  revision_ = Revision();
  made_ = {};
}

}  // namespace keyturn
