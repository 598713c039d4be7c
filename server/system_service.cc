#include "server/system_service.h"

#include "absl/cleanup/cleanup.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "base/timestamps.h"
#include "base/version.h"
#include "server/delegate.h"
#include "server/erase_methods.h"
#include "server/key_methods.h"
#include "server/rekey_methods.h"
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

raw::Reactor* SystemServiceImpl::Status(raw::Context* context, const raw::Bytes* request,
                                        raw::Bytes* response) {
  return parts_.door.Unary<v1::StatusRequest, v1::StatusResponse>(
      {context, request, response}, Method("Status"), RunOn::kCallbackThread,
      [this](Call& call, const auto&, auto* out) {
        *out = StatusFor(call);
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

raw::Reactor* SystemServiceImpl::Init(raw::Context* context, const raw::Bytes* request,
                                      raw::Bytes* response) {
  return parts_.door.Unary<v1::InitRequest, v1::InitResponse>(
      {context, request, response}, Method("Init"), RunOn::kPool,
      [this](Call& call, const auto& asked, auto* out) { return InitFor(call, asked, out); });
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

raw::Reactor* SystemServiceImpl::Unseal(raw::Context* context, const raw::Bytes* request,
                                        raw::Bytes* response) {
  return parts_.door.Unary<v1::UnsealRequest, v1::StatusResponse>(
      {context, request, response}, Method("Unseal"), RunOn::kPool,
      [this](Call& call, const auto& asked, auto* out) { return UnsealFor(call, asked, out); });
}

raw::Reactor* SystemServiceImpl::Seal(raw::Context* context, const raw::Bytes* request,
                                      raw::Bytes* response) {
  return parts_.door.Unary<v1::SealRequest, v1::StatusResponse>(
      {context, request, response}, Method("Seal"), RunOn::kPool,
      [this](Call& call, const auto&, auto* out) {
        parts_.lifecycle.Seal();
        *out = StatusFor(call);
        return absl::OkStatus();
      });
}

raw::StreamReactor* SystemServiceImpl::Verify(raw::Context* context, const raw::Bytes* request) {
  return StartVerify({parts_.door, parts_.store, parts_.vault, parts_.keyring, parts_.clock},
                     context, request, Method("Verify"));
}

raw::Reactor* SystemServiceImpl::RotateKek(raw::Context* context, const raw::Bytes* request,
                                           raw::Bytes* response) {
  return parts_.door.Unary<v1::RotateKekRequest, v1::RotateKekResponse>(
      {context, request, response}, Method("RotateKek"), RunOn::kPool,
      [this](Call& call, const auto& asked, auto* out) {
        return keyturn::RotateKek(call, asked, parts_.keyring, parts_.lifecycle, out);
      });
}

raw::Reactor* SystemServiceImpl::RewrapStatus(raw::Context* context, const raw::Bytes* request,
                                              raw::Bytes* response) {
  return parts_.door.Unary<v1::RewrapStatusRequest, v1::RewrapStatusResponse>(
      {context, request, response}, Method("RewrapStatus"), RunOn::kPool,
      [this](Call&, const auto&, auto* out) {
        return keyturn::RewrapStatus(parts_.keyring, parts_.vault, parts_.key_turner, out);
      });
}

raw::StreamReactor* SystemServiceImpl::Purge(raw::Context* context, const raw::Bytes* request) {
  return StartPurge(parts_.door, parts_.store, context, request, Method("Purge"));
}

raw::Reactor* SystemServiceImpl::StartRekey(raw::Context* context, const raw::Bytes* request,
                                            raw::Bytes* response) {
  return parts_.door.Unary<v1::StartRekeyRequest, v1::StartRekeyResponse>(
      {context, request, response}, Method("StartRekey"), RunOn::kPool,
      [this](Call& call, const auto& asked, auto* out) {
        return keyturn::StartRekey(call, asked, parts_.keyring, out);
      });
}

raw::Reactor* SystemServiceImpl::GiveRekeyKey(raw::Context* context, const raw::Bytes* request,
                                              raw::Bytes* response) {
  return parts_.door.Unary<v1::GiveRekeyKeyRequest, v1::GiveRekeyKeyResponse>(
      {context, request, response}, Method("GiveRekeyKey"), RunOn::kPool,
      [this](Call& call, const auto& asked, auto* out) {
        return keyturn::GiveRekeyKey(call, asked, parts_.keyring, out);
      });
}

raw::Reactor* SystemServiceImpl::CancelRekey(raw::Context* context, const raw::Bytes* request,
                                             raw::Bytes* response) {
  return parts_.door.Unary<v1::CancelRekeyRequest, v1::CancelRekeyResponse>(
      {context, request, response}, Method("CancelRekey"), RunOn::kPool,
      [this](Call&, const auto&, auto*) { return parts_.keyring.CancelRekey(); });
}

raw::Reactor* SystemServiceImpl::RekeyStatus(raw::Context* context, const raw::Bytes* request,
                                             raw::Bytes* response) {
  return parts_.door.Unary<v1::RekeyStatusRequest, v1::RekeyStatusResponse>(
      {context, request, response}, Method("RekeyStatus"), RunOn::kPool,
      [this](Call&, const auto&, auto* out) {
        *out->mutable_rekey() = ToRekey(parts_.keyring.rekey_status());
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

raw::Reactor* SystemServiceImpl::IssueCertificate(raw::Context* context, const raw::Bytes* request,
                                                  raw::Bytes* response) {
  return parts_.door.Unary<v1::IssueCertificateRequest, v1::IssueCertificateResponse>(
      {context, request, response}, Method("IssueCertificate"), RunOn::kPool,
      [](const auto& asked) { return Resource::None(asked.spiffe_id()); },
      [this](Call& call, const auto& asked, auto* out) { return Issue(call, asked, out); });
}

}  // namespace keyturn
