// Secrets of one server, kept in this process for those who need them often. A secret is fetched
// once for all who ask at the same time, kept for about five minutes, and dropped as soon as the
// server tells of a change (Watch, which needs the right to list; without it the age alone
// decides).
//
// When the server cannot be reached, a secret too old to be fresh is still given out for as long as
// the server promised that it is valid at its target, even if rotated meanwhile (GetResponse's
// guaranteed_for_seconds); then, or when it promised nothing, the call fails. An answer that
// refuses (NOT_FOUND, PERMISSION_DENIED, ...) is passed on at once and ends what was kept.
//
// Values are wiped when dropped and no longer held. Errors are those of Client::Get, not kept, and
// CANCELLED after Close. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/limits.h"
#include "client/client.h"
#include "client/random.h"
#include "client/secret_table.h"

namespace keyturn {

class SecretCache {
 public:
  struct Options {
    // Each entry's own is up to limits::kSecretCacheTtlJitter shorter or longer, so that a fleet
    // that started together does not ask together.
    absl::Duration ttl = absl::Seconds(limits::kSecretCacheTtlSecondsDefault);
    size_t entries_max = limits::kSecretCacheEntriesMax;
    size_t bytes_max = limits::kSecretCacheBytesMax;
    bool watch = true;
    // Tells the server which version is in use once another one was fetched (ConsumerService), for
    // programs that let go of the former value then. It costs that Get a call more; if it fails, it
    // is made again with the next fetch.
    bool acknowledge = false;
    std::optional<absl::Duration> timeout;  // of a fetch; the client's by default
    // A secret that was given out may have changed: the next Get fetches it. Called on the watching
    // thread, in order; it may use the cache, but not close it.
    std::function<void(const std::string& path)> on_change;
    std::function<double()> uniform = RandomUnit;  // in [0, 1)
    Clock* clock = &Clock::Real();                 // outlives the cache
  };
  // Counted since the start.
  struct Stats {
    uint64_t hits = 0;          // answered from memory, fresh
    uint64_t fetches = 0;       // asked of the server
    uint64_t joined = 0;        // waited for somebody else's fetch
    uint64_t stale = 0;         // given out after a failed fetch, under the server's promise
    uint64_t changes = 0;       // entries and fetches outdated by the watch
    uint64_t acknowledged = 0;  // versions that the server was told of
    size_t entries = 0;         // now
  };

  // `client` outlives the cache. INVALID_ARGUMENT names the option that is out of its bounds.
  static absl::StatusOr<std::unique_ptr<SecretCache>> Start(Client& client, Options options);
  // As Close.
  virtual ~SecretCache() = default;

  // The current version, with all its fields.
  virtual absl::StatusOr<std::shared_ptr<const CachedSecret>> Get(absl::string_view path) = 0;

  // Drops what is kept and what is being fetched, e.g. because its target refused it: a Get that
  // begins later asks the server, and does not get the old value from here again.
  virtual void Invalidate(absl::string_view path) = 0;
  virtual void InvalidateAll() = 0;

  // Drops everything, ends the watch and the fetches under way, and waits for them.
  virtual void Close() = 0;

  virtual Stats stats() const = 0;
};

}  // namespace keyturn
