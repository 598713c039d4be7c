#include "revocation/block_pool.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

using bucket::Bucket;

constexpr size_t kChunkBytes = BlockPool::kChunkBuckets * sizeof(Bucket);

// Chunks that serve no size and keep their memory, for the next size that needs one.
constexpr size_t kWarmChunks = 16;

void Copy(Bucket* to, Bucket* from, uint32_t buckets) {
  for (uint32_t i = 0; i < buckets; ++i) {
    for (int slot = 0; slot < bucket::kSlots; ++slot) {
      bucket::Store(to[i].tags[slot], from[i].tags[slot]);
      bucket::Store(to[i].entries[slot], from[i].entries[slot]);
    }
    bucket::Store(to[i].overflow, from[i].overflow);
  }
}

void Zero(Bucket* to, uint32_t buckets) {
  Bucket zero{};
  for (uint32_t i = 0; i < buckets; ++i) Copy(&to[i], &zero, 1);
}

}  // namespace

absl::StatusOr<BlockPool> BlockPool::Create(size_t bytes) {
  const size_t whole = std::max(bytes / kChunkBytes, size_t{1}) * kChunkBytes;
  ASSIGN_OR_RETURN(MappedMemory memory, MappedMemory::Reserve(whole));
  return BlockPool(std::move(memory));
}

BlockPool::BlockPool(MappedMemory memory)
    : memory_(std::move(memory)),
      begin_(static_cast<Bucket*>(memory_.begin())),
      sizes_(kChunkBuckets + 1) {}

BlockPool::Block BlockPool::BlockOf(uint32_t buckets, size_t number) const {
  const uint32_t per_chunk = kChunkBuckets / buckets;
  const uint32_t chunk = sizes_[buckets].chunks[number / per_chunk];
  const auto inside = static_cast<uint32_t>(number % per_chunk);
  return {.place = chunk * kChunkBuckets + inside * buckets, .buckets = buckets};
}

size_t BlockPool::NumberOf(Block block) const {
  const uint32_t per_chunk = kChunkBuckets / block.buckets;
  const size_t ordinal = chunks_[block.place / kChunkBuckets].ordinal;
  return ordinal * per_chunk + block.place % kChunkBuckets / block.buckets;
}

bool BlockPool::AddChunk(uint32_t buckets) {
  uint32_t chunk = 0;
  if (!free_chunks_.empty()) {
    chunk = free_chunks_.back();
    free_chunks_.pop_back();
  } else {
    chunk = static_cast<uint32_t>(chunks_.size());
    if ((chunk + size_t{1}) * kChunkBytes > memory_.bytes()) return false;
    chunks_.emplace_back();
  }
  std::vector<uint32_t>& of_size = sizes_[buckets].chunks;
  chunks_[chunk] = {.buckets = buckets, .ordinal = static_cast<uint32_t>(of_size.size())};
  of_size.push_back(chunk);
  ++chunks_used_;
  return true;
}

void BlockPool::FreeChunk(uint32_t chunk) {
  if (free_chunks_.size() >= kWarmChunks) memory_.Drop(chunk * kChunkBytes, kChunkBytes);
  free_chunks_.push_back(chunk);
  --chunks_used_;
}

absl::StatusOr<BlockPool::Block> BlockPool::Take(uint32_t buckets, uint32_t owner) {
  if (buckets == 0 || buckets > kChunkBuckets) std::abort();
  Size& size = sizes_[buckets];
  const size_t number = size.owners.size();
  if (number == size.chunks.size() * (kChunkBuckets / buckets) && !AddChunk(buckets)) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the revocation index is full: it may take ", memory_.bytes(), " bytes"));
  }
  size.owners.push_back(owner);
  const Block block = BlockOf(buckets, number);
  Zero(At(block.place), buckets);
  return block;
}

void BlockPool::Give(Block block, MovedFn moved) {
  Size& size = sizes_[block.buckets];
  const size_t number = NumberOf(block);
  const size_t last = size.owners.size() - 1;
  if (number != last) {
    Copy(At(block.place), At(BlockOf(block.buckets, last).place), block.buckets);
    size.owners[number] = size.owners[last];
    moved(size.owners[last], block);
  }
  size.owners.pop_back();
  if (last % (kChunkBuckets / block.buckets) == 0) {
    FreeChunk(size.chunks.back());
    size.chunks.pop_back();
  }
}

void BlockPool::GiveAll() {
  memory_.Drop(0, chunks_.size() * kChunkBytes);
  chunks_.clear();
  free_chunks_.clear();
  for (Size& size : sizes_) size = Size();
  chunks_used_ = 0;
}

}  // namespace keyturn
