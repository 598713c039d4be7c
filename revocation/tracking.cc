#include "revocation/tracking.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"

namespace keyturn {
namespace {

using Keys = std::shared_ptr<const std::vector<std::string>>;

}  // namespace

void RespTracking::DropClient(uint64_t id) {
  const auto client = clients_.find(id);
  if (client == clients_.end()) return;
  for (const std::string& prefix : client->second.prefixes) {
    const auto listeners = prefixes_.find(prefix);
    listeners->second.erase(id);
    if (listeners->second.empty()) prefixes_.erase(listeners);
  }
  clients_.erase(client);
}

absl::Status RespTracking::Enable(uint64_t id, const TrackingOptions& options) {
  const absl::MutexLock lock(&mu_);
  size_t more = 0;
  for (const std::string& prefix : options.prefixes) more += prefixes_.count(prefix) > 0 ? 0 : 1;
  if (prefixes_.size() + more > limits::kRespTrackedPrefixesTotalMax) {
    return absl::ResourceExhaustedError("there are too many prefixes");
  }
  DropClient(id);
  for (const std::string& prefix : options.prefixes) prefixes_[prefix].insert(id);
  clients_[id] = {.redirect = options.redirect,
                  .broadcast = options.broadcast,
                  .no_loop = options.no_loop,
                  .prefixes = options.prefixes};
  clients_now_.store(clients_.size(), std::memory_order_relaxed);
  return absl::OkStatus();
}

// Keys that only it has asked for stay until they are changed, or the table is full: to look for
// them would take long. The last one takes all with it.
void RespTracking::Disable(uint64_t id) {
  const absl::MutexLock lock(&mu_);
  DropClient(id);
  if (clients_.empty()) Forget();
  clients_now_.store(clients_.size(), std::memory_order_relaxed);
}

bool RespTracking::IsBroken(uint64_t id) const {
  const absl::MutexLock lock(&mu_);
  const auto client = clients_.find(id);
  return client != clients_.end() && client->second.broken;
}

size_t RespTracking::BytesOf(const Table::value_type& entry) {
  constexpr size_t kNodes = 3 * sizeof(void*) + 4 * sizeof(uint64_t);  // in the other structures
  return sizeof(entry) + kNodes + entry.first.size() + entry.second.ids.size() * sizeof(uint64_t);
}

void RespTracking::Remember(uint64_t id, absl::Span<const absl::string_view> keys, Post post) {
  const absl::MutexLock lock(&mu_);
  for (const absl::string_view key : keys) {
    const auto [at, is_new] = table_.try_emplace(key);
    Tracked& tracked = at->second;
    if (is_new) {
      tracked.place = next_place_++;
      by_age_.emplace(tracked.place, &at->first);
      bytes_ += BytesOf(*at);
    }
    const auto place = std::lower_bound(tracked.ids.begin(), tracked.ids.end(), id);
    if (place == tracked.ids.end() || *place != id) {
      tracked.ids.insert(place, id);
      bytes_ += sizeof(id);
      ++items_;
    }
  }
  KeepBounds(post);
}

void RespTracking::KeepBounds(Post post) {
  while (!by_age_.empty() &&
         (table_.size() > keys_max() || bytes_ > limits::kRespTrackedBytesMax)) {
    InvalidateKey(*by_age_.begin()->second, 0, post);
  }
}

void RespTracking::SetEnd(absl::string_view key, int64_t expires_ms) {
  const absl::MutexLock lock(&mu_);
  const auto at = table_.find(key);
  if (at == table_.end()) return;
  by_end_.erase({at->second.expires_ms, &at->first});
  at->second.expires_ms = expires_ms;
  if (expires_ms != INT64_MAX) by_end_.emplace(expires_ms, &at->first);
}

void RespTracking::Erase(Table::iterator at) {
  by_age_.erase(at->second.place);
  by_end_.erase({at->second.expires_ms, &at->first});
  bytes_ -= BytesOf(*at);
  items_ -= at->second.ids.size();
  table_.erase(at);
}

void RespTracking::Forget() {
  by_age_.clear();
  by_end_.clear();
  table_.clear();
  bytes_ = items_ = 0;
}

void RespTracking::Tell(uint64_t id, Keys keys, Post post) {
  Client& client = clients_.at(id);
  RespMail mail = {.kind = RespMail::Kind::kInvalidate, .keys = std::move(keys)};
  if (client.redirect == 0) {
    post(id, std::move(mail));
    return;
  }
  mail.redirected = true;
  if (post(client.redirect, std::move(mail))) return;
  client.broken = true;
  post(id, {.kind = RespMail::Kind::kRedirectBroken, .redirect = client.redirect});
}

void RespTracking::InvalidateKey(absl::string_view key, uint64_t origin, Post post) {
  const auto at = table_.find(key);
  if (at == table_.end()) return;
  const auto keys = std::make_shared<const std::vector<std::string>>(1, at->first);
  for (const uint64_t id : at->second.ids) {
    const auto client = clients_.find(id);
    // Who broadcasts now remembered it before.
    if (client == clients_.end() || client->second.broadcast) continue;
    if (client->second.no_loop && id == origin) continue;
    Tell(id, keys, post);
  }
  Erase(at);
}

// To each who wants a prefix all of its keys in one message.
void RespTracking::Broadcast(absl::Span<const SeenChange> changes, uint64_t origin, Post post) {
  for (const auto& [prefix, ids] : prefixes_) {
    absl::btree_set<std::string> names;
    for (const SeenChange& change : changes) {
      if (absl::StartsWith(change.key, prefix)) names.insert(change.key);
    }
    if (names.empty()) continue;
    const auto keys = std::make_shared<const std::vector<std::string>>(names.begin(), names.end());
    for (const uint64_t id : ids) {
      if (clients_.at(id).no_loop && id == origin) continue;
      Tell(id, keys, post);
    }
  }
}

void RespTracking::TellAll(Post post) {
  Forget();
  for (const auto& [id, client] : clients_) Tell(id, nullptr, post);
}

void RespTracking::Invalidate(absl::Span<const SeenChange> changes, uint64_t origin, Post post) {
  if (!any()) return;
  const absl::MutexLock lock(&mu_);
  size_t begin = 0;
  for (size_t i = 0; i < changes.size(); ++i) {
    if ((changes[i].what & SeenChange::kClear) != 0) {
      Broadcast(changes.subspan(begin, i - begin), origin, post);
      TellAll(post);
      begin = i + 1;
      continue;
    }
    InvalidateKey(changes[i].key, origin, post);
  }
  if (begin < changes.size()) Broadcast(changes.subspan(begin), origin, post);
}

void RespTracking::InvalidateAll(Post post) {
  const absl::MutexLock lock(&mu_);
  TellAll(post);
}

void RespTracking::Sweep(int64_t now_ms, Post post) {
  if (!any()) return;
  const absl::MutexLock lock(&mu_);
  while (!by_end_.empty() && by_end_.begin()->first <= now_ms) {
    InvalidateKey(*by_end_.begin()->second, 0, post);
  }
  KeepBounds(post);  // they may be lower now
}

void RespTracking::SetKeysMax(size_t keys_max) {
  keys_max_.store(keys_max == 0 ? limits::kRespTrackedKeysMax : keys_max,
                  std::memory_order_relaxed);
}

RespTracking::Stats RespTracking::stats() const {
  const absl::MutexLock lock(&mu_);
  return {.clients = clients_.size(),
          .keys = table_.size(),
          .items = items_,
          .prefixes = prefixes_.size()};
}

}  // namespace keyturn
