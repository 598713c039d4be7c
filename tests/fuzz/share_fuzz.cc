// The text of an unseal share: one that is accepted has one form, and one that was mistyped is
// told.
#include "keyring/share_text.h"

#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {

void FuzzShare(absl::string_view input) {
  if (const absl::StatusOr<TextShare> share = DecodeShare(input); share.ok()) {
    Require(Must(EncodeShare(*share), "it encodes").ExposeForCrypto() == input, "to the same text");
  }
  TextShare made;
  made.slot_prefix = "slot";
  made.threshold = TakeByte(&input);
  made.share.index = TakeByte(&input);
  made.share.value = Must(SecretBytes::CopyOf("v" + std::string(TakeText(&input))), "room");
  const std::string text(Must(EncodeShare(made), "it encodes").ExposeForCrypto());
  const TextShare read = Must(DecodeShare(text), "and decodes");
  Require(read.slot_prefix == made.slot_prefix && read.threshold == made.threshold &&
              read.share.index == made.share.index && read.share.value == made.share.value,
          "to what it was");
  const std::string damaged = Damage(text, &input);
  if (damaged != text) Require(!DecodeShare(damaged).ok(), "a mistyped share is told");
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzShare)
