// A store that is a map, for random tests in one thread that make millions of updates: it has no
// log, no accumulators and no thread of its own. Its snapshots show later changes as well, so it is
// for callers that keep none across an update. Not thread-safe.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/store.h"

namespace keyturn {

class MemoryStore final : public Store {
 public:
  absl::StatusOr<Revision> Update(UpdateFn fn) override {
    Batch batch(Revision(revision_ + 1));
    if (absl::Status status = fn(view_, batch); !status.ok()) return status;
    ++revision_;
    for (const Batch::Operation& operation : batch.operations()) {
      auto& family = families_[static_cast<size_t>(operation.family)];
      if (operation.is_delete) {
        family.erase(operation.key);
      } else {
        family[operation.key] = operation.value;
      }
    }
    const CommittedUpdate update{batch.revision(), &batch.operations()};
    if (listener_ != nullptr) listener_({&update, 1});
    return batch.revision();
  }
  std::shared_ptr<const Snapshot> GetSnapshot() const override {
    return {std::shared_ptr<void>(), &view_};
  }
  const View& Newest() const override { return view_; }
  Revision LastRevision() const override { return Revision(revision_); }
  void SkipTo(Revision revision) override { revision_ = revision.value(); }
  absl::Status WaitFor(Revision, absl::Time) override { return absl::OkStatus(); }
  void SetRecordHasher(std::shared_ptr<const RecordHasher>) override {}
  void SetCommitListener(CommitListener listener) override { listener_ = std::move(listener); }
  absl::StatusOr<std::vector<StoreProblem>> Verify(ProgressFn) override {
    return std::vector<StoreProblem>();
  }
  absl::Status Purge(Family) override { return absl::OkStatus(); }
  absl::StatusOr<FileSearch> SearchFiles(absl::Span<const std::string>, ProgressFn) override {
    return FileSearch();
  }
  StoreStats Stats() const override { return {}; }

 private:
  class LiveView final : public Snapshot {
   public:
    explicit LiveView(const MemoryStore& store) : store_(store) {}
    absl::StatusOr<std::optional<std::string>> Get(Family family,
                                                   absl::string_view key) const override {
      const auto& map = store_.families_[static_cast<size_t>(family)];
      const auto found = map.find(key);
      if (found == map.end()) return std::optional<std::string>();
      return std::optional<std::string>(found->second);
    }
    Revision revision() const override { return Revision(store_.revision_); }
    absl::Status Scan(Family family, absl::string_view begin, absl::string_view end,
                      ScanFn fn) const override {
      const auto& map = store_.families_[static_cast<size_t>(family)];
      for (auto at = map.lower_bound(begin); at != map.end(); ++at) {
        if ((!end.empty() && at->first >= end) || !fn(at->first, at->second)) break;
      }
      return absl::OkStatus();
    }

   private:
    const MemoryStore& store_;
  };

  std::array<std::map<std::string, std::string, std::less<>>, kFamilies> families_;
  uint64_t revision_ = 0;
  CommitListener listener_;
  const LiveView view_{*this};
};

}  // namespace keyturn
