#include "vault/cache.h"

#include "storage/schema.h"

namespace keyturn {
namespace {

bool IsMetadataKey(absl::string_view key) {
  return key.size() == Uuid::kSize + 1 && key.back() == 'm';
}

}  // namespace

std::optional<VaultCache::Secret> VaultCache::Find(absl::string_view path) const {
  const absl::ReaderMutexLock lock(&mu_);
  const Path* const known = paths_.Find(path);
  if (known == nullptr) return std::nullopt;
  const std::shared_ptr<const SecretMetadata>* const metadata = metadata_.Find(known->secret);
  if (metadata == nullptr) return std::nullopt;
  return Secret{known->secret, known->moves, *metadata};
}

void VaultCache::Add(Epoch epoch, absl::string_view path, const Secret& secret) {
  // Destroyed after the lock is released.
  decltype(paths_)::Map old_paths;
  decltype(metadata_)::Map old_metadata;
  const absl::MutexLock lock(&mu_);
  if (!Takes(epoch)) return;
  old_paths = paths_.Add(std::string(path), {secret.id, secret.moves});
  old_metadata = metadata_.Add(secret.id, secret.metadata);
}

std::optional<Uuid> VaultCache::FindPath(absl::string_view path, uint64_t moves) const {
  const absl::ReaderMutexLock lock(&mu_);
  const Path* const known = paths_.Find(path);
  if (known == nullptr || known->moves != moves) return std::nullopt;
  return known->secret;
}

void VaultCache::AddPath(Epoch epoch, absl::string_view path, const Uuid& secret, uint64_t moves) {
  decltype(paths_)::Map old_paths;
  const absl::MutexLock lock(&mu_);
  if (!Takes(epoch)) return;
  old_paths = paths_.Add(std::string(path), {secret, moves});
}

std::shared_ptr<const SecretBytes> VaultCache::FindDek(const Uuid& secret,
                                                       SecretVersion version) const {
  const std::string key = schema::DekKey(secret, version);
  const absl::ReaderMutexLock lock(&mu_);
  const std::shared_ptr<const SecretBytes>* const dek = deks_.Find(key);
  return dek == nullptr ? nullptr : *dek;
}

void VaultCache::AddDek(Epoch epoch, const Uuid& secret, SecretVersion version,
                        std::shared_ptr<const SecretBytes> dek) {
  decltype(deks_)::Map old_deks;
  const absl::MutexLock lock(&mu_);
  if (!Takes(epoch)) return;
  old_deks = deks_.Add(schema::DekKey(secret, version), std::move(dek));
}

void VaultCache::InvalidateOne(const CommittedUpdate& update) {
  bool name_gone = false;
  bool secret_gone = false;
  for (const Batch::Operation& operation : *update.operations) {
    if (operation.family == Family::kDeks) {
      deks_.Erase(operation.key);
    } else if (operation.family == Family::kIndex && operation.is_delete) {
      name_gone = true;
    } else if (operation.family == Family::kRecords && IsMetadataKey(operation.key)) {
      metadata_.Erase(*Uuid::FromBytes(operation.key.substr(0, Uuid::kSize)));
      secret_gone |= operation.is_delete;
    }
  }
  // A name that goes without its secret was moved, and with a directory all below it; its path
  // cannot be told from its key. One that goes with its secret leads to no metadata any more.
  if (name_gone && !secret_gone) paths_.Clear();
}

void VaultCache::Invalidate(absl::Span<const CommittedUpdate> group) {
  const absl::MutexLock lock(&mu_);
  epoch_.fetch_add(1, std::memory_order_acq_rel);
  for (const CommittedUpdate& update : group) InvalidateOne(update);
}

void VaultCache::Open() {
  const absl::MutexLock lock(&mu_);
  open_ = true;
}

void VaultCache::Close() {
  const absl::MutexLock lock(&mu_);
  open_ = false;
  epoch_.fetch_add(1, std::memory_order_acq_rel);
  paths_.Clear();
  metadata_.Clear();
  deks_.Clear();
}

VaultCache::Sizes VaultCache::sizes() const {
  const absl::ReaderMutexLock lock(&mu_);
  return {paths_.size(), metadata_.size(), deks_.size()};
}

}  // namespace keyturn
