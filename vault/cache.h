// What need not be read or opened twice: paths resolved to secrets, opened metadata, unwrapped DEKs
// and the small payloads they open, still sealed (never values). Bounded (vault/generations.h).
// Thread-safe.
//
// Coherence: a reader takes the epoch before it looks at the store and may add only if the epoch is
// still the same; a commit moves the epoch and drops what it changed before it is acknowledged. So
// a read that starts after an acknowledged change never sees what was before it. A path is believed
// only together with the metadata it leads to, both found under one lock; so an answer is always of
// one moment, and a path to a destroyed secret does no harm. Nothing is taken while the cache is
// closed (sealed): a read that began before the seal cannot leave a key behind. A change of
// metadata leaves the identity of the new record, so that its writer, who knows what is in it, may
// add it.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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
  VaultCache();

  using Epoch = uint64_t;
  Epoch epoch() const { return epoch_.load(std::memory_order_acquire); }

  // `moves` (ReadMoves) is of the state in which the path led to the secret.
  struct Secret {
    Uuid id;
    uint64_t moves = 0;
    std::shared_ptr<const SecretMetadata> metadata;
    RecordIdentity identity{};  // of the metadata as stored
  };
  std::optional<Secret> Find(absl::string_view path) const;
  void Add(Epoch epoch, absl::string_view path, const Secret& secret);
  // By the writer of a secret's metadata, once they are committed: where the path led and what the
  // metadata were at `revision`. Taken as far as nothing has changed it since.
  void AddWritten(Revision revision, absl::string_view path, const Secret& secret);

  // For writers, which check in their update that nothing has moved since: where the path led when
  // the moves were these. Metadata or not.
  std::optional<Uuid> FindPath(absl::string_view path, uint64_t moves) const;

  // `payload` is sealed; nullptr when it is too large to be kept.
  struct VersionData {
    std::shared_ptr<const SecretBytes> dek;
    std::shared_ptr<const std::string> payload;
  };
  // Without a DEK when it is not there.
  VersionData FindData(const Uuid& secret, SecretVersion version) const;
  void AddData(Epoch epoch, const Uuid& secret, SecretVersion version, VersionData data);

  // Drops what these changes touch.
  void Invalidate(absl::Span<const CommittedUpdate> group);

  // At unseal and at seal. A new cache is closed. Closing drops everything.
  void Open();
  void Close();

  struct Sizes {
    size_t paths = 0;
    size_t metadata = 0;
    size_t versions = 0;
  };
  Sizes sizes() const;

 private:
  bool Takes(Epoch epoch) const ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    return open_ && epoch == this->epoch();
  }
  // A key that begins with a secret's uuid and has a version's number at an offset.
  void DropVersion(absl::string_view key, size_t number_offset) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  struct Metadata {
    RecordIdentity identity{};
    std::shared_ptr<const SecretMetadata> metadata;  // nullptr: changed since it was opened
  };
  using MetadataMap = Generations<Uuid, Metadata>;
  // Adds to `*forgotten` what is to be destroyed outside the lock.
  void InvalidateOne(const CommittedUpdate& update, std::vector<MetadataMap::Map>* forgotten)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable absl::Mutex mu_;
  std::atomic<Epoch> epoch_{0};
  bool open_ ABSL_GUARDED_BY(mu_) = false;
  struct Path {
    Uuid secret;
    uint64_t moves = 0;
  };
  Generations<std::string, Path> paths_ ABSL_GUARDED_BY(mu_){limits::kPathCacheMax};
  // The last change that took a name away.
  Revision name_gone_ ABSL_GUARDED_BY(mu_);
  MetadataMap metadata_ ABSL_GUARDED_BY(mu_){limits::kMetadataCacheMax};
  using VersionKey = std::pair<Uuid, SecretVersion>;
  Generations<VersionKey, VersionData> versions_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
