#include "revocation/list.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <utility>

#include "base/status_macros.h"
#include "revocation/fingerprint.h"
#include "revocation/keyspace.h"
#include "revocation/list_clock.h"
#include "revocation/log.h"
#include "revocation/log_record.h"
#include "revocation/read_gate.h"
#include "revocation/replay.h"
#include "revocation/snapshot_taker.h"
#include "revocation/transaction.h"

namespace keyturn {
namespace {

constexpr size_t kBatch = RevocationIndex::kBatch;

class ListImpl : public RevocationList, public RevocationLog::Owner {
 public:
  ListImpl(const Options& options, std::unique_ptr<Keyspace> keyspace, Store& store,
           GroupCommitter& committer, Clock& clock)
      : keep_names_(options.keep_names),
        store_(store),
        clock_(clock),
        keyspace_(std::move(keyspace)),
        log_(store, committer, clock, *this),
        snapshots_(
            *keyspace_, log_, [this] { return NewestAppended(); }, options.snapshots) {}
  ~ListImpl() override { Unload(); }

  absl::Status Load(std::shared_ptr<const KeyringSnapshot> keys) override {
    const absl::MutexLock lock(&load_mu_);
    if (keys == nullptr) {
      Unload();
      return absl::OkStatus();
    }
    return loaded() ? absl::OkStatus() : LoadAll(*keys);
  }
  bool loaded() const override { return loaded_.load(); }

  ListTime Now() override { return clock_.Now(); }

  bool Exists(absl::string_view key, const ListTime& time) const override {
    const absl::ReaderMutexLock lock(gate_.part());
    return fingerprinter_ != nullptr && keyspace_->Exists(KeyOf(key), time.now_ms);
  }

  void ExistsMany(absl::Span<const absl::string_view> keys, const ListTime& time,
                  absl::Span<bool> results) const override {
    if (keys.size() != results.size()) std::abort();
    const absl::ReaderMutexLock lock(gate_.part());
    if (fingerprinter_ == nullptr) {
      std::fill(results.begin(), results.end(), false);
      return;
    }
    std::array<Fingerprint, kBatch> prints;
    for (size_t begin = 0; begin < keys.size(); begin += kBatch) {
      const auto batch = keys.subspan(begin, kBatch);
      for (size_t i = 0; i < batch.size(); ++i) prints[i] = fingerprinter_->Of(batch[i]);
      keyspace_->ExistsMany(batch, absl::MakeConstSpan(prints.data(), batch.size()), time.now_ms,
                            results.subspan(begin, batch.size()));
    }
  }

  std::optional<KeyInfo> Find(absl::string_view key, const ListTime& time) const override {
    const absl::ReaderMutexLock lock(gate_.part());
    if (fingerprinter_ == nullptr) return std::nullopt;
    return keyspace_->Find(KeyOf(key), time.now_ms);
  }

  absl::Status FindMembers(absl::string_view key, absl::Span<const absl::string_view> members,
                           const ListTime& time, absl::Span<bool> results) const override {
    if (members.size() != results.size()) std::abort();
    const absl::ReaderMutexLock lock(gate_.part());
    if (fingerprinter_ != nullptr) {
      return keyspace_->FindMembers(KeyOf(key), members, time.now_ms, results);
    }
    std::fill(results.begin(), results.end(), false);
    return absl::OkStatus();
  }

  uint64_t Scan(uint64_t cursor, size_t count, const ListTime& time,
                absl::FunctionRef<void(absl::string_view, KeyType)> fn) const override {
    const absl::ReaderMutexLock lock(gate_.part());
    if (fingerprinter_ == nullptr) return 0;
    return keyspace_->Scan(cursor, count, time.now_ms, fn);
  }
  bool keeps_names() const override { return keep_names_; }

