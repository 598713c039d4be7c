// Keys that sign, as operators make and change them. Thread-safe.
#pragma once

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "keyturn/v1/jwt_service.pb.h"
#include "rotation/jwt/context.h"
#include "rotation/store_state.h"

namespace keyturn {

class JwtAdmin {
 public:
  explicit JwtAdmin(const JwtContext& context) : context_(context) {}

  // As JwtService says; RESOURCE_EXHAUSTED as CheckListHasRoom. `principal` is who asks.
  absl::StatusOr<v1::JwtKey> Create(Updater& updater, const v1::CreateJwtKeyRequest& request,
                                    const std::string& principal) const;
  absl::StatusOr<v1::JwtKey> Adopt(Updater& updater, const v1::AdoptJwtKeyRequest& request) const;
  // `may_read`: whether the caller may read the secret's values; who may not, makes no key
  // readable.
  absl::StatusOr<v1::JwtKey> Update(Updater& updater, const v1::UpdateJwtKeyRequest& request,
                                    const absl::Status& may_read) const;
  // As Jwt::RevokeKeys.
  absl::Status RevokeKeys(const std::string& path, absl::Span<const uint64_t> versions,
                          bool all) const;
  absl::StatusOr<v1::JwtKey> Get(const std::string& path) const;

 private:
  using Edit = absl::FunctionRef<absl::Status(RotatingSecret& secret)>;
  // The secret gets these settings by `edit`.
  absl::Status Change(Updater& updater, const std::string& path, const v1::JwtKeySettings& settings,
                      Edit edit) const;
  // A new secret, which is listed in the same change.
  absl::Status Put(Updater& updater, const PutParams& params, const SecretBytes& data) const;
  // The next key is made now; if that does not come to an end, it goes on by itself.
  absl::StatusOr<v1::JwtKey> Staged(const std::string& path) const;
  absl::Status CheckValues(const FoundSecret& found, const v1::JwtKeySettings& settings) const;

  const JwtContext& context_;
  // Held from the look for room until the change is there: of two at once, each would find it.
  mutable absl::Mutex listing_;
};

}  // namespace keyturn
