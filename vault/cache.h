// What reads need not open twice: paths resolved to secrets, opened metadata, unwrapped DEKs (never
// values). Bounded; a cache that is full starts over. Coherence: a reader takes the epoch before it
// looks at the store and may insert only if the epoch is still the same; a commit moves the epoch
// and drops what it changed, before it is acknowledged. So a read that starts after an acknowledged
// change never sees what was before it. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "base/types.h"
#include "crypto/secret_bytes.h"
#include "storage/store.h"
#include "vault/records.h"

namespace keyturn {

class VaultCache {
 public:
  using Epoch = uint64_t;
  Epoch epoch() const { return epoch_.load(std::memory_order_acquire); }

  std::optional<Uuid> FindPath(absl::string_view path) const;
  void AddPath(Epoch epoch, absl::string_view path, const Uuid& secret);

  std::shared_ptr<const SecretMetadata> FindMetadata(const Uuid& secret) const;
  void AddMetadata(Epoch epoch, const Uuid& secret, std::shared_ptr<const SecretMetadata> metadata);

  std::shared_ptr<const SecretBytes> FindDek(const Uuid& secret, SecretVersion version) const;
  void AddDek(Epoch epoch, const Uuid& secret, SecretVersion version,
              std::shared_ptr<const SecretBytes> dek);

  // Drops what these changes touch. Index entries that go away end every resolved path.
  void Invalidate(absl::Span<const CommittedUpdate> group);
  // At seal.
  void Clear();

 private:
  mutable absl::Mutex mu_;
  std::atomic<Epoch> epoch_{0};
  absl::flat_hash_map<std::string, Uuid> paths_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<Uuid, std::shared_ptr<const SecretMetadata>> metadata_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<std::string, std::shared_ptr<const SecretBytes>> deks_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
