#include "vault/cache.h"

#include "base/limits.h"
#include "storage/schema.h"

namespace keyturn {

std::optional<Uuid> VaultCache::FindPath(absl::string_view path) const {
  const absl::ReaderMutexLock lock(&mu_);
  const auto it = paths_.find(path);
  return it == paths_.end() ? std::nullopt : std::optional<Uuid>(it->second);
}

void VaultCache::AddPath(Epoch epoch, absl::string_view path, const Uuid& secret) {
  const absl::MutexLock lock(&mu_);
  if (epoch != this->epoch()) return;
  if (paths_.size() >= limits::kPathCacheMax) paths_.clear();
  paths_.insert_or_assign(std::string(path), secret);
}

std::shared_ptr<const SecretMetadata> VaultCache::FindMetadata(const Uuid& secret) const {
  const absl::ReaderMutexLock lock(&mu_);
  const auto it = metadata_.find(secret);
  return it == metadata_.end() ? nullptr : it->second;
}

void VaultCache::AddMetadata(Epoch epoch, const Uuid& secret,
                             std::shared_ptr<const SecretMetadata> metadata) {
  const absl::MutexLock lock(&mu_);
  if (epoch != this->epoch()) return;
  if (metadata_.size() >= limits::kMetadataCacheMax) metadata_.clear();
  metadata_.insert_or_assign(secret, std::move(metadata));
}

std::shared_ptr<const SecretBytes> VaultCache::FindDek(const Uuid& secret,
                                                       SecretVersion version) const {
  const std::string key = schema::DekKey(secret, version);
  const absl::ReaderMutexLock lock(&mu_);
  const auto it = deks_.find(key);
  return it == deks_.end() ? nullptr : it->second;
}

void VaultCache::AddDek(Epoch epoch, const Uuid& secret, SecretVersion version,
                        std::shared_ptr<const SecretBytes> dek) {
  const absl::MutexLock lock(&mu_);
  if (epoch != this->epoch()) return;
  if (deks_.size() >= limits::kDekCacheMax) deks_.clear();
  deks_.insert_or_assign(schema::DekKey(secret, version), std::move(dek));
}

void VaultCache::Invalidate(absl::Span<const CommittedUpdate> group) {
  const absl::MutexLock lock(&mu_);
  epoch_.fetch_add(1, std::memory_order_acq_rel);
  for (const CommittedUpdate& update : group) {
    for (const Batch::Operation& operation : *update.operations) {
      if (operation.family == Family::kDeks) {
        deks_.erase(operation.key);
      } else if (operation.family == Family::kIndex && operation.is_delete) {
        paths_.clear();
      } else if (operation.family == Family::kRecords && operation.key.size() == Uuid::kSize + 1 &&
                 operation.key.back() == 'm') {
        metadata_.erase(*Uuid::FromBytes(operation.key.substr(0, Uuid::kSize)));
      }
    }
  }
}

void VaultCache::Clear() {
  const absl::MutexLock lock(&mu_);
  epoch_.fetch_add(1, std::memory_order_acq_rel);
  paths_.clear();
  metadata_.clear();
  deks_.clear();
}

}  // namespace keyturn
