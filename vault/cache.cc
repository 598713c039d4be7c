#include "vault/cache.h"

#include "base/coding.h"
#include "crypto/arena.h"
#include "storage/schema.h"

namespace keyturn {
namespace {

// DEKs are in the arena of secrets, which calls in flight need too: at most a quarter of it.
size_t VersionsMax() {
  constexpr size_t kArenaBytesOfDek = 32;
  return std::min(limits::kDekCacheMax, GetArenaStats().capacity / 4 / kArenaBytesOfDek);
}

}  // namespace

VaultCache::VaultCache() : versions_(VersionsMax()) {}

std::optional<VaultCache::Secret> VaultCache::Find(absl::string_view path) const {
  const absl::ReaderMutexLock lock(&mu_);
  const Path* const known = paths_.Find(path);
  if (known == nullptr) return std::nullopt;
  const Metadata* const metadata = metadata_.Find(known->secret);
  if (metadata == nullptr || metadata->metadata == nullptr) return std::nullopt;
  return Secret{known->secret, known->moves, metadata->metadata, metadata->identity};
}

void VaultCache::Add(Epoch epoch, absl::string_view path, const Secret& secret) {
  // Destroyed after the lock is released.
  decltype(paths_)::Map old_paths;
  decltype(metadata_)::Map old_metadata;
  const absl::MutexLock lock(&mu_);
  if (!Takes(epoch)) return;
  old_paths = paths_.Add(std::string(path), {secret.id, secret.moves});
  old_metadata = metadata_.Add(secret.id, {secret.identity, secret.metadata});
}

void VaultCache::AddWritten(Revision revision, absl::string_view path, const Secret& secret) {
  decltype(paths_)::Map old_paths;
  const absl::MutexLock lock(&mu_);
  const Metadata* const known = metadata_.Find(secret.id);
  if (known == nullptr || known->identity != secret.identity) return;
  metadata_.Replace(secret.id, {secret.identity, secret.metadata});
  if (revision > name_gone_) old_paths = paths_.Add(std::string(path), {secret.id, secret.moves});
}

std::optional<Uuid> VaultCache::FindPath(absl::string_view path, uint64_t moves) const {
  const absl::ReaderMutexLock lock(&mu_);
  const Path* const known = paths_.Find(path);
  if (known == nullptr || known->moves != moves) return std::nullopt;
  return known->secret;
}

VaultCache::VersionData VaultCache::FindData(const Uuid& secret, SecretVersion version) const {
  const absl::ReaderMutexLock lock(&mu_);
  const VersionData* const data = versions_.Find(VersionKey(secret, version));
  return data == nullptr ? VersionData() : *data;
}

void VaultCache::AddData(Epoch epoch, const Uuid& secret, SecretVersion version, VersionData data) {
  decltype(versions_)::Map old_versions;
  const absl::MutexLock lock(&mu_);
  if (!Takes(epoch)) return;
  old_versions = versions_.Add({secret, version}, std::move(data));
}

void VaultCache::DropVersion(absl::string_view key, size_t number_offset) {
  absl::string_view number = key.substr(number_offset);
  const absl::StatusOr<Uuid> secret = Uuid::FromBytes(key.substr(0, Uuid::kSize));
  const std::optional<uint64_t> version = ReadBigEndian64(&number);
  if (secret.ok() && version.has_value()) {
    versions_.Erase(VersionKey(*secret, SecretVersion(*version)));
  }
}

void VaultCache::InvalidateOne(const CommittedUpdate& update,
                               std::vector<MetadataMap::Map>* forgotten) {
  bool name_gone = false;
  bool secret_gone = false;
  for (const Batch::Operation& operation : *update.operations) {
    if (operation.family == Family::kDeks) {
      DropVersion(operation.key, Uuid::kSize);
    } else if (operation.family == Family::kIndex && operation.is_delete) {
      name_gone = true;
    } else if (const std::optional<Uuid> secret = schema::SecretOf(operation)) {
      if (operation.is_delete) {
        metadata_.Erase(*secret);
      } else if (open_) {
        forgotten->push_back(metadata_.Add(*secret, {IdentityOf(operation.value), nullptr}));
      }
      secret_gone |= operation.is_delete;
    } else if (operation.family == Family::kRecords && schema::IsPayloadKey(operation.key)) {
      DropVersion(operation.key, Uuid::kSize + 1);
    }
  }
  // A name that goes without its secret was moved, and with a directory all below it; its path
  // cannot be told from its key. One that goes with its secret leads to no metadata any more.
  if (name_gone && !secret_gone) paths_.Clear();
  if (name_gone) name_gone_ = update.revision;
}

void VaultCache::Invalidate(absl::Span<const CommittedUpdate> group) {
  std::vector<MetadataMap::Map> forgotten;
  const absl::MutexLock lock(&mu_);
  epoch_.fetch_add(1, std::memory_order_acq_rel);
  for (const CommittedUpdate& update : group) InvalidateOne(update, &forgotten);
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
  versions_.Clear();
}

VaultCache::Sizes VaultCache::sizes() const {
  const absl::ReaderMutexLock lock(&mu_);
  return {paths_.size(), metadata_.size(), versions_.size()};
}

}  // namespace keyturn
