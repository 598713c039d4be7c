#include "crypto/secret_bytes.h"

#include <gtest/gtest.h>

#include <type_traits>

#include "crypto/arena.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

static_assert(!std::is_copy_constructible_v<SecretBytes>);
static_assert(!std::is_copy_assignable_v<SecretBytes>);

TEST(SecretBytes, MovesAndCompares) {
  ASSERT_OK_AND_ASSIGN(SecretBytes a, SecretBytes::CopyOf("value"));
  ASSERT_OK_AND_ASSIGN(const SecretBytes b, SecretBytes::CopyOf("value"));
  ASSERT_OK_AND_ASSIGN(const SecretBytes c, SecretBytes::CopyOf("valuf"));
  ASSERT_OK_AND_ASSIGN(const SecretBytes longer, SecretBytes::CopyOf("value."));
  EXPECT_TRUE(a == b);
  EXPECT_FALSE(a == c);
  EXPECT_FALSE(a == longer);
  const SecretBytes moved = std::move(a);
  EXPECT_EQ(moved.size(), 5u);
  EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move): what is left is empty
}

TEST(SecretBytes, BeingOverwrittenWipesAndGivesBack) {
  const size_t before = GetArenaStats().in_use;
  ASSERT_OK_AND_ASSIGN(SecretBytes old, SecretBytes::CopyOf(std::string(200, 'o')));
  const char* const data = old.ExposeForCrypto().data();
  ASSERT_OK_AND_ASSIGN(SecretBytes fresh, SecretBytes::CopyOf("new"));
  old = std::move(fresh);
  EXPECT_EQ(old.ExposeForCrypto(), "new");
  EXPECT_TRUE(fresh.empty());  // NOLINT(bugprone-use-after-move): as above
  // The free block's first bytes may be the arena's own list.
  for (int i = 64; i < 200; ++i) ASSERT_EQ(data[i], 0) << i;
  SecretBytes& itself = old;
  old = std::move(itself);
  EXPECT_EQ(old.ExposeForCrypto(), "new");
  old.Reset();
  EXPECT_TRUE(old.empty());
  old.Reset();
  EXPECT_EQ(GetArenaStats().in_use, before);
}

TEST(SecretBytes, TruncateWipesTheRestAndTheWholeBlockComesBack) {
  const size_t before = GetArenaStats().in_use;
  {
    ASSERT_OK_AND_ASSIGN(SecretBytes a,
                         SecretBytes::CopyOf("value and rest" + std::string(99, 'r')));
    const char* const data = a.ExposeForCrypto().data();
    a.Truncate(5);
    EXPECT_EQ(a.ExposeForCrypto(), "value");
    for (int i = 5; i < 113; ++i) EXPECT_EQ(data[i], 0);
  }
  EXPECT_EQ(GetArenaStats().in_use, before);
}

TEST(SecretBytes, NothingTakesNothing) {
  const size_t before = GetArenaStats().in_use;
  ASSERT_OK_AND_ASSIGN(const SecretBytes none, SecretBytes::CopyOf(""));
  EXPECT_TRUE(none.empty());
  EXPECT_TRUE(none == SecretBytes());
  EXPECT_EQ(GetArenaStats().in_use, before);
}

TEST(SecretBytes, SaysWhenThereIsNoRoom) {
  const size_t size = GetArenaStats().capacity + 1;
  const absl::Status refused = SecretBytes::Allocate(size).status();
  EXPECT_CODE(refused, kResourceExhausted);
  EXPECT_EQ(refused.message(),
            absl::StrCat("no room for ", size, " bytes in the arena of secrets; try again"));
}

TEST(SecretBytes, WipeStringEmptiesAndOverwrites) {
  std::string text = "a secret that is longer than the small-string buffer";
  const char* const data = text.data();
  WipeString(&text);
  EXPECT_TRUE(text.empty());
  for (int i = 1; i < 50; ++i) EXPECT_EQ(data[i], 0);
}

// A string that was cut keeps the old bytes behind its end.
TEST(SecretBytes, WipeStringReachesBehindTheEnd) {
  std::string text = "a secret that is longer than the small-string buffer";
  const char* const data = text.data();
  text.resize(3);
  WipeString(&text);
  for (int i = 1; i < 50; ++i) EXPECT_EQ(data[i], 0);
}

}  // namespace
}  // namespace keyturn
