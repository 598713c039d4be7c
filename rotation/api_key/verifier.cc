#include "rotation/api_key/verifier.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <optional>

#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "crypto/mac.h"
#include "rotation/api_key/codec.h"
#include "rotation/api_key/record.h"

namespace keyturn {
namespace {

using google::protobuf::util::TimeUtil;
using Response = v1::VerifyApiKeyResponse;

Response Because(Response::Reason reason) {
  Response response;
  response.set_reason(reason);
  return response;
}

Response LimitedFor(absl::Duration wait) {
  Response response = Because(Response::LIMITED);
  response.set_retry_after_seconds(
      std::max<int64_t>(1, absl::ToInt64Seconds(absl::Ceil(wait, absl::Seconds(1)))));
  return response;
}

const ApiKeySecret* FindSecret(const ApiKeyRecord& record, absl::string_view mac, bool legacy) {
  const ApiKeySecret* found = nullptr;
  for (const ApiKeySecret& secret : record.secrets()) {
    const bool same = ConstantTimeEquals(secret.mac(), mac);
    if (same && secret.legacy() == legacy && secret.pepper_version() == kApiKeyPepperVersion) {
      found = &secret;
    }
  }
  return found;
}

bool HasAll(const ApiKeyRecord& record, const ApiKeyAttempt& attempt) {
  if (attempt.required_scopes == nullptr) return true;
  return std::all_of(attempt.required_scopes->begin(), attempt.required_scopes->end(),
                     [&record](const std::string& scope) {
                       return std::find(record.scopes().begin(), record.scopes().end(), scope) !=
                              record.scopes().end();
                     });
}

}  // namespace

absl::StatusOr<Response> ApiKeyVerifier::Verify(
    const ApiKeyAttempt& attempt, absl::FunctionRef<bool(absl::string_view path)> may) {
  ASSIGN_OR_RETURN(Response response, Decide(attempt, may));
  counts_[response.reason()].fetch_add(1, std::memory_order_relaxed);
  return response;
}

uint64_t ApiKeyVerifier::Count(Response::Reason reason) const {
  return counts_[reason].load(std::memory_order_relaxed);
}

absl::StatusOr<Response> ApiKeyVerifier::Decide(
    const ApiKeyAttempt& attempt, absl::FunctionRef<bool(absl::string_view path)> may) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  const std::optional<api_key::Parts> parts = api_key::Parse(attempt.key);
  if (!parts.has_value() && (attempt.key.empty() || api_key::HasPrefix(attempt.key) ||
                             attempt.key.size() > limits::kApiKeyTextBytesMax)) {
    return Because(Response::MALFORMED);
  }
  const absl::string_view network = attempt.source.network();
  const ApiKeyLimits::Attempt limited = {attempt.caller, network,
                                         parts.has_value() ? parts->id : absl::string_view()};
  if (const absl::Status status = limits_.Check(limited); !status.ok()) {
    return LimitedFor(RetryAfterOf(status));
  }
  const std::string mac = ApiKeyMac(*keys, parts.has_value() ? parts->secret : Sha256(attempt.key));
  ASSIGN_OR_RETURN(const std::shared_ptr<const ApiKeyRecord> record,
                   parts.has_value() ? store_.Match(parts->id, mac) : store_.MatchLegacy(mac));
  const ApiKeySecret* const secret =
      record == nullptr ? nullptr : FindSecret(*record, mac, !parts.has_value());
  // Who may not verify it learns nothing of it: to him it is as unknown as any.
  if (secret == nullptr || !may(record->path())) {
    limits_.CountFailure(limited);
    return Because(Response::UNKNOWN);
  }
  return Judge(*record, *secret, attempt);
}

absl::StatusOr<Response> ApiKeyVerifier::Judge(const ApiKeyRecord& record,
                                               const ApiKeySecret& secret,
                                               const ApiKeyAttempt& attempt) {
  Response response;
  response.set_id(record.id());
  response.set_path(record.path());
  *response.mutable_scopes() = record.scopes();
  *response.mutable_custom_metadata() = record.custom_metadata();
  *response.mutable_not_after_time() = TimeUtil::MillisecondsToTimestamp(record.not_after_ms());
  response.set_generation(secret.generation());
  response.set_in_grace(secret.grace_end_ms() != 0);
  if (secret.grace_end_ms() != 0)
    *response.mutable_grace_end_time() = TimeUtil::MillisecondsToTimestamp(secret.grace_end_ms());
  response.set_legacy(secret.legacy());
  const absl::Time now = context_.clock.Now();
  ASSIGN_OR_RETURN(const bool revoked, context_.revoked(record.id()));
  if (revoked || record.revoked_ms() != 0) {
    response.set_reason(Response::REVOKED);
  } else if (IsExpired(record, now) || HasEnded(secret, now)) {
    response.set_reason(Response::EXPIRED);
  } else if (!HasAll(record, attempt)) {
    response.set_reason(Response::SCOPE);
  } else if (uses_.Count(record.id(), secret.generation(), now)) {
    response.set_valid(true);
  } else {
    return WithReason(absl::FailedPreconditionError("the vault was sealed"), "SEALED");
  }
  return response;
}

}  // namespace keyturn
