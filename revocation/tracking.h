// Which connections of the Redis protocol keep answers of their own, and are to be told when those
// are over (CLIENT TRACKING): keys that each has asked for, or prefixes of keys that it wants to
// know of. Who has asked is remembered before the answer is looked up, and told after the change
// can be seen: no change falls in between. Thread-safe.
// Source: redis-server 7.0.15, tracking.c.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/container/node_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "base/limits.h"
#include "revocation/change_listener.h"
#include "revocation/mailbox.h"

namespace keyturn {

struct TrackingOptions {
  uint64_t redirect = 0;  // the connection that is told instead; 0: its own
  bool broadcast = false, opt_in = false, opt_out = false, no_loop = false;
  std::vector<std::string> prefixes;  // of broadcast; sorted
};

class RespTracking {
 public:
  // Puts mail into the mailbox of a connection. False when there is no such connection.
  using Post = absl::FunctionRef<bool(uint64_t id, RespMail mail)>;

  // Instead of what the connection had. RESOURCE_EXHAUSTED for too many prefixes of all together.
  absl::Status Enable(uint64_t id, const TrackingOptions& options);
  void Disable(uint64_t id);
  bool any() const { return clients_now_.load(std::memory_order_relaxed) > 0; }
  // Whether the connection that it redirects to was found gone.
  bool IsBroken(uint64_t id) const;

  // The connection is going to look up these keys. Beyond the bounds the oldest are given up.
  void Remember(uint64_t id, absl::Span<const absl::string_view> keys, Post post);
  // A key ends by itself then; nothing when nobody remembers it any more.
  void SetEnd(absl::string_view key, int64_t expires_ms);

  // Of one transaction. `origin`: the connection that made them, 0 for none.
  void Invalidate(absl::Span<const SeenChange> changes, uint64_t origin, Post post);
  void InvalidateAll(Post post);
  // Keys that have ended.
  void Sweep(int64_t now_ms, Post post);

  size_t keys_max() const { return keys_max_.load(std::memory_order_relaxed); }
  // At most limits::kRespTrackedKeysMax; 0 for that.
  void SetKeysMax(size_t keys_max);

  struct Stats {
    size_t clients = 0, keys = 0, items = 0, prefixes = 0;
  };
  Stats stats() const;

 private:
  struct Client {
    uint64_t redirect = 0;
    bool broadcast = false, no_loop = false, broken = false;
    std::vector<std::string> prefixes;
  };
  struct Tracked {
    absl::InlinedVector<uint64_t, 2> ids;  // sorted
    uint64_t place = 0;                    // in by_age_
    int64_t expires_ms = INT64_MAX;
  };
  using Table = absl::node_hash_map<std::string, Tracked>;

  void Tell(uint64_t id, std::shared_ptr<const std::vector<std::string>> keys, Post post)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void InvalidateKey(absl::string_view key, uint64_t origin, Post post)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Broadcast(absl::Span<const SeenChange> changes, uint64_t origin, Post post)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void TellAll(Post post) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void DropClient(uint64_t id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void KeepBounds(Post post) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Erase(Table::iterator at) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Forget() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  static size_t BytesOf(const Table::value_type& entry);

  std::atomic<size_t> clients_now_{0};
  std::atomic<size_t> keys_max_{limits::kRespTrackedKeysMax};
  mutable absl::Mutex mu_;
  absl::flat_hash_map<uint64_t, Client> clients_ ABSL_GUARDED_BY(mu_);
  Table table_ ABSL_GUARDED_BY(mu_);
  absl::btree_map<uint64_t, const std::string*> by_age_ ABSL_GUARDED_BY(mu_);
  absl::btree_set<std::pair<int64_t, const std::string*>> by_end_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, absl::btree_set<uint64_t>> prefixes_ ABSL_GUARDED_BY(mu_);
  uint64_t next_place_ ABSL_GUARDED_BY(mu_) = 0;
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  size_t items_ ABSL_GUARDED_BY(mu_) = 0;  // connections of all keys together
};

}  // namespace keyturn
