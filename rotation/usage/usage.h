// Who uses which version of which secret. Uses are counted in memory (use_book.h) and taken into
// the sealed record of their secret about once a minute, so a read costs no write, and a server
// that is killed forgets the uses of the last minute. What is asked here is answered from both,
// the record and what waits; nothing but the losses is loaded at unseal.
//
// Of what cannot be kept (no room, a record that does not open) it is known that it is missing:
// somebody, kOtherConsumers, is then taken to use the version. Thread-safe.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "keyring/keyring.h"
#include "keyturn/v1/consumer_service.pb.h"
#include "rotation/usage/loss_filter.h"
#include "rotation/usage/use_book.h"
#include "storage/store.h"
#include "vault/records.h"
#include "vault/vault.h"

namespace keyturn {

class Usage {
 public:
  // All outlive this.
  struct Parts {
    Store& store;
    Keyring& keyring;
    Clock& clock;
    // Called, without a lock, when what is known of a secret was written and one of its versions is
    // held by those who use it (VersionRecord::held). May be empty.
    std::function<void(const Uuid& secret)> on_held;
  };
  explicit Usage(Parts parts) : parts_(std::move(parts)) {}

  // After unseal; before the keys are gone: writes what waits.
  absl::Status OnUnsealed();
  void OnSealed();
  // For the server's one commit listener.
  void OnCommitted(absl::Span<const CommittedUpdate> group);

  // A version was used, or acknowledged, or a token of it signed or verified. Well below a
  // microsecond, and never waits for a disk.
  void Note(const Use& use);

  // Once a second: writes what is due, limits::kUsageUpdatesPerTurn updates at most. What fails
  // stays, and is tried again in a minute.
  absl::Status WriteDue();
  // All that waits, at once.
  absl::Status WriteAll();

  // Those seen last first; as of a secret with this metadata.
  std::vector<v1::Consumer> ConsumersOf(const Uuid& secret, const SecretMetadata& metadata) const;
  // Who lags on a version: for the retire gate, and to be shown in one line, so the first of many
  // stand for all.
  std::vector<std::string> UsersOf(const Uuid& secret, SecretVersion version) const;

  // As ConsumerService says.
  absl::StatusOr<v1::ListConsumersResponse> List(const v1::ListConsumersRequest& request,
                                                 VisibleFn visible) const;
  absl::StatusOr<v1::AcknowledgeResponse> Acknowledge(const v1::AcknowledgeRequest& request,
                                                      absl::string_view consumer);
  absl::StatusOr<v1::ForgetConsumerResponse> Forget(Updater& updater,
                                                    const v1::ForgetConsumerRequest& request);

  struct Stats {
    size_t waiting = 0;     // secret, version and consumer: counted in memory, not written yet
    uint64_t lost = 0;      // uses that found no room, since the start
    size_t failing = 0;     // secrets whose records did not open when they were to be written
    uint64_t laggards = 0;  // of versions in grace that they may hold, of secrets looked at since
                            // the unseal
  };
  Stats stats() const;

 private:
  // A secret that is to be looked at, with what waits to be written for it.
  struct Work {
    Uuid secret;
    std::vector<CountedUses> uses;
  };
  // What is to be written for it.
  struct Ready {
    Work work;
    std::optional<std::string> before;  // as it was read
    std::string after;
    bool held = false;
    bool written = false;
  };

  // With `look`, also of secrets for which nothing waits but that have changed.
  void BeginRound(bool look) ABSL_EXCLUSIVE_LOCKS_REQUIRED(writing_);
  // Up to so many updates of the round; those that are held go to `*held`.
  absl::Status Turn(int updates, std::vector<Uuid>* held) ABSL_EXCLUSIVE_LOCKS_REQUIRED(writing_);
  absl::Status WriteSome(const KeyringSnapshot& keys, std::vector<Uuid>* held)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(writing_);
  // std::nullopt: nothing is to be written.
  absl::StatusOr<std::optional<Ready>> Prepare(const KeyringSnapshot& keys, Work work,
                                               std::vector<Uuid>* held);
  absl::Status Commit(std::vector<Ready>* ready) const;
  // It cannot be told any more who uses it. Errors of the machine are passed on.
  absl::Status GiveUp(const Work& work, const absl::Status& why);
  absl::Status WriteLosses(const KeyringSnapshot& keys) ABSL_EXCLUSIVE_LOCKS_REQUIRED(writing_);
  // Whether a version of the secret is held; counts who lags.
  bool Look(const Uuid& secret, const SecretMetadata& metadata,
            const record::v1::UsageRecord& record);
  record::v1::UsageRecord RecordOf(const KeyringSnapshot& keys, const View& view,
                                   const Uuid& secret, const SecretMetadata& metadata) const;
  void AddLosses(const Uuid& secret, const SecretMetadata& metadata,
                 record::v1::UsageRecord* record) const;
  void SetLaggards(const Uuid& secret, uint64_t lagging) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Tell(const std::vector<Uuid>& held) const;

  const Parts parts_;
  UseBook book_;
  LossFilter losses_;

  // Held by who writes records: Forget must not be undone by what was read before it.
  absl::Mutex writing_ ABSL_ACQUIRED_BEFORE(mu_);
  std::deque<Work> round_ ABSL_GUARDED_BY(writing_);
  int64_t next_round_nanos_ ABSL_GUARDED_BY(writing_) = 0;  // by the monotonic clock
  uint64_t losses_written_ ABSL_GUARDED_BY(writing_) = 0;

  mutable absl::Mutex mu_;
  absl::flat_hash_set<Uuid> changed_ ABSL_GUARDED_BY(mu_);  // to be looked at in the next round
  absl::flat_hash_map<Uuid, uint64_t> laggards_ ABSL_GUARDED_BY(mu_);  // none: not in it
  uint64_t lagging_ ABSL_GUARDED_BY(mu_) = 0;                          // the sum of these
  absl::flat_hash_set<Uuid> failing_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
