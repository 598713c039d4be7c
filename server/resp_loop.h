// One thread of the RESP listener and the connections it has: waits for sockets (epoll), reads from
// all that have something, runs it, then sends all replies; nothing in it waits for a disk. Loops
// share nothing but the revocation list, and what connections tell each other. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "base/clock.h"
#include "revocation/mailbox.h"
#include "server/resp_socket.h"
#include "server/tls_contexts.h"

namespace keyturn {

class RespLoop final : public RespMailbox::Owner {
 public:
  struct Parts {
    RespSocket::Parts connections;
    TlsContexts& tls;
    Clock& clock;
  };

  // UNAVAILABLE when the system has no descriptor or thread for it. All parts outlive this.
  static absl::StatusOr<std::unique_ptr<RespLoop>> Start(const Parts& parts);
  ~RespLoop() override;

  // A connection that was accepted; `fd` is the loop's from here on.
  void Take(int fd, bool with_tls);
  // Ends one soon.
  void Kill(uint64_t id);
  // The list's log has moved on. Cheap when nothing here waits for it.
  void OnDurable();
  // A connection has mail.
  void OnMail(uint64_t id) override;
  // No more requests are read; connections end as soon as nothing of them waits for the disk.
  // Returns when there are none, or `grace` is over.
  void Stop(absl::Duration grace);
  // Ends all connections and the thread. What else may be called, still may.
  void End();

  uint64_t commands() const { return commands_.load(std::memory_order_relaxed); }

 private:
  struct Accepted {
    int fd;
    bool with_tls;
  };

  RespLoop(const Parts& parts, int epoll, int wake) : parts_(parts), epoll_(epoll), wake_(wake) {}

  void Run();
  void Wake();
  void TakeMail();
  void Open(const Accepted& accepted);
  std::unique_ptr<RespSocket> Connect(const Accepted& accepted);
  void Receive(RespSocket& connection, uint32_t events);
  // Sends, waits for what it waits for, and drops who is over.
  void Settle(RespSocket& connection);
  void SettleAll();
  void SettleWaiting();
  void Watch(RespSocket& connection);
  void Tick();

  const Parts parts_;
  const int epoll_;
  const int wake_;  // eventfd

  absl::Mutex mu_;
  std::vector<Accepted> accepted_ ABSL_GUARDED_BY(mu_);
  std::vector<uint64_t> kills_ ABSL_GUARDED_BY(mu_);
  std::vector<uint64_t> mail_ ABSL_GUARDED_BY(mu_);  // who has some
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  size_t open_ ABSL_GUARDED_BY(mu_) = 0;
  bool end_ ABSL_GUARDED_BY(mu_) = false;

  // The thread's.
  absl::flat_hash_map<uint64_t, std::unique_ptr<RespSocket>> connections_;
  absl::flat_hash_set<RespSocket*> touched_;  // to be settled before the next wait
  absl::flat_hash_set<RespSocket*> waiting_;  // for the disk
  int64_t ticked_nanos_ = 0;
  bool stopping_ = false;

  std::atomic<bool> any_waiting_{false};
  std::atomic<uint64_t> commands_{0};
  std::thread thread_;
};

}  // namespace keyturn