  // The transaction lets go of the turn, where the analysis cannot follow.
  absl::StatusOr<std::unique_ptr<Transaction>> Begin(std::shared_ptr<const RevocationWriter> writer,
                                                     const ListTime& time) override
      ABSL_NO_THREAD_SAFETY_ANALYSIS {
    shared_.turn.Lock();
    absl::Status status =
        taking_
            ? log_.CheckTaking()
            : absl::FailedPreconditionError("the vault is sealed; run: keyturn operator unseal");
    if (!status.ok()) {
      shared_.turn.Unlock();
      return status;
    }
    return std::make_unique<ListTransaction>(shared_, *keyspace_, log_, *fingerprinter_,
                                             std::move(writer), time);
  }

  // Whether it failed is looked at first: nothing becomes durable after that.
  Durability DurabilityOf(uint64_t change) const override {
    const bool failed = log_.failed();
    if (log_.IsDurable(change)) return Durability::kDurable;
    return failed ? Durability::kFailed : Durability::kWaiting;
  }
  absl::Status WaitFor(uint64_t change) override {
    log_.WaitUntilTold(change);
    if (log_.IsDurable(change)) return absl::OkStatus();
    return log_.CheckTaking();
  }
  void SetDurableListener(std::function<void()> listener) override {
    listener_ = std::move(listener);
  }
  void SetChangeListener(ListChangeListener* listener) override { shared_.listener = listener; }
  void SetPutListener(std::function<void(absl::string_view key)> listener) override {
    shared_.on_put = std::move(listener);
  }

  absl::Status Sweep() override {
    if (!loaded()) return absl::OkStatus();
    const int64_t now_ms = clock_.Now().now_ms;
    for (int step = 0; step < limits::kRevocationSweepSteps; ++step) {
      if (!SweepSome(now_ms)) return absl::OkStatus();
    }
    if (shared_.listener != nullptr) shared_.listener->OnSweep(now_ms);
    RETURN_IF_ERROR(log_.Sweep(now_ms));
    return snapshots_.Step(now_ms);
  }

  Stats stats() const override {
    const Keyspace::Stats keys = keyspace_->stats();
    return {.keys = keys.keys,
            .side_keys = keys.side_keys,
            .index_bytes = keys.index_bytes,
            .side_bytes = keys.side_bytes,
            .waiting_bytes = log_.waiting_bytes(),
            .log_bytes = log_.log_bytes(),
            .groups = log_.groups(),
            .snapshots = log_.snapshots(),
            .failed = log_.failed()};
  }

  void OnDurable(const LoggedTransaction& transaction) override {
    for (const LoggedTransaction::Change& change : transaction.changes) {
      if (change.clears > 0) keyspace_->ForgetCleared();
    }
  }
  void OnFailed(std::vector<LoggedTransaction> transactions) override {
    {
      const absl::MutexLock lock(&shared_.turn);
      const int64_t now_ms = clock_.Now().now_ms;
      for (auto at = transactions.rbegin(); at != transactions.rend(); ++at) {
        keyspace_->Undo(std::move(at->undo), now_ms);
      }
      if (shared_.on_put) shared_.on_put("");
    }
    if (shared_.listener != nullptr) shared_.listener->OnForgotten();
  }
  void OnTold() override {
    if (listener_) listener_();
  }

 private:
  ListKey KeyOf(absl::string_view key) const {
    return {.name = key, .print = fingerprinter_->Of(key)};
  }

  // No transaction is open then, which shows its changes before it appends them.
  uint64_t NewestAppended() {
    const absl::MutexLock lock(&shared_.turn);
    return log_.newest();
  }

