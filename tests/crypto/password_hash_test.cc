#include "crypto/password_hash.h"

#include <gtest/gtest.h>

#include "base/coding.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

constexpr Argon2Params kCheap{1, 64 * 1024};

// Of the reference implementation (argon2-cffi 25.1): a vault whose passphrase gives another key
// tomorrow does not open.
TEST(Argon2, KnownAnswers) {
  const std::string salt = *HexDecode("000102030405060708090a0b0c0d0e0f");
  ASSERT_OK_AND_ASSIGN(const SecretBytes key,
                       Argon2idKey("correct horse battery staple", salt, {3, 64 * 1024}));
  EXPECT_EQ(HexEncode(key.ExposeForCrypto()),
            "bc240e180a205bd2e782cdc64983f247e76aeb8fb2133aec1570b70cccd68bff");
  ASSERT_OK_AND_ASSIGN(const SecretBytes least, Argon2idKey("", salt, {1, 8 * 1024}));
  EXPECT_EQ(HexEncode(least.ExposeForCrypto()),
            "31ed41e2d73f27fdfe4eb4bec651341e58ba43477051c6fe4adad735d82ee08a");
}

TEST(Argon2, IsDeterministicAndDependsOnEverything) {
  const std::string salt(16, 's');
  ASSERT_OK_AND_ASSIGN(const SecretBytes key, Argon2idKey("passphrase", salt, kCheap));
  ASSERT_OK_AND_ASSIGN(const SecretBytes again, Argon2idKey("passphrase", salt, kCheap));
  ASSERT_OK_AND_ASSIGN(const SecretBytes other, Argon2idKey("passphrasf", salt, kCheap));
  ASSERT_OK_AND_ASSIGN(const SecretBytes salted,
                       Argon2idKey("passphrase", std::string(16, 't'), kCheap));
  ASSERT_OK_AND_ASSIGN(const SecretBytes longer,
                       Argon2idKey("passphrase", salt, {2, kCheap.memory_bytes}));
  ASSERT_OK_AND_ASSIGN(const SecretBytes larger,
                       Argon2idKey("passphrase", salt, {1, kCheap.memory_bytes + 1024}));
  EXPECT_EQ(key.size(), 32u);
  EXPECT_TRUE(key == again);
  for (const SecretBytes* different : {&other, &salted, &longer, &larger}) {
    EXPECT_FALSE(key == *different);
  }
}

TEST(Argon2, RefusesParametersOutOfBounds) {
  const std::string salt(16, 's');
  EXPECT_EQ(Argon2idKey("p", "short", kCheap).status(),
            absl::InvalidArgumentError("an Argon2id salt has 16 bytes"));
  EXPECT_CODE(Argon2idKey("p", salt + "s", kCheap), kInvalidArgument);
  EXPECT_EQ(Argon2idKey("p", salt, {0, 64 * 1024}).status(),
            absl::InvalidArgumentError("Argon2id with 0 iterations and 65536 bytes: allowed are 1 "
                                       "to 64 iterations and 8 KiB to 4 GiB"));
  EXPECT_CODE(Argon2idKey("p", salt, {65, 64 * 1024}), kInvalidArgument);
  EXPECT_CODE(Argon2idKey("p", salt, {1, 8 * 1024 - 1}), kInvalidArgument);
  EXPECT_CODE(Argon2idKey("p", salt, {1, (uint64_t{4} << 30) + 1}), kInvalidArgument);
  EXPECT_OK(Argon2idKey("p", salt, {64, 8 * 1024}));
}

}  // namespace
}  // namespace keyturn
