#include "server/rekey_methods.h"

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "base/timestamps.h"
#include "server/delegate.h"

namespace keyturn {
namespace {

absl::StatusOr<SealKey> ToSealKey(const v1::GiveRekeyKeyRequest& request) {
  SealKey key;
  switch (request.key_case()) {
    case v1::GiveRekeyKeyRequest::kKeyFile:
      return key;
    case v1::GiveRekeyKeyRequest::kPassphrase: {
      key.type = SealSpec::Type::kPassphrase;
      ASSIGN_OR_RETURN(key.secret, SecretBytes::CopyOf(request.passphrase()));
      return key;
    }
    case v1::GiveRekeyKeyRequest::kShare: {
      key.type = SealSpec::Type::kShamir;
      ASSIGN_OR_RETURN(key.secret, SecretBytes::CopyOf(request.share()));
      return key;
    }
    default:
      return absl::InvalidArgumentError("give one of share, passphrase and key_file");
  }
}

v1::Rekey::Phase ToPhase(RekeyStatus::Phase phase) {
  switch (phase) {
    case RekeyStatus::Phase::kAuthorize:
      return v1::Rekey::AUTHORIZE;
    case RekeyStatus::Phase::kVerify:
      return v1::Rekey::VERIFY;
    case RekeyStatus::Phase::kNone:
      break;
  }
  return v1::Rekey::PHASE_UNSPECIFIED;
}

}  // namespace

absl::StatusOr<std::vector<SealSpec>> ToSealSpecs(
    const google::protobuf::RepeatedPtrField<v1::SealConfig>& configs) {
  std::vector<SealSpec> specs;
  for (const v1::SealConfig& config : configs) {
    SealSpec spec;
    switch (config.seal_case()) {
      case v1::SealConfig::kKeyFile:
        spec.type = SealSpec::Type::kKeyFile;
        break;
      case v1::SealConfig::kPassphrase: {
        spec.type = SealSpec::Type::kPassphrase;
        ASSIGN_OR_RETURN(spec.passphrase, SecretBytes::CopyOf(config.passphrase().passphrase()));
        break;
      }
      case v1::SealConfig::kShamir:
        spec.type = SealSpec::Type::kShamir;
        spec.shares = static_cast<int>(std::min<uint32_t>(config.shamir().shares(), 1000));
        spec.threshold = static_cast<int>(std::min<uint32_t>(config.shamir().threshold(), 1000));
        break;
      default:
        return absl::InvalidArgumentError("each of seals must be key_file, passphrase or shamir");
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

v1::Rekey ToRekey(const RekeyStatus& status) {
  v1::Rekey out;
  out.set_phase(ToPhase(status.phase));
  if (status.phase == RekeyStatus::Phase::kNone) return out;
  out.set_nonce(status.nonce);
  out.set_root_key_only(status.root_key_only);
  *out.mutable_start_time() = ToTimestamp(status.started);
  for (const RekeyStatus::Seal& seal : status.seals) {
    v1::RekeySeal* const added = out.add_seals();
    added->set_seal(seal.name);
    added->set_shares_given(static_cast<uint32_t>(seal.shares_given));
    added->set_shares_threshold(static_cast<uint32_t>(seal.shares_threshold));
    added->set_done(seal.done);
  }
  out.set_any_is_enough(status.any_is_enough);
  return out;
}

absl::Status StartRekey(Call& call, const v1::StartRekeyRequest& request, Keyring& keyring,
                        v1::StartRekeyResponse* response) {
  RETURN_IF_ERROR(RequireEverything(call));
  ASSIGN_OR_RETURN(std::vector<SealSpec> seals, ToSealSpecs(request.seals()));
  call.Note("root_key_only", seals.empty() ? "true" : "false");
  ASSIGN_OR_RETURN(const RekeyStatus status, keyring.StartRekey(std::move(seals)));
  call.Note("nonce", status.nonce);
  *response->mutable_rekey() = ToRekey(status);
  return absl::OkStatus();
}

absl::Status GiveRekeyKey(Call& call, const v1::GiveRekeyKeyRequest& request, Keyring& keyring,
                          v1::GiveRekeyKeyResponse* response) {
  ASSIGN_OR_RETURN(const SealKey key, ToSealKey(request));
  if (key.type == SealSpec::Type::kKeyFile) RETURN_IF_ERROR(RequireEverything(call));
  call.Note("nonce", absl::string_view(request.nonce()).substr(0, limits::kNameBytesMax));
  absl::StatusOr<RekeyStep> step = keyring.GiveRekeyKey(key, request.nonce());
  if (absl::IsUnauthenticated(step.status())) {
    return WithReason(absl::InvalidArgumentError(step.status().message()), "WRONG_KEY");
  }
  RETURN_IF_ERROR(step.status());
  *response->mutable_rekey() = ToRekey(step->status);
  for (const SecretBytes& share : step->shares) {
    response->add_shares(std::string(share.ExposeForWire()));
  }
  response->set_finished(step->finished);
  call.Note("finished", step->finished ? "true" : "false");
  if (step->finished) LogInfo("the root key was changed");
  return absl::OkStatus();
}

}  // namespace keyturn