  // False when nothing is loaded.
  bool SweepSome(int64_t now_ms) {
    ListChangeListener* const listener = shared_.listener;
    std::vector<SeenChange> ended;
    {
      // Not beside a replay, whose later changes need what earlier ones have made.
      const absl::MutexLock lock(&shared_.turn);
      if (!taking_) return false;
      keyspace_->SweepIndex(now_ms, limits::kRevocationSweepRegions);
      const bool listens = listener != nullptr && listener->listens();
      keyspace_->SweepSide(now_ms, limits::kRevocationSweepKeys, [&](absl::string_view name) {
        if (listens) ended.push_back({SeenChange::kExpired, std::string(name)});
      });
      if (ended.empty()) return true;
      listener->OnCommit(std::move(ended), 0, 0);
    }
    listener->Deliver();
    return true;
  }

  absl::Status LoadAll(const KeyringSnapshot& keys) ABSL_EXCLUSIVE_LOCKS_REQUIRED(load_mu_) {
    ASSIGN_OR_RETURN(LogSealer sealer, LogSealer::Create(keys));
    ASSIGN_OR_RETURN(Fingerprinter created, Fingerprinter::Create(keys.revocation_hash_key()));
    auto fingerprinter = std::make_unique<Fingerprinter>(std::move(created));
    const int64_t now_ms = clock_.Now().now_ms;
    const auto apply = [&](const ListChange& change) {
      return keyspace_->Apply(change, fingerprinter->Of(change.key), now_ms);
    };
    const auto fill = [&](uint32_t region, int64_t taken_s, std::vector<IndexedToken>* tokens) {
      return keyspace_->FillRegion(region, taken_s, now_ms, tokens);
    };
    absl::StatusOr<ReplayedLog> log = ReplayLog(*store_.GetSnapshot(), sealer, now_ms, fill, apply);
    if (!log.ok()) {
      keyspace_->ForgetAll();
      return log.status();
    }
    while (keyspace_->SweepSide(now_ms, limits::kRevocationSweepKeys) > 0) {
    }
    if (const absl::Status started =
            log_.Start(std::move(sealer), std::move(log->state), log->snapshot_bytes);
        !started.ok()) {
      log_.Stop();  // no snapshot of what is forgotten
      keyspace_->ForgetAll();
      return started;
    }
    {
      const absl::MutexLock lock(&shared_.turn);
      const ReadGate::Closed closed(&gate_);
      fingerprinter_ = std::move(fingerprinter);
      taking_ = true;
    }
    loaded_ = true;
    return absl::OkStatus();
  }

  void Unload() {
    {
      const absl::MutexLock lock(&shared_.turn);
      taking_ = false;
    }
    log_.Stop();  // which may need the turn, to undo
    const bool was_loaded = loaded_.exchange(false);
    {
      const absl::MutexLock lock(&shared_.turn);
      {
        const ReadGate::Closed closed(&gate_);
        fingerprinter_ = nullptr;
      }
      keyspace_->ForgetAll();
    }
    if (was_loaded && shared_.listener != nullptr) shared_.listener->OnForgotten();
  }

  const bool keep_names_;
  Store& store_;
  ListClock clock_;
  const std::unique_ptr<Keyspace> keyspace_;
  RevocationLog log_;
  SnapshotTaker snapshots_;
  std::function<void()> listener_;
  std::atomic<bool> loaded_{false};

  absl::Mutex load_mu_;
  ListTransaction::Shared shared_;
  bool taking_ ABSL_GUARDED_BY(shared_.turn) = false;
  // Changed with the turn held and the gate closed, so that either is enough to use it. nullptr
  // while nothing is loaded.
  mutable ReadGate gate_;
  std::unique_ptr<Fingerprinter> fingerprinter_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RevocationList>> RevocationList::Create(const Options& options,
                                                                       Store& store,
                                                                       GroupCommitter& committer,
                                                                       Clock& clock) {
  ASSIGN_OR_RETURN(auto keyspace, Keyspace::Create({.index_bytes_max = options.index_bytes_max,
                                                    .side_bytes_max = options.side_bytes_max,
                                                    .keep_names = options.keep_names}));
  return std::make_unique<ListImpl>(options, std::move(keyspace), store, committer, clock);
}

}  // namespace keyturn
