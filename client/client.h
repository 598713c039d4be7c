// A client of one Keyturn server: one connection, kept and made again when it breaks, and one
// method per call of the API (proto/keyturn/v1). Each call has a deadline, a correlation id
// (x-correlation-id) and, when there is one, a bearer token. Reads that fail with UNAVAILABLE are
// tried again (client/retry.h).
//
// Errors are the server's statuses; DetailOf (client/error_detail.h) gives the reason, the
// correlation id and when to try again. UNAVAILABLE also means that no connection could be made,
// DEADLINE_EXCEEDED that no answer came in time. Answers hold values in plain memory: see
// client/wipe.h. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "client/options.h"
#include "keyturn/v1/api_key_service.pb.h"
#include "keyturn/v1/audit_service.pb.h"
#include "keyturn/v1/auth_service.pb.h"
#include "keyturn/v1/consumer_service.pb.h"
#include "keyturn/v1/jwt_service.pb.h"
#include "keyturn/v1/policy_service.pb.h"
#include "keyturn/v1/revocation_service.pb.h"
#include "keyturn/v1/rotation_service.pb.h"
#include "keyturn/v1/secret_service.pb.h"
#include "keyturn/v1/system_service.pb.h"
#include "keyturn/v1/token_service.pb.h"
#include "keyturn/v1/webhook_service.pb.h"

