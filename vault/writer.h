// Put: a new version. The value is sealed before the update, for "version n+1 of what was read";
// the update checks that this still holds, else everything is done again. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "vault/context.h"
#include "vault/reader.h"
#include "vault/vault.h"

namespace keyturn {

class Writer {
 public:
  Writer(const VaultContext& context, const Reader& reader) : context_(context), reader_(reader) {}

  absl::StatusOr<PutResult> Put(Updater& updater, const PutParams& params,
                                const SecretBytes& data) const;

 private:
  // Everything that can be done before the update, for the secret as it was read.
  struct Plan {
    absl::Time now;
    bool is_new = false;
    Uuid secret;
    uint64_t moves = 0;           // when the path was resolved
    RecordIdentity old_record{};  // of its metadata as read
    SecretMetadata metadata;
    std::string new_record;  // its metadata with the new version, sealed; "" if new
    SecretVersion version;
    uint64_t former = 0;  // the version that was current; 0: there was none
    int64_t next_ms = 0;  // rotation.next_ms as read
    int64_t expire_ms = 0;
    SealedVersion sealed;
    std::vector<VersionRecord> pruned;
  };

  absl::StatusOr<Plan> MakePlan(const KeyringSnapshot& keys, const PutParams& params,
                                const SecretBytes& data, bool use_cache) const;
  absl::Status Locate(const KeyringSnapshot& keys, const PutParams& params, bool use_cache,
                      Plan* plan) const;
  absl::Status SealValue(const KeyringSnapshot& keys, const PutParams& params,
                         const SecretBytes& data, Plan* plan) const;
  // `*moves` are those of the view.
  static absl::Status CheckPlan(const KeyringSnapshot& keys, const PutParams& params,
                                const Plan& plan, const View& view, uint64_t* moves);
  // `*written` is what the cache may know once the batch is committed; without metadata if they are
  // the plan's.
  absl::Status Apply(const KeyringSnapshot& keys, const PutParams& params, const Plan& plan,
                     const View& view, Batch& batch, VaultCache::Secret* written) const;

  const VaultContext& context_;
  const Reader& reader_;
};

}  // namespace keyturn
