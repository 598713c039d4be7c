#include "revocation/snapshot_chunk.h"

#include <gtest/gtest.h>

#include <map>

#include "base/limits.h"
#include "keyturn/record/v1/revocation.pb.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

using Regions = std::map<uint32_t, std::vector<IndexedToken>>;

struct Read {
  absl::Status status;
  Regions regions;
  std::vector<int64_t> taken_s;
  std::vector<std::string> keys;
};

Read ReadAll(absl::string_view body) {
  Read read;
  const auto fill = [&](uint32_t region, int64_t taken_s, std::vector<IndexedToken>* tokens) {
    read.regions[region] = *tokens;
    read.taken_s.push_back(taken_s);
    return absl::OkStatus();
  };
  const auto apply = [&](const ListChange& change) {
    read.keys.emplace_back(change.key);
    return absl::OkStatus();
  };
  read.status = ReadChunk(body, fill, apply);
  return read;
}

std::string BodyOf(absl::string_view regions) {
  record::v1::RevocationSnapshotChunk message;
  message.set_regions(std::string(regions));
  return message.SerializeAsString();
}

TEST(SnapshotChunk, ReadsWhatWasAdded) {
  SnapshotChunk chunk(1'795'000'000, limits::kRevocationChunkBytesMax);
  EXPECT_TRUE(chunk.empty());
  const std::vector<IndexedToken> two = {{.tag = 1, .entry = 2}, {.tag = UINT64_MAX, .entry = 9}};
  EXPECT_TRUE(chunk.AddRegion(limits::kRevocationRegions - 1, two));
  EXPECT_TRUE(chunk.AddRegion(7, {}));
  EXPECT_TRUE(chunk.Add({.kind = ChangeKind::kPut, .key = "k", .value = "v"}));
  EXPECT_FALSE(chunk.empty());
  const Read read = ReadAll(chunk.Encode());
  ASSERT_OK(read.status);
  EXPECT_EQ(read.regions, (Regions{{7, {}}, {limits::kRevocationRegions - 1, two}}));
  EXPECT_EQ(read.taken_s, std::vector<int64_t>(2, 1'795'000'000));
  EXPECT_EQ(read.keys, std::vector<std::string>{"k"});
}

// docs/FORMAT.md: the bytes of a region.
TEST(SnapshotChunk, ARegionIsItsNumberACountAndTokens) {
  SnapshotChunk chunk(0, 1);
  const std::vector<IndexedToken> one = {{.tag = 0x0102030405060708, .entry = 0x0a0b0c0d}};
  EXPECT_TRUE(chunk.AddRegion(0x01020, one));
  record::v1::RevocationSnapshotChunk message;
  ASSERT_TRUE(message.ParseFromString(chunk.Encode()));
  EXPECT_EQ(message.regions(), std::string("\0\x01\x02\0\0\0\0\x01\x01\x02\x03\x04\x05\x06\x07\x08"
                                           "\x0a\x0b\x0c\x0d",
                                           20)
                                   .replace(0, 4, std::string("\0\0\x10\x20", 4)));
}

TEST(SnapshotChunk, TakesWhatFitsAndTheFirstInAnyCase) {
  SnapshotChunk chunk(0, 100);
  const std::vector<IndexedToken> tokens(20, {.tag = 1, .entry = 1});  // 248 bytes
  EXPECT_TRUE(chunk.AddRegion(1, tokens));
  EXPECT_FALSE(chunk.AddRegion(2, {}));
  EXPECT_FALSE(chunk.Add({.kind = ChangeKind::kErase, .key = "k"}));
  EXPECT_EQ(ReadAll(chunk.Encode()).regions.size(), 1U);
  EXPECT_TRUE(ReadAll(chunk.Encode()).keys.empty());

  SnapshotChunk large(0, 100);
  const std::string value(1000, 'v');
  EXPECT_TRUE(large.Add({.kind = ChangeKind::kPut, .key = "k", .value = value}));
  EXPECT_FALSE(large.Add({.kind = ChangeKind::kErase, .key = "k"}));
  EXPECT_EQ(ReadAll(large.Encode()).keys.size(), 1U);
}

TEST(SnapshotChunk, RefusesWhatIsMalformed) {
  const std::string token(12, '\1');
  EXPECT_OK(ReadAll(BodyOf(std::string("\0\0\0\1\0\0\0\1", 8) + token)).status);
  EXPECT_OK(ReadAll("").status);
  const std::string bad[] = {
      "x",
      BodyOf(std::string("\0\0\0", 3)),
      BodyOf(std::string("\0\0\0\1\0\0\0", 7)),                            // half a count
      BodyOf(std::string("\0\0\0\1\0\0\0\2", 8) + token),                  // fewer than it says
      BodyOf(std::string("\0\0\0\1\xff\xff\xff\xff", 8) + token),          // far fewer
      BodyOf(std::string("\0\4\0\0\0\0\0\1", 8) + token),                  // no such region
      BodyOf(std::string("\0\0\0\1\0\0\0\1", 8) + std::string(12, '\0')),  // a free slot
  };
  for (const std::string& body : bad) EXPECT_CODE(ReadAll(body).status, kInvalidArgument);
}

TEST(SnapshotChunk, EndsWithTheFirstError) {
  SnapshotChunk chunk(0, 1000);
  chunk.AddRegion(1, {});
  chunk.Add({.kind = ChangeKind::kErase, .key = "k"});
  const auto bad = [](auto&&...) { return absl::UnavailableError("no"); };
  const auto good = [](auto&&...) { return absl::OkStatus(); };
  EXPECT_CODE(ReadChunk(chunk.Encode(), bad, good), kUnavailable);
  EXPECT_CODE(ReadChunk(chunk.Encode(), good, bad), kUnavailable);
  EXPECT_OK(ReadChunk(chunk.Encode(), good, good));
}

}  // namespace
}  // namespace keyturn
