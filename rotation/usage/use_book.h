// Uses of secrets, counted in memory until they are written: by secret, version and consumer, when
// it was used first and last, and how often; and when it last had a token of a key. A use costs a
// lookup under the lock of one of many parts, and no write. Bounded: a part that is full takes no
// new key. Thread-safe.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/limits.h"
#include "base/types.h"

namespace keyturn {

// One use of one version.
struct Use {
  Uuid secret;
  SecretVersion version;
  absl::string_view consumer;  // a principal
  absl::Time time;
  bool acknowledged = false;  // it did not use it: it said that it does
  // It did not get the value: the server signed or verified a token for it with this version, which
  // is not valid from then on.
  absl::Time token_end = absl::InfinitePast();
};

struct CountedUses {
  Uuid secret;
  uint64_t version = 0;
  std::string consumer;
  int64_t first_ms = 0;  // Unix milliseconds, as below; 0: there was none
  int64_t last_ms = 0;
  uint64_t count = 0;
  int64_t acknowledged_ms = 0;
  int64_t token_ms = 0;  // the last of its tokens was signed or verified
  int64_t token_end_ms = 0;
  friend bool operator==(const CountedUses&, const CountedUses&) = default;
};

// The name by which a consumer is kept: its principal, unless it is longer than
// limits::kConsumerNameBytesMax; then its beginning and a hash of all of it.
std::string KeptName(absl::string_view principal);

class UseBook {
 public:
  // Whether there was room.
  bool Note(const Use& use);

  std::vector<CountedUses> Of(const Uuid& secret) const;
  // By secret.
  std::vector<CountedUses> All() const;
  // These were written: what came since stays.
  void Settle(absl::Span<const CountedUses> written);
  void Drop(const Uuid& secret, absl::string_view consumer);
  void Clear();
  // Keys that wait, and whether a part is so full that they should be written early.
  size_t size() const;
  bool crowded() const;

 private:
  struct KeyView {
    const Uuid& secret;
    uint64_t version;
    absl::string_view consumer;
  };
  struct Key {
    Uuid secret;
    uint64_t version;
    std::string consumer;
    explicit Key(const KeyView& view)
        : secret(view.secret), version(view.version), consumer(view.consumer) {}
    KeyView view() const { return {secret, version, consumer}; }
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(const KeyView& key) const {
      return absl::HashOf(key.secret, key.version, key.consumer);
    }
    size_t operator()(const Key& key) const { return (*this)(key.view()); }
  };
  struct Equal {
    using is_transparent = void;
    static KeyView View(const KeyView& key) { return key; }
    static KeyView View(const Key& key) { return key.view(); }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      const KeyView left = View(a), right = View(b);
      return left.version == right.version && left.secret == right.secret &&
             left.consumer == right.consumer;
    }
  };
  struct Counted {
    int64_t first_ms = 0, last_ms = 0;
    uint64_t count = 0;
    int64_t acknowledged_ms = 0;
    int64_t token_ms = 0, token_end_ms = 0;
  };
  struct alignas(64) Shard {
    mutable absl::Mutex mu;
    absl::flat_hash_map<Key, Counted, Hash, Equal> uses ABSL_GUARDED_BY(mu);
  };

  // Uuids are random: any byte of one spreads secrets evenly.
  static size_t IndexOf(const Uuid& secret) {
    return static_cast<uint8_t>(secret.bytes().back()) % limits::kUsageShards;
  }
  static CountedUses Copy(const Key& key, const Counted& counted);

  std::array<Shard, limits::kUsageShards> shards_;
};

}  // namespace keyturn
