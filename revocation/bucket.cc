#include "revocation/bucket.h"

#include <cstdlib>

namespace keyturn::bucket {

Slot Locate(Bucket* block, uint32_t buckets, uint64_t tag) {
  uint32_t at = Home(tag, buckets);
  for (uint32_t step = 0; step < buckets; ++step) {
    Bucket& bucket = block[at];
    for (int i = 0; i < kSlots; ++i) {
      if (bucket.tags[i] == tag) return {.bucket = &bucket, .index = i};
    }
    if ((bucket.overflow & OverflowBit(tag)) == 0) break;
    at = After(at, buckets);
  }
  return {};
}

void Insert(Bucket* block, uint32_t buckets, uint64_t tag, uint32_t entry) {
  uint32_t at = Home(tag, buckets);
  for (uint32_t step = 0; step < buckets; ++step) {
    Bucket& bucket = block[at];
    for (int i = 0; i < kSlots; ++i) {
      if (bucket.tags[i] != 0) continue;
      Store(bucket.entries[i], entry);
      Store(bucket.tags[i], tag);
      return;
    }
    // Before the tag, so that who sees the tag's place finds the way there.
    Store(bucket.overflow, bucket.overflow | OverflowBit(tag));
    at = After(at, buckets);
  }
  std::abort();
}

}  // namespace keyturn::bucket
