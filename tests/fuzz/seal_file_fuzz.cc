// Any bytes as seal.ktn: one that is read is written as a file that says the same, and none of its
// slots opens with a key that is not its own. Parameters out of bounds are refused before use.
#include "keyring/seal_file.h"

#include "keyring/seal_slot.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

// Not those that would take a second and much memory: that is what they are allowed to do.
bool IsCheap(const record::v1::Argon2& argon2) {
  return argon2.iterations() > 64 || argon2.memory_bytes() < 8192 ||
         (argon2.iterations() <= 1 && argon2.memory_bytes() <= 8192);
}

void CheckSlot(const record::v1::SealSlot& slot) {
  static const SecretBytes other = Must(SecretBytes::CopyOf(std::string(32, 'x')), "room");
  Require(!SealName(slot.type()).empty(), "a seal has a name");
  (void)OpenSlot(slot, FixedVault(), other).ok();
  if (IsCheap(slot.argon2())) {
    const absl::StatusOr<SecretBytes> key = PassphraseKey(slot, other);
    Require(key.ok() || absl::IsDataLoss(key.status()), "parameters out of bounds are damage");
  }
  const record::v1::SealSlot wrapped =
      Must(RewrapSlot(slot, FixedVault(), other, FixedRootKey()), "a slot is wrapped anew");
  Require(Must(OpenSlot(wrapped, FixedVault(), other), "and opens") == FixedRootKey(),
          "to its key");
  Require(!OpenSlot(wrapped, FixedVault(), FixedRootKey()).ok(), "with no other key");
}

}  // namespace

void FuzzSealFile(absl::string_view input) {
  const std::unique_ptr<FileSystem> files = NewFiles();
  StoreFile(*files, SealFilePath(kDirectory), input);
  const absl::StatusOr<record::v1::SealFile> file = ReadSealFile(*files, kDirectory);
  if (!file.ok()) return;
  Require(WriteSealFile(*files, kDirectory, *file).ok(), "it is written");
  Require(Must(ReadSealFile(*files, kDirectory), "and read").SerializeAsString() ==
              file->SerializeAsString(),
          "as the same file");
  for (int i = 0; i < file->slots_size() && i < 4; ++i) CheckSlot(file->slots(i));
  for (int i = 0; i < file->next_slots_size() && i < 4; ++i) CheckSlot(file->next_slots(i));
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzSealFile)
