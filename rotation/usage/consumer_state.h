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
// Pure; thread-safe.
#pragma once

#include "keyturn/record/v1/usage.pb.h"
#include "keyturn/v1/consumer_service.pb.h"
#include "vault/records.h"

namespace keyturn {

using ConsumerState = v1::Consumer::State;

// Unix milliseconds of the last evidence: a use or an acknowledgement.
int64_t SeenMs(const record::v1::VersionUses& uses);

// The most recent evidence; nullptr when there is none.
const record::v1::VersionUses* LatestOf(const record::v1::ConsumerRecord& consumer,
                                        const SecretMetadata& metadata);

// Of a consumer with this latest evidence.
ConsumerState StateOf(const record::v1::VersionUses& latest, const SecretMetadata& metadata);

}  // namespace keyturn
