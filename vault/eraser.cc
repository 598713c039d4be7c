#include "vault/eraser.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/failpoint.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "keyring/envelope.h"

namespace keyturn {
namespace {

// Keeps a copy of each wrapped data key that passes through and is deleted.
class DekCollector : public Updater {
 public:
  explicit DekCollector(Updater& updater) : updater_(updater) {}

  absl::StatusOr<Revision> Update(UpdateFn fn) override {
    std::vector<std::string> deleted;
    absl::StatusOr<Revision> committed =
        updater_.Update([&](const View& view, Batch& batch) -> absl::Status {
          deleted.clear();
          RETURN_IF_ERROR(fn(view, batch));
          for (const Batch::Operation& operation : batch.operations()) {
            if (operation.family != Family::kDeks || !operation.is_delete) continue;
            ASSIGN_OR_RETURN(std::optional<std::string> wrapped,
                             view.Get(Family::kDeks, operation.key));
            if (wrapped.has_value()) deleted.push_back(*std::move(wrapped));
          }
          return absl::OkStatus();
        });
    if (!committed.ok()) return committed;
    for (std::string& wrapped : deleted) wrapped_.push_back(std::move(wrapped));
    return committed;
  }

  // Without the header, which other records have as well.
  std::vector<std::string> Needles() const {
    std::vector<std::string> needles;
    for (const std::string& wrapped : wrapped_) {
      if (wrapped.size() > kSealedHeaderBytes)
        needles.push_back(wrapped.substr(kSealedHeaderBytes));
    }
    return needles;
  }

 private:
  Updater& updater_;
  std::vector<std::string> wrapped_;
};

// Whoever asked must not take it for undone, and cannot ask again.
absl::Status NotErased(const absl::Status& why) {
  const std::string reason = ReasonOf(why);
  return WithReason(
      absl::Status(why.code(),
                   absl::StrCat("the versions are destroyed, but their keys may still be in files "
                                "of the store, from where `keyturn operator purge` takes them: ",
                                why.message())),
      reason);
}

// Purges until no reader of an older state keeps anything.
absl::Status PurgeDeks(Store& store, absl::FunctionRef<absl::Status()> wait) {
  absl::Status purged = store.Purge(Family::kDeks);
  while (absl::IsFailedPrecondition(purged) && wait().ok()) purged = store.Purge(Family::kDeks);
  return purged;
}

}  // namespace

absl::StatusOr<EraseResult> EraseVersions(Vault& vault, Store& store, Updater& updater,
                                          const v1::DestroyRequest& request, ProgressFn progress,
                                          absl::FunctionRef<absl::Status()> wait) {
  DekCollector collector(updater);
  EraseResult result;
  ASSIGN_OR_RETURN(result.destroyed, vault.Destroy(collector, request));
  const std::vector<std::string> needles = collector.Needles();
  result.keys = needles.size();
  KEYTURN_FAILPOINT("vault/erase-destroyed");
  const absl::Status purged = PurgeDeks(store, wait);
  if (!purged.ok()) return NotErased(purged);
  KEYTURN_FAILPOINT("vault/erase-purged");
  absl::StatusOr<FileSearch> search = store.SearchFiles(needles, progress);
  if (!search.ok()) return NotErased(search.status());
  if (!search->found.empty()) {
    return NotErased(absl::DataLossError(
        absl::StrCat("they were found in ", absl::StrJoin(search->found, ", "))));
  }
  result.search = *std::move(search);
  return result;
}

}  // namespace keyturn
