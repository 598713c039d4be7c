#include "bench/callers.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/measure.h"
#include "bench/vault_world.h"
#include "keyturn/v1/api_key_service.grpc.pb.h"
#include "keyturn/v1/jwt_service.grpc.pb.h"
#include "keyturn/v1/secret_service.grpc.pb.h"

namespace keyturn::bench {
namespace {

constexpr int64_t kDeadlineSeconds = 20;
// Each is verified so often in a second, and from each network; then callers wait.
constexpr int kApiKeys = 64;

// One method: how a request is filled, how it is sent, and what an answer must be like.
template <typename Service, typename Request, typename Response>
struct Method {
  std::function<void(uint64_t key, Request* request)> fill;
  std::function<void(typename Service::Stub& stub, grpc::ClientContext* context,
                     const Request* request, Response* response,
                     std::function<void(grpc::Status)> done)>
      send;
  std::function<bool(const Response& response)> good;
};

template <typename Service, typename Request, typename Response>
class MethodCaller final : public Caller {
 public:
  MethodCaller(const std::shared_ptr<grpc::Channel>& channel,
               const Method<Service, Request, Response>& method)
      : stub_(Service::NewStub(channel)), method_(method) {}

  void Start(grpc::ClientContext* context, uint64_t key,
             std::function<void(grpc::Status)> done) override {
    request_.Clear();
    method_.fill(key, &request_);
    method_.send(*stub_, context, &request_, &response_,
                 [this, done = std::move(done)](const grpc::Status& status) {
                   if (status.ok() && !method_.good(response_)) Die("a wrong answer");
                   done(status);
                 });
  }

 private:
  const std::unique_ptr<typename Service::Stub> stub_;
  const Method<Service, Request, Response> method_;
  Request request_;
  Response response_;
};

template <typename Service, typename Request, typename Response>
CallerFactory Callers(Method<Service, Request, Response> method) {
  return [method = std::move(method)](const std::shared_ptr<grpc::Channel>& channel) {
    return std::make_unique<MethodCaller<Service, Request, Response>>(channel, method);
  };
}

void CheckOk(const grpc::Status& status) {
  if (!status.ok()) Die(status.error_message());
}

std::shared_ptr<grpc::Channel> ChannelTo(const Target& target) {
  return grpc::CreateChannel(target.address, target.credentials);
}

v1::SignJwtRequest SignRequest(const std::string& path) {
  v1::SignJwtRequest request;
  request.set_path(path);
  request.set_subject("user-4711");
  request.add_permissions("read");
  return request;
}

// The path of a key of this algorithm, which is there afterwards.
std::string MakeJwtKey(const Target& target, const std::string& algorithm) {
  v1::CreateJwtKeyRequest request;
  request.set_path(absl::StrCat("bench/jwt/", algorithm));
  request.mutable_settings()->set_algorithm(algorithm);
  request.mutable_settings()->set_issuer("alcs-auth");
  request.mutable_settings()->add_audiences("alcs-api");
  grpc::ClientContext context;
  Prepare(target, &context);
  v1::JwtKey key;
  const grpc::Status status =
      v1::JwtService::NewStub(ChannelTo(target))->CreateKey(&context, request, &key);
  if (status.error_code() != grpc::StatusCode::ALREADY_EXISTS) CheckOk(status);
  return request.path();
}

}  // namespace

void Prepare(const Target& target, grpc::ClientContext* context) {
  context->set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                     gpr_time_from_seconds(kDeadlineSeconds, GPR_TIMESPAN)));
  if (!target.token.empty()) context->AddMetadata("authorization", "Bearer " + target.token);
}

CallerFactory Gets() {
  return Callers(Method<v1::SecretService, v1::GetRequest, v1::GetResponse>{
      .fill = [](uint64_t key, v1::GetRequest* request) { request->set_path(PathOf(key)); },
      .send = [](auto& stub, auto* context, const auto* request, auto* response,
                 auto done) { stub.async()->Get(context, request, response, done); },
      .good = [](const v1::GetResponse& response) { return response.has_data(); }});
}

CallerFactory Puts(size_t value_bytes) {
  return Callers(Method<v1::SecretService, v1::PutRequest, v1::PutResponse>{
      .fill =
          [value = std::string(value_bytes, 'v')](uint64_t key, v1::PutRequest* request) {
            request->set_path(PathOf(key));
            request->set_replace(true);
            v1::Field* const field = request->mutable_data()->add_fields();
            field->set_name("value");
            field->set_value(value);
          },
      .send = [](auto& stub, auto* context, const auto* request, auto* response,
                 auto done) { stub.async()->Put(context, request, response, done); },
      .good = [](const v1::PutResponse&) { return true; }});
}

CallerFactory JwtSigns(const Target& target, const std::string& algorithm) {
  return Callers(Method<v1::JwtService, v1::SignJwtRequest, v1::SignJwtResponse>{
      .fill = [signed_request = SignRequest(MakeJwtKey(target, algorithm))](
                  uint64_t, v1::SignJwtRequest* request) { *request = signed_request; },
      .send = [](auto& stub, auto* context, const auto* request, auto* response,
                 auto done) { stub.async()->Sign(context, request, response, done); },
      .good = [](const v1::SignJwtResponse& response) { return !response.token().empty(); }});
}

CallerFactory JwtVerifies(const Target& target, const std::string& algorithm) {
  v1::VerifyJwtRequest verify;
  verify.set_path(MakeJwtKey(target, algorithm));
  grpc::ClientContext context;
  Prepare(target, &context);
  v1::SignJwtResponse made;
  CheckOk(v1::JwtService::NewStub(ChannelTo(target))
              ->Sign(&context, SignRequest(verify.path()), &made));
  verify.set_token(made.token());
  return Callers(Method<v1::JwtService, v1::VerifyJwtRequest, v1::VerifyJwtResponse>{
      .fill = [verify](uint64_t, v1::VerifyJwtRequest* request) { *request = verify; },
      .send = [](auto& stub, auto* context, const auto* request, auto* response,
                 auto done) { stub.async()->Verify(context, request, response, done); },
      .good = [](const v1::VerifyJwtResponse& response) { return response.valid(); }});
}

CallerFactory ApiKeyVerifies(const Target& target) {
  std::vector<std::string> keys;
  const auto stub = v1::ApiKeyService::NewStub(ChannelTo(target));
  for (int i = 0; i < kApiKeys; ++i) {
    v1::CreateApiKeyRequest create;
    create.set_path("bench/key");
    grpc::ClientContext context;
    Prepare(target, &context);
    v1::CreateApiKeyResponse made;
    CheckOk(stub->Create(&context, create, &made));
    keys.push_back(made.key());
  }
  return Callers(Method<v1::ApiKeyService, v1::VerifyApiKeyRequest, v1::VerifyApiKeyResponse>{
      .fill =
          [keys](uint64_t key, v1::VerifyApiKeyRequest* request) {
            request->set_key(keys[key % keys.size()]);
            request->set_source_address(absl::StrCat("10.0.", key % 256, ".1"));
          },
      .send = [](auto& stub, auto* context, const auto* request, auto* response,
                 auto done) { stub.async()->Verify(context, request, response, done); },
      .good = [](const v1::VerifyApiKeyResponse& response) { return response.valid(); }});
}

}  // namespace keyturn::bench
