// Changes of the revocation list that belong together: made in memory one by one, with what undoes
// each, and handed to the log as one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "revocation/change.h"
#include "revocation/change_listener.h"
#include "revocation/fingerprint.h"
#include "revocation/keyspace.h"
#include "revocation/list.h"
#include "revocation/log.h"

namespace keyturn {

class ListTransaction final : public RevocationList::Transaction {
 public:
  // What all transactions share, by turns.
  struct Shared {
    absl::Mutex turn;
    ChangeEncoder encoder ABSL_GUARDED_BY(turn);
    // The number of the last transaction that cleared everything.
    uint64_t last_clear ABSL_GUARDED_BY(turn) = 0;
    // nullptr, or who wants to know; set before the first transaction.
    ListChangeListener* listener = nullptr;
    // May be empty; set before the first transaction.
    std::function<void(absl::string_view key)> on_put;
  };

  // REQUIRES: this thread holds shared.turn, which Commit releases, on the same thread. The others
  // outlive it.
  ListTransaction(Shared& shared, Keyspace& keyspace, RevocationLog& log,
                  const Fingerprinter& fingerprinter,
                  std::shared_ptr<const RevocationWriter> writer, const ListTime& time);
  ~ListTransaction() override { Commit(); }

  std::optional<KeyInfo> Find(absl::string_view key) const override;
  absl::Status FindMembers(absl::string_view key, absl::Span<const absl::string_view> members,
                           absl::Span<bool> results) const override;
  absl::Status Put(absl::string_view key, absl::string_view value, int64_t expires_ms) override;
  absl::Status PutValue(absl::string_view key, absl::string_view value) override;
  bool Erase(absl::string_view key) override;
  absl::Status Retime(absl::string_view key, int64_t expires_ms) override;
  absl::StatusOr<size_t> AddMembers(absl::string_view key,
                                    absl::Span<const absl::string_view> members) override;
  absl::StatusOr<size_t> RemoveMembers(absl::string_view key,
                                       absl::Span<const absl::string_view> members) override;
  uint64_t Clear() override;
  void SetOrigin(uint64_t origin) override { origin_ = origin; }
  uint64_t Commit() override;

 private:
  ListKey KeyOf(absl::string_view key) const {
    return {.name = key, .print = fingerprinter_.Of(key)};
  }
  // `former`: nullptr when there is nothing to undo.
  void Log(const ListChange& change, uint32_t hour, Keyspace::Former former);
  // `what` (SeenChange) is told of it. REQUIRES: it has not expired.
  absl::Status PutAs(absl::string_view key, absl::string_view value, int64_t expires_ms,
                     uint32_t what);
  bool TakeAway(absl::string_view key);
  void Tell(absl::string_view key, uint32_t what);
  // As changes of a bounded size each.
  void LogMembers(ListChange change, const std::vector<absl::string_view>& members);

  Shared& shared_;
  Keyspace& keyspace_;
  RevocationLog& log_;
  const Fingerprinter& fingerprinter_;
  const ListTime time_;
  LoggedTransaction logged_;
  std::vector<SeenChange> seen_;
  uint64_t origin_ = 0;
  uint64_t number_ = 0;
  bool cleared_ = false;
  bool over_ = false;
};

}  // namespace keyturn
