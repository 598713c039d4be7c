// The locked memory behind SecretBytes: one mapping, mlock'ed, MADV_DONTDUMP, MADV_WIPEONFORK, with
// guard pages at both ends. A buddy allocator hands out power-of-two blocks from 32 bytes, so that
// a block is found and given back in bounded time. Thread-safe.
#pragma once

#include <cstddef>

#include "absl/status/status.h"

namespace keyturn {

struct ArenaStats {
  size_t capacity = 0;    // bytes
  size_t in_use = 0;      // bytes, rounded up to blocks
  size_t in_use_max = 0;  // high-water mark since start
  bool locked = false;    // mlock succeeded
};

// Sets the size of the arena, once, before the first SecretBytes; afterwards FAILED_PRECONDITION.
// `bytes` is a power of two within limits::kArenaBytesMax. `require_lock` true: RESOURCE_EXHAUSTED
// when the memory cannot be locked (RLIMIT_MEMLOCK), naming the limit and how to raise it.
// Without this call the arena has limits::kArenaBytesDefault and is locked if that is possible.
absl::Status ConfigureArena(size_t bytes, bool require_lock);
ArenaStats GetArenaStats();

// What a block for `size` bytes takes from the arena, in bytes.
size_t ArenaBlockBytes(size_t size);

// For SecretBytes only. Returns nullptr when no block is left. Blocks are zeroed.
char* ArenaAllocate(size_t size);
// Wipes and frees. `size` is what was asked for.
void ArenaFree(char* block, size_t size);

}  // namespace keyturn
