// A sealed record that was damaged is refused, whatever the damage; whole it opens, at its own
// place and for its own purpose only.
#include "absl/strings/str_cat.h"
#include "keyring/committed_seal.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {

void FuzzRecordDamage(absl::string_view input) {
  const auto suite =
      (TakeByte(&input) & 1) == 0 ? AeadSuite::kAes256Gcm : AeadSuite::kXChaCha20Poly1305;
  const auto purpose = static_cast<Purpose>(TakeByte(&input));
  const uint64_t generation = TakeNumber(&input);
  const absl::string_view place = TakeText(&input);
  const absl::string_view plaintext = TakeText(&input);
  const std::string sealed =
      Must(SealRecord(FixedKeys(suite), {purpose, place, generation}, plaintext), "it is sealed");
  const KeyringSnapshot& keys = FixedKeys();

  const OpenedRecord opened = Must(OpenRecord(keys, purpose, place, sealed), "it opens");
  Require(opened.plaintext.ExposeForCrypto() == plaintext && opened.generation == generation,
          "to what was sealed");
  const auto other = static_cast<Purpose>(static_cast<uint8_t>(purpose) ^ 1);
  Require(!OpenRecord(keys, other, place, sealed).ok(), "not for another purpose");
  Require(!OpenRecord(keys, purpose, absl::StrCat(place, "x"), sealed).ok(), "nor elsewhere");

  const std::string damaged = Damage(sealed, &input);
  Require(OpenRecord(keys, purpose, place, damaged).ok() == (damaged == sealed),
          "every byte of a record is authenticated");
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzRecordDamage)
