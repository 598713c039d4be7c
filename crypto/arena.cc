#include "crypto/arena.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <openssl/crypto.h>
#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/limits.h"

namespace keyturn {
namespace {

constexpr size_t kBlockMin = 32;

size_t BlocksOf(size_t size) {
  return std::bit_ceil((std::max<size_t>(size, 1) + kBlockMin - 1) / kBlockMin);
}

// A buddy allocator over one locked mapping. A block of order n has kBlockMin << n bytes. Free
// lists are intrusive doubly linked lists inside the free blocks (which are otherwise zero), and
// one byte per smallest block records the order of a free block that starts there, plus one.
class Arena {
 public:
  Arena(size_t bytes, char* base, bool locked)
      : base_(base),
        capacity_(bytes),
        locked_(locked),
        orders_(std::countr_zero(bytes / kBlockMin) + 1),
        free_(orders_, nullptr),
        free_order_(bytes / kBlockMin, 0) {
    Push(base_, orders_ - 1);
  }

  // The mapping with a guard page on both sides; nullptr when the system refuses.
  static char* Map(size_t bytes) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    void* whole = mmap(nullptr, bytes + 2 * page, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (whole == MAP_FAILED) return nullptr;
    char* base = static_cast<char*>(whole) + page;
    if (mprotect(base, bytes, PROT_READ | PROT_WRITE) != 0) return nullptr;
    madvise(base, bytes, MADV_DONTDUMP);
    madvise(base, bytes, MADV_WIPEONFORK);
    return base;
  }

  char* Allocate(size_t size) {
    const absl::MutexLock lock(&mu_);
    const int order = OrderOf(size);
    int from = order;
    while (from < orders_ && free_[from] == nullptr) ++from;
    if (from >= orders_) return nullptr;
    char* block = Pop(from);
    while (from > order) {
      --from;
      Push(block + (kBlockMin << from), from);
    }
    in_use_ += kBlockMin << order;
    in_use_max_ = std::max(in_use_max_, in_use_);
    return block;
  }

  void Free(char* block, size_t size) {
    int order = OrderOf(size);
    // Outside the lock: wiping is the long part, and the block is still the caller's.
    OPENSSL_cleanse(block, kBlockMin << order);
    const absl::MutexLock lock(&mu_);
    in_use_ -= kBlockMin << order;
    while (order < orders_ - 1) {
      char* buddy = base_ + (static_cast<size_t>(block - base_) ^ (kBlockMin << order));
      if (free_order_[Index(buddy)] != order + 1) break;
      Remove(buddy, order);
      block = std::min(block, buddy);
      ++order;
    }
    Push(block, order);
  }

  ArenaStats Stats() {
    const absl::MutexLock lock(&mu_);
    return {.capacity = capacity_, .in_use = in_use_, .in_use_max = in_use_max_, .locked = locked_};
  }

 private:
  struct Node {
    Node* next;
    Node* previous;
  };
  static_assert(sizeof(Node) <= kBlockMin);

  static int OrderOf(size_t size) { return std::countr_zero(BlocksOf(size)); }
  size_t Index(const char* block) const { return static_cast<size_t>(block - base_) / kBlockMin; }

  void Push(char* block, int order) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    Node* node = reinterpret_cast<Node*>(block);
    node->next = free_[order];
    node->previous = nullptr;
    if (node->next != nullptr) node->next->previous = node;
    free_[order] = node;
    free_order_[Index(block)] = static_cast<uint8_t>(order + 1);
  }

  void Remove(char* block, int order) {
    Node* node = reinterpret_cast<Node*>(block);
    if (node->previous != nullptr) {
      node->previous->next = node->next;
    } else {
      free_[order] = node->next;
    }
    if (node->next != nullptr) node->next->previous = node->previous;
    free_order_[Index(block)] = 0;
    std::memset(block, 0, sizeof(Node));
  }

  char* Pop(int order) {
    char* block = reinterpret_cast<char*>(free_[order]);
    Remove(block, order);
    return block;
  }

  absl::Mutex mu_;
  char* const base_;
  const size_t capacity_;
  const bool locked_;
  const int orders_;
  std::vector<Node*> free_;
  std::vector<uint8_t> free_order_;
  size_t in_use_ = 0;
  size_t in_use_max_ = 0;
};

absl::Mutex arena_mu(absl::kConstInit);
std::atomic<Arena*> arena{nullptr};

absl::Status MakeArena(size_t bytes, bool require_lock) ABSL_EXCLUSIVE_LOCKS_REQUIRED(arena_mu) {
  char* base = Arena::Map(bytes);
  if (base == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot map ", bytes, " bytes for the arena of secrets"));
  }
  const bool locked = mlock(base, bytes) == 0;
  if (!locked && require_lock) {
    rlimit limit{};
    getrlimit(RLIMIT_MEMLOCK, &limit);
    munmap(base, bytes);
    return absl::ResourceExhaustedError(absl::StrCat(
        "cannot lock ", bytes, " bytes for the arena of secrets: RLIMIT_MEMLOCK is ",
        limit.rlim_cur, "; raise it (systemd: LimitMEMLOCK=infinity, shell: ulimit -l)"));
  }
  arena.store(new Arena(bytes, base, locked), std::memory_order_release);
  return absl::OkStatus();
}

Arena& TheArena() {
  Arena* existing = arena.load(std::memory_order_acquire);
  if (existing != nullptr) return *existing;
  const absl::MutexLock lock(&arena_mu);
  if (arena.load() == nullptr && !MakeArena(limits::kArenaBytesDefault, false).ok()) {
    std::fputs("keyturn: no memory for the arena of secrets\n", stderr);
    std::abort();
  }
  return *arena.load();
}

}  // namespace

absl::Status ConfigureArena(size_t bytes, bool require_lock) {
  if (!std::has_single_bit(bytes) || bytes < 64 * limits::kKiB || bytes > limits::kArenaBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("arena of ", bytes,
                                                   " bytes: must be a power of two from 65536 to ",
                                                   limits::kArenaBytesMax));
  }
  const absl::MutexLock lock(&arena_mu);
  if (arena.load() != nullptr) {
    return absl::FailedPreconditionError("the arena of secrets is already in use");
  }
  return MakeArena(bytes, require_lock);
}

size_t ArenaBlockBytes(size_t size) { return BlocksOf(size) * kBlockMin; }
ArenaStats GetArenaStats() { return TheArena().Stats(); }
char* ArenaAllocate(size_t size) { return TheArena().Allocate(size); }
void ArenaFree(char* block, size_t size) { TheArena().Free(block, size); }

}  // namespace keyturn
