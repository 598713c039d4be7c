// All connections of the RESP listener, as CLIENT LIST shows them and CLIENT KILL ends them: each
// thread writes down what its connections did last, any may read. Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "revocation/resp_session.h"
#include "server/resp_access.h"

namespace keyturn {

class RespRegistry {
 public:
  class Entry {
   public:
    // `kill` is called from any thread, at most as long as the entry lives.
    Entry(RespAccessControl::Peer peer, std::function<void()> kill, RespClient client)
        : kill_(std::move(kill)), peer_(std::move(peer)), client_(std::move(client)) {}

    RespAccessControl::Peer peer() const;
    // With the certificate that the handshake showed.
    void SetPeer(RespAccessControl::Peer peer);
    void Kill() const { kill_(); }
    RespClient client() const;
    void Update(const RespClient& client);

   private:
    const std::function<void()> kill_;
    mutable absl::Mutex mu_;
    RespAccessControl::Peer peer_ ABSL_GUARDED_BY(mu_);
    RespClient client_ ABSL_GUARDED_BY(mu_);
  };

  // Unique, from 1 on.
  uint64_t NewId() { return next_id_.fetch_add(1, std::memory_order_relaxed); }
  void Add(uint64_t id, std::shared_ptr<Entry> entry);
  void Remove(uint64_t id);
  // Null when it is gone.
  std::shared_ptr<Entry> Find(uint64_t id) const;
  // In the order of their ids.
  std::vector<RespClient> Clients() const;
  size_t Kill(absl::Span<const uint64_t> ids);
  size_t size() const;
  uint64_t total() const { return next_id_.load(std::memory_order_relaxed) - 1; }

 private:
  std::atomic<uint64_t> next_id_{1};
  mutable absl::Mutex mu_;
  absl::btree_map<uint64_t, std::shared_ptr<Entry>> entries_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
