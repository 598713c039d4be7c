// Buckets: one cache line with five tokens each, and what is done to a run of them ("block"). Any
// number of threads read a block while one writes to it; who reads a block that was given away
// meanwhile, or a slot that was freed, reads something else, and must check afterwards
// (revocation/index.cc).
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

namespace keyturn::bucket {

inline constexpr int kSlots = 5;

// Plain numbers, since they live in memory that is mapped, and zero at first: five free slots.
struct alignas(64) Bucket {
  uint64_t tags[kSlots];     // 0: free
  uint32_t entries[kSlots];  // the payload (revocation/entry.h)
  // Bit `tag % 32` of each token that belongs here or further ahead and had to go on. Nearly every
  // look-up of a token that is not there ends in the first line it reads because of it. Bits are
  // never taken back, but a block that is written anew begins without.
  uint32_t overflow;
};
static_assert(sizeof(Bucket) == 64);

template <typename T>
T Load(T& number) {
  return std::atomic_ref<T>(number).load(std::memory_order_acquire);
}
template <typename T>
void Store(T& number, T value) {
  std::atomic_ref<T>(number).store(value, std::memory_order_release);
}

// The bucket at which a tag's search begins, by its upper half.
inline uint32_t Home(uint64_t tag, uint32_t buckets) {
  return static_cast<uint32_t>(((tag >> 32) * buckets) >> 32);
}

// The bucket at which it goes on; behind the last stands the first.
inline uint32_t After(uint32_t at, uint32_t buckets) { return at + 1 == buckets ? 0 : at + 1; }

inline uint32_t OverflowBit(uint64_t tag) { return uint32_t{1} << (tag % 32); }

// Where a tag is; nullptr when it is nowhere. By the writer only.
struct Slot {
  Bucket* bucket = nullptr;
  int index = 0;
};
Slot Locate(Bucket* block, uint32_t buckets, uint64_t tag);

// The entry of a tag as of one moment during the call, if no slot was freed meanwhile; else it may
// be the one that the next token of that slot has. For any thread.
inline std::optional<uint32_t> Find(Bucket* block, uint32_t buckets, uint64_t tag) {
  uint32_t at = Home(tag, buckets);
  for (uint32_t step = 0; step < buckets; ++step) {
    Bucket& bucket = block[at];
    for (int i = 0; i < kSlots; ++i) {
      if (Load(bucket.tags[i]) == tag) return Load(bucket.entries[i]);
    }
    if ((Load(bucket.overflow) & OverflowBit(tag)) == 0) return std::nullopt;
    at = After(at, buckets);
  }
  return std::nullopt;
}

// Puts a tag that is not there. REQUIRES: a free slot. By the writer only.
void Insert(Bucket* block, uint32_t buckets, uint64_t tag, uint32_t entry);

}  // namespace keyturn::bucket
