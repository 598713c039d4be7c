// A bounded map that forgets by halves: new entries go into the young half; when that is full it
// becomes the old half, and what was the old half is forgotten. So a working set that fits stays,
// nothing is ever emptied at one stroke, and a look-up writes nothing (it may run under a shared
// lock). Not thread-safe.
#pragma once

#include <cstddef>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace keyturn {

template <typename Key, typename Value>
class Generations {
 public:
  using Map = absl::flat_hash_map<Key, Value>;

  explicit Generations(size_t max_entries) : half_(max_entries / 2) {}

  // nullptr when it is not there. Valid until the next change.
  template <typename K>
  const Value* Find(const K& key) const {
    for (const Map* map : {&young_, &old_}) {
      const auto it = map->find(key);
      if (it != map->end()) return &it->second;
    }
    return nullptr;
  }

  // Returns what was forgotten to make room: destroy it outside the lock, it may be large.
  [[nodiscard]] Map Add(Key key, Value value) {
    Map forgotten;
    if (young_.size() >= half_) {
      forgotten = std::exchange(old_, std::exchange(young_, Map()));
    }
    young_.insert_or_assign(std::move(key), std::move(value));
    return forgotten;
  }

  // Exchanges the value of a key that is there; otherwise does nothing.
  template <typename K>
  void Replace(const K& key, const Value& value) {
    for (Map* map : {&young_, &old_}) {
      const auto it = map->find(key);
      if (it != map->end()) it->second = value;
    }
  }

  template <typename K>
  void Erase(const K& key) {
    young_.erase(key);
    old_.erase(key);
  }

  void Clear() {
    young_ = Map();
    old_ = Map();
  }

  size_t size() const { return young_.size() + old_.size(); }

 private:
  const size_t half_;
  Map young_;
  Map old_;
};

}  // namespace keyturn
