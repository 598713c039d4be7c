// What reads need not open twice: paths resolved to secrets, opened metadata, unwrapped DEKs (never
// values). Bounded (vault/generations.h). Thread-safe.
//
// Coherence: a reader takes the epoch before it looks at the store and may add only if the epoch is
// still the same; a commit moves the epoch and drops what it changed before it is acknowledged. So
// a read that starts after an acknowledged change never sees what was before it. A path is believed
// only together with the metadata it leads to, both found under one lock; so an answer is always of
// one moment, and a path to a destroyed secret does no harm. Nothing is taken while the cache is
// closed (sealed): a read that began before the seal cannot leave a key behind.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "base/limits.h"
#include "base/types.h"
#include "crypto/secret_bytes.h"
#include "storage/store.h"
#include "vault/generations.h"
#include "vault/records.h"

namespace keyturn {

class VaultCache {
 public:
  using Epoch = uint64_t;
  Epoch epoch() const { return epoch_.load(std::memory_order_acquire); }

  // `moves` (ReadMoves) is of the state in which the path led to the secret.
  struct Secret {
    Uuid id;
    uint64_t moves = 0;
    std::shared_ptr<const SecretMetadata> metadata;
  };
  std::optional<Secret> Find(absl::string_view path) const;
  void Add(Epoch epoch, absl::string_view path, const Secret& secret);

  // For writers, which check in their update that nothing has moved since: where the path led when
  // the moves were these. Metadata or not.
  std::optional<Uuid> FindPath(absl::string_view path, uint64_t moves) const;
  void AddPath(Epoch epoch, absl::string_view path, const Uuid& secret, uint64_t moves);

  std::shared_ptr<const SecretBytes> FindDek(const Uuid& secret, SecretVersion version) const;
  void AddDek(Epoch epoch, const Uuid& secret, SecretVersion version,
              std::shared_ptr<const SecretBytes> dek);

  // Drops what these changes touch.
  void Invalidate(absl::Span<const CommittedUpdate> group);

  // At unseal and at seal. A new cache is closed. Closing drops everything.
  void Open();
  void Close();

  struct Sizes {
    size_t paths = 0;
    size_t metadata = 0;
    size_t deks = 0;
  };
  Sizes sizes() const;

 private:
  bool Takes(Epoch epoch) const ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    return open_ && epoch == this->epoch();
  }
  void InvalidateOne(const CommittedUpdate& update) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable absl::Mutex mu_;
  std::atomic<Epoch> epoch_{0};
  bool open_ ABSL_GUARDED_BY(mu_) = false;
  struct Path {
    Uuid secret;
    uint64_t moves = 0;
  };
  Generations<std::string, Path> paths_ ABSL_GUARDED_BY(mu_){limits::kPathCacheMax};
  Generations<Uuid, std::shared_ptr<const SecretMetadata>> metadata_ ABSL_GUARDED_BY(mu_){
      limits::kMetadataCacheMax};
  Generations<std::string, std::shared_ptr<const SecretBytes>> deks_ ABSL_GUARDED_BY(mu_){
      limits::kDekCacheMax};
};

}  // namespace keyturn
