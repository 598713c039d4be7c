// What the committing thread read and wrote last. It is the only writer, so what it has seen of a
// record still holds, and most changes look at records that a change just before them looked at:
// the secret itself, the directories above it. As they are stored, so sealed. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "base/limits.h"
#include "storage/store.h"

namespace keyturn {

class RecentRecords {
 public:
  using Value = std::optional<std::string>;  // none: there is no such record
  using Hash = std::array<uint64_t, 4>;

  // Holds twice `bytes` at most, of keys and values.
  explicit RecentRecords(size_t bytes = limits::kRecentRecordBytes) : bytes_(bytes) {}

  // Only families whose every change is in a batch. Not wrapped keys: they leave memory when they
  // are erased.
  static bool Keeps(Family family);

  // Null when it is not known. Valid until the next call.
  const Value* Find(Family family, absl::string_view key);
  // Its RecordHasher's hash. Null when it was not kept with the record, or there is none.
  const Hash* FindHash(Family family, absl::string_view key);
  // That the record is so from now on. Forgets the oldest when there are too many, and does not
  // keep a large one. REQUIRES: Keeps(family).
  void Keep(Family family, absl::string_view key, Value value,
            const std::optional<Hash>& hash = std::nullopt);
  // There is another hasher.
  void ForgetHashes();

 private:
  struct Known {
    Value value;
    std::optional<Hash> hash;
  };
  using Records = absl::flat_hash_map<std::string, Known>;
  // Two of them instead of an order of use: what is looked for moves to the younger one, and when
  // that is full the older one goes.
  struct Generation {
    std::array<Records, kFamilies> families;
    size_t bytes = 0;
  };
  // Null when it is not known; in the younger one.
  const Known* Look(Family family, absl::string_view key);
  void KeepKnown(Family family, absl::string_view key, Known known);
  Records& young(Family family) { return young_.families[static_cast<size_t>(family)]; }
  Records& old(Family family) { return old_.families[static_cast<size_t>(family)]; }

  size_t bytes_;
  Generation young_;
  Generation old_;
};

}  // namespace keyturn
