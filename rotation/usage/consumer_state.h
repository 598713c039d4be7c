// What a consumer of a secret is found to be. The most recent evidence decides: its version is
// the one that it used or acknowledged last; at the same millisecond, the one that became current
// later.
//
//   its version                             state
//   is the current one                      CURRENT; ACKNOWLEDGED if it said that it uses it
//   works, but was replaced: in grace,      LAGGING if it was seen limits::kConsumerGoneSeconds
//   being retired, or an older one of a     before the replacement, or later; else GONE. So who
//   secret without a policy                 fetched the value shortly before and not again lags:
//                                           it may hold it in memory. If it is not known when the
//                                           version was replaced, it lags.
//   works no more, or is not known          GONE
//
// A consumer that uses two versions at once is judged by the one that it used last. One principal
// is one consumer: of two processes that share one, the later one speaks for both.
//
// Of a key that signs, it is noted as well for whom the server signed and verified tokens. Who had
// that done holds no key: it may come back with such a token, and no longer than that is valid.
//
//   the version of its last token           state
//   is the current one                      CURRENT
//   works, but was replaced                 LAGGING until no token of it that it had is valid any
//                                           more; then GONE
//   works no more, or is not known          GONE
//
// Of both, the later evidence counts. But who may hold a former version lags, whatever tokens came.
//
// Pure; thread-safe.
#pragma once

#include "absl/time/time.h"
#include "keyturn/record/v1/usage.pb.h"
#include "keyturn/v1/consumer_service.pb.h"
#include "vault/records.h"

namespace keyturn {

using ConsumerState = v1::Consumer::State;

// Unix milliseconds of the last use or acknowledgement.
int64_t SeenMs(const record::v1::VersionUses& uses);

// The most recent use or acknowledgement, and the version whose token was there last; nullptr when
// there is none.
const record::v1::VersionUses* LatestOf(const record::v1::ConsumerRecord& consumer,
                                        const SecretMetadata& metadata);
const record::v1::VersionUses* LatestTokenOf(const record::v1::ConsumerRecord& consumer,
                                             const SecretMetadata& metadata);

// Of a consumer with this latest use or acknowledgement.
ConsumerState StateOf(const record::v1::VersionUses& latest, const SecretMetadata& metadata);

// By all that is known of it.
struct FoundConsumer {
  const record::v1::VersionUses* by = nullptr;  // the evidence that decides; nullptr: there is none
  ConsumerState state = v1::Consumer::GONE;
  int64_t seen_ms = 0;
};
FoundConsumer FindConsumer(const record::v1::ConsumerRecord& consumer,
                           const SecretMetadata& metadata, absl::Time now);

}  // namespace keyturn
