// Keys of the revocation list that are kept with their names, in memory: sets, unusual values,
// short lives, and with RevocationList::Options::keep_names all. What only looks like a map is
// three ordered structures that never move as a whole, so that nobody waits for one that grows: by
// a hash of the name (a place in it is a cursor that stays right whatever is put and taken), by
// end, and the members of each set.
//
// Thread-safe. Readers share a lock; writers take turns outside, since they look before they
// change.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "revocation/change.h"
#include "revocation/fingerprint.h"
#include "revocation/key_info.h"

namespace keyturn {

struct SideKey {
  std::string name;
  Fingerprint print;
  KeyType type = KeyType::kString;
  std::string value;                     // of a string
  absl::btree_set<std::string> members;  // of a set
  int64_t expires_ms = kNoExpiry;

  bool alive(int64_t now_ms) const { return now_ms < expires_ms; }
};

std::unique_ptr<SideKey> NewSideKey(absl::string_view name, const Fingerprint& print, KeyType type,
                                    int64_t expires_ms);

// Where a copy of the table goes on.
struct SideCursor {
  uint64_t hash = 0;
  std::string name = {};    // "" is the first of its hash
  std::string member = {};  // of a set, from which on
  bool ended = false;
};

class SideTable {
 public:
  explicit SideTable(size_t bytes_max);

  // What was taken out of it.
  class Contents;

  // Calls `fn` with the key, if there is one, expired or not; it must not call the table. Whether
  // it was called, and how many keys had been taken by then.
  struct Sight {
    bool found = false;
    uint64_t taken = 0;
  };
  Sight See(absl::string_view name, absl::FunctionRef<void(const SideKey&)> fn) const;
  // Grows with each key that is taken, before anybody misses it.
  uint64_t taken() const { return taken_.load(); }
  // As RevocationList::Scan. Cursors are below 2^63, which clients may have as a signed number.
  uint64_t Scan(uint64_t cursor, size_t count, int64_t now_ms,
                absl::FunctionRef<void(absl::string_view name, KeyType type)> fn) const;

  // Calls `fn` with the changes that make those keys from `from` on of which `wanted` says true: a
  // put, or of a set some adds of limits::kRevocationSetPartBytes each. Neither may call the table.
  // Returns where to go on: with the change for which `fn` returned false, behind
  // limits::kRevocationCopyKeys keys, or at the end. A key that is there all the while, unchanged,
  // is given whole.
  SideCursor Copy(const SideCursor& from, absl::FunctionRef<bool(const SideKey&)> wanted,
                  absl::FunctionRef<bool(const ListChange&)> fn) const;

  // For the writer: as long as it changes nothing.
  const SideKey* Find(absl::string_view name) const;
  // In place of a key of the same name, which is returned. RESOURCE_EXHAUSTED, with nothing
  // changed, when `bounded` and there would be too many bytes.
  absl::StatusOr<std::unique_ptr<SideKey>> Put(std::unique_ptr<SideKey> key, bool bounded);
  // nullptr when there is none.
  std::unique_ptr<SideKey> Take(absl::string_view name);
  // REQUIRES of these three: there is such a key.
  void Retime(absl::string_view name, int64_t expires_ms);
  // Those of `members` that were new. Errors as Put.
  absl::StatusOr<std::vector<std::string>> AddMembers(absl::string_view name,
                                                      absl::Span<const absl::string_view> members,
                                                      bool bounded);
  // Those that were there. The set stays when it is empty.
  std::vector<std::string> RemoveMembers(absl::string_view name,
                                         absl::Span<const absl::string_view> members);
  // The names of up to `count` keys that have ended.
  std::vector<std::pair<std::string, Fingerprint>> Ended(int64_t now_ms, size_t count) const;

  // All of it.
  Contents TakeAll();
  // What `contents` has, but for names that are here.
  void PutMissing(Contents contents);

  struct Stats {
    uint64_t keys = 0;
    size_t bytes = 0;
  };
  Stats stats() const;

 private:
  using ByHash = absl::btree_multimap<uint64_t, std::unique_ptr<SideKey>>;

  uint64_t HashOf(absl::string_view name) const;
  ByHash::iterator Locate(uint64_t hash, absl::string_view name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  SideKey& Existing(absl::string_view name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Insert(uint64_t hash, std::unique_ptr<SideKey> key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::unique_ptr<SideKey> Remove(ByHash::iterator at) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status CheckRoom(size_t more, size_t less) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const size_t bytes_max_;
  const std::string hash_key_;  // by chance, so that nobody can choose names that share a hash
  std::atomic<uint64_t> taken_{0};
  mutable absl::Mutex mu_;
  ByHash by_hash_ ABSL_GUARDED_BY(mu_);
  absl::btree_set<std::pair<int64_t, SideKey*>> by_end_ ABSL_GUARDED_BY(mu_);
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

class SideTable::Contents {
 private:
  friend class SideTable;
  ByHash keys_;
};

}  // namespace keyturn
