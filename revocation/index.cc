#include "revocation/index.h"

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "base/status_macros.h"

namespace keyturn {
namespace {

using bucket::Bucket;
using bucket::Load;
using bucket::Slot;
using bucket::Store;
using Block = BlockPool::Block;

uint64_t Pack(Block block) { return uint64_t{block.place} << 32 | block.buckets; }
Block UnpackBlock(uint64_t packed) {
  return {.place = static_cast<uint32_t>(packed >> 32), .buckets = static_cast<uint32_t>(packed)};
}

// A block is full at 85 in 100: beyond, look-ups of absent tokens read further lines.
constexpr uint32_t Capacity(uint32_t buckets) { return buckets * bucket::kSlots * 85 / 100; }

// The sizes of blocks: an eighth larger each time, so that blocks are full by 4/5 on average.
uint32_t NextSize(uint32_t buckets) { return buckets + std::max<uint32_t>(1, buckets / 8); }

// The smallest with room for so many, 0 when none is large enough.
static_assert(Capacity(BlockPool::kChunkBuckets) <= UINT16_MAX);  // what a region counts to
uint32_t SizeFor(uint32_t tokens) {
  uint32_t buckets = 1;
  while (Capacity(buckets) < tokens) buckets = NextSize(buckets);
  return buckets <= BlockPool::kChunkBuckets ? buckets : 0;
}

template <typename Fn>
void ForEachSlot(Bucket* block, uint32_t buckets, const Fn& fn) {
  for (uint32_t at = 0; at < buckets; ++at) {
    for (int i = 0; i < bucket::kSlots; ++i) {
      if (block[at].tags[i] != 0) fn(Slot{.bucket = &block[at], .index = i});
    }
  }
}

bool Expired(Slot slot, int64_t now_s) {
  return !packed_entry::Unpack(slot.bucket->entries[slot.index], now_s).has_value();
}

}  // namespace

absl::StatusOr<std::unique_ptr<RevocationIndex>> RevocationIndex::Create(size_t bytes_max) {
  static_assert(sizeof(Region) == 16);
  ASSIGN_OR_RETURN(MappedMemory regions,
                   MappedMemory::Reserve(sizeof(Region) * limits::kRevocationRegions));
  ASSIGN_OR_RETURN(BlockPool pool, BlockPool::Create(bytes_max));
  return std::unique_ptr<RevocationIndex>(new RevocationIndex(std::move(regions), std::move(pool)));
}

RevocationIndex::RevocationIndex(MappedMemory regions, BlockPool pool)
    : memory_(std::move(regions)),
      regions_(static_cast<Region*>(memory_.begin())),
      pool_(std::move(pool)) {}

std::optional<RevokedEntry> RevocationIndex::FindIn(Region& region, uint64_t tag,
                                                    int64_t now_s) const {
  for (;;) {
    const uint32_t version = Load(region.version);
    const Block block = UnpackBlock(Load(region.block));
    if (block.buckets == 0) return std::nullopt;
    const std::optional<uint32_t> packed = bucket::Find(pool_.At(block.place), block.buckets, tag);
    if (Load(region.version) != version) continue;
    return packed ? packed_entry::Unpack(*packed, now_s) : std::nullopt;
  }
}

std::optional<RevokedEntry> RevocationIndex::Find(const Fingerprint& print, int64_t now_s) const {
  return FindIn(regions_[print.region], print.tag, now_s);
}

void RevocationIndex::FindMany(absl::Span<const Fingerprint> prints, int64_t now_s,
                               absl::Span<std::optional<RevokedEntry>> results) const {
  if (prints.size() != results.size()) std::abort();
  for (size_t begin = 0; begin < prints.size(); begin += kBatch) {
    const auto batch = prints.subspan(begin, kBatch);
    for (const Fingerprint& print : batch) __builtin_prefetch(&regions_[print.region]);
    for (const Fingerprint& print : batch) {
      const Block block = UnpackBlock(Load(regions_[print.region].block));
      __builtin_prefetch(pool_.At(block.place + bucket::Home(print.tag, block.buckets)));
    }
    for (size_t i = 0; i < batch.size(); ++i) results[begin + i] = Find(batch[i], now_s);
  }
}

absl::Status RevocationIndex::Put(const Fingerprint& print, const RevokedEntry& entry,
                                  int64_t now_s) {
  const absl::MutexLock lock(&mu_);
  Region& region = regions_[print.region];
  const uint32_t packed = packed_entry::Pack(entry);
  Block block = UnpackBlock(region.block);
  if (block.buckets != 0) {
    const Slot slot = bucket::Locate(pool_.At(block.place), block.buckets, print.tag);
    if (slot.bucket != nullptr) {
      Store(slot.bucket->entries[slot.index], packed);
      return absl::OkStatus();
    }
  }
  if (region.tokens + 1U > Capacity(block.buckets)) {
    RETURN_IF_ERROR(Rebuild(print.region, now_s));
    block = UnpackBlock(region.block);
  }
  bucket::Insert(pool_.At(block.place), block.buckets, print.tag, packed);
  ++region.tokens;
  ++tokens_;
  return absl::OkStatus();
}

bool RevocationIndex::Erase(const Fingerprint& print) {
  const absl::MutexLock lock(&mu_);
  Region& region = regions_[print.region];
  const Block block = UnpackBlock(region.block);
  if (block.buckets == 0) return false;
  const Slot slot = bucket::Locate(pool_.At(block.place), block.buckets, print.tag);
  if (slot.bucket == nullptr) return false;
  FreeSlot(region, slot);
  --tokens_;
  return true;
}

void RevocationIndex::FreeSlot(Region& region, Slot slot) {
  Store(slot.bucket->tags[slot.index], uint64_t{0});
  // That the tag is the same afterwards says nothing to a reader: the slot may have had another
  // token, of which the reader took the entry, and have the first one again.
  Store(region.version, region.version + 1);
  --region.tokens;
  if (region.freed != UINT16_MAX) ++region.freed;
}

void RevocationIndex::Show(Region& region, Block block) {
  Store(region.block, Pack(block));
  Store(region.version, region.version + 1);
}

void RevocationIndex::GiveBack(Block block) {
  if (block.buckets == 0) return;
  pool_.Give(block, [this](uint32_t owner, Block to) { Show(regions_[owner], to); });
}

absl::Status RevocationIndex::Rebuild(uint32_t region_number, int64_t now_s) {
  Region& region = regions_[region_number];
  const Block old = UnpackBlock(region.block);
  std::vector<Slot> alive;
  alive.reserve(region.tokens);
  ForEachSlot(pool_.At(old.place), old.buckets, [&](Slot slot) {
    if (!Expired(slot, now_s)) alive.push_back(slot);
  });
  const auto tokens = static_cast<uint32_t>(alive.size());
  // With some room, or the next token would be the end of this block already.
  const uint32_t buckets = SizeFor(tokens + 1 + tokens / 16);
  if (buckets == 0) return absl::ResourceExhaustedError("a region of the revocation index is full");
  ASSIGN_OR_RETURN(const Block block, pool_.Take(buckets, region_number));
  for (const Slot& slot : alive) {
    bucket::Insert(pool_.At(block.place), buckets, slot.bucket->tags[slot.index],
                   slot.bucket->entries[slot.index]);
  }
  tokens_ -= region.tokens - tokens;
  region.tokens = static_cast<uint16_t>(tokens);
  region.freed = 0;
  Show(region, block);
  GiveBack(old);
  return absl::OkStatus();
}

size_t RevocationIndex::SweepRegion(uint32_t region_number, int64_t now_s) {
  Region& region = regions_[region_number];
  const Block block = UnpackBlock(region.block);
  if (block.buckets == 0) return 0;
  size_t expired = 0;
  ForEachSlot(pool_.At(block.place), block.buckets, [&](Slot slot) {
    if (!Expired(slot, now_s)) return;
    FreeSlot(region, slot);
    ++expired;
  });
  tokens_ -= expired;
  if (region.tokens == 0) {
    region.freed = 0;
    Show(region, Block{});
    GiveBack(block);
  } else if (region.freed > region.tokens / 4) {
    // Without memory for a second block it stays as it is, which is right as well.
    Rebuild(region_number, now_s).IgnoreError();
  }
  return expired;
}

size_t RevocationIndex::Sweep(int64_t now_s, uint32_t regions) {
  const absl::MutexLock lock(&mu_);
  size_t expired = 0;
  for (uint32_t i = 0; i < std::min(regions, limits::kRevocationRegions); ++i) {
    expired += SweepRegion(sweep_at_, now_s);
    sweep_at_ = (sweep_at_ + 1) % limits::kRevocationRegions;
  }
  return expired;
}

void RevocationIndex::Copy(uint32_t region, int64_t now_s,
                           std::vector<IndexedToken>* tokens) const {
  tokens->clear();
  const absl::MutexLock lock(&mu_);
  const Block block = UnpackBlock(regions_[region].block);
  if (block.buckets == 0) return;
  ForEachSlot(pool_.At(block.place), block.buckets, [&](Slot slot) {
    if (Expired(slot, now_s)) return;
    tokens->push_back({slot.bucket->tags[slot.index], slot.bucket->entries[slot.index]});
  });
}

absl::Status RevocationIndex::Fill(uint32_t region_number, absl::Span<const IndexedToken> tokens) {
  const absl::MutexLock lock(&mu_);
  Region& region = regions_[region_number];
  if (region.tokens != 0) return absl::FailedPreconditionError("the region has tokens already");
  if (tokens.empty()) return absl::OkStatus();
  const auto count = static_cast<uint32_t>(tokens.size());
  // No larger than it may have been before: what fitted once fits again.
  const uint32_t buckets = SizeFor(count);
  if (buckets == 0) return absl::ResourceExhaustedError("a region of the revocation index is full");
  const Block old = UnpackBlock(region.block);
  ASSIGN_OR_RETURN(const Block block, pool_.Take(buckets, region_number));
  for (const IndexedToken& token : tokens) {
    bucket::Insert(pool_.At(block.place), buckets, token.tag, token.entry);
  }
  region.tokens = static_cast<uint16_t>(count);
  region.freed = 0;
  tokens_ += count;
  Show(region, block);
  GiveBack(old);
  return absl::OkStatus();
}

void RevocationIndex::Clear() {
  const absl::MutexLock lock(&mu_);
  for (uint32_t i = 0; i < limits::kRevocationRegions; ++i) {
    Region& region = regions_[i];
    if (region.block == 0) continue;
    region.tokens = 0;
    region.freed = 0;
    Show(region, Block{});
  }
  pool_.GiveAll();
  tokens_ = 0;
}

RevocationIndex::Stats RevocationIndex::stats() const {
  const absl::MutexLock lock(&mu_);
  return {.tokens = tokens_, .bytes = pool_.bytes()};
}

}  // namespace keyturn
