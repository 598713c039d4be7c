#include "crypto/random.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <limits>
#include <map>
#include <set>

#include "tests/support/status.h"

namespace keyturn {
namespace {

TEST(Random, BelowIsUniformEnough) {
  std::map<uint64_t, int> seen;
  for (int i = 0; i < 7000; ++i) ++seen[RandomBelow(7)];
  ASSERT_EQ(seen.size(), 7u);
  for (const auto& [value, count] : seen) {
    EXPECT_LT(value, 7u);
    EXPECT_NEAR(count, 1000, 200);  // more than six standard deviations
  }
  EXPECT_EQ(RandomBelow(1), 0u);
}

// 2^64 is 1.33 times the bound: a plain remainder gives the lowest third twice as often.
TEST(Random, BelowHasNoModuloBias) {
  const uint64_t third = std::numeric_limits<uint64_t>::max() / 4;
  int low = 0;
  for (int i = 0; i < 6000; ++i) low += RandomBelow(3 * third) < third ? 1 : 0;
  EXPECT_NEAR(low, 2000, 250);  // more than six standard deviations; 3000 with the bias
}

TEST(Random, UuidsAreVersionFourAndDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string text = RandomUuid().ToString();
    EXPECT_EQ(text[14], '4');
    EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos);
    EXPECT_TRUE(seen.insert(text).second);
  }
}

TEST(Random, FillsEveryByte) {
  for (const size_t size : {1, 31, 32, 33, 1000}) {
    // A byte that is never written stays zero each time; by chance that is 2^-128.
    std::string ever(size, '\0');
    for (int i = 0; i < 16; ++i) {
      const std::string bytes = RandomBytes(size);
      ASSERT_EQ(bytes.size(), size);
      for (size_t at = 0; at < size; ++at) ever[at] = static_cast<char>(ever[at] | bytes[at]);
    }
    EXPECT_EQ(ever.find('\0'), std::string::npos) << size;
  }
  ASSERT_OK_AND_ASSIGN(const SecretBytes one, RandomSecret(32));
  ASSERT_OK_AND_ASSIGN(const SecretBytes other, RandomSecret(32));
  EXPECT_EQ(one.size(), 32u);
  EXPECT_FALSE(one == other);
}

TEST(Random, AForkDoesNotRepeatItsParent) {
  RandomBytes(1);  // whatever state there is, exists before the fork
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const std::string bytes = RandomBytes(32);
    _exit(write(ends[1], bytes.data(), bytes.size()) == 32 ? 0 : 1);
  }
  std::string theirs(32, '\0');
  EXPECT_EQ(read(ends[0], theirs.data(), theirs.size()), 32);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_NE(RandomBytes(32), theirs);
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace keyturn
