// Who wants to know what happens to the keys of the revocation list: events for subscribers, and
// keys that clients are to forget. A list without anybody who listens pays one load of an atomic
// for each change.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace keyturn {

// What happened to a key, by one command: several of these, told in this order.
struct SeenChange {
  static constexpr uint32_t kNew = 1 << 0;
  static constexpr uint32_t kSet = 1 << 1;
  static constexpr uint32_t kExpire = 1 << 2;  // an end was set
  static constexpr uint32_t kPersist = 1 << 3;
  static constexpr uint32_t kAdd = 1 << 4;  // members
  static constexpr uint32_t kRemove = 1 << 5;
  static constexpr uint32_t kDel = 1 << 6;
  static constexpr uint32_t kExpired = 1 << 7;
  static constexpr uint32_t kClear = 1 << 8;  // of all keys; there is no name
  uint32_t what = 0;
  std::string key;
};

// Thread-safe.
class ListChangeListener {
 public:
  virtual ~ListChangeListener() = default;

  // Whether changes are to be told of at all. Who turns it on and must miss nothing begins a
  // transaction after that: those before have ended by then.
  bool listens() const { return listens_.load(std::memory_order_relaxed); }

  // Of a transaction that ends, in its order, and before the next begins: to be noted, and nothing
  // more. `change`: its number, for DurabilityOf, or 0 for what is not in the log. `origin`: as
  // Transaction::SetOrigin.
  virtual void OnCommit(std::vector<SeenChange> changes, uint64_t change, uint64_t origin) = 0;
  // Others may go on changing: tell what was noted. Returns when that is done, whoever did it.
  virtual void Deliver() = 0;
  // Anything may be otherwise now: the list was sealed, or changes were undone.
  virtual void OnForgotten() = 0;
  // Once a second, by the list's clock.
  virtual void OnSweep(int64_t now_ms) = 0;

 protected:
  std::atomic<bool> listens_{false};
};

}  // namespace keyturn
