// Any bytes as a sealed record. One that opens, under the keyring of tests, is sealed again with
// its own salt and nonce: the same bytes, so a record has one form.
#include "keyring/committed_seal.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {

void FuzzRecord(absl::string_view input) {
  constexpr absl::string_view kPlace = "a place";
  const KeyringSnapshot& keys = FixedKeys();
  const std::optional<SealHeader> header = ReadSealHeader(input);
  Require(TermOf(input).ok() == header.has_value(), "the term is of the header");
  if (!header.has_value()) {
    Require(!OpenRecord(keys, Purpose::kSetting, kPlace, input).ok(), "without header none opens");
    Require(!ResealRecord(keys, kPlace, input).ok(), "nor is sealed again");
    return;
  }
  const absl::StatusOr<OpenedRecord> opened = OpenRecord(keys, header->purpose, kPlace, input);
  Require(ResealRecord(keys, kPlace, input).ok() == opened.ok(), "what opens is sealed again");
  if (!opened.ok()) return;
  Require(opened->term == header->term && opened->generation == header->generation, "its header");
  NextRandom(RandomnessOf(input));
  Require(Must(SealCommitted(keys.FindKek(header->term)->key, *header, keys.vault_id(), kPlace,
                             opened->plaintext.ExposeForCrypto()),
               "what was opened can be sealed") == input,
          "a record that opens is sealed to the same bytes");
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzRecord)
