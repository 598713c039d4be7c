#include "base/coding.h"

#include <gtest/gtest.h>

namespace keyturn {
namespace {

TEST(Coding, BigEndianIsByteExactAndReadsBack) {
  std::string out;
  AppendBigEndian16(0x0102, &out);
  AppendBigEndian32(0x03040506, &out);
  AppendBigEndian64(0x0708090a0b0c0d0e, &out);
  EXPECT_EQ(HexEncode(out), "0102030405060708090a0b0c0d0e");
  EXPECT_EQ(BigEndian64(1), std::string("\0\0\0\0\0\0\0\x01", 8));
  absl::string_view in = out;
  EXPECT_EQ(ReadBigEndian16(&in), 0x0102);
  EXPECT_EQ(ReadBigEndian32(&in), 0x03040506u);
  EXPECT_EQ(ReadBigEndian64(&in), 0x0708090a0b0c0d0eu);
  EXPECT_TRUE(in.empty());
}

TEST(Coding, EncodedNumbersSortAsNumbers) {
  std::vector<std::string> encoded;
  for (const uint64_t number : {uint64_t{0}, uint64_t{1}, uint64_t{127}, uint64_t{128},
                                uint64_t{255}, uint64_t{256}, UINT64_MAX / 2, UINT64_MAX}) {
    encoded.push_back(BigEndian64(number));
  }
  EXPECT_TRUE(std::is_sorted(encoded.begin(), encoded.end()));
}

TEST(Coding, ReadersLeaveWhatIsTooShort) {
  const std::string bytes("\xff\xfe\xfd", 3);
  absl::string_view in = bytes;
  EXPECT_EQ(ReadBigEndian32(&in), std::nullopt);
  EXPECT_EQ(ReadBigEndian64(&in), std::nullopt);
  EXPECT_EQ(ReadBytes(4, &in), std::nullopt);
  EXPECT_EQ(in, bytes);
  EXPECT_EQ(ReadByte(&in), 0xff);
  EXPECT_EQ(ReadBigEndian16(&in), 0xfefd);
  EXPECT_EQ(ReadByte(&in), std::nullopt);
  EXPECT_EQ(ReadBytes(0, &in), absl::string_view());
}

TEST(Coding, LengthPrefixesKeepFieldsApart) {
  std::string one, other;
  AppendLengthPrefixed("ab", &one);
  AppendLengthPrefixed("c", &one);
  AppendLengthPrefixed("a", &other);
  AppendLengthPrefixed("bc", &other);
  EXPECT_NE(one, other);
  EXPECT_EQ(HexEncode(one), "0000000261620000000163");
  absl::string_view in = one;
  EXPECT_EQ(ReadLengthPrefixed(&in), "ab");
  EXPECT_EQ(ReadLengthPrefixed(&in), "c");
  EXPECT_EQ(ReadLengthPrefixed(&in), std::nullopt);
}

TEST(Coding, ALengthBeyondTheEndIsRefusedAndTakesNothing) {
  for (const std::string& bytes : {std::string("\0\0\0\x03"
                                               "ab",
                                               6),
                                   std::string("\xff\xff\xff\xff"
                                               "ab"),
                                   std::string("\0\0\0", 3), std::string()}) {
    absl::string_view in = bytes;
    EXPECT_EQ(ReadLengthPrefixed(&in), std::nullopt) << HexEncode(bytes);
    EXPECT_EQ(in.size(), bytes.size());
  }
}

TEST(Coding, HexadecimalIsLowerCaseAndReadsBoth) {
  EXPECT_EQ(HexEncode(std::string("\x00\xab\xff", 3)), "00abff");
  EXPECT_EQ(HexDecode("00abFF"), std::string("\x00\xab\xff", 3));
  EXPECT_EQ(HexDecode(""), "");
  for (const char* const bad : {"0", "0g", "zz", " 00", "0x00", "00 "}) {
    EXPECT_EQ(HexDecode(bad), std::nullopt) << bad;
  }
}

// RFC 4648, section 10, without padding; and the two characters that differ.
TEST(Coding, Base64UrlKnownAnswers) {
  const std::pair<std::string, std::string> answers[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "-__-"}};
  for (const auto& [bytes, text] : answers) {
    EXPECT_EQ(Base64UrlEncode(bytes), text);
    EXPECT_EQ(Base64UrlDecode(text), bytes);
  }
}

TEST(Coding, Base64UrlHasOneTextForEachValue) {
  for (const char* const bad :
       {"Zg==", "Zg=", "Zh", "Zm9", "Z", "+//+", "Zm9v\n", " Zm9v", "Zm 9v"}) {
    EXPECT_EQ(Base64UrlDecode(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace keyturn
