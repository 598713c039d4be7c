#include "storage/rocks_store.h"

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "storage/committer.h"
#include "storage/purge.h"
#include "storage/rocks_db.h"
#include "storage/schema.h"
#include "storage/table_check.h"

namespace keyturn {
namespace {

// Keeps the database open and the old data alive as long as someone reads it.
class RocksSnapshot : public Snapshot {
 public:
  explicit RocksSnapshot(std::shared_ptr<RocksDb> db)
      : db_(std::move(db)), snapshot_(db_->db().GetSnapshot()) {}
  ~RocksSnapshot() override { db_->db().ReleaseSnapshot(snapshot_); }

  absl::StatusOr<std::optional<std::string>> Get(Family family,
                                                 absl::string_view key) const override {
    return db_->Get(Options(), family, key);
  }

  // Read from the snapshot itself: the counter in memory may be ahead of it or behind.
  Revision revision() const override {
    const auto stored = Get(Family::kMeta, schema::kRevisionKey);
    if (!stored.ok() || !stored->has_value()) return Revision(0);
    absl::string_view rest = **stored;
    return Revision(ReadBigEndian64(&rest).value_or(0));
  }

  absl::Status Scan(Family family, absl::string_view begin, absl::string_view end,
                    ScanFn fn) const override {
    rocksdb::ReadOptions options = Options();
    const rocksdb::Slice bound = ToSlice(end);
    if (!end.empty()) options.iterate_upper_bound = &bound;
    const std::unique_ptr<rocksdb::Iterator> it(
        db_->db().NewIterator(options, db_->family(family)));
    for (it->Seek(ToSlice(begin)); it->Valid(); it->Next()) {
      if (!fn(ToView(it->key()), ToView(it->value()))) return absl::OkStatus();
    }
    return FromRocks(it->status());
  }

 private:
  rocksdb::ReadOptions Options() const {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot_;
    return options;
  }

  const std::shared_ptr<RocksDb> db_;
  const rocksdb::Snapshot* const snapshot_;
};

class NewestView : public View {
 public:
  explicit NewestView(const RocksDb& db) : db_(db) {}
  absl::StatusOr<std::optional<std::string>> Get(Family family,
                                                 absl::string_view key) const override {
    return db_.Get(rocksdb::ReadOptions(), family, key);
  }

 private:
  const RocksDb& db_;
};

constexpr Family kCovered[] = {Family::kRecords, Family::kDeks, Family::kIndex, Family::kDue};

class RocksStore : public Store {
 public:
  RocksStore(std::shared_ptr<RocksDb> db, std::unique_ptr<Committer> committer)
      : db_(std::move(db)), newest_(*db_), committer_(std::move(committer)) {}

  absl::StatusOr<Revision> Update(UpdateFn fn) override { return committer_->Update(fn); }
  void UpdateEach(absl::Span<Asked> updates) override { committer_->UpdateEach(updates); }
  std::shared_ptr<const Snapshot> GetSnapshot() const override {
    auto snapshot = std::make_shared<RocksSnapshot>(db_);
    committer_->AwaitPublished(*snapshot);
    return snapshot;
  }
  const View& Newest() const override { return newest_; }
  Revision LastRevision() const override { return committer_->last_revision(); }
  void SkipTo(Revision revision) override { committer_->SkipTo(revision); }
  absl::Status WaitFor(Revision revision, absl::Time deadline) override {
    return committer_->WaitFor(revision, deadline);
  }
  void SetRecordHasher(std::shared_ptr<const RecordHasher> hasher) override {
    committer_->SetHasher(std::move(hasher));
  }
  void SetCommitListener(CommitListener listener) override {
    committer_->SetListener(std::move(listener));
  }
  StoreStats Stats() const override { return committer_->Stats(); }

  absl::StatusOr<std::vector<StoreProblem>> Verify(ProgressFn progress) override {
    const std::shared_ptr<const RecordHasher> hasher = committer_->hasher();
    if (hasher == nullptr) {
      return absl::FailedPreconditionError("the vault is sealed; run: keyturn operator unseal");
    }
    const RocksSnapshot snapshot(db_);
    Accumulators expected;
    RETURN_IF_ERROR(expected.Load(snapshot));
    Accumulators found;
    const uint64_t total = EstimateRecords();
    uint64_t done = 0;
    absl::Status told;
    for (const Family family : kCovered) {
      RETURN_IF_ERROR(
          snapshot.Scan(family, "", "", [&](absl::string_view key, absl::string_view value) {
            found.Add(key, hasher->Hash(family, key, value));
            if (++done % limits::kProgressEveryRecords == 0) {
              told = progress(done, std::max(done, total));
            }
            return told.ok();
          }));
      RETURN_IF_ERROR(told);
    }
    RETURN_IF_ERROR(progress(done, done));
    std::vector<StoreProblem> problems = Compare(expected, found);
    RETURN_IF_ERROR(CheckTables(
        *db_, [&] { return progress(done, done); }, &problems));
    return problems;
  }

  absl::Status Purge(Family family) override { return PurgeFamily(*db_, family); }
  absl::StatusOr<FileSearch> SearchFiles(absl::Span<const std::string> needles,
                                         ProgressFn progress) override {
    return SearchStoreFiles(*db_, needles, progress);
  }

 private:
  uint64_t EstimateRecords() const {
    uint64_t total = 0;
    for (const Family family : kCovered) {
      uint64_t estimate = 0;
      db_->db().GetIntProperty(db_->family(family), "rocksdb.estimate-num-keys", &estimate);
      total += estimate;
    }
    return total;
  }

  static std::vector<StoreProblem> Compare(const Accumulators& expected,
                                           const Accumulators& found) {
    std::vector<StoreProblem> problems;
    for (int bucket = 0; bucket < Accumulators::kBuckets; ++bucket) {
      if (expected.sum(bucket) == found.sum(bucket)) continue;
      problems.push_back({absl::StrCat("records whose keys start with byte ", bucket,
                                       " are not those that were written: one was changed, "
                                       "removed, added or brought back")});
    }
    return problems;
  }

  const std::shared_ptr<RocksDb> db_;
  const NewestView newest_;
  const std::unique_ptr<Committer> committer_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenRocksStore(const RocksStoreOptions& options,
                                                      Clock& clock) {
  ASSIGN_OR_RETURN(std::shared_ptr<RocksDb> db, RocksDb::Open(options));
  ASSIGN_OR_RETURN(std::unique_ptr<Committer> committer, Committer::Start(db, options.sync, clock));
  return std::make_unique<RocksStore>(std::move(db), std::move(committer));
}

}  // namespace keyturn
