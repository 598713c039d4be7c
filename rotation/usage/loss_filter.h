// When uses were last not even counted to a secret, because there was no room: a fixed table by a
// hash of secret and version. It may say so of a version that lost none, and never of one that did
// that it lost none. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "absl/time/time.h"
#include "base/limits.h"
#include "base/types.h"
#include "keyturn/record/v1/usage.pb.h"

namespace keyturn {

class LossFilter {
 public:
  // Kept in whole seconds, rounded up.
  void Mark(const Uuid& secret, SecretVersion version, absl::Time time);
  // InfinitePast: none was lost.
  absl::Time Last(const Uuid& secret, SecretVersion version) const;
  // Marks since the start of the process.
  uint64_t marks() const { return marks_.load(std::memory_order_relaxed); }

  record::v1::UsageLosses Save() const;
  // In addition to what is there. A record of another size says it of all versions.
  void Load(const record::v1::UsageLosses& saved);
  void Clear();

 private:
  void Raise(size_t slot, uint32_t seconds);

  std::array<std::atomic<uint32_t>, limits::kUsageLossSlots> seconds_{};
  std::atomic<uint64_t> marks_{0};
};

}  // namespace keyturn
