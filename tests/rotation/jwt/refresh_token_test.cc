#include "rotation/jwt/refresh_token.h"

#include <gtest/gtest.h>

#include "crypto/random.h"
#include "tests/support/keys.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

TEST(RefreshToken, IsReadByItsOwnVaultOnly) {
  SimulatedClock clock;
  const std::unique_ptr<FileSystem> files = NewMemoryFileSystem(), others = NewMemoryFileSystem();
  const std::unique_ptr<Keyring> keyring = TestKeyring(*files, clock),
                                 other = TestKeyring(*others, clock);
  const auto keys = *keyring->Snapshot();
  const RefreshParts parts{RandomUuid(), 41};
  ASSERT_OK_AND_ASSIGN(const SecretBytes token, EncodeRefresh(*keys, parts));
  const absl::string_view text = token.ExposeForWire();
  EXPECT_EQ(text.substr(0, 4), "ktr.");
  EXPECT_EQ(DecodeRefresh(*keys, text), parts);
  EXPECT_EQ(DecodeRefresh(**other->Snapshot(), text), std::nullopt);
  EXPECT_EQ(DecodeRefresh(*keys, text.substr(4)), std::nullopt);
  EXPECT_EQ(DecodeRefresh(*keys, ""), std::nullopt);
  ASSERT_OK_AND_ASSIGN(const SecretBytes next, EncodeRefresh(*keys, {parts.family, 42}));
  EXPECT_FALSE(token == next);
}

}  // namespace
}  // namespace keyturn
