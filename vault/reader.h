// Reads of one secret: its metadata and the data of one version, through the cache.
// Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "vault/context.h"
#include "vault/path.h"
#include "vault/vault.h"

namespace keyturn {

class Reader {
 public:
  explicit Reader(const VaultContext& context) : context_(context) {}

  // As Vault::Get.
  absl::StatusOr<ReadResult> Get(const v1::GetRequest& request, absl::Time deadline) const;
  absl::StatusOr<v1::SecretInfo> Describe(const SecretPath& path) const;
  absl::StatusOr<FoundSecret> Find(const std::string& path) const;

  using Opened = VaultCache::Secret;
  // `text` need not be valid: what is not in the cache is parsed.
  absl::StatusOr<Opened> Open(const KeyringSnapshot& keys, const std::string& text,
                              bool use_cache) const;
  // NOT_FOUND when the payload or its key is gone.
  absl::StatusOr<SecretBytes> ReadData(const KeyringSnapshot& keys, const Uuid& secret,
                                       const SecretMetadata& metadata,
                                       const VersionRecord& version) const;

 private:
  // Waits until the store has seen revision `wanted`. See Vault::Get.
  absl::Status Await(uint64_t wanted, absl::Time deadline) const;
  absl::StatusOr<ReadResult> GetOnce(const KeyringSnapshot& keys, const v1::GetRequest& request,
                                     bool use_cache, bool* raced) const;

  const VaultContext& context_;
  mutable std::atomic<int> waiting_{0};  // calls in Await that wait
};

}  // namespace keyturn
