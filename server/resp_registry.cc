#include "server/resp_registry.h"

namespace keyturn {

RespAccessControl::Peer RespRegistry::Entry::peer() const {
  const absl::MutexLock lock(&mu_);
  return peer_;
}

void RespRegistry::Entry::SetPeer(RespAccessControl::Peer peer) {
  const absl::MutexLock lock(&mu_);
  peer_ = std::move(peer);
}

RespClient RespRegistry::Entry::client() const {
  const absl::MutexLock lock(&mu_);
  return client_;
}

void RespRegistry::Entry::Update(const RespClient& client) {
  const absl::MutexLock lock(&mu_);
  client_ = client;
}

void RespRegistry::Add(uint64_t id, std::shared_ptr<Entry> entry) {
  const absl::MutexLock lock(&mu_);
  entries_.emplace(id, std::move(entry));
}

void RespRegistry::Remove(uint64_t id) {
  const absl::MutexLock lock(&mu_);
  entries_.erase(id);
}

std::shared_ptr<RespRegistry::Entry> RespRegistry::Find(uint64_t id) const {
  const absl::ReaderMutexLock lock(&mu_);
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : found->second;
}

std::vector<RespClient> RespRegistry::Clients() const {
  const absl::ReaderMutexLock lock(&mu_);
  std::vector<RespClient> out;
  out.reserve(entries_.size());
  for (const auto& [id, entry] : entries_) out.push_back(entry->client());
  return out;
}

size_t RespRegistry::Kill(absl::Span<const uint64_t> ids) {
  size_t killed = 0;
  for (const uint64_t id : ids) {
    const std::shared_ptr<Entry> entry = Find(id);
    if (entry == nullptr) continue;
    entry->Kill();
    ++killed;
  }
  return killed;
}

size_t RespRegistry::size() const {
  const absl::ReaderMutexLock lock(&mu_);
  return entries_.size();
}

}  // namespace keyturn
