#include "vault/eraser.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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

absl::Status StillRead(const FileSearch& search) {
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          "the versions are destroyed, but their keys are still in ",
          absl::StrJoin(search.found, ", "),
          ", which a verification or a listing of an older state reads; `keyturn operator purge` "
          "takes them away when that has ended")),
      "OLD_STATE_READ");
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
  while (true) {
    RETURN_IF_ERROR(store.Purge(Family::kDeks));
    ASSIGN_OR_RETURN(result.search, store.SearchFiles(needles, progress));
    if (result.search.found.empty()) return result;
    if (!wait().ok()) return StillRead(result.search);
  }
}

}  // namespace keyturn
