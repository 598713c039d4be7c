// Any bytes as the content of keyring.ktn, sealed as it should be, and any bytes as the file. A
// keyring that opens keeps what its users rely on, and is written and read as the same keys.
#include "keyring/keyring_codec.h"

#include "base/limits.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

absl::StatusOr<KeyringCodec::Opened> Open(FileSystem& files) {
  return KeyringCodec::Read(FixedVault(), FixedRootKey(), kDirectory, files);
}

void CheckOrder(const KeyringSnapshot& keys) {
  KekTerm last;
  for (const std::shared_ptr<const Kek>& kek : keys.keks()) {
    Require(kek->term > last, "terms ascend");
    Require(keys.FindKek(kek->term) == kek.get(), "a term has one key");
    Require(kek->key.size() == kAeadKeySize, "of 32 bytes");
    last = kek->term;
  }
  Require(keys.active_kek().term == last, "the last one is active");
}

void CheckSame(const KeyringSnapshot& a, const KeyringSnapshot& b) {
  Require(a.keks().size() == b.keks().size() && a.retired().size() == b.retired().size(), "all");
  for (size_t i = 0; i < a.keks().size(); ++i) {
    const Kek &x = *a.keks()[i], &y = *b.keks()[i];
    Require(x.term == y.term && x.suite == y.suite && x.key == y.key &&
                x.created_ms == y.created_ms && x.uses + limits::kKekUsesStep == y.uses,
            "a KEK is the same, with its uses counted ahead");
  }
  for (size_t i = 0; i < a.retired().size(); ++i) {
    const RetiredKek &x = a.retired()[i], &y = b.retired()[i];
    Require(x.term == y.term && x.suite == y.suite && x.created_ms == y.created_ms &&
                x.retired_ms == y.retired_ms && x.uses == y.uses,
            "a retired KEK is the same");
  }
  Require(a.compromised_below() == b.compromised_below(), "what is compromised");
  Require(a.index_key() == b.index_key() && a.record_hash_key() == b.record_hash_key() &&
              a.token_key() == b.token_key() && a.audit_mac_key() == b.audit_mac_key() &&
              a.audit_signing_seed() == b.audit_signing_seed() &&
              a.api_key_pepper() == b.api_key_pepper() &&
              a.revocation_hash_key() == b.revocation_hash_key(),
          "the other keys");
}

}  // namespace

void FuzzKeyring(absl::string_view input) {
  const std::unique_ptr<FileSystem> files = NewFiles();
  StoreKeyring(input, *files);
  const absl::StatusOr<KeyringCodec::Opened> opened = Open(*files);
  if (opened.ok()) {
    CheckOrder(*opened->keys);
    Require(KeyringCodec::Write(*opened->keys, FixedRootKey(), 6, kDirectory, *files).ok(),
            "writes");
    CheckSame(*opened->keys, *Must(Open(*files), "what was written opens").keys);
  } else {
    Require(absl::IsDataLoss(opened.status()), "what is refused is damaged");
  }
  for (const char* const name : {"/d/keyring.ktn", "/d/keyring.ktn.2"}) {
    StoreFile(*files, name, input);
  }
  if (const auto any = Open(*files); any.ok()) CheckOrder(*any->keys);
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzKeyring)
