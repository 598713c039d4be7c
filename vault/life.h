// The rest of a secret's life: its metadata, soft deletion and its undoing, destruction.
// Thread-safe.
#pragma once

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "vault/context.h"
#include "vault/tree.h"
#include "vault/vault.h"

namespace keyturn {

class Life {
 public:
  explicit Life(const VaultContext& context) : context_(context) {}

  absl::StatusOr<v1::SecretInfo> UpdateMetadata(Updater& updater,
                                                const v1::UpdateMetadataRequest& request) const;
  absl::StatusOr<v1::SecretInfo> Delete(Updater& updater, const v1::DeleteRequest& request) const;
  absl::StatusOr<v1::SecretInfo> Undelete(Updater& updater,
                                          const v1::UndeleteRequest& request) const;
  absl::StatusOr<v1::DestroyResponse> Destroy(Updater& updater,
                                              const v1::DestroyRequest& request) const;

 private:
  // Reads the metadata in an update, lets `edit` change it, and writes it with a change event.
  using Edit = absl::FunctionRef<absl::Status(const Uuid& secret, absl::Time now,
                                              SecretMetadata* metadata, Batch& batch)>;
  absl::StatusOr<v1::SecretInfo> Change(Updater& updater, const SecretPath& path,
                                        v1::WatchResponse::Type type, uint64_t version, Edit edit,
                                        Revision* revision = nullptr) const;
  // In one update. With `all` of the request, what is gone meanwhile is passed over; else it is
  // NOT_FOUND.
  absl::Status DestroySome(Updater& updater, const SecretPath& path,
                           absl::Span<const uint64_t> numbers, const v1::DestroyRequest& request,
                           v1::DestroyResponse* out) const;
  absl::Status RemoveSecret(Updater& updater, const SecretPath& path, bool leave_at_target,
                            v1::DestroyResponse* out) const;

  const VaultContext& context_;
};

}  // namespace keyturn
