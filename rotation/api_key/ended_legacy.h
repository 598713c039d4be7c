// The keys that were made elsewhere whose secret is in no API key's record any more: rolled away,
// or removed with the record. A small record of each is kept for good, on the disk alone, so that
// no import brings back what has ended. Thread-safe (no state).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "auth/sealed_table.h"
#include "rotation/api_key/record.h"
#include "storage/store.h"

namespace keyturn {

class EndedLegacyKeys {
 public:
  // Inside the update that changes `before` into `after` (nullptr: that removes it): keeps which
  // secrets that were made elsewhere leave with it.
  absl::Status Keep(const KeyringSnapshot& keys, const View& view, const ApiKeyRecord& before,
                    const ApiKeyRecord* after, Batch& batch) const;
  // The same of one secret of the API key `id`, by the MAC that its record had.
  absl::Status Put(const KeyringSnapshot& keys, const View& view, absl::string_view id,
                   absl::string_view mac, Batch& batch) const;

  // The id of the API key that the secret with this MAC has left; "" when it has left none.
  // DATA_LOSS when that is not known, because the record does not open.
  absl::StatusOr<std::string> Find(const KeyringSnapshot& keys, const View& view,
                                   absl::string_view mac) const;

 private:
  const SealedTable table_{Purpose::kEndedLegacyKey};
};

}  // namespace keyturn
