#include "server/consumer_service.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace keyturn {

template <typename Request, typename Response, typename ResourceFn, typename Run>
raw::Reactor* ConsumerServiceImpl::Answer(const UnaryWire& wire, const char* method,
                                          ResourceFn resource, Run run) {
  return door_.Unary<Request, Response>(
      wire, methods_.Get("ConsumerService", method), RunOn::kPool, resource,
      [run](Call& call, const Request& request, Response* response) -> absl::Status {
        ASSIGN_OR_RETURN(*response, run(call, request));
        return absl::OkStatus();
      });
}

raw::Reactor* ConsumerServiceImpl::List(raw::Context* context, const raw::Bytes* request,
                                        raw::Bytes* response) {
  using Request = v1::ListConsumersRequest;
  return Answer<Request, v1::ListConsumersResponse>(
      {context, request, response}, "List",
      [](const Request& asked) { return Resource::Directory(asked.path()); },
      [this](Call& call, const Request& asked) {
        const std::string& permission = call.method().permission;
        const auto visible = [&](absl::string_view path, bool directory) {
          return directory ? call.MayAllowBelow(permission, path) : call.Allows(permission, path);
        };
        return usage_.List(asked, visible);
      });
}

raw::Reactor* ConsumerServiceImpl::Acknowledge(raw::Context* context, const raw::Bytes* request,
                                               raw::Bytes* response) {
  using Request = v1::AcknowledgeRequest;
  return Answer<Request, v1::AcknowledgeResponse>(
      {context, request, response}, "Acknowledge",
      [](const Request& asked) { return Resource::Path(asked.path()); },
      [this](Call& call, const Request& asked) {
        call.NoteVersion(SecretVersion(asked.version()));
        return usage_.Acknowledge(asked, call.identity().principal);
      });
}

raw::Reactor* ConsumerServiceImpl::Forget(raw::Context* context, const raw::Bytes* request,
                                          raw::Bytes* response) {
  using Request = v1::ForgetConsumerRequest;
  return Answer<Request, v1::ForgetConsumerResponse>(
      {context, request, response}, "Forget",
      [](const Request& asked) { return Resource::Path(asked.path()); },
      [this](Call& call, const Request& asked) { return usage_.Forget(call.updater(), asked); });
}

}  // namespace keyturn
