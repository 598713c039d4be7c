// Sealing and opening, wrapping and unwrapping: the only code that puts keys and records together.
// Byte formats are in docs/FORMAT.md. Every key is used for one message: a DEK seals one version's
// data, and any other record gets a key of its own, HKDF-SHA256(KEK, salt, purpose), which comes
// with a 32-byte commitment that is compared before opening.
// Associated data names the purpose, the vault and the place (key and generation), so that a record
// moved, swapped or replayed at another place does not open.
// All functions are pure and thread-safe. Errors: DATA_LOSS for bytes that do not open or are
// malformed (the message names the purpose, nothing else); FAILED_PRECONDITION for a KEK term that
// is retired or unknown; RESOURCE_EXHAUSTED when the arena is full.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/types.h"
#include "crypto/secret_bytes.h"
#include "keyring/keyring_snapshot.h"
#include "storage/store.h"

namespace keyturn {

// A sealed record begins with suite, purpose, term and generation (docs/FORMAT.md), in clear.
inline constexpr size_t kSealedHeaderBytes = 1 + 1 + 4 + 8;

// What a sealed record is. Do not renumber: bound in every record.
enum class Purpose : uint8_t {
  kSecretMetadata = 1,
  kIndexEntry = 2,
  kPayload = 3,
  kDekWrap = 4,
  kChange = 5,
  kPolicy = 6,
  kRole = 7,
  kPasswordPolicy = 8,
  kStoredToken = 9,
  kRevokedToken = 10,
  kClientCa = 11,
  kStatelessToken = 12,
  kRootKeyWrap = 13,
  kKeyring = 14,
  kSetting = 15,
  kPageToken = 16,
  kRevocations = 17,
  kDirectory = 18,
  kRotationRun = 19,
  kApiKey = 20,
  kUsage = 21,
  kRefreshFamily = 22,
  kListedKey = 23,
  kWebhooks = 24,
  kWebhookKey = 25,
  kWebhookDelivery = 26,
  kEndedLegacyKey = 27,
};

// The place of a record other than a version's data: its key in the store, and a generation that
// grows with each write (0 for records written once).
struct RecordPlace {
  Purpose purpose;
  absl::string_view key;
  uint64_t generation = 0;
};

absl::StatusOr<std::string> SealRecord(const KeyringSnapshot& keys, const RecordPlace& place,
                                       absl::string_view plaintext);

struct OpenedRecord {
  SecretBytes plaintext;
  uint64_t generation = 0;
  KekTerm term;
};
// `generation` of the place is ignored: the record carries it, authenticated.
absl::StatusOr<OpenedRecord> OpenRecord(const KeyringSnapshot& keys, Purpose purpose,
                                        absl::string_view key, absl::string_view sealed);

// The generation of a record that replaces the one at `key`, if there is one; else 1.
absl::StatusOr<uint64_t> NextGeneration(const KeyringSnapshot& keys, const View& view,
                                        Family family, Purpose purpose, absl::string_view key);

// Puts a record into the batch, sealed for its key and with that generation.
absl::Status PutRecord(const KeyringSnapshot& keys, const View& view, Family family,
                       Purpose purpose, const std::string& key, absl::string_view plaintext,
                       Batch& batch);

// What a record holds, as a protobuf message. DATA_LOSS calls the record `what`.
template <typename Message>
absl::StatusOr<Message> ParseRecord(const OpenedRecord& opened, absl::string_view what) {
  const absl::string_view bytes = opened.plaintext.ExposeForCrypto();
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError(absl::StrCat(what, " does not parse"));
  }
  return message;
}

// One version of one secret: what its data and its DEK are bound to.
struct VersionPlace {
  Uuid secret;
  SecretVersion version;
  uint32_t kind = 0;       // keyturn.v1.Kind
  int64_t created_ms = 0;  // Unix milliseconds
};

struct SealedVersion {
  std::string payload;      // family records
  std::string wrapped_dek;  // family deks
};
absl::StatusOr<SealedVersion> SealVersion(const KeyringSnapshot& keys, const VersionPlace& place,
                                          absl::string_view plaintext);

absl::StatusOr<SecretBytes> UnwrapDek(const KeyringSnapshot& keys, const VersionPlace& place,
                                      absl::string_view wrapped_dek);
absl::StatusOr<SecretBytes> OpenPayload(const KeyringSnapshot& keys, const VersionPlace& place,
                                        const SecretBytes& dek, absl::string_view payload);
// The same DEK under the active KEK: an online rewrap never touches payloads.
absl::StatusOr<std::string> RewrapDek(const KeyringSnapshot& keys, const VersionPlace& place,
                                      absl::string_view wrapped_dek);
// The same data under a new DEK, after the old one may have become known.
absl::StatusOr<SealedVersion> ReencryptVersion(const KeyringSnapshot& keys,
                                               const VersionPlace& place,
                                               absl::string_view wrapped_dek,
                                               absl::string_view payload);
// The same record, with its purpose and generation, under the active KEK. `key` is its place's.
absl::StatusOr<std::string> ResealRecord(const KeyringSnapshot& keys, absl::string_view key,
                                         absl::string_view sealed);
// The KEK term that a wrapped DEK or a sealed record names, unauthenticated.
absl::StatusOr<KekTerm> TermOf(absl::string_view sealed);

// MACs for index keys and named records, under the index key. 16 bytes.
std::string IndexMac(const KeyringSnapshot& keys, absl::string_view domain,
                     absl::string_view bytes);

// The accumulators' hash for Store::SetRecordHasher. Holds its key, not the snapshot.
std::shared_ptr<const RecordHasher> NewRecordHasher(const KeyringSnapshot& keys);

}  // namespace keyturn
