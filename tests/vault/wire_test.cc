#include "vault/wire.h"

#include <gtest/gtest.h>

#include "base/coding.h"
#include "keyturn/v1/types.pb.h"

namespace keyturn::wire {
namespace {

class WireTest : public testing::Test {
 protected:
  // What these calls of Write... give; they must fill `size` bytes and no more.
  template <typename WriteFn>
  static std::string Written(size_t size, WriteFn write) {
    std::string bytes(size, '\0');
    absl::Span<char> out = absl::MakeSpan(bytes);
    write(&out);
    EXPECT_EQ(out.size(), 0u);
    return bytes;
  }
  static std::string Varint(uint64_t value) {
    return Written(VarintSize(value), [&](absl::Span<char>* out) { WriteVarint(value, out); });
  }
  // "number, then what is left in hexadecimal", or "malformed".
  static std::string Read(const std::string& hex) {
    const std::string bytes = *HexDecode(hex);
    absl::string_view in = bytes;
    const std::optional<uint64_t> value = ReadVarint(&in);
    return value.has_value() ? absl::StrCat(*value, ", then ", HexEncode(in)) : "malformed";
  }
};

// https://protobuf.dev/programming-guides/encoding/, and both sides of where a size begins.
TEST_F(WireTest, VarintsAreThoseOfProtobuf) {
  const std::pair<uint64_t, std::string> answers[] = {
      {0, "00"},
      {1, "01"},
      {127, "7f"},
      {128, "8001"},
      {150, "9601"},
      {300, "ac02"},
      {16383, "ff7f"},
      {16384, "808001"},
      {INT64_MAX, "ffffffffffffffff7f"},
      {UINT64_MAX, "ffffffffffffffffff01"},
  };
  for (const auto& [value, hex] : answers) {
    EXPECT_EQ(HexEncode(Varint(value)), hex);
    EXPECT_EQ(Read(hex + "7e"), absl::StrCat(value, ", then 7e"));
  }
}

TEST_F(WireTest, EverySizeOfVarintReadsBackAndNoneIsCut) {
  for (int bit = 0; bit < 64; ++bit) {
    for (const uint64_t value : {uint64_t{1} << bit, (uint64_t{1} << bit) - 1}) {
      const std::string bytes = Varint(value);
      absl::string_view in = bytes;
      EXPECT_EQ(ReadVarint(&in), value);
      EXPECT_TRUE(in.empty());
      for (size_t size = 0; size < bytes.size(); ++size) {
        in = absl::string_view(bytes).substr(0, size);
        EXPECT_EQ(ReadVarint(&in), std::nullopt) << value << " cut to " << size;
      }
    }
  }
}

TEST_F(WireTest, AVarintOfMoreThan64BitsIsMalformed) {
  EXPECT_EQ(Read("ffffffffffffffffff02"), "malformed");
  EXPECT_EQ(Read("ffffffffffffffffff7f"), "malformed");
  EXPECT_EQ(Read("8080808080808080808001"), "malformed");
  // Longer than it need be is no error to protobuf.
  EXPECT_EQ(Read("8000"), "0, then ");
  EXPECT_EQ(Read("81808080808080808000"), "1, then ");
}

TEST_F(WireTest, TagsHaveAFieldAndAType) {
  const auto read = [](const std::string& hex) {
    const std::string bytes = *HexDecode(hex);
    absl::string_view in = bytes;
    const std::optional<Tag> tag = ReadTag(&in);
    return tag.has_value() ? absl::StrCat(tag->field, ":", tag->type) : "malformed";
  };
  EXPECT_EQ(read("08"), "1:0");
  EXPECT_EQ(read("7a"), "15:2");
  EXPECT_EQ(read("8501"), "16:5");
  EXPECT_EQ(read("0f"), "1:7");                  // whoever reads the field refuses the type
  EXPECT_EQ(read("ffffffff0f"), "536870911:7");  // the largest field
  EXPECT_EQ(read("8080808010"), "malformed");
  EXPECT_EQ(read("8a80808010"), "malformed");  // not field 1 again
  EXPECT_EQ(read("02"), "malformed");          // there is no field 0
  EXPECT_EQ(read("80"), "malformed");
  EXPECT_EQ(read(""), "malformed");
  EXPECT_EQ(HexEncode(Written(1, [](auto* out) { WriteTag(15, kLengthDelimited, out); })), "7a");
  EXPECT_EQ(HexEncode(Written(2, [](auto* out) { WriteTag(16, kFixed32, out); })), "8501");
}

TEST_F(WireTest, ADelimitedFieldEndsWhereItSays) {
  const std::string bytes("\x03one\0\x05three", 11);
  absl::string_view in = bytes;
  const auto one = ReadDelimited(&in);
  EXPECT_EQ(one, "one");
  EXPECT_EQ(one->data(), bytes.data() + 1) << "a copy would leave values behind";
  EXPECT_EQ(ReadDelimited(&in), "");
  EXPECT_EQ(ReadDelimited(&in), "three");
  EXPECT_TRUE(in.empty());
  EXPECT_EQ(ReadDelimited(&in), std::nullopt);
}

TEST_F(WireTest, ASizeBeyondTheEndIsMalformed) {
  for (const char* const hex : {"04616263", "01", "80", "ffffffffffffffffff01616263"}) {
    const std::string bytes = *HexDecode(hex);
    absl::string_view in = bytes;
    EXPECT_EQ(ReadDelimited(&in), std::nullopt) << hex;
  }
}

TEST_F(WireTest, SkipsWholeFieldsOfTheTypesThereAre) {
  // What is left, or "malformed".
  const auto left = [](uint32_t type, const std::string& hex) {
    const std::string bytes = *HexDecode(hex);
    absl::string_view in = bytes;
    return Skip(type, &in) ? HexEncode(in) : "malformed";
  };
  EXPECT_EQ(left(kVarint, "9601aa"), "aa");
  EXPECT_EQ(left(kFixed64, "0102030405060708aa"), "aa");
  EXPECT_EQ(left(kLengthDelimited, "020102aa"), "aa");
  EXPECT_EQ(left(kFixed32, "01020304aa"), "aa");
  EXPECT_EQ(left(kFixed32, "01020304"), "");
  EXPECT_EQ(left(kVarint, "96"), "malformed");
  EXPECT_EQ(left(kFixed64, "01020304050607"), "malformed");
  EXPECT_EQ(left(kLengthDelimited, "0301aa"), "malformed");
  EXPECT_EQ(left(kFixed32, "010203"), "malformed");
  // Groups, which proto3 does not have, and what protobuf never had.
  for (const uint32_t type : {3u, 4u, 6u, 7u, 8u}) EXPECT_EQ(left(type, "00000000"), "malformed");
}

// Sizes on both sides of where the length takes one byte more.
TEST_F(WireTest, WhatIsWrittenIsWhatProtobufWrites) {
  for (const size_t size : {1, 2, 127, 128, 16383, 16384}) {
    v1::Field field;
    field.set_name("n");
    field.set_value(std::string(size, 'x'));
    const std::string expected = field.SerializeAsString();
    EXPECT_EQ(DelimitedSize(1) + DelimitedSize(size), expected.size());
    const std::string bytes = Written(expected.size(), [&](absl::Span<char>* out) {
      WriteTag(v1::Field::kNameFieldNumber, kLengthDelimited, out);
      WriteBytes(field.name(), out);
      WriteTag(v1::Field::kValueFieldNumber, kLengthDelimited, out);
      WriteBytes(field.value(), out);
    });
    EXPECT_TRUE(bytes == expected) << size;
  }
  EXPECT_EQ(DelimitedSize(0), 2u);
  EXPECT_EQ(HexEncode(Written(1, [](auto* out) { WriteBytes("", out); })), "00");
}

}  // namespace
}  // namespace keyturn::wire
