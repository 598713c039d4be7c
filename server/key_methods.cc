#include "server/key_methods.h"

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "base/timestamps.h"

namespace keyturn {
namespace {

constexpr absl::string_view kAesName = "aes-256-gcm";
constexpr absl::string_view kXChaChaName = "xchacha20-poly1305";

absl::string_view SuiteName(AeadSuite suite) {
  return suite == AeadSuite::kAes256Gcm ? kAesName : kXChaChaName;
}

absl::StatusOr<AeadSuite> SuiteNamed(absl::string_view name, AeadSuite present) {
  if (name.empty()) return present;
  if (name == kAesName) return AeadSuite::kAes256Gcm;
  if (name == kXChaChaName) return AeadSuite::kXChaCha20Poly1305;
  return absl::InvalidArgumentError(absl::StrCat("suite: '", name.substr(0, limits::kNameBytesMax),
                                                 "' must be ", kAesName, " or ", kXChaChaName));
}

google::protobuf::Timestamp ToTimestampMs(int64_t ms) {
  return ToTimestamp(absl::FromUnixMillis(ms));
}

// What a Kek and a RetiredKek have in common.
template <typename AnyKek>
v1::KekInfo InfoOf(const KeyringSnapshot& keys, const AnyKek& kek, v1::KekInfo::State state) {
  v1::KekInfo info;
  info.set_term(static_cast<uint32_t>(kek.term.value()));
  info.set_state(state);
  info.set_suite(std::string(SuiteName(kek.suite)));
  info.set_compromised(kek.term < keys.compromised_below());
  info.set_uses(kek.uses);
  *info.mutable_create_time() = ToTimestampMs(kek.created_ms);
  return info;
}

void AddKeks(const KeyringSnapshot& keys, v1::RewrapStatusResponse* response) {
  for (const RetiredKek& kek : keys.retired()) {
    v1::KekInfo* const info = response->add_keks();
    *info = InfoOf(keys, kek, v1::KekInfo::RETIRED);
    *info->mutable_retire_time() = ToTimestampMs(kek.retired_ms);
  }
  for (const std::shared_ptr<const Kek>& kek : keys.keks()) {
    const bool active = kek == keys.keks().back();
    *response->add_keks() =
        InfoOf(keys, *kek, active ? v1::KekInfo::ACTIVE : v1::KekInfo::DECRYPT_ONLY);
  }
}

}  // namespace

absl::Status RotateKek(Call& call, const v1::RotateKekRequest& request, Keyring& keyring,
                       Lifecycle& lifecycle, v1::RotateKekResponse* response) {
  AeadSuite suite = AeadSuite::kAes256Gcm;
  {
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, keyring.Snapshot());
    ASSIGN_OR_RETURN(suite, SuiteNamed(request.suite(), keys->active_kek().suite));
  }
  ASSIGN_OR_RETURN(const KekTerm term, lifecycle.RotateKek(suite, request.compromised()));
  response->set_term(static_cast<uint32_t>(term.value()));
  call.Note("term", absl::StrCat(term.value()));
  call.Note("suite", SuiteName(suite));
  if (request.compromised()) call.Note("compromised", "true");
  return absl::OkStatus();
}

absl::Status RewrapStatus(const Keyring& keyring, Vault& vault, const KeyTurner& turner,
                          v1::RewrapStatusResponse* response) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, keyring.Snapshot());
  AddKeks(*keys, response);
  ASSIGN_OR_RETURN(const record::v1::RewrapState state, vault.ReadRewrapState());
  response->set_running(turner.running());
  response->set_term(state.term());
  response->set_records_checked(state.checked());
  response->set_records_rewrapped(state.rewrapped());
  response->set_versions_reencrypted(state.reencrypted());
  response->set_records_failed(state.failed());
  if (state.term() != 0) *response->mutable_start_time() = ToTimestampMs(state.started_ms());
  if (state.finished_ms() != 0) {
    *response->mutable_finish_time() = ToTimestampMs(state.finished_ms());
  }
  return absl::OkStatus();
}

}  // namespace keyturn
