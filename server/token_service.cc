#include "server/token_service.h"

#include "auth/delegation.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "base/timestamps.h"
#include "server/delegate.h"
#include "server/revocation_service.h"

namespace keyturn {
namespace {

absl::Status CheckDuration(absl::string_view field, int64_t seconds) {
  if (seconds >= 0 && seconds <= limits::kTokenTtlSecondsMax) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, " must be 0 to ", limits::kTokenTtlSecondsMax));
}

}  // namespace

absl::Status TokenServiceImpl::CreateFor(Call& call, const v1::CreateTokenRequest& request,
                                         v1::CreateTokenResponse* response) {
  RETURN_IF_ERROR(CheckDuration("ttl_seconds", request.ttl_seconds()));
  RETURN_IF_ERROR(CheckDuration("period_seconds", request.period_seconds()));
  if (request.stateless() && (request.period_seconds() != 0 || request.max_uses() != 0)) {
    return absl::InvalidArgumentError(
        "a stateless token has no period_seconds and no max_uses: leave them out, or make a "
        "stored token");
  }
  TokenParams params;
  params.display_name = request.display_name();
  params.principal = absl::StrCat("token:", request.display_name());
  params.policies = {request.policies().begin(), request.policies().end()};
  RETURN_IF_ERROR(RequireDelegable(call, policies_, params.policies));
  params.ttl = absl::Seconds(request.ttl_seconds());
  params.period = absl::Seconds(request.period_seconds());
  params.max_uses = request.max_uses();
  params.bound_cidrs = {request.bound_cidrs().begin(), request.bound_cidrs().end()};
  if (request.has_not_after()) params.not_after = ToTime(request.not_after());
  RETURN_IF_ERROR(InheritTokenLimits(call.identity(), &params));
  CreatedToken created;
  if (request.stateless()) {
    ASSIGN_OR_RETURN(created, tokens_.CreateStateless(params));
    call.Note("token_id", created.info.id());  // of a stored one, the change says it
  } else {
    ASSIGN_OR_RETURN(created, tokens_.CreateStored(call.updater(), params));
  }
  response->set_token(std::string(created.token.ExposeForWire()));
  *response->mutable_info() = std::move(created.info);
  return absl::OkStatus();
}

raw::Reactor* TokenServiceImpl::Create(raw::Context* context, const raw::Bytes* request,
                                       raw::Bytes* response) {
  return door_.Unary<v1::CreateTokenRequest, v1::CreateTokenResponse>(
      {context, request, response}, methods_.Get("TokenService", "Create"), RunOn::kPool,
      [](const auto& asked) { return Resource::None(asked.display_name()); },
      [this](Call& call, const auto& asked, auto* out) { return CreateFor(call, asked, out); });
}

raw::Reactor* TokenServiceImpl::List(raw::Context* context, const raw::Bytes* request,
                                     raw::Bytes* response) {
  return door_.Unary<v1::ListTokensRequest, v1::ListTokensResponse>(
      {context, request, response}, methods_.Get("TokenService", "List"), RunOn::kPool,
      [this](Call&, const auto& asked, auto* out) -> absl::Status {
        const int page =
            asked.page_size() == 0 ? static_cast<int>(limits::kListPageDefault) : asked.page_size();
        if (page < 0 || page > static_cast<int>(limits::kListPageMax)) {
          return absl::InvalidArgumentError(
              absl::StrCat("page_size must be 0 to ", limits::kListPageMax));
        }
        for (v1::TokenInfo& info : tokens_.List(asked.page_token(), static_cast<size_t>(page))) {
          *out->add_tokens() = std::move(info);
        }
        if (out->tokens_size() == page) out->set_next_page_token(out->tokens(page - 1).id());
        return absl::OkStatus();
      });
}

raw::Reactor* TokenServiceImpl::Revoke(raw::Context* context, const raw::Bytes* request,
                                       raw::Bytes* response) {
  return door_.Unary<v1::RevokeTokenRequest, v1::RevokeTokenResponse>(
      {context, request, response}, methods_.Get("TokenService", "Revoke"), RunOn::kPool,
      [](const auto& asked) { return Resource::None(asked.id()); },
      [this](Call& call, const auto& asked, auto* out) -> absl::Status {
        if (tokens_.Knows(asked.id())) {
          RETURN_IF_ERROR(RevokeTokenId(call, revoked_, asked.id(), ""));
        }
        ASSIGN_OR_RETURN(const Revision revision, tokens_.Revoke(call.updater(), asked.id()));
        out->set_revision(revision.value());
        return absl::OkStatus();
      });
}

raw::Reactor* TokenServiceImpl::Renew(raw::Context* context, const raw::Bytes* request,
                                      raw::Bytes* response) {
  return door_.Unary<v1::RenewTokenRequest, v1::TokenInfo>(
      {context, request, response}, methods_.Get("TokenService", "Renew"), RunOn::kPool,
      [this](Call& call, const auto& asked, auto* out) -> absl::Status {
        RETURN_IF_ERROR(CheckDuration("ttl_seconds", asked.ttl_seconds()));
        const std::string& id = call.identity().token_id;
        if (id.empty()) {
          return WithReason(
              absl::FailedPreconditionError("the call was made with a certificate, not a token; "
                                            "there is nothing to renew"),
              "NO_TOKEN");
        }
        ASSIGN_OR_RETURN(*out,
                         tokens_.Renew(call.updater(), id, absl::Seconds(asked.ttl_seconds())));
        return absl::OkStatus();
      });
}

}  // namespace keyturn
