// Says whether a presented key is good. A key whose record is in the cache is verified without a
// disk. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "auth/cidr.h"
#include "keyturn/v1/api_key_service.pb.h"
#include "rotation/api_key/context.h"
#include "rotation/api_key/limits.h"
#include "rotation/api_key/store.h"
#include "rotation/api_key/uses.h"

namespace keyturn {

struct ApiKeyAttempt {
  absl::string_view key;     // as it was presented
  absl::string_view caller;  // the principal that asks
  IpAddress source;          // of who presented it
  const google::protobuf::RepeatedPtrField<std::string>* required_scopes = nullptr;
};

class ApiKeyVerifier {
 public:
  // All outlive this.
  ApiKeyVerifier(const ApiKeyContext& context, ApiKeyStore& store, ApiKeyUses& uses)
      : context_(context), store_(store), uses_(uses), limits_(context.clock) {}

  // `may` says whether the caller may verify keys of a path. FAILED_PRECONDITION while sealed.
  absl::StatusOr<v1::VerifyApiKeyResponse> Verify(
      const ApiKeyAttempt& attempt, absl::FunctionRef<bool(absl::string_view path)> may);

  // How often it gave this answer.
  uint64_t Count(v1::VerifyApiKeyResponse::Reason reason) const;

 private:
  absl::StatusOr<v1::VerifyApiKeyResponse> Decide(
      const ApiKeyAttempt& attempt, absl::FunctionRef<bool(absl::string_view path)> may);
  absl::StatusOr<v1::VerifyApiKeyResponse> Judge(const ApiKeyRecord& record,
                                                 const ApiKeySecret& secret,
                                                 const ApiKeyAttempt& attempt);

  const ApiKeyContext& context_;
  ApiKeyStore& store_;
  ApiKeyUses& uses_;
  ApiKeyLimits limits_;
  std::array<std::atomic<uint64_t>, v1::VerifyApiKeyResponse::Reason_ARRAYSIZE> counts_{};
};

}  // namespace keyturn
