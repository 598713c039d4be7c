#include "crypto/arena.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/reason.h"
#include "crypto/secret_bytes.h"
#include "tests/support/seed.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

TEST(Arena, ABlockIsAPowerOfTwo) {
  for (const size_t size : {1, 32, 33, 1000, 400'000}) {
    const size_t before = GetArenaStats().in_use;
    ASSERT_OK_AND_ASSIGN(SecretBytes block, SecretBytes::Allocate(size));
    EXPECT_EQ(block.footprint(), GetArenaStats().in_use - before) << size;
    EXPECT_EQ(block.footprint(), ArenaBlockBytes(size));
    block.Truncate(0);
    EXPECT_EQ(block.footprint(), ArenaBlockBytes(size));
    block.Reset();
    EXPECT_EQ(block.footprint(), 0u);
  }
}

TEST(Arena, GivesZeroedBlocksAndWipesThem) {
  ASSERT_OK_AND_ASSIGN(SecretBytes block, SecretBytes::Allocate(1000));
  for (const char c : block.ExposeForCrypto()) ASSERT_EQ(c, 0);
  for (char& c : block.Mutable()) c = 's';
  const char* const where = block.ExposeForCrypto().data();
  block.Reset();
  // The arena is still mapped, and the block is free: only list pointers may be there now.
  for (int i = 64; i < 1000; ++i) ASSERT_EQ(where[i], 0) << i;
}

TEST(Arena, RefusesWhatDoesNotFitAndRecovers) {
  const size_t before = GetArenaStats().in_use;
  const absl::Status refused = SecretBytes::Allocate(GetArenaStats().capacity + 1).status();
  EXPECT_CODE(refused, kResourceExhausted);
  EXPECT_GT(RetryAfterOf(refused), absl::ZeroDuration());
  std::vector<SecretBytes> blocks;
  while (true) {
    absl::StatusOr<SecretBytes> block = SecretBytes::Allocate(64 * 1024);
    if (!block.ok()) break;
    blocks.push_back(*std::move(block));
  }
  EXPECT_GE(blocks.size(), GetArenaStats().capacity / (64 * 1024) - 1);
  blocks.clear();
  EXPECT_EQ(GetArenaStats().in_use, before);
  // Everything has grown together again.
  EXPECT_OK(SecretBytes::Allocate(GetArenaStats().capacity / 2));
}

TEST(Arena, BlocksNeverOverlap) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  std::vector<std::pair<SecretBytes, char>> live;
  for (int i = 0; i < 20000; ++i) {
    if (live.size() > 200 || (!live.empty() && random() % 2 == 0)) {
      const size_t at = random() % live.size();
      for (const char c : live[at].first.ExposeForCrypto()) ASSERT_EQ(c, live[at].second);
      std::swap(live[at], live.back());
      live.pop_back();
      continue;
    }
    ASSERT_OK_AND_ASSIGN(SecretBytes block, SecretBytes::Allocate(1 + random() % 5000));
    const char mark = static_cast<char>('a' + i % 26);
    for (char& c : block.Mutable()) c = mark;
    live.emplace_back(std::move(block), mark);
  }
}

TEST(Arena, IsSafeFromManyThreads) {
  const size_t before = GetArenaStats().in_use;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 5000; ++i) {
        absl::StatusOr<SecretBytes> block = SecretBytes::Allocate(1 + (i * 37 + t) % 2000);
        ASSERT_TRUE(block.ok());
        for (char& c : block->Mutable()) c = static_cast<char>(t);
        for (const char c : block->ExposeForCrypto()) ASSERT_EQ(c, static_cast<char>(t));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(GetArenaStats().in_use, before);
}

TEST(Arena, IsConfiguredBeforeUseOnly) {
  ASSERT_OK(SecretBytes::Allocate(1));
  EXPECT_CODE(ConfigureArena(1 << 20, false), kFailedPrecondition);
  EXPECT_CODE(ConfigureArena(1000, false), kInvalidArgument);
}

TEST(Arena, AForkedChildFindsNothing) {
  ASSERT_OK_AND_ASSIGN(SecretBytes block, SecretBytes::Allocate(1000));
  for (char& c : block.Mutable()) c = 's';
  const absl::string_view bytes = block.ExposeForCrypto();
  const pid_t child = fork();
  if (child == 0) {
    _exit(std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; }) ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 's'; }));
}

// proc(5): the flags of the mapping that holds `address`, each with a space behind it.
std::string MappingFlags(const char* address) {
  std::ifstream maps("/proc/self/smaps");
  const auto at = reinterpret_cast<uintptr_t>(address);
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    uintptr_t from = 0, to = 0;
    char dash = 0;
    std::istringstream words(line);
    if (words >> std::hex >> from >> dash >> to && dash == '-') inside = from <= at && at < to;
    if (inside && line.rfind("VmFlags:", 0) == 0) return line;
  }
  return "no such mapping";
}

TEST(Arena, IsLockedAndLeftOutOfCoreDumps) {
  ASSERT_OK_AND_ASSIGN(const SecretBytes block, SecretBytes::Allocate(1));
  const std::string flags = MappingFlags(block.ExposeForCrypto().data());
  EXPECT_NE(flags.find(" dd "), std::string::npos) << flags;
  EXPECT_NE(flags.find(" wf "), std::string::npos) << flags;
  if (kSanitized) return;  // they lock nothing, and say that they did
  EXPECT_EQ(flags.find(" lo ") != std::string::npos, GetArenaStats().locked) << flags;
}

using ArenaDeathTest = testing::Test;
TEST(ArenaDeathTest, ReadingPastTheArenaFaults) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  ASSERT_OK_AND_ASSIGN(const SecretBytes whole,
                       SecretBytes::Allocate(GetArenaStats().capacity / 2));
  const char* const end = whole.ExposeForCrypto().data() + GetArenaStats().capacity;
  EXPECT_DEATH(
      {
        const volatile char c = *end;
        (void)c;
      },
      "");
}

}  // namespace
}  // namespace keyturn
