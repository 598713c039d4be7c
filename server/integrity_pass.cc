#include "server/integrity_pass.h"

#include "absl/strings/str_cat.h"
#include "audit/server_event.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

constexpr size_t kProblemsLogged = 20;

}  // namespace

absl::Status IntegrityPass::Run() {
  if (!parts_.unsealed.load()) return absl::OkStatus();
  pacer_.Begin();
  const absl::StatusOr<std::vector<StoreProblem>> found =
      parts_.store.Verify([this](uint64_t, uint64_t) { return pacer_.Rest(); });
  if (IsInterruption(found.status())) return absl::OkStatus();
  RETURN_IF_ERROR(found.status());
  const absl::Status told = Tell(*found);
  absl::Status mended = MendHints();
  const absl::Status counted =
      parts_.rotation.LookAtAll([this](uint64_t, uint64_t) { return pacer_.Rest(); });
  if (!IsInterruption(counted)) mended.Update(counted);
  return told.ok() ? mended : told;
}

absl::Status IntegrityPass::MendHints() {
  ServerUpdater updater("due_hints_mended", parts_.store, parts_.audit, parts_.clock);
  const absl::StatusOr<int> mended =
      parts_.vault.SweepDue(updater, [this](uint64_t, uint64_t) { return pacer_.Rest(); });
  if (IsInterruption(mended.status())) return absl::OkStatus();
  RETURN_IF_ERROR(mended.status());
  if (*mended > 0) LogWarning("hints of what falls due were missing", {{"mended", *mended}});
  return absl::OkStatus();
}

absl::Status IntegrityPass::Tell(const std::vector<StoreProblem>& problems) {
  problems_.store(static_cast<double>(problems.size()));
  finished_seconds_.store(absl::ToDoubleSeconds(parts_.clock.Now() - absl::UnixEpoch()));
  for (size_t i = 0; i < problems.size() && i < kProblemsLogged; ++i) {
    LogError("the store is not as it was written; run: keyturn operator verify",
             {{"problem", problems[i].what}});
  }
  AuditEvent event = ServerEvent("integrity_checked", parts_.clock);
  event.details = {{"problems", absl::StrCat(problems.size())}};
  if (!problems.empty()) event.outcome = "DATA_LOSS";
  RETURN_IF_ERROR(parts_.audit.Append(event));
  return problems.empty() ? absl::OkStatus() : absl::DataLossError(problems[0].what);
}

}  // namespace keyturn
