// Who has subscribed to what in the Redis protocol: channels, patterns of channels, and shard
// channels, which are channels of another kind here. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "revocation/commands/glob.h"
#include "revocation/mailbox.h"

namespace keyturn {

enum class ChannelKind { kChannel, kPattern, kShard };

class RespChannels {
 public:
  // REQUIRES: not subscribed to it yet. RESOURCE_EXHAUSTED beyond the bounds of all connections
  // together (base/limits.h), INVALID_ARGUMENT for a pattern that is too long.
  absl::Status Subscribe(ChannelKind kind, absl::string_view name,
                         const std::shared_ptr<RespMailbox>& mailbox);
  void Unsubscribe(ChannelKind kind, absl::string_view name, const RespMailbox& mailbox);

  // Whether anybody listens to anything.
  bool any() const { return names_.load(std::memory_order_relaxed) > 0; }
  // To how many it went. Of one caller after the other, so that all who listen have one order.
  // `kind`: kChannel, which patterns listen to too, or kShard. `change`: as RespMail's.
  size_t Publish(ChannelKind kind, absl::string_view channel, absl::string_view payload,
                 uint64_t change);

  // Channels of a kind with subscribers, that match; of any name without a pattern.
  std::vector<std::string> Names(ChannelKind kind, const GlobPattern* pattern) const;
  size_t Count(ChannelKind kind, absl::string_view name) const;
  // Different ones.
  size_t patterns() const;
  size_t channels() const;

 private:
  using Listeners = absl::btree_map<uint64_t, std::shared_ptr<RespMailbox>>;
  using ByName = absl::flat_hash_map<std::string, Listeners>;
  struct Pattern {
    explicit Pattern(absl::string_view text)
        : glob(text), text(std::make_shared<const std::string>(text)) {}
    GlobPattern glob;
    std::shared_ptr<const std::string> text;
    Listeners listeners;
  };

  ByName& Of(ChannelKind kind) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return kind == ChannelKind::kShard ? shards_ : channels_;
  }
  const ByName& Of(ChannelKind kind) const ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    return kind == ChannelKind::kShard ? shards_ : channels_;
  }
  Listeners* ListenersOf(ChannelKind kind, absl::string_view name)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  std::atomic<size_t> names_{0};  // subscriptions
  mutable absl::Mutex mu_;
  ByName channels_ ABSL_GUARDED_BY(mu_);
  ByName shards_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, Pattern, std::less<>> patterns_ ABSL_GUARDED_BY(mu_);
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

// The names that one connection has subscribed to, in their order. Not thread-safe.
class ChannelNames {
 public:
  bool Has(absl::string_view name) const { return order_.contains(name); }
  // REQUIRES: !Has(name).
  void Add(absl::string_view name);
  // False when it was not there.
  bool Remove(absl::string_view name);
  std::vector<std::string> all() const;
  size_t size() const { return order_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  absl::flat_hash_map<std::string, uint64_t> order_;
  uint64_t next_ = 0;
  size_t bytes_ = 0;
};

}  // namespace keyturn
