// The public keys that everybody may fetch, as one JSON web key set (RFC 7517 section 5): of all
// secrets that sign and are not unlisted, next, current and in grace, as of one moment. Made anew
// when one of these secrets has changed, before that change is acknowledged, so a key that was
// withdrawn is never served again. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
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
  // From the server's commit listener.
  void OnCommitted(absl::Span<const CommittedUpdate> group);
  // How often the set was made so far.
  uint64_t times_made() const;
  // As JwtKeySets.
  void Open();
  void Close();
  // Takes secrets that are gone out of the table of those that are listed; how many.
  absl::StatusOr<int> Forget();

 private:
  struct Made {
    PublishedJwks jwks;
    Revision of;               // the state of the store
    std::vector<Uuid> listed;  // all that the table has
    std::vector<Uuid> gone;    // of these
  };
  absl::StatusOr<Made> Make(const KeyringSnapshot& keys);
  void Keep(const Made& made) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool IsStale() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Of a change at `revision`, whether it may be one of the set. While a set is made, what is in it
  // is not known: who changed is noted.
  bool Concerns(const Batch::Operation& operation, Revision revision)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const JwtContext& context_;
  JwtKeySets& sets_;
  absl::Mutex making_mu_;  // one makes it, the others wait for that; before mu_
  mutable absl::Mutex mu_;
  bool open_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<Uuid> gone_ ABSL_GUARDED_BY(mu_);  // but in the table
  PublishedJwks made_ ABSL_GUARDED_BY(mu_);
  Revision made_of_ ABSL_GUARDED_BY(mu_);                  // the state of the store; none: 0
  Revision changed_at_ ABSL_GUARDED_BY(mu_);               // the last change that concerns it
  absl::flat_hash_set<Uuid> listed_ ABSL_GUARDED_BY(mu_);  // whose changes do
  std::string table_ ABSL_GUARDED_BY(mu_);                 // what keys of the table begin with
  bool making_ ABSL_GUARDED_BY(mu_) = false;
  absl::flat_hash_map<Uuid, Revision> meanwhile_ ABSL_GUARDED_BY(mu_);  // changed while making_
  uint64_t times_made_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace keyturn
