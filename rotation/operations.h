// What callers have done to the rotation of one secret: changes of its policy, and of what the
// engine would do by itself later. As Rotation's methods, without the work that follows.
// Thread-safe.
#pragma once

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "rotation/context.h"
#include "rotation/rotation.h"
#include "rotation/store_state.h"
#include "vault/path.h"

namespace keyturn {

class Operations {
 public:
  explicit Operations(const RotationContext& context) : context_(context) {}

  // Each but CheckPolicy gives the uuid of the secret.
  absl::StatusOr<Uuid> SetPolicy(Updater& updater,
                                 const v1::SetRotationPolicyRequest& request) const;
  // Whether the secret with these metadata may have the policy; everything of SetPolicy that takes
  // time, before its update.
  absl::Status CheckPolicy(const v1::SetRotationPolicyRequest& request,
                           const SecretMetadata& metadata) const;
  absl::StatusOr<Uuid> RemovePolicy(Updater& updater,
                                    const v1::RemoveRotationPolicyRequest& request) const;
  absl::StatusOr<Uuid> Cancel(Updater& updater, const v1::CancelRotationRequest& request) const;
  absl::StatusOr<Uuid> Pause(Updater& updater, const v1::PauseRotationRequest& request) const;
  absl::StatusOr<Uuid> Resume(Updater& updater, const v1::ResumeRotationRequest& request) const;
  absl::StatusOr<Uuid> Rotate(Updater& updater, const v1::RotateRequest& request,
                              const std::string& principal) const;
  absl::StatusOr<Uuid> Rollback(Updater& updater, const v1::RollbackRequest& request,
                                const std::string& principal) const;
  absl::StatusOr<Uuid> SetGrace(Updater& updater, const v1::SetGraceRequest& request) const;
  absl::StatusOr<Uuid> Retire(Updater& updater, const v1::RetireRequest& request) const;

 private:
  // What an edit works on. `run` is written if it is set: the open one, or another.
  struct Scene {
    RotatingSecret secret;
    const KeyringSnapshot& keys;
    const View& view;
    absl::Time now;
    Batch& batch;
    // What watchers are told.
    v1::WatchResponse::Type type = v1::WatchResponse::METADATA;
    uint64_t version = 0;
    absl::string_view event = {};  // what others are told; "": nothing
  };
  using Edit = absl::FunctionRef<absl::Status(Scene& scene)>;
  // NO_POLICY unless the secret rotates, or `any` secret will do.
  absl::StatusOr<Uuid> Change(Updater& updater, const std::string& path, bool any, Edit edit) const;

  const RotationContext& context_;
};

}  // namespace keyturn
