#include "revocation/log_record.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/status_macros.h"
#include "crypto/kdf.h"
#include "crypto/mac.h"
#include "keyring/committed_seal.h"
#include "keyturn/record/v1/revocation.pb.h"
#include "storage/schema.h"

namespace keyturn {
namespace {

constexpr size_t kLogKeyBytes = 32;

constexpr size_t kHeadBytes = 90;  // of a sealed record: all before the ciphertext
constexpr size_t kTagBytes = 16;

std::string PlaceOf(uint32_t hour) {
  std::string place;
  AppendBigEndian32(hour, &place);
  return place;
}

std::string PlaceOfChunk(uint64_t id) { return absl::StrCat("snapshot", BigEndian64(id)); }

}  // namespace

absl::StatusOr<LogSealer> LogSealer::Create(const KeyringSnapshot& keys) {
  ASSIGN_OR_RETURN(SecretBytes key, HkdfSha256(keys.revocation_hash_key().ExposeForCrypto(), "",
                                               "revocation log/v1", kLogKeyBytes));
  return LogSealer(std::move(key), keys.vault_id());
}

absl::StatusOr<std::string> LogSealer::SealAt(absl::string_view place, uint64_t generation,
                                              absl::string_view body) const {
  const SealHeader header = {.suite = AeadSuite::kAes256Gcm,
                             .purpose = Purpose::kRevocations,
                             .term = KekTerm(0),
                             .generation = generation};
  return SealCommitted(key_, header, vault_id_, place, body);
}

absl::StatusOr<std::string> LogSealer::Seal(uint32_t hour, uint64_t group,
                                            absl::string_view body) const {
  return SealAt(PlaceOf(hour), group, body);
}

absl::StatusOr<SecretBytes> LogSealer::Open(uint32_t hour, absl::string_view sealed) const {
  return OpenCommitted(key_, Purpose::kRevocations, vault_id_, PlaceOf(hour), sealed);
}

std::optional<uint64_t> LogSealer::GroupOf(absl::string_view sealed) {
  const std::optional<SealHeader> header = ReadSealHeader(sealed);
  return header ? std::make_optional(header->generation) : std::nullopt;
}

absl::StatusOr<std::string> LogSealer::SealChunk(uint64_t id, absl::string_view body) const {
  return SealAt(PlaceOfChunk(id), id, body);
}

absl::StatusOr<SecretBytes> LogSealer::OpenChunk(uint64_t id, absl::string_view sealed) const {
  return OpenCommitted(key_, Purpose::kRevocations, vault_id_, PlaceOfChunk(id), sealed);
}

void ChunkDigest::Add(absl::string_view sealed) {
  absl::StrAppend(&heads_and_tags_, sealed.substr(0, kHeadBytes),
                  sealed.substr(sealed.size() - std::min(sealed.size(), kTagBytes)));
}

std::string ChunkDigest::Finish() const { return Sha256(heads_and_tags_); }

absl::StatusOr<std::string> SealState(const LogSealer& sealer, const LogState& state) {
  record::v1::RevocationLogState message;
  message.set_hours_from(state.hours_from);
  for (const auto& [hour, held] : state.held) {
    message.add_hours(hour);
    message.add_records(held.records);
  }
  if (state.snapshot.number != 0) {
    record::v1::RevocationSnapshotMark& mark = *message.mutable_snapshot();
    mark.set_number(state.snapshot.number);
    mark.set_chunks(state.snapshot.chunks);
    mark.set_revision(state.snapshot.revision.value());
    mark.set_group(state.snapshot.group);
    mark.set_digest(state.snapshot.digest);
  }
  return sealer.Seal(kStateHour, state.counted, message.SerializeAsString());
}

absl::StatusOr<LogState> OpenState(const LogSealer& sealer, absl::string_view sealed) {
  ASSIGN_OR_RETURN(const SecretBytes body, sealer.Open(kStateHour, sealed));
  const absl::string_view bytes = body.ExposeForCrypto();
  record::v1::RevocationLogState message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      message.hours_size() != message.records_size()) {
    return LogDamage("its state is malformed");
  }
  LogState state = {.counted = *LogSealer::GroupOf(sealed), .hours_from = message.hours_from()};
  for (int i = 0; i < message.hours_size(); ++i) {
    state.held[message.hours(i)].records = message.records(i);
  }
  if (message.has_snapshot()) {
    const record::v1::RevocationSnapshotMark& mark = message.snapshot();
    state.snapshot = {.number = mark.number(),
                      .chunks = mark.chunks(),
                      .revision = Revision(mark.revision()),
                      .group = mark.group(),
                      .digest = mark.digest()};
  }
  return state;
}

absl::StatusOr<LogState> ReadState(const LogSealer& sealer, const Snapshot& snapshot) {
  const std::string state_key = schema::RevlogKey(kStateHour, Revision(0));
  std::optional<std::string> sealed;
  bool chunks = false;
  const auto take = [&](absl::string_view key, absl::string_view value) {
    chunks = key != state_key;
    if (!chunks) sealed = std::string(value);
    return false;
  };
  const std::string end = schema::RevlogKey(kStateHour + 1, Revision(0));
  RETURN_IF_ERROR(snapshot.Scan(Family::kRevlog, state_key, end, take));
  // It is written before the first chunk is.
  if (chunks) return LogDamage("its state is missing");
  if (!sealed.has_value()) return LogState();
  absl::StatusOr<LogState> state = OpenState(sealer, *sealed);
  if (absl::IsDataLoss(state.status())) return LogDamage("its state does not open");
  RETURN_IF_ERROR(state.status());
  // What is written from here on would be taken for older than the snapshot.
  if (state->snapshot.revision > snapshot.revision()) {
    return LogDamage("its snapshot is of a later revision than the store");
  }
  return state;
}

absl::Status LogDamage(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("the revocation log: ", what));
}

}  // namespace keyturn
