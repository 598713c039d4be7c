#include "revocation/snapshot_reader.h"

#include <gtest/gtest.h>

#include "storage/schema.h"
#include "tests/revocation/map_snapshot.h"
#include "tests/support/keys.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

class SnapshotReaderTest : public testing::Test {
 protected:
  using Chunks = std::map<std::string, std::string>;

  static std::string KeyOf(uint64_t snapshot, uint32_t chunk) {
    return schema::RevlogKey(kStateHour, Revision(ChunkId(snapshot, chunk)));
  }
  // Of snapshot 2, with the names "0", "1" and so on.
  void Write(uint32_t chunks) {
    ChunkDigest digest;
    for (uint32_t i = 0; i < chunks; ++i) {
      chunks_[KeyOf(2, i)] = Sealed(2, i);
      digest.Add(chunks_[KeyOf(2, i)]);
    }
    mark_ = {.number = 2, .chunks = chunks, .revision = Revision(9), .digest = digest.Finish()};
  }
  std::string Sealed(uint64_t snapshot, uint32_t chunk) {
    SnapshotChunk body(0, 1000);
    const std::string name = absl::StrCat(chunk);
    body.Add({.kind = ChangeKind::kPut, .key = name, .value = "v"});
    return *sealer_.SealChunk(ChunkId(snapshot, chunk), body.Encode());
  }
  absl::StatusOr<uint64_t> Read(const Chunks& chunks) {
    names_ = "";
    const auto fill = [](auto&&...) { return absl::OkStatus(); };
    const auto apply = [this](const ListChange& change) {
      absl::StrAppend(&names_, change.key);
      return absl::OkStatus();
    };
    return ReadChunks(MapSnapshot(chunks), sealer_, mark_, fill, apply);
  }
  void ExpectDamage(const Chunks& chunks, absl::string_view what) {
    const auto read = Read(chunks);
    EXPECT_CODE(read, kDataLoss);
    EXPECT_EQ(read.status().message(), absl::StrCat("the revocation log: ", what));
  }

  const std::shared_ptr<const KeyringSnapshot> keys_ = TestKeys();
  const LogSealer sealer_ = *LogSealer::Create(*keys_);
  Chunks chunks_;
  SnapshotMark mark_;
  std::string names_;
};

TEST_F(SnapshotReaderTest, ReadsItsChunksInOrderAndNoOthers) {
  Write(12);
  chunks_[KeyOf(1, 0)] = Sealed(1, 0);
  chunks_[KeyOf(2, 12)] = Sealed(2, 12);  // of an attempt that came to nothing
  chunks_[KeyOf(3, 0)] = Sealed(3, 0);
  ASSERT_OK_AND_ASSIGN(const uint64_t bytes, Read(chunks_));
  EXPECT_EQ(names_, "01234567891011");
  uint64_t all = 0;
  for (uint32_t i = 0; i < 12; ++i) all += chunks_[KeyOf(2, i)].size();
  EXPECT_EQ(bytes, all);
}

TEST_F(SnapshotReaderTest, WithoutASnapshotNothingIsRead) {
  chunks_[KeyOf(1, 0)] = "anything";
  ASSERT_OK_AND_ASSIGN(const uint64_t bytes, Read(chunks_));
  EXPECT_EQ(bytes, 0U);
  Write(0);  // of an empty list
  ASSERT_OK(Read(chunks_));
}

TEST_F(SnapshotReaderTest, WhatIsMissingOrNotItselfIsNamed) {
  Write(3);
  Chunks chunks = chunks_;
  chunks.erase(KeyOf(2, 0));
  ExpectDamage(chunks, "chunk 0 of snapshot 2 is missing");
  chunks = chunks_;
  chunks.erase(KeyOf(2, 2));
  ExpectDamage(chunks, "chunk 2 of snapshot 2 is missing");
  chunks = chunks_;
  std::swap(chunks[KeyOf(2, 1)], chunks[KeyOf(2, 2)]);
  ExpectDamage(chunks, "chunk 1 of snapshot 2 does not open");
  chunks = chunks_;
  chunks[KeyOf(2, 1)] = "";
  ExpectDamage(chunks, "chunk 1 of snapshot 2 does not open");
  chunks = chunks_;
  chunks[KeyOf(2, 1)] = Sealed(2, 1);  // of another time
  ExpectDamage(chunks, "the chunks of snapshot 2 are not those that were written");
  chunks = chunks_;
  chunks[KeyOf(2, 1)] = *sealer_.SealChunk(ChunkId(2, 1), "no message");
  ExpectDamage(chunks, "chunk 1 of snapshot 2 is malformed");
}

}  // namespace
}  // namespace keyturn
