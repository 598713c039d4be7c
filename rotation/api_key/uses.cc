#include "rotation/api_key/uses.h"

#include <algorithm>

namespace keyturn {
namespace {

ApiKeyUses::Used& FindOrAdd(uint64_t generation, ApiKeyUses::OfKey* uses) {
  for (ApiKeyUses::Used& used : *uses) {
    if (used.generation == generation) return used;
  }
  return uses->emplace_back(ApiKeyUses::Used{.generation = generation});
}

}  // namespace

bool ApiKeyUses::Count(absl::string_view id, uint64_t generation, absl::Time now) {
  const absl::MutexLock lock(&mu_);
  if (!open_) return false;
  auto found = counted_.find(id);
  if (found == counted_.end()) found = counted_.emplace(std::string(id), OfKey()).first;
  Used& used = FindOrAdd(generation, &found->second);
  ++used.count;
  used.last_ms = std::max(used.last_ms, absl::ToUnixMillis(now));
  return true;
}

void ApiKeyUses::Open() {
  const absl::MutexLock lock(&mu_);
  open_ = true;
}

void ApiKeyUses::Close() {
  const absl::MutexLock lock(&mu_);
  open_ = false;
}

ApiKeyUses::Map ApiKeyUses::Take(size_t keys) {
  const absl::MutexLock lock(&mu_);
  while (!counted_.empty() && taken_.size() < keys) {
    taken_.insert(counted_.extract(counted_.begin()));
  }
  return taken_;
}

void ApiKeyUses::Written() {
  const absl::MutexLock lock(&mu_);
  taken_.clear();
}

void ApiKeyUses::Failed() {
  const absl::MutexLock lock(&mu_);
  Merge(std::move(taken_), &counted_);
  taken_.clear();
}

void ApiKeyUses::Merge(Map&& from, Map* into) {
  for (auto& [id, uses] : from) {
    OfKey& there = (*into)[id];
    for (const Used& used : uses) {
      Used& one = FindOrAdd(used.generation, &there);
      one.count += used.count;
      one.last_ms = std::max(one.last_ms, used.last_ms);
    }
  }
}

void ApiKeyUses::AddTo(ApiKeyRecord* record) const {
  const absl::MutexLock lock(&mu_);
  for (const Map* map : {&counted_, &taken_}) {
    const auto found = map->find(record->id());
    if (found != map->end()) Add(found->second, record);
  }
}

void ApiKeyUses::Add(const OfKey& uses, ApiKeyRecord* record) {
  for (const Used& used : uses) {
    record->set_uses(record->uses() + used.count);
    record->set_last_used_ms(std::max(record->last_used_ms(), used.last_ms));
    for (ApiKeySecret& secret : *record->mutable_secrets()) {
      if (secret.generation() != used.generation) continue;
      secret.set_uses(secret.uses() + used.count);
      secret.set_last_used_ms(std::max(secret.last_used_ms(), used.last_ms));
    }
  }
}

}  // namespace keyturn
