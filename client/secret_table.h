// The entries of a SecretCache: least recently used first out, bounded in number and in bytes, each
// with its age. Not thread-safe; the cache locks.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "keyturn/v1/secret_service.pb.h"

namespace keyturn {

// One version of a secret, shared and immutable. Its values are wiped when the last holder lets go,
// in the cache or not. Thread-safe.
class CachedSecret {
 public:
  explicit CachedSecret(v1::GetResponse response);
  ~CachedSecret();
  CachedSecret(const CachedSecret&) = delete;
  CachedSecret& operator=(const CachedSecret&) = delete;

  const std::string& path() const { return response_.path(); }
  v1::Kind kind() const { return response_.kind(); }
  uint64_t version() const { return response_.version().version(); }
  // The whole answer; a copy of it has to be wiped (client/wipe.h).
  const v1::GetResponse& response() const { return response_; }
  // The value of a field, nullptr when there is none of that name.
  const std::string* Find(absl::string_view field) const;

 private:
  v1::GetResponse response_;
};

// A moment on both clocks. The time since is the greater of the two: the monotonic clock stands
// still while the machine sleeps, and the wall clock may be set back.
class Moment {
 public:
  explicit Moment(const Clock& clock) : wall_(clock.Now()), nanos_(clock.MonotonicNanos()) {}
  absl::Time wall() const { return wall_; }
  absl::Duration Since(const Moment& earlier) const;

 private:
  absl::Time wall_;
  int64_t nanos_;
};

struct SecretEntry {
  bool IsFresh(const Moment& now) const { return !changed && now.Since(asked) < fresh_for; }
  // Valid at its target, though there may be a newer version.
  bool IsSafe(const Moment& now) const { return now.Since(asked) < safe_for; }
  bool IsUsable(const Moment& now) const { return IsFresh(now) || IsSafe(now); }

  std::shared_ptr<const CachedSecret> secret;
  Moment asked;  // the answer is no older than this
  absl::Duration fresh_for;
  absl::Duration safe_for;
  bool changed = false;  // there is a newer version
  // Attempts to fetch it again that failed in a row, and when there may be another.
  int failures = 0;
  absl::Duration wait_until = absl::ZeroDuration();  // since `asked`
};

class SecretTable {
 public:
  SecretTable(size_t entries_max, size_t bytes_max)
      : entries_max_(entries_max), bytes_max_(bytes_max) {}

  // nullptr when there is none; else it is now the most recently used.
  SecretEntry* Find(absl::string_view path);
  // Takes the place of one of the same path. A secret larger than all the room is not kept.
  void Put(SecretEntry entry, const Moment& now);
  // The paths of the entries that are at `path` or, when it ends in '/', below it.
  std::vector<std::string> PathsAt(absl::string_view path) const;
  std::vector<std::string> AllPaths() const;
  void Erase(absl::string_view path);
  size_t size() const { return entries_.size(); }

 private:
  struct Slot {
    SecretEntry entry;
    size_t bytes;
  };
  using Slots = std::list<Slot>;

  void EraseSlot(Slots::iterator slot);

  const size_t entries_max_;
  const size_t bytes_max_;
  size_t bytes_ = 0;
  Slots entries_;  // the most recently used first
  absl::flat_hash_map<std::string, Slots::iterator> by_path_;
};

}  // namespace keyturn
