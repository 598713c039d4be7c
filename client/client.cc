#include "client/client.h"

#include <grpcpp/generic/generic_stub.h>

#include <utility>

#include "base/status_macros.h"
#include "client/caller.h"
#include "client/channel.h"
#include "client/wipe.h"
#include "keyturn/v1/api_key_service.grpc.pb.h"
#include "keyturn/v1/audit_service.grpc.pb.h"
#include "keyturn/v1/auth_service.grpc.pb.h"
#include "keyturn/v1/consumer_service.grpc.pb.h"
#include "keyturn/v1/jwt_service.grpc.pb.h"
#include "keyturn/v1/policy_service.grpc.pb.h"
#include "keyturn/v1/revocation_service.grpc.pb.h"
#include "keyturn/v1/rotation_service.grpc.pb.h"
#include "keyturn/v1/secret_service.grpc.pb.h"
#include "keyturn/v1/system_service.grpc.pb.h"
#include "keyturn/v1/token_service.grpc.pb.h"
#include "keyturn/v1/webhook_service.grpc.pb.h"

namespace keyturn {

struct Client::Impl {
  Impl(const ClientOptions& options, const std::shared_ptr<grpc::ChannelInterface>& channel)
      : caller(options),
        any(channel),
        secret_service(channel),
        system_service(channel),
        auth_service(channel),
        token_service(channel),
        policy_service(channel),
        audit_service(channel),
        revocation_service(channel),
        rotation_service(channel),
        jwt_service(channel),
        api_key_service(channel),
        consumer_service(channel),
        webhook_service(channel) {}

  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Unary(const char* method, Stub& stub,
                                 grpc::Status (Stub::*call)(grpc::ClientContext*, const Request&,
                                                            Response*),
                                 const Request& request, const CallOptions& options) {
    Response response;
    RETURN_IF_ERROR(caller.Unary(method, options, [&](grpc::ClientContext* context) {
      return (stub.*call)(context, request, &response);
    }));
    return response;
  }

  template <typename Stub, typename Request, typename Response>
  absl::Status Stream(Stub& stub,
                      std::unique_ptr<grpc::ClientReader<Response>> (Stub::*open)(
                          grpc::ClientContext*, const Request&),
                      const Request& request, const std::function<bool(Response&)>& fn,
                      const CallOptions& options) {
    bool stopped = false;
    const absl::Status status = caller.Stream(options, [&](grpc::ClientContext* context) {
      const std::unique_ptr<grpc::ClientReader<Response>> reader = (stub.*open)(context, request);
      Response response;
      while (!stopped && reader->Read(&response)) stopped = !fn(response);
      if (stopped) context->TryCancel();
      return reader->Finish();
    });
    return stopped ? absl::OkStatus() : status;
  }

