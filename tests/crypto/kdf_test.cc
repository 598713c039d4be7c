#include "crypto/kdf.h"

#include <gtest/gtest.h>

#include "base/coding.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

// The bytes from `first` to `last`.
std::string Range(int first, int last) {
  std::string out;
  for (int byte = first; byte <= last; ++byte) out.push_back(static_cast<char>(byte));
  return out;
}

std::string Derive(absl::string_view key, absl::string_view salt, absl::string_view info,
                   size_t size) {
  const absl::StatusOr<SecretBytes> out = HkdfSha256(key, salt, info, size);
  return out.ok() ? HexEncode(out->ExposeForCrypto()) : out.status().ToString();
}

TEST(Hkdf, KnownAnswers) {  // RFC 5869, cases 1 to 3
  const std::string key(22, '\x0b');
  EXPECT_EQ(Derive(key, Range(0x00, 0x0c), Range(0xf0, 0xf9), 42),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  EXPECT_EQ(Derive(Range(0x00, 0x4f), Range(0x60, 0xaf), Range(0xb0, 0xff), 82),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41"
            "c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
  EXPECT_EQ(Derive(key, "", "", 42),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(Hkdf, AShorterOutputIsTheStartOfALongerOne) {
  const std::string whole = Derive("key", "salt", "info", 96);
  for (const size_t size : {1, 31, 32, 33, 64, 65}) {
    EXPECT_EQ(Derive("key", "salt", "info", size), whole.substr(0, 2 * size));
  }
}

TEST(Hkdf, RefusesSizesOutsideTheRfc) {
  EXPECT_EQ(Derive("k", "", "", 0), "INVALID_ARGUMENT: HKDF-SHA256 gives 1 to 8160 bytes");
  EXPECT_EQ(Derive("k", "", "", 8161), "INVALID_ARGUMENT: HKDF-SHA256 gives 1 to 8160 bytes");
  EXPECT_OK(HkdfSha256("k", "", "", 8160));
}

}  // namespace
}  // namespace keyturn
