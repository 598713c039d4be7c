// The public keys that everybody may fetch, as one JSON web key set (RFC 7517 section 5): of all
// secrets that sign and are not unlisted, next, current and in grace. Made anew after each change
// of the store, so a key that was withdrawn is never served again. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "rotation/jwt/context.h"
#include "rotation/jwt/key_sets.h"

namespace keyturn {

struct PublishedJwks {
  std::string document;
  absl::Duration max_age;  // so long it may be kept
};

class PublishedKeys {
 public:
  PublishedKeys(const JwtContext& context, JwtKeySets& sets) : context_(context), sets_(sets) {}

  // FAILED_PRECONDITION while sealed.
  absl::StatusOr<PublishedJwks> Get();
  // As JwtKeySets.
  void Open();
  void Close();
  // Takes secrets that are gone out of the table of those that are listed; how many.
  absl::StatusOr<int> Forget();

 private:
  absl::StatusOr<PublishedJwks> Make();

  const JwtContext& context_;
  JwtKeySets& sets_;
  absl::Mutex mu_;
  bool open_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<Uuid> gone_ ABSL_GUARDED_BY(mu_);  // but in the table
  // Of which state of the store; none: 0.
  Revision revision_ ABSL_GUARDED_BY(mu_);
  PublishedJwks made_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
