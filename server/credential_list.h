// The revocation list as calls know it: tokens, subjects, keys and certificates instead of keys of
// a Redis client (server/revocation_keys.h). One list for everything: what is revoked through one
// door is refused at all others from then on, Keyturn's own tokens included. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "auth/revocations.h"
#include "keyturn/v1/revocation_service.pb.h"
#include "revocation/list.h"
#include "server/revocation_keys.h"

namespace keyturn {

class CredentialList final : public Revocations {
 public:
  struct Options {
    std::string prefix;
    bool guards_own = true;  // otherwise Check lets everyone pass (Config::revocation_guards_own)
  };
  // `list` outlives this, and tells this of what is put: before the first Load.
  CredentialList(RevocationList& list, Options options);

  absl::Status Check(const CredentialFacts& facts) const override;
  uint64_t epoch() const override { return epoch_.load(); }

  struct Entry {
    RevocationName name;
    absl::Time expires = absl::InfiniteFuture();
    // Of a kind that has one: refuses what was issued before; std::nullopt: whenever.
    std::optional<absl::Time> not_before = std::nullopt;
  };
  // Whether anything was changed: entries that say no more than is there already change nothing.
  // Durable when it returns. Errors as RevocationList's; then a part of it may be there.
  absl::StatusOr<bool> Revoke(absl::Span<const Entry> entries,
                              std::shared_ptr<const RevocationWriter> writer);
  // Refuses what was issued up to now.
  absl::Time NotBeforeNow() const;

  // What revokes one credential that `query` describes; std::nullopt when nothing does.
  std::optional<RevocationKind> Find(const v1::RevocationQuery& query) const;

  // Whether an API key is there by its id: by that alone, since "all" is of tokens. Whoever is
  // asked to verify API keys goes by it, whatever Options::guards_own says.
  absl::StatusOr<bool> HasApiKey(absl::string_view id) const;

  // FAILED_PRECONDITION when nothing is loaded, so that what was not found may be revoked: for who
  // asked Find, afterwards.
  absl::Status CheckLoaded() const;

  // Puts keys as they are; what is there already stays revoked for as long as it was, at least.
  // Durable when it returns.
  absl::Status Import(const v1::ImportRevocationsRequest& request,
                      std::shared_ptr<const RevocationWriter> writer,
                      v1::ImportRevocationsResponse* response);

 private:
  // Those of `refs` that have a name and, with `asks_all`, what refuses everything.
  std::optional<RevocationKind> FindAny(absl::Span<const RevocationRef> refs, bool asks_all,
                                        absl::Time issued) const;
  bool Ends(RevocationKind kind, const std::string& key, const ListTime& time,
            absl::Time issued) const;
  absl::StatusOr<bool> Put(RevocationList::Transaction& change, const Entry& entry) const;
  absl::StatusOr<bool> PutMerged(RevocationList::Transaction& change, const std::string& key,
                                 bool has_time, TimedValue entry) const;
  absl::Status ImportString(RevocationList::Transaction& change, const v1::ImportedKey& key,
                            absl::Time expires) const;
  absl::Status ImportSet(RevocationList::Transaction& change, const v1::ImportedKey& key,
                         absl::Time expires) const;

  RevocationList& list_;
  const Options options_;
  std::atomic<uint64_t> epoch_{0};
};

}  // namespace keyturn
