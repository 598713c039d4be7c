#include "keyring/share_text.h"

#include <gtest/gtest.h>

#include "base/coding.h"
#include "crypto/mac.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

TextShare Share(absl::string_view value) {
  TextShare share{"SLOT", 3, {}};
  share.share.index = 255;
  share.share.value = *SecretBytes::CopyOf(value);
  return share;
}

std::string Encoded(absl::string_view value) {
  return std::string(EncodeShare(Share(value))->ExposeForWire());
}

std::string Refusal(absl::string_view text) {
  const absl::Status status = DecodeShare(text).status();
  EXPECT_CODE(status, kInvalidArgument);
  return std::string(status.message());
}

// Of bytes that are not a share, with a checksum that fits them.
std::string WithChecksum(const std::string& bytes) {
  return "kt-share-" + Base64UrlEncode(bytes + Sha256(bytes).substr(0, 4));
}

TEST(ShareText, ComesBackAsItWas) {
  const std::string value(32, '\xfe');
  ASSERT_OK_AND_ASSIGN(const TextShare back, DecodeShare(Encoded(value)));
  EXPECT_EQ(back.slot_prefix, "SLOT");
  EXPECT_EQ(back.threshold, 3);
  EXPECT_EQ(back.share.index, 255);
  EXPECT_EQ(back.share.value.ExposeForCrypto(), value);
}

// Shares are kept on paper for years: this form does not change.
TEST(ShareText, IsByteExact) {
  const std::string bytes = std::string("\1SLOT\xff\x03", 7) + "value";
  EXPECT_EQ(Encoded("value"), WithChecksum(bytes));
  EXPECT_EQ(Encoded("value"), "kt-share-AVNMT1T_A3ZhbHVlCa8Glg");
}

TEST(ShareText, EveryMistypedCharacterIsNoticed) {
  const std::string text = Encoded(std::string(32, 'v'));
  const size_t prefix = std::string("kt-share-").size();
  for (size_t i = prefix; i < text.size(); ++i) {
    for (const char other : {'A', 'z', '-', '_', ' '}) {
      if (text[i] == other) continue;
      std::string typo = text;
      typo[i] = other;
      const std::string refusal = Refusal(typo);
      EXPECT_TRUE(refusal == "the share is mistyped: its checksum does not match" ||
                  refusal == "not a share: cut short or mistyped")
          << i << other << ": " << refusal;
    }
  }
  std::string swapped = text;
  std::swap(swapped[prefix + 3], swapped[prefix + 4]);
  ASSERT_NE(swapped, text);
  EXPECT_EQ(Refusal(swapped), "the share is mistyped: its checksum does not match");
}

TEST(ShareText, SaysWhatIsNotAShare) {
  const std::string text = Encoded("value");
  for (const std::string& bad : {std::string(), std::string("hunter2"), "x" + text, " " + text}) {
    EXPECT_EQ(Refusal(bad), "not a share: a share starts with \"kt-share-\"");
  }
  for (size_t size = 9; size < text.size(); ++size) {
    EXPECT_CODE(DecodeShare(text.substr(0, size)), kInvalidArgument);
  }
  EXPECT_EQ(Refusal("kt-share-"), "not a share: cut short or mistyped");
  EXPECT_EQ(Refusal(text + "!"), "not a share: cut short or mistyped");
  EXPECT_EQ(Refusal(WithChecksum(std::string("\1SLOT\xff\x03", 7))),
            "not a share: cut short or mistyped");  // no value
  EXPECT_EQ(Refusal(WithChecksum(std::string("\2SLOT\xff\x03value", 12))),
            "not a share: cut short or mistyped");  // another version
}

}  // namespace
}  // namespace keyturn
