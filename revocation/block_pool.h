// Memory for blocks of buckets. A region outgrows its block again and again, and all regions do so
// at nearly the same time; so blocks of one size stand next to each other, and the place of one
// that is given back is taken by the last of its size. What is in use is always dense: a block
// more or less is all that a size wastes, and chunks that are empty serve any size.
//
// Not thread-safe. Memory stays readable until the pool ends, whatever becomes of a block in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "revocation/bucket.h"
#include "revocation/mapped_memory.h"

namespace keyturn {

class BlockPool {
 public:
  static constexpr uint32_t kChunkBuckets = 4096;  // and the largest block

  // Reserves addresses for `bytes`; memory is taken when it is used. RESOURCE_EXHAUSTED when the
  // system refuses.
  static absl::StatusOr<BlockPool> Create(size_t bytes);

  // `place` counts buckets from the beginning of the pool.
  struct Block {
    uint32_t place = 0;
    uint32_t buckets = 0;  // 0: no block
  };
  bucket::Bucket* At(uint32_t place) const { return &begin_[place]; }

  // A block of zeros for this owner. RESOURCE_EXHAUSTED when all is in use. REQUIRES: 1 to
  // kChunkBuckets buckets.
  absl::StatusOr<Block> Take(uint32_t buckets, uint32_t owner);

  // Gives a block back. If another was copied to its place, `moved` is told the owner of that one
  // and its new place; when it returns, nobody may trust any more what is read at the old one, as
  // nobody may trust what is read in `block` when this is called.
  using MovedFn = absl::FunctionRef<void(uint32_t owner, Block to)>;
  void Give(Block block, MovedFn moved);

  void GiveAll();

  // Of chunks in use.
  size_t bytes() const { return chunks_used_ * kChunkBuckets * sizeof(bucket::Bucket); }

 private:
  struct Chunk {
    uint32_t buckets = 0;  // of each block in it
    uint32_t ordinal = 0;  // among the chunks of this size
  };
  struct Size {
    std::vector<uint32_t> chunks;
    std::vector<uint32_t> owners;  // of each block, in order
  };

  explicit BlockPool(MappedMemory memory);

  Block BlockOf(uint32_t buckets, size_t number) const;
  size_t NumberOf(Block block) const;
  bool AddChunk(uint32_t buckets);
  void FreeChunk(uint32_t chunk);

  MappedMemory memory_;
  bucket::Bucket* begin_;
  std::vector<Chunk> chunks_;
  std::vector<uint32_t> free_chunks_;
  std::vector<Size> sizes_;  // by buckets
  size_t chunks_used_ = 0;
};

}  // namespace keyturn
