#include "vault/utf8.h"

#include <gtest/gtest.h>

#include <set>

#include "base/coding.h"

namespace keyturn {
namespace {

constexpr uint32_t kCodePointMax = 0x10ffff;

bool IsSurrogate(uint32_t code_point) { return code_point >= 0xd800 && code_point <= 0xdfff; }

// RFC 3629, section 3; surrogates by the same rule.
std::string EncodeUtf8(uint32_t c) {
  const auto tail = [c](int shift) { return static_cast<char>(0x80 | (c >> shift & 0x3f)); };
  if (c < 0x80) return std::string(1, static_cast<char>(c));
  if (c < 0x800) return {static_cast<char>(0xc0 | c >> 6), tail(0)};
  if (c < 0x10000) return {static_cast<char>(0xe0 | c >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xf0 | c >> 18), tail(12), tail(6), tail(0)};
}

TEST(Utf8, EveryCodePointButSurrogatesIsText) {
  for (uint32_t c = 0; c <= kCodePointMax; ++c) {
    ASSERT_EQ(IsUtf8("a" + EncodeUtf8(c) + "b"), !IsSurrogate(c)) << c;
  }
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("zażółć 日本 🔑"));
}

TEST(Utf8, RefusesWhatIsNotTheOneFormOfACodePoint) {
  for (const char* const hex : {
           "80",       "bf",  // a tail without a head
           "c080",     "c1bf",     "e08080",       "e09fbf", "f0808080",
           "f08fbfbf",                              // longer than need be
           "eda080",   "edbfbf",   "eda0bdedb491",  // surrogates, alone and as a pair
           "f4908080", "f5808080", "f8888080",     "fe",     "ff",  // beyond U+10FFFF
           "c2",       "e282",     "f09f94",       "c241",   "e28241",
           "f09f9441", "e2c2a0",  // cut short
       }) {
    const std::string bytes = *HexDecode(hex);
    EXPECT_FALSE(IsUtf8(bytes)) << hex;
    EXPECT_FALSE(IsUtf8("good " + bytes)) << hex;
    EXPECT_FALSE(IsUtf8(bytes + " good")) << hex;
  }
}

TEST(Utf8, ControlCharactersAreThoseBelowSpaceAndFromDelOn) {
  for (uint32_t c = 0; c <= kCodePointMax; ++c) {
    const bool control = c < 0x20 || (c >= 0x7f && c <= 0x9f);
    ASSERT_EQ(HasControlCharacter("a" + EncodeUtf8(c) + "b"), control) << c;
    ASSERT_EQ(HasControlCharacter(EncodeUtf8(c)), control) << c;
  }
  EXPECT_FALSE(HasControlCharacter(""));
  EXPECT_FALSE(HasControlCharacter("\xc2")) << "which is no text, and has no end to look at";
}

TEST(Utf8, DirectionalControlsAreThoseOfTheBidirectionalAlgorithm) {
  const std::set<uint32_t> controls = {0x061c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c,
                                       0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069};
  for (uint32_t c = 0; c <= kCodePointMax; ++c) {
    if (IsSurrogate(c)) continue;
    const bool control = controls.count(c) != 0;
    ASSERT_EQ(HasDirectionalControl("a" + EncodeUtf8(c) + "b"), control) << c;
    ASSERT_EQ(HasDirectionalControl(EncodeUtf8(c)), control) << c;
  }
  EXPECT_FALSE(HasDirectionalControl(""));
  EXPECT_FALSE(HasDirectionalControl("שלום مرحبا")) << "text may well run from right to left";
}

// Of each kind of change that UAX #15 makes, and what it leaves alone.
TEST(Utf8, NormalFormCIsTheComposedForm) {
  for (const char* const text : {
           "",
           "plain",
           "\u00e9",
           "\uac00",
           "\u0915\u093c",
           "q\u0323\u0307",  // nothing to compose, marks in order
           "\u0301e",        // a mark before what it could be composed with
           "\ufb01\u2460",   // only compatible with others
           "\u0378",         // not assigned yet
           "a\u200db",       // what is not seen stays
           "\U0001f511",
       }) {
    EXPECT_TRUE(IsNormalFormC(text)) << text;
  }
  for (const char* const text : {
           "e\u0301", "plain e\u0301", "\u1100\u1161", "\uac00\u11a8",
           "q\u0307\u0323",     // marks out of order
           "\u212b", "\u2126",  // Angstrom and Ohm are letters
           "\u0958", "\ufb1d",  // excluded from composition
           "\U0001d15e",        // and beyond the first plane
       }) {
    EXPECT_FALSE(IsNormalFormC(text)) << text;
  }
}

// Of a text that is cut at a NUL, the rest would not be looked at.
TEST(Utf8, ANulIsNotTheEnd) {
  EXPECT_FALSE(IsUtf8(std::string("a\0\xff", 3)));
  EXPECT_TRUE(HasDirectionalControl(std::string("a\0\u202e", 5)));
  EXPECT_FALSE(IsNormalFormC(std::string("\u00e9\0e\u0301", 6)));
  EXPECT_TRUE(IsNormalFormC(std::string("\u00e9\0e", 4)));
}

}  // namespace
}  // namespace keyturn
