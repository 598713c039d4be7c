// What connections of the Redis protocol tell each other, and what changes of the revocation list
// tell them: messages, keyspace events, keys to forget. Everybody is told in the order in which it
// happened: whoever changes or publishes something tells it on its own thread, one after the other,
// and mailboxes keep it until the connection's thread takes it out; nobody waits for a socket.
// Without anybody who listens a change or message costs a load of an atomic.
//
// Keys to forget are told of at once: who asks again is answered with the change, and should it
// fail to become durable, everybody is told to forget everything. Events wait in the mailbox until
// their change is durable. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "revocation/change_listener.h"
#include "revocation/channels.h"
#include "revocation/mailbox.h"
#include "revocation/tracking.h"

namespace keyturn {

class RespHub final : public ListChangeListener {
 public:
  RespHub() = default;

  // A connection, by an id that is its own for ever; `owner` as RespMailbox's.
  std::shared_ptr<RespMailbox> Join(uint64_t id, RespMailbox::Owner* owner);
  // After it has unsubscribed from everything.
  void Leave(uint64_t id);
  bool Has(uint64_t id) const;

  // Errors as RespChannels::Subscribe.
  absl::Status Subscribe(ChannelKind kind, absl::string_view name,
                         const std::shared_ptr<RespMailbox>& mailbox);
  void Unsubscribe(ChannelKind kind, absl::string_view name, const RespMailbox& mailbox);
  const RespChannels& channels() const { return channels_; }
  // To how many it went.
  size_t Publish(ChannelKind kind, absl::string_view channel, absl::string_view message);

  // Classes of keyspace events (revocation/change_events.h).
  uint32_t event_classes() const { return event_classes_.load(std::memory_order_relaxed); }
  void SetEventClasses(uint32_t classes);

  // Changes that are under way when this returns are not told of yet: begin a transaction of the
  // list behind it. Errors as RespTracking::Enable.
  absl::Status EnableTracking(uint64_t id, const TrackingOptions& options);
  void DisableTracking(uint64_t id);
  // REQUIRES of both: tracking is enabled.
  void Remember(uint64_t id, absl::Span<const absl::string_view> keys);
  void SetEnd(absl::string_view key, int64_t expires_ms) { tracking_.SetEnd(key, expires_ms); }
  RespTracking& tracking() { return tracking_; }

  void OnCommit(std::vector<SeenChange> changes, uint64_t change, uint64_t origin) override;
  void Deliver() override;
  void OnForgotten() override;
  void OnSweep(int64_t now_ms) override;

 private:
  struct Noted {
    std::vector<SeenChange> changes;
    uint64_t change, origin;
  };

  bool Post(uint64_t id, RespMail mail);
  void TakeStock();
  void DeliverNoted() ABSL_EXCLUSIVE_LOCKS_REQUIRED(turn_);

  RespChannels channels_;
  RespTracking tracking_;
  std::atomic<uint32_t> event_classes_{0};
  RespMailbox::Total total_{0};

  mutable absl::Mutex mailboxes_mu_ ABSL_ACQUIRED_AFTER(turn_);
  absl::flat_hash_map<uint64_t, std::shared_ptr<RespMailbox>> mailboxes_
      ABSL_GUARDED_BY(mailboxes_mu_);

  absl::Mutex turn_;  // who tells the others
  absl::Mutex noted_mu_ ABSL_ACQUIRED_AFTER(turn_);
  std::vector<Noted> noted_ ABSL_GUARDED_BY(noted_mu_);
};

}  // namespace keyturn