  Caller caller;
  grpc::TemplatedGenericStub<google::protobuf::Message, google::protobuf::Message> any;
  v1::SecretService::Stub secret_service;
  v1::SystemService::Stub system_service;
  v1::AuthService::Stub auth_service;
  v1::TokenService::Stub token_service;
  v1::PolicyService::Stub policy_service;
  v1::AuditService::Stub audit_service;
  v1::RevocationService::Stub revocation_service;
  v1::RotationService::Stub rotation_service;
  v1::JwtService::Stub jwt_service;
  v1::ApiKeyService::Stub api_key_service;
  v1::ConsumerService::Stub consumer_service;
  v1::WebhookService::Stub webhook_service;
};

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(ClientOptions options) {
  RETURN_IF_ERROR(CheckToken(options.token));
  ASSIGN_OR_RETURN(const std::shared_ptr<grpc::ChannelInterface> channel, MakeChannel(options));
  std::unique_ptr<Client> client(new Client(std::make_unique<Impl>(options, channel)));
  WipeBuffer(&options.token);
  return client;
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

void Client::SetToken(std::string token) { impl_->caller.SetToken(std::move(token)); }

absl::Status Client::Call(const std::string& method, const google::protobuf::Message& request,
                          google::protobuf::Message* response, const CallOptions& options) {
  return impl_->caller.Unary(method.c_str(), options, [&](grpc::ClientContext* context) {
    grpc::CompletionQueue queue;
    const auto call = impl_->any.PrepareUnaryCall(context, method, request, &queue);
    call->StartCall();
    grpc::Status status;
    call->Finish(response, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return status;
  });
}

// One method of the client for one of a service.
#define KEYTURN_UNARY(name, stub, Service, Method, Request, Response)     \
  absl::StatusOr<v1::Response> Client::name(const v1::Request& request,   \
                                            const CallOptions& options) { \
    return impl_->Unary("/keyturn.v1." #Service "/" #Method, impl_->stub, \
                        &v1::Service::Stub::Method, request, options);    \
  }
#define KEYTURN_STREAM(name, stub, Service, Method, Request, Response)                   \
  absl::Status Client::name(const v1::Request& request,                                  \
                            const std::function<bool(v1::Response&)>& fn,                \
                            const CallOptions& options) {                                \
    return impl_->Stream(impl_->stub, &v1::Service::Stub::Method, request, fn, options); \
  }

KEYTURN_UNARY(Put, secret_service, SecretService, Put, PutRequest, PutResponse)
KEYTURN_UNARY(Get, secret_service, SecretService, Get, GetRequest, GetResponse)
KEYTURN_UNARY(BatchGet, secret_service, SecretService, BatchGet, BatchGetRequest, BatchGetResponse)
KEYTURN_UNARY(Generate, secret_service, SecretService, Generate, GenerateRequest, PutResponse)
KEYTURN_UNARY(Describe, secret_service, SecretService, Describe, DescribeRequest, SecretInfo)
KEYTURN_UNARY(List, secret_service, SecretService, List, ListRequest, ListResponse)
KEYTURN_UNARY(Search, secret_service, SecretService, Search, SearchRequest, SearchResponse)
KEYTURN_UNARY(Adopt, secret_service, SecretService, Adopt, AdoptRequest, SecretInfo)
KEYTURN_UNARY(UpdateMetadata, secret_service, SecretService, UpdateMetadata, UpdateMetadataRequest,
              SecretInfo)
KEYTURN_UNARY(Delete, secret_service, SecretService, Delete, DeleteRequest, SecretInfo)
KEYTURN_UNARY(Undelete, secret_service, SecretService, Undelete, UndeleteRequest, SecretInfo)
KEYTURN_UNARY(Destroy, secret_service, SecretService, Destroy, DestroyRequest, DestroyResponse)
KEYTURN_UNARY(Erase, secret_service, SecretService, Erase, EraseRequest, EraseResponse)
KEYTURN_UNARY(Rename, secret_service, SecretService, Rename, RenameRequest, RenameResponse)
KEYTURN_UNARY(Status, system_service, SystemService, Status, StatusRequest, StatusResponse)
KEYTURN_UNARY(Init, system_service, SystemService, Init, InitRequest, InitResponse)
KEYTURN_UNARY(Unseal, system_service, SystemService, Unseal, UnsealRequest, StatusResponse)
KEYTURN_UNARY(Seal, system_service, SystemService, Seal, SealRequest, StatusResponse)
KEYTURN_UNARY(RotateKek, system_service, SystemService, RotateKek, RotateKekRequest,
              RotateKekResponse)
KEYTURN_UNARY(RewrapStatus, system_service, SystemService, RewrapStatus, RewrapStatusRequest,
              RewrapStatusResponse)
KEYTURN_UNARY(StartRekey, system_service, SystemService, StartRekey, StartRekeyRequest,
              StartRekeyResponse)
KEYTURN_UNARY(GiveRekeyKey, system_service, SystemService, GiveRekeyKey, GiveRekeyKeyRequest,
              GiveRekeyKeyResponse)
KEYTURN_UNARY(CancelRekey, system_service, SystemService, CancelRekey, CancelRekeyRequest,
              CancelRekeyResponse)
KEYTURN_UNARY(RekeyStatus, system_service, SystemService, RekeyStatus, RekeyStatusRequest,
              RekeyStatusResponse)
KEYTURN_UNARY(IssueCertificate, system_service, SystemService, IssueCertificate,
              IssueCertificateRequest, IssueCertificateResponse)
KEYTURN_UNARY(Login, auth_service, AuthService, Login, LoginRequest, LoginResponse)
KEYTURN_UNARY(Logout, auth_service, AuthService, Logout, LogoutRequest, LogoutResponse)
KEYTURN_UNARY(WhoAmI, auth_service, AuthService, WhoAmI, WhoAmIRequest, WhoAmIResponse)
KEYTURN_UNARY(CanI, auth_service, AuthService, CanI, CanIRequest, CanIResponse)
KEYTURN_UNARY(CreateToken, token_service, TokenService, Create, CreateTokenRequest,
              CreateTokenResponse)
KEYTURN_UNARY(ListTokens, token_service, TokenService, List, ListTokensRequest, ListTokensResponse)
KEYTURN_UNARY(RevokeToken, token_service, TokenService, Revoke, RevokeTokenRequest,
              RevokeTokenResponse)
KEYTURN_UNARY(RenewToken, token_service, TokenService, Renew, RenewTokenRequest, TokenInfo)
KEYTURN_UNARY(SetRotationPolicy, rotation_service, RotationService, SetPolicy,
              SetRotationPolicyRequest, RotationStatus)
KEYTURN_UNARY(RemoveRotationPolicy, rotation_service, RotationService, RemovePolicy,
              RemoveRotationPolicyRequest, RotationStatus)
KEYTURN_UNARY(PauseRotation, rotation_service, RotationService, Pause, PauseRotationRequest,
              RotationStatus)
KEYTURN_UNARY(ResumeRotation, rotation_service, RotationService, Resume, ResumeRotationRequest,
              RotationStatus)
KEYTURN_UNARY(GetRotationStatus, rotation_service, RotationService, GetStatus,
              GetRotationStatusRequest, RotationStatus)
KEYTURN_UNARY(ListRotationRuns, rotation_service, RotationService, ListRuns,
              ListRotationRunsRequest, ListRotationRunsResponse)
KEYTURN_UNARY(Rotate, rotation_service, RotationService, Rotate, RotateRequest, RotationStatus)
KEYTURN_UNARY(CancelRotation, rotation_service, RotationService, Cancel, CancelRotationRequest,
              RotationStatus)
KEYTURN_UNARY(Rollback, rotation_service, RotationService, Rollback, RollbackRequest,
              RotationStatus)
KEYTURN_UNARY(SetGrace, rotation_service, RotationService, SetGrace, SetGraceRequest,
              RotationStatus)
KEYTURN_UNARY(RetireVersion, rotation_service, RotationService, Retire, RetireRequest,
              RotationStatus)
KEYTURN_UNARY(AcceptClock, rotation_service, RotationService, AcceptClock, AcceptClockRequest,
              AcceptClockResponse)
KEYTURN_UNARY(ListRotations, rotation_service, RotationService, List, ListRotationsRequest,
              ListRotationsResponse)
KEYTURN_UNARY(Forecast, rotation_service, RotationService, Forecast, ForecastRequest,
              ForecastResponse)
KEYTURN_UNARY(CreateJwtKey, jwt_service, JwtService, CreateKey, CreateJwtKeyRequest, JwtKey)
KEYTURN_UNARY(AdoptJwtKey, jwt_service, JwtService, AdoptKey, AdoptJwtKeyRequest, JwtKey)
KEYTURN_UNARY(UpdateJwtKey, jwt_service, JwtService, UpdateKey, UpdateJwtKeyRequest, JwtKey)
KEYTURN_UNARY(GetJwtKey, jwt_service, JwtService, GetKey, GetJwtKeyRequest, JwtKey)
KEYTURN_UNARY(GetJwks, jwt_service, JwtService, GetJwks, GetJwksRequest, GetJwksResponse)
KEYTURN_UNARY(SignJwt, jwt_service, JwtService, Sign, SignJwtRequest, SignJwtResponse)
KEYTURN_UNARY(VerifyJwt, jwt_service, JwtService, Verify, VerifyJwtRequest, VerifyJwtResponse)
KEYTURN_UNARY(RefreshJwt, jwt_service, JwtService, Refresh, RefreshJwtRequest, SignJwtResponse)
KEYTURN_UNARY(RevokeRefresh, jwt_service, JwtService, RevokeRefresh, RevokeRefreshRequest,
              RevokeRefreshResponse)
KEYTURN_UNARY(CreateApiKey, api_key_service, ApiKeyService, Create, CreateApiKeyRequest,
              CreateApiKeyResponse)
KEYTURN_UNARY(RollApiKey, api_key_service, ApiKeyService, Roll, RollApiKeyRequest,
              RollApiKeyResponse)
KEYTURN_UNARY(GetApiKey, api_key_service, ApiKeyService, Get, GetApiKeyRequest, ApiKeyInfo)
KEYTURN_UNARY(ListApiKeys, api_key_service, ApiKeyService, List, ListApiKeysRequest,
              ListApiKeysResponse)
KEYTURN_UNARY(UpdateApiKey, api_key_service, ApiKeyService, Update, UpdateApiKeyRequest, ApiKeyInfo)
KEYTURN_UNARY(SetApiKeyGrace, api_key_service, ApiKeyService, SetGrace, SetApiKeyGraceRequest,
              ApiKeyInfo)
KEYTURN_UNARY(RevokeApiKey, api_key_service, ApiKeyService, Revoke, RevokeApiKeyRequest, ApiKeyInfo)
KEYTURN_UNARY(ImportApiKeys, api_key_service, ApiKeyService, Import, ImportApiKeysRequest,
              ImportApiKeysResponse)
KEYTURN_UNARY(VerifyApiKey, api_key_service, ApiKeyService, Verify, VerifyApiKeyRequest,
              VerifyApiKeyResponse)
KEYTURN_UNARY(ListConsumers, consumer_service, ConsumerService, List, ListConsumersRequest,
              ListConsumersResponse)
KEYTURN_UNARY(Acknowledge, consumer_service, ConsumerService, Acknowledge, AcknowledgeRequest,
              AcknowledgeResponse)
KEYTURN_UNARY(ForgetConsumer, consumer_service, ConsumerService, Forget, ForgetConsumerRequest,
              ForgetConsumerResponse)
KEYTURN_UNARY(CreateWebhook, webhook_service, WebhookService, Create, CreateWebhookRequest,
              CreateWebhookResponse)
KEYTURN_UNARY(GetWebhook, webhook_service, WebhookService, Get, GetWebhookRequest, WebhookInfo)
KEYTURN_UNARY(ListWebhooks, webhook_service, WebhookService, List, ListWebhooksRequest,
              ListWebhooksResponse)
KEYTURN_UNARY(DeleteWebhook, webhook_service, WebhookService, Delete, DeleteWebhookRequest,
              DeleteWebhookResponse)
KEYTURN_UNARY(EnableWebhook, webhook_service, WebhookService, Enable, EnableWebhookRequest,
              WebhookInfo)
KEYTURN_UNARY(TestWebhook, webhook_service, WebhookService, Test, TestWebhookRequest,
              TestWebhookResponse)
KEYTURN_UNARY(ListWebhookDeliveries, webhook_service, WebhookService, ListDeliveries,
              ListWebhookDeliveriesRequest, ListWebhookDeliveriesResponse)
KEYTURN_UNARY(ReplayWebhook, webhook_service, WebhookService, Replay, ReplayWebhookRequest,
              ReplayWebhookResponse)
KEYTURN_UNARY(RollWebhookKey, webhook_service, WebhookService, RollKey, RollWebhookKeyRequest,
              RollWebhookKeyResponse)
KEYTURN_UNARY(Revoke, revocation_service, RevocationService, Revoke, RevokeRequest, RevokeResponse)
KEYTURN_UNARY(CheckRevoked, revocation_service, RevocationService, Check, CheckRequest,
              CheckResponse)
KEYTURN_UNARY(ImportRevocations, revocation_service, RevocationService, Import,
              ImportRevocationsRequest, ImportRevocationsResponse)
KEYTURN_UNARY(PutPolicy, policy_service, PolicyService, PutPolicy, PutPolicyRequest, Policy)
KEYTURN_UNARY(GetPolicy, policy_service, PolicyService, GetPolicy, GetPolicyRequest, Policy)
KEYTURN_UNARY(ListPolicies, policy_service, PolicyService, ListPolicies, ListPoliciesRequest,
              ListPoliciesResponse)
KEYTURN_UNARY(DeletePolicy, policy_service, PolicyService, DeletePolicy, DeletePolicyRequest,
              DeletePolicyResponse)
KEYTURN_UNARY(PutRole, policy_service, PolicyService, PutRole, PutRoleRequest, Role)
KEYTURN_UNARY(GetRole, policy_service, PolicyService, GetRole, GetRoleRequest, Role)
KEYTURN_UNARY(ListRoles, policy_service, PolicyService, ListRoles, ListRolesRequest,
              ListRolesResponse)
KEYTURN_UNARY(DeleteRole, policy_service, PolicyService, DeleteRole, DeleteRoleRequest,
              DeleteRoleResponse)
KEYTURN_UNARY(PutPasswordPolicy, policy_service, PolicyService, PutPasswordPolicy,
              PutPasswordPolicyRequest, PasswordPolicy)
KEYTURN_UNARY(ListPasswordPolicies, policy_service, PolicyService, ListPasswordPolicies,
              ListPasswordPoliciesRequest, ListPasswordPoliciesResponse)
KEYTURN_UNARY(DeletePasswordPolicy, policy_service, PolicyService, DeletePasswordPolicy,
              DeletePasswordPolicyRequest, DeletePasswordPolicyResponse)
KEYTURN_UNARY(SearchAudit, audit_service, AuditService, Search, SearchAuditRequest,
              SearchAuditResponse)
KEYTURN_STREAM(Watch, secret_service, SecretService, Watch, WatchRequest, WatchResponse)
KEYTURN_STREAM(VerifyRecords, system_service, SystemService, Verify, VerifyRequest, VerifyResponse)
KEYTURN_STREAM(Purge, system_service, SystemService, Purge, PurgeRequest, PurgeResponse)
KEYTURN_STREAM(VerifyAudit, audit_service, AuditService, Verify, VerifyAuditRequest,
               VerifyAuditResponse)
KEYTURN_STREAM(TailAudit, audit_service, AuditService, Tail, TailRequest, AuditEntry)

#undef KEYTURN_UNARY
#undef KEYTURN_STREAM

}  // namespace keyturn
