#include "server/api_key_service.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rotation/api_key/codec.h"
#include "server/revocation_service.h"

namespace keyturn {

template <typename Request, typename Response, typename Run>
raw::Reactor* ApiKeyServiceImpl::OfKey(const UnaryWire& wire, const char* method, RunOn run_on,
                                       Run run) {
  return door_.Unary<Request, Response>(
      wire, Method(method), run_on,
      // Of an unknown key, the root: who may not everything learns no more than of others' keys.
      [this](const Request& request) { return Resource::Path(keys_.PathOf(request.id())); },
      [run](Call& call, const Request& request, Response* response) -> absl::Status {
        // What else it may be is nobody's business but the sender's.
        if (api_key::IsId(request.id())) call.Note("api_key", request.id());
        return run(call, request, response);
      });
}

raw::Reactor* ApiKeyServiceImpl::Create(raw::Context* context, const raw::Bytes* request,
                                        raw::Bytes* response) {
  return door_.Unary<v1::CreateApiKeyRequest, v1::CreateApiKeyResponse>(
      {context, request, response}, Method("Create"), RunOn::kPool,
      [](const auto& asked) { return Resource::Path(asked.path()); },
      [this](Call& call, const auto& asked, auto* out) -> absl::Status {
        ASSIGN_OR_RETURN(IssuedApiKey issued,
                         keys_.Make(call.updater(), asked, call.identity().principal));
        out->set_key(std::string(issued.key.ExposeForWire()));
        *out->mutable_info() = std::move(issued.info);
        return absl::OkStatus();
      });
}

raw::Reactor* ApiKeyServiceImpl::Roll(raw::Context* context, const raw::Bytes* request,
                                      raw::Bytes* response) {
  return OfKey<v1::RollApiKeyRequest, v1::RollApiKeyResponse>(
      {context, request, response}, "Roll", RunOn::kPool,
      [this](Call& call, const auto& asked, auto* out) -> absl::Status {
        ASSIGN_OR_RETURN(IssuedApiKey issued, keys_.Roll(call.updater(), asked));
        out->set_key(std::string(issued.key.ExposeForWire()));
        *out->mutable_info() = std::move(issued.info);
        return absl::OkStatus();
      });
}

raw::Reactor* ApiKeyServiceImpl::Get(raw::Context* context, const raw::Bytes* request,
                                     raw::Bytes* response) {
  return OfKey<v1::GetApiKeyRequest, v1::ApiKeyInfo>(
      {context, request, response}, "Get", RunOn::kPool,
      [this](Call&, const auto& asked, auto* out) -> absl::Status {
        ASSIGN_OR_RETURN(*out, keys_.Get(asked.id()));
        return absl::OkStatus();
      });
}

raw::Reactor* ApiKeyServiceImpl::List(raw::Context* context, const raw::Bytes* request,
                                      raw::Bytes* response) {
  return door_.Unary<v1::ListApiKeysRequest, v1::ListApiKeysResponse>(
      {context, request, response}, Method("List"), RunOn::kPool,
      [](const auto& asked) { return Resource::Directory(asked.path()); },
      [this](Call& call, const auto& asked, auto* out) -> absl::Status {
        const auto visible = [&call](absl::string_view path) {
          return call.Allows(call.method().permission, path);
        };
        ASSIGN_OR_RETURN(*out, keys_.List(asked, visible));
        return absl::OkStatus();
      });
}

raw::Reactor* ApiKeyServiceImpl::Update(raw::Context* context, const raw::Bytes* request,
                                        raw::Bytes* response) {
  return OfKey<v1::UpdateApiKeyRequest, v1::ApiKeyInfo>(
      {context, request, response}, "Update", RunOn::kPool,
      [this](Call& call, const auto& asked, auto* out) -> absl::Status {
        ASSIGN_OR_RETURN(*out, keys_.Update(call.updater(), asked));
        return absl::OkStatus();
      });
}

raw::Reactor* ApiKeyServiceImpl::SetGrace(raw::Context* context, const raw::Bytes* request,
                                          raw::Bytes* response) {
  return OfKey<v1::SetApiKeyGraceRequest, v1::ApiKeyInfo>(
      {context, request, response}, "SetGrace", RunOn::kPool,
      [this](Call& call, const auto& asked, auto* out) -> absl::Status {
        ASSIGN_OR_RETURN(*out, keys_.SetGrace(call.updater(), asked));
        return absl::OkStatus();
      });
}

raw::Reactor* ApiKeyServiceImpl::Revoke(raw::Context* context, const raw::Bytes* request,
                                        raw::Bytes* response) {
  return OfKey<v1::RevokeApiKeyRequest, v1::ApiKeyInfo>(
      {context, request, response}, "Revoke", RunOn::kPool,
      [this](Call& call, const auto& asked, auto* out) -> absl::Status {
        // Here first, where it is for good; a caller who gets no answer asks again, and then the
        // list is told all the same.
        ASSIGN_OR_RETURN(*out, keys_.Revoke(call.updater(), asked));
        return RevokeApiKeyId(call, list_, asked.id(), asked.reason());
      });
}

absl::Status ApiKeyServiceImpl::TakeOver(Call& call, const v1::ImportApiKeysRequest& request,
                                         v1::ImportApiKeysResponse* response) {
  for (const v1::ImportedApiKey& entry : request.entries()) {
    RETURN_IF_ERROR(call.Require(call.method().permission, entry.path()));
  }
  ASSIGN_OR_RETURN(*response, keys_.Import(call.updater(), request, call.identity().principal));
  return absl::OkStatus();
}

raw::Reactor* ApiKeyServiceImpl::Import(raw::Context* context, const raw::Bytes* request,
                                        raw::Bytes* response) {
  return door_.Unary<v1::ImportApiKeysRequest, v1::ImportApiKeysResponse>(
      {context, request, response}, Method("Import"), RunOn::kPool,
      // Each path is asked for in the body; here, whether the caller makes keys at all.
      [](const auto&) { return Resource::Directory(""); },
      [this](Call& call, const auto& asked, auto* out) { return TakeOver(call, asked, out); });
}

absl::Status ApiKeyServiceImpl::Check(Call& call, const v1::VerifyApiKeyRequest& request,
                                      v1::VerifyApiKeyResponse* response) {
  IpAddress source = call.credentials().source;
  if (!request.source_address().empty()) {
    const absl::StatusOr<IpAddress> given = IpAddress::Parse(request.source_address());
    if (!given.ok()) {
      return absl::InvalidArgumentError(
          "source_address: is no IP address; the form is 192.0.2.1 or 2001:db8::1, without a port");
    }
    source = *given;
  }
  const ApiKeyAttempt attempt = {.key = request.key(),
                                 .caller = call.identity().principal,
                                 .source = source,
                                 .required_scopes = &request.required_scopes()};
  ASSIGN_OR_RETURN(*response, keys_.Verify(attempt, [&call](absl::string_view path) {
    return call.Allows(call.method().permission, path);
  }));
  call.Note("result", response->valid()
                          ? "VALID"
                          : v1::VerifyApiKeyResponse::Reason_Name(response->reason()));
  if (!response->id().empty()) {
    call.Note("api_key", response->id());
    call.Note("path", response->path());
    call.Note("generation", absl::StrCat(response->generation()));
  }
  return absl::OkStatus();
}

raw::Reactor* ApiKeyServiceImpl::Verify(raw::Context* context, const raw::Bytes* request,
                                        raw::Bytes* response) {
  // Not as the others: the key is to be wiped.
  auto asked = std::make_shared<v1::VerifyApiKeyRequest>();
  return door_.Unary(
      context, Method("Verify"),
      [asked, request]() -> absl::StatusOr<Resource> {
        RETURN_IF_ERROR(ParseMessage(*request, asked.get()));
        // Which path it is shows with the key; here, whether the caller verifies keys at all.
        return Resource::Directory("");
      },
      [] { return RunOn::kCallbackThread; },
      [this, asked, response](Call& call) -> absl::Status {
        v1::VerifyApiKeyResponse answer;
        const absl::Status status = Check(call, *asked, &answer);
        WipeString(asked->mutable_key());
        RETURN_IF_ERROR(status);
        return SerializeMessage(answer, response);
      });
}

}  // namespace keyturn
