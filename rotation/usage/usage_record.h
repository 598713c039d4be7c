// The record of who uses a secret: how uses go into it, what it is read as, and how it is sealed.
// Bounded: of limits::kConsumersPerSecretMax consumers the names are kept. Of those that find no
// place it is kept which version they used last, and when, so that nobody who may still use a
// version is forgotten; who is known to be gone may be, and who only had tokens signed or verified.
// Thread-safe (no state).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "keyring/keyring_snapshot.h"
#include "keyturn/record/v1/usage.pb.h"
#include "keyturn/v1/consumer_service.pb.h"
#include "rotation/usage/use_book.h"
#include "storage/store.h"
#include "vault/records.h"

namespace keyturn {

// The name under which those are shown whose names are not kept. No principal is called so.
inline constexpr absl::string_view kOtherConsumers = "(others)";

// Takes the uses of one secret into its record.
void Absorb(absl::Span<const CountedUses> uses, const SecretMetadata& metadata,
            record::v1::UsageRecord* record);

// Somebody who is not known used `version` at `time`.
void AbsorbUnknown(uint64_t version, absl::Time time, record::v1::UsageRecord* record);

// Takes out the consumer that is shown as `name`, or the others. Whether there was one.
bool ForgetConsumer(absl::string_view name, absl::Time now, record::v1::UsageRecord* record);

// As they are shown at `now`, without a path: those seen last first. The others once for each
// version.
std::vector<v1::Consumer> ConsumersIn(const record::v1::UsageRecord& record,
                                      const SecretMetadata& metadata, absl::Time now);
// A principal as text: what is not UTF-8 is escaped.
std::string ShownName(const std::string& name);

struct StoredUsage {
  record::v1::UsageRecord record;
  uint64_t generation = 0;
  std::optional<std::string> sealed;  // as it is in the store
};
// An empty one when there is none. DATA_LOSS for what does not open.
absl::StatusOr<StoredUsage> ReadUsage(const KeyringSnapshot& keys, const View& view,
                                      const Uuid& secret);
// As the next generation.
absl::StatusOr<std::string> SealUsage(const KeyringSnapshot& keys, const Uuid& secret,
                                      const StoredUsage& usage);

}  // namespace keyturn
