// What is to be told to one connection of the Redis protocol by others: messages of channels it has
// subscribed to, and keys that it is to forget. Anybody puts in, the connection's thread takes out
// between two of its commands. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"
#include "base/limits.h"

namespace keyturn {

struct RespMail {
  enum class Kind : uint8_t {
    kMessage,         // text
    kPatternMessage,  // text and pattern
    kShardMessage,    // text
    kInvalidate,      // keys; null for all
    kRedirectBroken,  // the connection `redirect` is gone, where invalidations were to go
  };
  struct Text {
    std::string channel, payload;
  };

  Kind kind = Kind::kMessage;
  bool redirected = false;  // an invalidation for another connection
  uint64_t redirect = 0;
  uint64_t change = 0;  // a change that this tells of: it is to be durable first. 0: none
  // Shared by all who get it.
  std::shared_ptr<const Text> text = nullptr;
  std::shared_ptr<const std::string> pattern = nullptr;
  std::shared_ptr<const std::vector<std::string>> keys = nullptr;

  // What it takes, as if it were not shared.
  size_t bytes() const;
};

class RespMailbox {
 public:
  // Is told of mail, from any thread: quickly, and not from within.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void OnMail(uint64_t id) = 0;
  };
  // The bytes in all mailboxes of a host.
  using Total = std::atomic<size_t>;

  // `owner` may be nullptr; it and `total` outlive Close().
  RespMailbox(uint64_t id, Owner* owner, Total& total) : id_(id), total_(total), owner_(owner) {}
  ~RespMailbox() { Close(); }
  RespMailbox(const RespMailbox&) = delete;
  RespMailbox& operator=(const RespMailbox&) = delete;

  uint64_t id() const { return id_; }
  // Beyond limits::kRespMailBytesMax, or kRespMailBytesTotalMax of all, everything is thrown away:
  // overflown().
  void Put(RespMail mail);
  // Nothing is taken in any more, and nobody told.
  void Close();

  // For the connection's thread.
  bool has_mail() const { return full_.load(std::memory_order_acquire); }
  bool overflown() const { return overflown_.load(std::memory_order_acquire); }
  size_t bytes() const;
  // What to do with mail that tells of a change.
  enum class Fate { kTake, kWait, kDrop };
  struct Taken {
    std::vector<RespMail> messages, invalidations;
    bool waits = false;  // a message is left that has to wait for its change
  };
  // Up to about `bytes_max`, in order. Invalidations do not wait: a key that is forgotten before
  // the change is durable is read anew, as the change has left it.
  Taken Take(size_t bytes_max, absl::FunctionRef<Fate(uint64_t change)> fate);

 private:
  using Queue = std::deque<RespMail>;

  void Discard() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void TakeFront(Queue& queue, std::vector<RespMail>* out, size_t* left)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const uint64_t id_;
  Total& total_;
  std::atomic<bool> full_{false};  // anything in it
  std::atomic<bool> overflown_{false};
  mutable absl::Mutex mu_;
  Owner* owner_ ABSL_GUARDED_BY(mu_);
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  Queue messages_ ABSL_GUARDED_BY(mu_);
  Queue invalidations_ ABSL_GUARDED_BY(mu_);
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace keyturn
