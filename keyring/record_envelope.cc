#include <memory>

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/status_macros.h"
#include "crypto/mac.h"
#include "keyring/committed_seal.h"
#include "keyring/envelope.h"

namespace keyturn {
namespace {

absl::Status UnknownTerm(KekTerm term) {
  return absl::FailedPreconditionError(
      absl::StrCat("a record is sealed under key term ", term.value(),
                   ", which is not in the keyring: it was retired, or store and keyring are not of "
                   "one copy"));
}

// Four lanes of the accumulators: HMAC-SHA256 over an unambiguous encoding of the whole record.
class KeyedRecordHasher : public RecordHasher {
 public:
  explicit KeyedRecordHasher(std::shared_ptr<const SecretBytes> key) : key_(std::move(key)) {}

  std::array<uint64_t, 4> Hash(Family family, absl::string_view key,
                               absl::string_view value) const override {
    std::string input;
    input.reserve(key.size() + value.size() + 9);
    input.push_back(static_cast<char>(family));
    AppendLengthPrefixed(key, &input);
    AppendLengthPrefixed(value, &input);
    const std::string mac = HmacSha256(key_->ExposeForCrypto(), input);
    absl::string_view rest = mac;
    std::array<uint64_t, 4> lanes;
    for (uint64_t& lane : lanes) lane = *ReadBigEndian64(&rest);
    return lanes;
  }

 private:
  const std::shared_ptr<const SecretBytes> key_;
};

}  // namespace

absl::StatusOr<std::string> SealRecord(const KeyringSnapshot& keys, const RecordPlace& place,
                                       absl::string_view plaintext) {
  const Kek& kek = keys.active_kek();
  const SealHeader header{.suite = kek.suite,
                          .purpose = place.purpose,
                          .term = kek.term,
                          .generation = place.generation};
  kek.uses.fetch_add(1, std::memory_order_relaxed);
  return SealCommitted(kek.key, header, keys.vault_id(), place.key, plaintext);
}

absl::StatusOr<OpenedRecord> OpenRecord(const KeyringSnapshot& keys, Purpose purpose,
                                        absl::string_view key, absl::string_view sealed) {
  const std::optional<SealHeader> header = ReadSealHeader(sealed);
  if (!header.has_value()) {
    return absl::DataLossError(
        absl::StrCat("a sealed record of purpose ", static_cast<int>(purpose), " is malformed"));
  }
  const Kek* kek = keys.FindKek(header->term);
  if (kek == nullptr) return UnknownTerm(header->term);
  OpenedRecord out;
  ASSIGN_OR_RETURN(out.plaintext, OpenCommitted(kek->key, purpose, keys.vault_id(), key, sealed));
  out.generation = header->generation;
  out.term = header->term;
  return out;
}

absl::StatusOr<uint64_t> NextGeneration(const KeyringSnapshot& keys, const View& view,
                                        Family family, Purpose purpose, absl::string_view key) {
  ASSIGN_OR_RETURN(const std::optional<std::string> former, view.Get(family, key));
  if (!former.has_value()) return 1;
  ASSIGN_OR_RETURN(const OpenedRecord opened, OpenRecord(keys, purpose, key, *former));
  return opened.generation + 1;
}

absl::Status PutRecord(const KeyringSnapshot& keys, const View& view, Family family,
                       Purpose purpose, const std::string& key, absl::string_view plaintext,
                       Batch& batch) {
  ASSIGN_OR_RETURN(const uint64_t generation, NextGeneration(keys, view, family, purpose, key));
  ASSIGN_OR_RETURN(const std::string sealed,
                   SealRecord(keys, {purpose, key, generation}, plaintext));
  batch.Put(family, key, sealed);
  return absl::OkStatus();
}

absl::StatusOr<std::string> ResealRecord(const KeyringSnapshot& keys, absl::string_view key,
                                         absl::string_view sealed) {
  const std::optional<SealHeader> header = ReadSealHeader(sealed);
  if (!header.has_value()) return absl::DataLossError("a sealed record is malformed");
  ASSIGN_OR_RETURN(const OpenedRecord opened, OpenRecord(keys, header->purpose, key, sealed));
  return SealRecord(keys, {header->purpose, key, opened.generation},
                    opened.plaintext.ExposeForCrypto());
}

absl::StatusOr<KekTerm> TermOf(absl::string_view sealed) {
  const std::optional<SealHeader> header = ReadSealHeader(sealed);
  if (!header.has_value()) return absl::DataLossError("a sealed record is malformed");
  return header->term;
}

std::string IndexMac(const KeyringSnapshot& keys, absl::string_view domain,
                     absl::string_view bytes) {
  std::string input;
  AppendLengthPrefixed(domain, &input);
  input.append(bytes.data(), bytes.size());
  return Mac16(keys.index_key().ExposeForCrypto(), input);
}

std::shared_ptr<const RecordHasher> NewRecordHasher(const KeyringSnapshot& keys) {
  return std::make_shared<KeyedRecordHasher>(keys.SharedRecordHashKey());
}

}  // namespace keyturn
