// A store that keeps nothing, for a revocation list that is tried in memory: what is written counts
// as durable, and whoever loads finds an empty log. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "revocation/group.h"
#include "storage/store.h"

namespace keyturn::fuzz {

class EmptySnapshot final : public Snapshot {
 public:
  absl::StatusOr<std::optional<std::string>> Get(Family, absl::string_view) const override {
    return std::nullopt;
  }
  Revision revision() const override { return Revision(0); }
  absl::Status Scan(Family, absl::string_view, absl::string_view, ScanFn) const override {
    return absl::OkStatus();
  }
};

class ForgetfulStore final : public Store, public GroupCommitter {
 public:
  absl::StatusOr<Revision> Update(UpdateFn fn) override {
    Batch batch(Revision(++revision_));
    if (absl::Status status = fn(empty_, batch); !status.ok()) return status;
    return batch.revision();
  }
  absl::StatusOr<Revision> Commit(absl::Span<const WriterChanges>, absl::string_view,
                                  UpdateFn fn) override {
    return Update(fn);
  }
  std::shared_ptr<const Snapshot> GetSnapshot() const override {
    return std::make_shared<EmptySnapshot>();
  }
  const View& Newest() const override { return empty_; }
  Revision LastRevision() const override { return Revision(revision_); }
  void SkipTo(Revision) override {}
  absl::Status WaitFor(Revision, absl::Time) override { return absl::OkStatus(); }
  void SetRecordHasher(std::shared_ptr<const RecordHasher>) override {}
  void SetCommitListener(CommitListener) override {}
  absl::StatusOr<std::vector<StoreProblem>> Verify(ProgressFn) override {
    return std::vector<StoreProblem>();
  }
  absl::Status Purge(Family) override { return absl::OkStatus(); }
  absl::StatusOr<FileSearch> SearchFiles(absl::Span<const std::string>, ProgressFn) override {
    return FileSearch();
  }
  StoreStats Stats() const override { return {}; }

 private:
  const EmptySnapshot empty_ = {};
  std::atomic<uint64_t> revision_{0};
};

}  // namespace keyturn::fuzz
