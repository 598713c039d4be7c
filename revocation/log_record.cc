#include "revocation/log_record.h"

#include <utility>

#include "base/coding.h"
#include "base/status_macros.h"
#include "crypto/kdf.h"
#include "keyring/committed_seal.h"
#include "keyturn/record/v1/revocation.pb.h"

namespace keyturn {
namespace {

constexpr size_t kLogKeyBytes = 32;

std::string PlaceOf(uint32_t hour) {
  std::string place;
  AppendBigEndian32(hour, &place);
  return place;
}

}  // namespace

absl::StatusOr<LogSealer> LogSealer::Create(const KeyringSnapshot& keys) {
  ASSIGN_OR_RETURN(SecretBytes key, HkdfSha256(keys.revocation_hash_key().ExposeForCrypto(), "",
                                               "revocation log/v1", kLogKeyBytes));
  return LogSealer(std::move(key), keys.vault_id());
}

absl::StatusOr<std::string> LogSealer::Seal(uint32_t hour, uint64_t group,
                                            absl::string_view body) const {
  const SealHeader header = {.suite = AeadSuite::kAes256Gcm,
                             .purpose = Purpose::kRevocations,
                             .term = KekTerm(0),
                             .generation = group};
  return SealCommitted(key_, header, vault_id_, PlaceOf(hour), body);
}

absl::StatusOr<SecretBytes> LogSealer::Open(uint32_t hour, absl::string_view sealed) const {
  return OpenCommitted(key_, Purpose::kRevocations, vault_id_, PlaceOf(hour), sealed);
}

std::optional<uint64_t> LogSealer::GroupOf(absl::string_view sealed) {
  const std::optional<SealHeader> header = ReadSealHeader(sealed);
  return header ? std::make_optional(header->generation) : std::nullopt;
}

absl::StatusOr<std::string> SealState(const LogSealer& sealer, const LogState& state) {
  record::v1::RevocationLogState message;
  message.set_hours_from(state.hours_from);
  for (const auto& [hour, records] : state.records) {
    message.add_hours(hour);
    message.add_records(records);
  }
  return sealer.Seal(kStateHour, state.counted, message.SerializeAsString());
}

absl::StatusOr<LogState> OpenState(const LogSealer& sealer, absl::string_view sealed) {
  ASSIGN_OR_RETURN(const SecretBytes body, sealer.Open(kStateHour, sealed));
  const absl::string_view bytes = body.ExposeForCrypto();
  record::v1::RevocationLogState message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      message.hours_size() != message.records_size()) {
    return absl::DataLossError("the state of the revocation log is malformed");
  }
  LogState state = {.counted = *LogSealer::GroupOf(sealed), .hours_from = message.hours_from()};
  for (int i = 0; i < message.hours_size(); ++i) {
    state.records[message.hours(i)] = message.records(i);
  }
  return state;
}

}  // namespace keyturn
