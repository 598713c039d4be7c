#include "revocation/mapped_memory.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kReserved = 512 * kPage;

MappedMemory Reserved() {
  auto memory = MappedMemory::Reserve(kReserved);
  EXPECT_OK(memory);
  return *std::move(memory);
}

char* Bytes(const MappedMemory& memory) { return static_cast<char*>(memory.begin()); }

TEST(MappedMemory, IsZeroUntilItIsWrittenAndAfterItIsDropped) {
  const MappedMemory memory = Reserved();
  EXPECT_EQ(memory.bytes(), kReserved);
  for (size_t at = 0; at < kReserved; at += kPage) {
    ASSERT_EQ(Bytes(memory)[at], 0);
    Bytes(memory)[at] = 1;
  }
  memory.Drop(kPage, 2 * kPage);
  for (size_t page = 0; page < 512; ++page) {
    ASSERT_EQ(Bytes(memory)[page * kPage], page == 1 || page == 2 ? 0 : 1) << page;
  }
}

TEST(MappedMemory, MovesWithItsBytes) {
  MappedMemory first = Reserved();
  Bytes(first)[5] = 7;
  const MappedMemory second = std::move(first);
  EXPECT_EQ(Bytes(second)[5], 7);
}

TEST(MappedMemory, SaysWhatTheSystemRefuses) {
  const absl::Status refused = MappedMemory::Reserve(SIZE_MAX / 4).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(absl::StrContains(refused.message(), absl::StrCat(SIZE_MAX / 4, " bytes")))
      << refused;
}

// What the kernel says of the mapping: "dd", do not dump.
TEST(MappedMemory, IsInNoCoreDump) {
  const MappedMemory memory = Reserved();
  const std::string begins = absl::StrFormat("%x-", reinterpret_cast<uintptr_t>(memory.begin()));
  std::ifstream maps("/proc/self/smaps");
  std::string line;
  bool here = false;
  while (std::getline(maps, line)) {
    if (absl::StartsWith(line, begins)) here = true;
    if (!here || !absl::StartsWith(line, "VmFlags:")) continue;
    EXPECT_TRUE(absl::StrContains(line, " dd")) << line;
    return;
  }
  FAIL() << "the mapping at " << begins << " is not in smaps";
}

}  // namespace
}  // namespace keyturn