namespace keyturn {

class Client {
 public:
  // Checks the options and reads the files; connects with the first call. INVALID_ARGUMENT names
  // what is wrong with the options, NOT_FOUND the file that cannot be read.
  static absl::StatusOr<std::unique_ptr<Client>> Connect(ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The bearer token of later calls; "" for none. They end with INVALID_ARGUMENT when no header can
  // carry it.
  void SetToken(std::string token);

  // A method of one answer by its full name, "/keyturn.v1.SecretService/Get", with messages of its
  // types.
  absl::Status Call(const std::string& method, const google::protobuf::Message& request,
                    google::protobuf::Message* response, const CallOptions& options = {});

  // Secrets.
  absl::StatusOr<v1::PutResponse> Put(const v1::PutRequest& request,
                                      const CallOptions& options = {});
  absl::StatusOr<v1::GetResponse> Get(const v1::GetRequest& request,
                                      const CallOptions& options = {});
  absl::StatusOr<v1::BatchGetResponse> BatchGet(const v1::BatchGetRequest& request,
                                                const CallOptions& options = {});
  absl::StatusOr<v1::PutResponse> Generate(const v1::GenerateRequest& request,
                                           const CallOptions& options = {});
  absl::StatusOr<v1::SecretInfo> Describe(const v1::DescribeRequest& request,
                                          const CallOptions& options = {});
  absl::StatusOr<v1::ListResponse> List(const v1::ListRequest& request,
                                        const CallOptions& options = {});
  absl::StatusOr<v1::SearchResponse> Search(const v1::SearchRequest& request,
                                            const CallOptions& options = {});
  absl::StatusOr<v1::SecretInfo> Adopt(const v1::AdoptRequest& request,
                                       const CallOptions& options = {});
  absl::StatusOr<v1::SecretInfo> UpdateMetadata(const v1::UpdateMetadataRequest& request,
                                                const CallOptions& options = {});
  absl::StatusOr<v1::SecretInfo> Delete(const v1::DeleteRequest& request,
                                        const CallOptions& options = {});
  absl::StatusOr<v1::SecretInfo> Undelete(const v1::UndeleteRequest& request,
                                          const CallOptions& options = {});
  absl::StatusOr<v1::DestroyResponse> Destroy(const v1::DestroyRequest& request,
                                              const CallOptions& options = {});
  absl::StatusOr<v1::EraseResponse> Erase(const v1::EraseRequest& request,
                                          const CallOptions& options = {});
  absl::StatusOr<v1::RenameResponse> Rename(const v1::RenameRequest& request,
                                            const CallOptions& options = {});

  // Rotation.
  absl::StatusOr<v1::RotationStatus> SetRotationPolicy(const v1::SetRotationPolicyRequest& request,
                                                       const CallOptions& options = {});
  absl::StatusOr<v1::RotationStatus> RemoveRotationPolicy(
      const v1::RemoveRotationPolicyRequest& request, const CallOptions& options = {});
  absl::StatusOr<v1::RotationStatus> PauseRotation(const v1::PauseRotationRequest& request,
                                                   const CallOptions& options = {});
  absl::StatusOr<v1::RotationStatus> ResumeRotation(const v1::ResumeRotationRequest& request,
                                                    const CallOptions& options = {});
  absl::StatusOr<v1::RotationStatus> GetRotationStatus(const v1::GetRotationStatusRequest& request,
                                                       const CallOptions& options = {});
  absl::StatusOr<v1::ListRotationRunsResponse> ListRotationRuns(
      const v1::ListRotationRunsRequest& request, const CallOptions& options = {});
  absl::StatusOr<v1::RotationStatus> Rotate(const v1::RotateRequest& request,
                                            const CallOptions& options = {});
  absl::StatusOr<v1::RotationStatus> CancelRotation(const v1::CancelRotationRequest& request,
                                                    const CallOptions& options = {});
  absl::StatusOr<v1::RotationStatus> Rollback(const v1::RollbackRequest& request,
                                              const CallOptions& options = {});
  absl::StatusOr<v1::RotationStatus> SetGrace(const v1::SetGraceRequest& request,
                                              const CallOptions& options = {});
  absl::StatusOr<v1::AcceptClockResponse> AcceptClock(const v1::AcceptClockRequest& request,
                                                      const CallOptions& options = {});
  absl::StatusOr<v1::RotationStatus> RetireVersion(const v1::RetireRequest& request,
                                                   const CallOptions& options = {});
  absl::StatusOr<v1::ListRotationsResponse> ListRotations(const v1::ListRotationsRequest& request,
                                                          const CallOptions& options = {});
  absl::StatusOr<v1::ForecastResponse> Forecast(const v1::ForecastRequest& request,
                                                const CallOptions& options = {});

  // JSON web tokens.
  absl::StatusOr<v1::JwtKey> CreateJwtKey(const v1::CreateJwtKeyRequest& request,
                                          const CallOptions& options = {});
  absl::StatusOr<v1::JwtKey> AdoptJwtKey(const v1::AdoptJwtKeyRequest& request,
                                         const CallOptions& options = {});
  absl::StatusOr<v1::JwtKey> UpdateJwtKey(const v1::UpdateJwtKeyRequest& request,
                                          const CallOptions& options = {});
  absl::StatusOr<v1::JwtKey> GetJwtKey(const v1::GetJwtKeyRequest& request,
                                       const CallOptions& options = {});
  absl::StatusOr<v1::GetJwksResponse> GetJwks(const v1::GetJwksRequest& request,
                                              const CallOptions& options = {});
  absl::StatusOr<v1::SignJwtResponse> SignJwt(const v1::SignJwtRequest& request,
                                              const CallOptions& options = {});
  absl::StatusOr<v1::VerifyJwtResponse> VerifyJwt(const v1::VerifyJwtRequest& request,
                                                  const CallOptions& options = {});
  absl::StatusOr<v1::SignJwtResponse> RefreshJwt(const v1::RefreshJwtRequest& request,
                                                 const CallOptions& options = {});
  absl::StatusOr<v1::RevokeRefreshResponse> RevokeRefresh(const v1::RevokeRefreshRequest& request,
                                                          const CallOptions& options = {});

  // API keys. Answers of the first two hold a key.
  absl::StatusOr<v1::CreateApiKeyResponse> CreateApiKey(const v1::CreateApiKeyRequest& request,
                                                        const CallOptions& options = {});
  absl::StatusOr<v1::RollApiKeyResponse> RollApiKey(const v1::RollApiKeyRequest& request,
                                                    const CallOptions& options = {});
  absl::StatusOr<v1::ApiKeyInfo> GetApiKey(const v1::GetApiKeyRequest& request,
                                           const CallOptions& options = {});
  absl::StatusOr<v1::ListApiKeysResponse> ListApiKeys(const v1::ListApiKeysRequest& request,
                                                      const CallOptions& options = {});
  absl::StatusOr<v1::ApiKeyInfo> UpdateApiKey(const v1::UpdateApiKeyRequest& request,
                                              const CallOptions& options = {});
  absl::StatusOr<v1::ApiKeyInfo> SetApiKeyGrace(const v1::SetApiKeyGraceRequest& request,
                                                const CallOptions& options = {});
  absl::StatusOr<v1::ApiKeyInfo> RevokeApiKey(const v1::RevokeApiKeyRequest& request,
                                              const CallOptions& options = {});
  absl::StatusOr<v1::ImportApiKeysResponse> ImportApiKeys(const v1::ImportApiKeysRequest& request,
                                                          const CallOptions& options = {});
  absl::StatusOr<v1::VerifyApiKeyResponse> VerifyApiKey(const v1::VerifyApiKeyRequest& request,
                                                        const CallOptions& options = {});

  // Who uses which version.
  absl::StatusOr<v1::ListConsumersResponse> ListConsumers(const v1::ListConsumersRequest& request,
                                                          const CallOptions& options = {});
  absl::StatusOr<v1::AcknowledgeResponse> Acknowledge(const v1::AcknowledgeRequest& request,
                                                      const CallOptions& options = {});
  absl::StatusOr<v1::ForgetConsumerResponse> ForgetConsumer(
      const v1::ForgetConsumerRequest& request, const CallOptions& options = {});

  // Endpoints that are told of rotations.
  absl::StatusOr<v1::CreateWebhookResponse> CreateWebhook(const v1::CreateWebhookRequest& request,
                                                          const CallOptions& options = {});
  absl::StatusOr<v1::WebhookInfo> GetWebhook(const v1::GetWebhookRequest& request,
                                             const CallOptions& options = {});
  absl::StatusOr<v1::ListWebhooksResponse> ListWebhooks(const v1::ListWebhooksRequest& request,
                                                        const CallOptions& options = {});
  absl::StatusOr<v1::DeleteWebhookResponse> DeleteWebhook(const v1::DeleteWebhookRequest& request,
                                                          const CallOptions& options = {});
  absl::StatusOr<v1::WebhookInfo> EnableWebhook(const v1::EnableWebhookRequest& request,
                                                const CallOptions& options = {});
  absl::StatusOr<v1::TestWebhookResponse> TestWebhook(const v1::TestWebhookRequest& request,
                                                      const CallOptions& options = {});
  absl::StatusOr<v1::ListWebhookDeliveriesResponse> ListWebhookDeliveries(
      const v1::ListWebhookDeliveriesRequest& request, const CallOptions& options = {});
  absl::StatusOr<v1::ReplayWebhookResponse> ReplayWebhook(const v1::ReplayWebhookRequest& request,
                                                          const CallOptions& options = {});
  absl::StatusOr<v1::RollWebhookKeyResponse> RollWebhookKey(
      const v1::RollWebhookKeyRequest& request, const CallOptions& options = {});

  // The vault itself.
  absl::StatusOr<v1::StatusResponse> Status(const v1::StatusRequest& request,
                                            const CallOptions& options = {});
  absl::StatusOr<v1::InitResponse> Init(const v1::InitRequest& request,
                                        const CallOptions& options = {});
  absl::StatusOr<v1::StatusResponse> Unseal(const v1::UnsealRequest& request,
                                            const CallOptions& options = {});
  absl::StatusOr<v1::StatusResponse> Seal(const v1::SealRequest& request,
                                          const CallOptions& options = {});
  absl::StatusOr<v1::RotateKekResponse> RotateKek(const v1::RotateKekRequest& request,
                                                  const CallOptions& options = {});
  absl::StatusOr<v1::RewrapStatusResponse> RewrapStatus(const v1::RewrapStatusRequest& request,
                                                        const CallOptions& options = {});
  absl::StatusOr<v1::StartRekeyResponse> StartRekey(const v1::StartRekeyRequest& request,
                                                    const CallOptions& options = {});
  absl::StatusOr<v1::GiveRekeyKeyResponse> GiveRekeyKey(const v1::GiveRekeyKeyRequest& request,
                                                        const CallOptions& options = {});
  absl::StatusOr<v1::CancelRekeyResponse> CancelRekey(const v1::CancelRekeyRequest& request,
                                                      const CallOptions& options = {});
  absl::StatusOr<v1::RekeyStatusResponse> RekeyStatus(const v1::RekeyStatusRequest& request,
                                                      const CallOptions& options = {});
  absl::StatusOr<v1::IssueCertificateResponse> IssueCertificate(
      const v1::IssueCertificateRequest& request, const CallOptions& options = {});

  // Identities and permissions.
  absl::StatusOr<v1::LoginResponse> Login(const v1::LoginRequest& request,
                                          const CallOptions& options = {});
  absl::StatusOr<v1::LogoutResponse> Logout(const v1::LogoutRequest& request,
                                            const CallOptions& options = {});
  absl::StatusOr<v1::WhoAmIResponse> WhoAmI(const v1::WhoAmIRequest& request,
                                            const CallOptions& options = {});
  absl::StatusOr<v1::CanIResponse> CanI(const v1::CanIRequest& request,
                                        const CallOptions& options = {});
  absl::StatusOr<v1::CreateTokenResponse> CreateToken(const v1::CreateTokenRequest& request,
                                                      const CallOptions& options = {});
  absl::StatusOr<v1::ListTokensResponse> ListTokens(const v1::ListTokensRequest& request,
                                                    const CallOptions& options = {});
  absl::StatusOr<v1::RevokeTokenResponse> RevokeToken(const v1::RevokeTokenRequest& request,
                                                      const CallOptions& options = {});
  absl::StatusOr<v1::TokenInfo> RenewToken(const v1::RenewTokenRequest& request,
                                           const CallOptions& options = {});
  absl::StatusOr<v1::RevokeResponse> Revoke(const v1::RevokeRequest& request,
                                            const CallOptions& options = {});
  absl::StatusOr<v1::CheckResponse> CheckRevoked(const v1::CheckRequest& request,
                                                 const CallOptions& options = {});
  absl::StatusOr<v1::ImportRevocationsResponse> ImportRevocations(
      const v1::ImportRevocationsRequest& request, const CallOptions& options = {});
  absl::StatusOr<v1::Policy> PutPolicy(const v1::PutPolicyRequest& request,
                                       const CallOptions& options = {});
  absl::StatusOr<v1::Policy> GetPolicy(const v1::GetPolicyRequest& request,
                                       const CallOptions& options = {});
  absl::StatusOr<v1::ListPoliciesResponse> ListPolicies(const v1::ListPoliciesRequest& request,
                                                        const CallOptions& options = {});
  absl::StatusOr<v1::DeletePolicyResponse> DeletePolicy(const v1::DeletePolicyRequest& request,
                                                        const CallOptions& options = {});
  absl::StatusOr<v1::Role> PutRole(const v1::PutRoleRequest& request,
                                   const CallOptions& options = {});
  absl::StatusOr<v1::Role> GetRole(const v1::GetRoleRequest& request,
                                   const CallOptions& options = {});
  absl::StatusOr<v1::ListRolesResponse> ListRoles(const v1::ListRolesRequest& request,
                                                  const CallOptions& options = {});
  absl::StatusOr<v1::DeleteRoleResponse> DeleteRole(const v1::DeleteRoleRequest& request,
                                                    const CallOptions& options = {});
  absl::StatusOr<v1::PasswordPolicy> PutPasswordPolicy(const v1::PutPasswordPolicyRequest& request,
                                                       const CallOptions& options = {});
  absl::StatusOr<v1::ListPasswordPoliciesResponse> ListPasswordPolicies(
      const v1::ListPasswordPoliciesRequest& request, const CallOptions& options = {});
  absl::StatusOr<v1::DeletePasswordPolicyResponse> DeletePasswordPolicy(
      const v1::DeletePasswordPolicyRequest& request, const CallOptions& options = {});

  // Audit.
  absl::StatusOr<v1::SearchAuditResponse> SearchAudit(const v1::SearchAuditRequest& request,
                                                      const CallOptions& options = {});

  // Streams: `fn` gets each message until it returns false, which ends the stream with OK, or the
  // server ends it. CANCELLED when options.cancellation was used. Without options.timeout they may
  // last for ever, and those that can be cancelled wait for the connection as well.
  absl::Status Watch(const v1::WatchRequest& request,
                     const std::function<bool(v1::WatchResponse&)>& fn,
                     const CallOptions& options = {});
  absl::Status VerifyRecords(const v1::VerifyRequest& request,
                             const std::function<bool(v1::VerifyResponse&)>& fn,
                             const CallOptions& options = {});
  absl::Status Purge(const v1::PurgeRequest& request,
                     const std::function<bool(v1::PurgeResponse&)>& fn,
                     const CallOptions& options = {});
  absl::Status VerifyAudit(const v1::VerifyAuditRequest& request,
                           const std::function<bool(v1::VerifyAuditResponse&)>& fn,
                           const CallOptions& options = {});
  absl::Status TailAudit(const v1::TailRequest& request,
                         const std::function<bool(v1::AuditEntry&)>& fn,
                         const CallOptions& options = {});

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace keyturn
