#include "auth/token_forms.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {
constexpr size_t kDisplayNameBytesMax = 128;
}  // namespace

absl::Time FromMs(int64_t ms) {
  return ms == 0 ? absl::InfiniteFuture() : absl::FromUnixMillis(ms);
}
int64_t ToMs(absl::Time time) {
  return time == absl::InfiniteFuture() ? 0 : absl::ToUnixMillis(time);
}

google::protobuf::Timestamp ToTimestamp(int64_t ms) {
  google::protobuf::Timestamp out;
  out.set_seconds(ms / 1000);
  out.set_nanos(static_cast<int32_t>(ms % 1000) * 1'000'000);
  return out;
}

absl::Status RefusedToken() {
  return absl::UnauthenticatedError(
      "the token is not valid: it may be malformed, unknown, expired, revoked, used up, or bound "
      "to another network or certificate");
}

bool IsUsedUp(const record::v1::StoredToken& token) {
  return token.max_uses() != 0 && token.uses() >= token.max_uses();
}

v1::TokenInfo ToInfo(const record::v1::StoredToken& token) {
  v1::TokenInfo info;
  info.set_id(token.id());
  info.set_principal(token.principal());
  *info.mutable_policies() = token.policies();
  *info.mutable_create_time() = ToTimestamp(token.created_ms());
  if (token.expire_ms() != 0) *info.mutable_expire_time() = ToTimestamp(token.expire_ms());
  info.set_period_seconds(token.period_seconds());
  if (token.max_uses() != 0) info.set_uses_left(token.max_uses() - token.uses());
  *info.mutable_bound_cidrs() = token.bound_cidrs();
  info.set_display_name(token.display_name());
  return info;
}

absl::StatusOr<absl::Time> ExpiryOf(const TokenParams& params, absl::Time now) {
  absl::Duration ttl = params.period > absl::ZeroDuration() ? params.period : params.ttl;
  if (ttl == absl::ZeroDuration()) ttl = absl::Seconds(limits::kTokenTtlSecondsDefault);
  const absl::Time expire = std::min(now + ttl, params.not_after);
  if (expire > now) return expire;
  return absl::InvalidArgumentError("not_after must be in the future");
}

absl::Status ValidateTokenParams(const TokenParams& params) {
  if (params.policies.size() > limits::kPoliciesPerIdentityMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("policies must be at most ", limits::kPoliciesPerIdentityMax));
  }
  if (params.bound_cidrs.size() > limits::kBoundCidrsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("bound_cidrs must be at most ", limits::kBoundCidrsMax));
  }
  for (const std::string& text : params.bound_cidrs) RETURN_IF_ERROR(Cidr::Parse(text).status());
  if (params.display_name.size() > kDisplayNameBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("display_name must be at most ", kDisplayNameBytesMax, " bytes"));
  }
  // It becomes part of the principal, which logs and terminals show.
  if (std::any_of(params.display_name.begin(), params.display_name.end(), absl::ascii_iscntrl)) {
    return absl::InvalidArgumentError("display_name must have no control characters");
  }
  const absl::Duration most = absl::Seconds(limits::kTokenTtlSecondsMax);
  if (params.ttl < absl::ZeroDuration() || params.ttl > most ||
      params.period < absl::ZeroDuration() || params.period > most) {
    return absl::InvalidArgumentError(
        absl::StrCat("ttl and period must be 0 to ", limits::kTokenTtlSecondsMax, " seconds"));
  }
  return absl::OkStatus();
}

}  // namespace keyturn
