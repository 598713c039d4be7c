#include "rotation/usage/use_book.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "crypto/mac.h"
#include "vault/utf8.h"

namespace keyturn {
namespace {

// The smaller of two moments, of which 0 is none.
int64_t Earlier(int64_t a, int64_t b) {
  if (a == 0 || b == 0) return std::max(a, b);
  return std::min(a, b);
}

}  // namespace

std::string KeptName(absl::string_view principal) {
  if (principal.size() <= limits::kConsumerNameBytesMax) return std::string(principal);
  const std::string hash = HexEncode(Sha256(principal));
  return absl::StrCat(Utf8Prefix(principal, limits::kConsumerNameBytesMax - hash.size() - 3), "...",
                      hash);
}

bool UseBook::Note(const Use& use) {
  if (use.consumer.size() > limits::kConsumerNameBytesMax) {
    const std::string name = KeptName(use.consumer);
    return Note({use.secret, use.version, name, use.time, use.acknowledged, use.token_end});
  }
  const int64_t now = absl::ToUnixMillis(use.time);
  const KeyView key{use.secret, use.version.value(), use.consumer};
  Shard& shard = shards_[IndexOf(use.secret)];
  const absl::MutexLock lock(&shard.mu);
  auto at = shard.uses.find(key);
  if (at == shard.uses.end()) {
    if (shard.uses.size() >= limits::kUsesPerShardMax) return false;
    at = shard.uses.try_emplace(Key(key)).first;
  }
  Counted& counted = at->second;
  if (use.acknowledged) {
    counted.acknowledged_ms = std::max(counted.acknowledged_ms, now);
    return true;
  }
  if (use.token_end != absl::InfinitePast()) {
    counted.token_ms = std::max(counted.token_ms, now);
    counted.token_end_ms = std::max(counted.token_end_ms, absl::ToUnixMillis(use.token_end));
    return true;
  }
  counted.first_ms = Earlier(counted.first_ms, now);
  counted.last_ms = std::max(counted.last_ms, now);
  ++counted.count;
  return true;
}

CountedUses UseBook::Copy(const Key& key, const Counted& counted) {
  return {key.secret,
          key.version,
          key.consumer,
          counted.first_ms,
          counted.last_ms,
          counted.count,
          counted.acknowledged_ms,
          counted.token_ms,
          counted.token_end_ms};
}

std::vector<CountedUses> UseBook::Of(const Uuid& secret) const {
  std::vector<CountedUses> out;
  const Shard& shard = shards_[IndexOf(secret)];
  const absl::MutexLock lock(&shard.mu);
  for (const auto& [key, counted] : shard.uses) {
    if (key.secret == secret) out.push_back(Copy(key, counted));
  }
  return out;
}

std::vector<CountedUses> UseBook::All() const {
  std::vector<CountedUses> out;
  for (const Shard& shard : shards_) {
    const absl::MutexLock lock(&shard.mu);
    for (const auto& [key, counted] : shard.uses) out.push_back(Copy(key, counted));
  }
  std::sort(out.begin(), out.end(),
            [](const CountedUses& a, const CountedUses& b) { return a.secret < b.secret; });
  return out;
}

void UseBook::Settle(absl::Span<const CountedUses> written) {
  for (const CountedUses& uses : written) {
    Shard& shard = shards_[IndexOf(uses.secret)];
    const absl::MutexLock lock(&shard.mu);
    const auto at = shard.uses.find(KeyView{uses.secret, uses.version, uses.consumer});
    if (at == shard.uses.end()) continue;
    Counted& counted = at->second;
    if (counted.count <= uses.count && counted.acknowledged_ms <= uses.acknowledged_ms &&
        counted.token_ms <= uses.token_ms && counted.token_end_ms <= uses.token_end_ms) {
      shard.uses.erase(at);
    } else {
      counted.count -= std::min(counted.count, uses.count);
    }
  }
}

void UseBook::Drop(const Uuid& secret, absl::string_view consumer) {
  Shard& shard = shards_[IndexOf(secret)];
  const absl::MutexLock lock(&shard.mu);
  absl::erase_if(shard.uses, [&](const auto& item) {
    return item.first.secret == secret && item.first.consumer == consumer;
  });
}

void UseBook::Clear() {
  for (Shard& shard : shards_) {
    const absl::MutexLock lock(&shard.mu);
    shard.uses.clear();
  }
}

size_t UseBook::size() const {
  size_t out = 0;
  for (const Shard& shard : shards_) {
    const absl::MutexLock lock(&shard.mu);
    out += shard.uses.size();
  }
  return out;
}

bool UseBook::crowded() const {
  for (const Shard& shard : shards_) {
    const absl::MutexLock lock(&shard.mu);
    if (shard.uses.size() >= limits::kUsesPerShardMax / 2) return true;
  }
  return false;
}

}  // namespace keyturn
