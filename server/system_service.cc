#include "server/system_service.h"

#include "absl/cleanup/cleanup.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "base/version.h"
#include "server/delegate.h"
#include "server/erase_methods.h"
#include "server/key_methods.h"
#include "server/rekey_methods.h"
#include "server/timestamps.h"
#include "server/verify_stream.h"

namespace keyturn {
namespace {

absl::Status GiveKey(Keyring& keyring, const v1::UnsealRequest& request, Revision revision) {
  if (request.reset()) keyring.ResetUnseal();
  switch (request.key_case()) {
    case v1::UnsealRequest::kKeyFile:
      return keyring.UnsealWithKeyFile(revision);
    case v1::UnsealRequest::kPassphrase: {
      ASSIGN_OR_RETURN(const SecretBytes passphrase, SecretBytes::CopyOf(request.passphrase()));
      return keyring.UnsealWithPassphrase(passphrase, revision);
    }
    case v1::UnsealRequest::kShare: {
      ASSIGN_OR_RETURN(const SecretBytes share, SecretBytes::CopyOf(request.share()));
      return keyring.UnsealWithShare(share, request.nonce(), revision);
    }
    default:
      if (request.reset()) return absl::OkStatus();
      return absl::InvalidArgumentError(
          "give one of share, passphrase and key_file, or reset to forget the shares given so far");
  }
}

// While the vault is sealed nobody on the network can be told from anybody else, and who may
// discard the shares that others gave may keep the vault sealed.
absl::Status MayReset(const Call& call, const v1::UnsealRequest& request) {
  if (!request.reset() || call.credentials().local_operator) return absl::OkStatus();
  return WithReason(absl::PermissionDeniedError(
                        "reset is taken on the operator socket only, on the server's machine"),
                    "OPERATOR_SOCKET_ONLY");
}

absl::Status OthersUnseal() {
  return WithRetryAfter(
      WithReason(absl::ResourceExhaustedError("somebody else's key is being tried; the operator "
                                              "socket does not wait for this"),
                 "BUSY"),
      absl::Seconds(1));
}

}  // namespace

v1::StatusResponse SystemServiceImpl::StatusFor(const Call& call) const {
  const SealStatus seal = parts_.keyring.status();
  v1::StatusResponse response;
  response.set_initialized(seal.initialized);
  response.set_sealed(!parts_.lifecycle.unsealed().load(std::memory_order_acquire));
  response.set_dev(parts_.dev);
  response.set_shares_given(static_cast<uint32_t>(seal.shares_given));
  response.set_shares_threshold(static_cast<uint32_t>(seal.shares_threshold));
  response.set_unseal_nonce(seal.unseal_nonce);
  for (const std::string& name : seal.seals) response.add_seals(name);
  if (!seal.vault_id.is_nil()) response.set_vault_id(seal.vault_id.ToString());
  const bool known = call.identity_or_null() != nullptr || call.credentials().local_operator;
  if (known || parts_.dev) {
    response.set_version(kVersion);
    response.set_revision(parts_.store.LastRevision().value());
    response.set_kek_term(static_cast<uint32_t>(seal.kek_term.value()));
  }
  return response;
}

grpc::ServerUnaryReactor* SystemServiceImpl::Status(grpc::CallbackServerContext* context,
                                                    const v1::StatusRequest*,
                                                    v1::StatusResponse* response) {
  return parts_.door.Unary(context, Method("Status"), RunOn::kCallbackThread, Resource::None(),
                           [=, this](Call& call) {
                             *response = StatusFor(call);
                             return absl::OkStatus();
                           });
}

absl::Status SystemServiceImpl::InitFor(Call& call, const v1::InitRequest& request,
                                        v1::InitResponse* response) {
  // Before init no client CA exists, so nobody reaches this over TLS; in dev mode somebody may.
  if (!call.credentials().local_operator && !parts_.keyring.status().initialized) {
    return WithReason(absl::PermissionDeniedError("init is taken from the operator socket only"),
                      "OPERATOR_SOCKET");
  }
  ASSIGN_OR_RETURN(std::vector<SealSpec> specs, ToSealSpecs(request.seals()));
  if (request.operator_csr().size() > limits::kCsrBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("operator_csr must be at most ", limits::kCsrBytesMax, " bytes"));
  }
  ASSIGN_OR_RETURN(const Lifecycle::Initialised made,
                   parts_.lifecycle.Init(call.updater(), std::move(specs), request.operator_csr()));
  for (const SecretBytes& share : made.shares) {
    response->add_shares(std::string(share.ExposeForWire()));
  }
  response->set_root_token(std::string(made.root_token.ExposeForWire()));
  response->set_client_ca_pem(made.client_ca_pem);
  response->set_operator_certificate_pem(made.operator_certificate_pem);
  response->set_vault_id(made.vault_id.ToString());
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* SystemServiceImpl::Init(grpc::CallbackServerContext* context,
                                                  const v1::InitRequest* request,
                                                  v1::InitResponse* response) {
  return parts_.door.Unary(context, Method("Init"), RunOn::kPool, Resource::None(),
                           [=, this](Call& call) { return InitFor(call, *request, response); });
}

absl::Status SystemServiceImpl::UnsealFor(Call& call, const v1::UnsealRequest& request,
                                          v1::StatusResponse* response) {
  RETURN_IF_ERROR(MayReset(call, request));
  // A passphrase takes a second of work, and strangers may try: one of them at a time, so that the
  // operator's own turn comes soon.
  const bool local = call.credentials().local_operator;
  if (!local && unsealing_.exchange(true)) return OthersUnseal();
  const absl::Cleanup done = [this, local] {
    if (!local) unsealing_.store(false);
  };
  RETURN_IF_ERROR(parts_.lifecycle.Unseal(
      [&](Keyring& keyring) { return GiveKey(keyring, request, parts_.store.LastRevision()); }));
  *response = StatusFor(call);
  call.Note("sealed", response->sealed() ? "true" : "false");
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* SystemServiceImpl::Unseal(grpc::CallbackServerContext* context,
                                                    const v1::UnsealRequest* request,
                                                    v1::StatusResponse* response) {
  return parts_.door.Unary(context, Method("Unseal"), RunOn::kPool, Resource::None(),
                           [=, this](Call& call) { return UnsealFor(call, *request, response); });
}

grpc::ServerUnaryReactor* SystemServiceImpl::Seal(grpc::CallbackServerContext* context,
                                                  const v1::SealRequest*,
                                                  v1::StatusResponse* response) {
  return parts_.door.Unary(context, Method("Seal"), RunOn::kPool, Resource::None(),
                           [=, this](Call& call) {
                             parts_.lifecycle.Seal();
                             *response = StatusFor(call);
                             return absl::OkStatus();
                           });
}

grpc::ServerWriteReactor<v1::VerifyResponse>* SystemServiceImpl::Verify(
    grpc::CallbackServerContext* context, const v1::VerifyRequest*) {
  return StartVerify({parts_.door, parts_.store, parts_.vault}, context, Method("Verify"));
}

grpc::ServerUnaryReactor* SystemServiceImpl::RotateKek(grpc::CallbackServerContext* context,
                                                       const v1::RotateKekRequest* request,
                                                       v1::RotateKekResponse* response) {
  return parts_.door.Unary(
      context, Method("RotateKek"), RunOn::kPool, Resource::None(), [=, this](Call& call) {
        return keyturn::RotateKek(call, *request, parts_.keyring, parts_.lifecycle, response);
      });
}

grpc::ServerUnaryReactor* SystemServiceImpl::RewrapStatus(grpc::CallbackServerContext* context,
                                                          const v1::RewrapStatusRequest*,
                                                          v1::RewrapStatusResponse* response) {
  return parts_.door.Unary(
      context, Method("RewrapStatus"), RunOn::kPool, Resource::None(), [=, this](Call&) {
        return keyturn::RewrapStatus(parts_.keyring, parts_.vault, parts_.key_turner, response);
      });
}

grpc::ServerWriteReactor<v1::PurgeResponse>* SystemServiceImpl::Purge(
    grpc::CallbackServerContext* context, const v1::PurgeRequest*) {
  return StartPurge(parts_.door, parts_.store, context, Method("Purge"));
}

grpc::ServerUnaryReactor* SystemServiceImpl::StartRekey(grpc::CallbackServerContext* context,
                                                        const v1::StartRekeyRequest* request,
                                                        v1::StartRekeyResponse* response) {
  return parts_.door.Unary(context, Method("StartRekey"), RunOn::kPool, Resource::None(),
                           [=, this](Call& call) {
                             return keyturn::StartRekey(call, *request, parts_.keyring, response);
                           });
}

grpc::ServerUnaryReactor* SystemServiceImpl::GiveRekeyKey(grpc::CallbackServerContext* context,
                                                          const v1::GiveRekeyKeyRequest* request,
                                                          v1::GiveRekeyKeyResponse* response) {
  return parts_.door.Unary(context, Method("GiveRekeyKey"), RunOn::kPool, Resource::None(),
                           [=, this](Call& call) {
                             return keyturn::GiveRekeyKey(call, *request, parts_.keyring, response);
                           });
}

grpc::ServerUnaryReactor* SystemServiceImpl::CancelRekey(grpc::CallbackServerContext* context,
                                                         const v1::CancelRekeyRequest*,
                                                         v1::CancelRekeyResponse*) {
  return parts_.door.Unary(context, Method("CancelRekey"), RunOn::kPool, Resource::None(),
                           [this](Call&) {
                             parts_.keyring.CancelRekey();
                             return absl::OkStatus();
                           });
}

grpc::ServerUnaryReactor* SystemServiceImpl::RekeyStatus(grpc::CallbackServerContext* context,
                                                         const v1::RekeyStatusRequest*,
                                                         v1::RekeyStatusResponse* response) {
  return parts_.door.Unary(context, Method("RekeyStatus"), RunOn::kPool, Resource::None(),
                           [=, this](Call&) {
                             *response->mutable_rekey() = ToRekey(parts_.keyring.rekey_status());
                             return absl::OkStatus();
                           });
}

absl::Status SystemServiceImpl::Issue(Call& call, const v1::IssueCertificateRequest& request,
                                      v1::IssueCertificateResponse* response) {
  // A certificate can be any identity, so only who may do everything may issue one.
  RETURN_IF_ERROR(RequireEverything(call));
  if (request.ttl_seconds() < 0 || request.ttl_seconds() > limits::kCertificateTtlSecondsMax) {
    return absl::InvalidArgumentError(absl::StrCat("ttl_seconds must be 0 (90 days) or at most ",
                                                   limits::kCertificateTtlSecondsMax));
  }
  ASSIGN_OR_RETURN(const ClientCa::Issued issued,
                   parts_.client_ca.Sign(request.csr(), request.spiffe_id(),
                                         absl::Seconds(request.ttl_seconds())));
  response->set_certificate_pem(issued.certificate_pem);
  response->set_client_ca_pem(parts_.client_ca.certificate_pem());
  *response->mutable_expire_time() = ToTimestamp(issued.expire_time);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* SystemServiceImpl::IssueCertificate(
    grpc::CallbackServerContext* context, const v1::IssueCertificateRequest* request,
    v1::IssueCertificateResponse* response) {
  return parts_.door.Unary(context, Method("IssueCertificate"), RunOn::kPool,
                           Resource::None(request->spiffe_id()),
                           [=, this](Call& call) { return Issue(call, *request, response); });
}

}  // namespace keyturn
