#include "revocation/verify.h"

#include <vector>

#include "base/limits.h"
#include "base/status_macros.h"
#include "revocation/replay.h"

namespace keyturn {

absl::StatusOr<VerifiedLog> VerifyRevocationLog(const Snapshot& snapshot,
                                                const KeyringSnapshot& keys, int64_t now_ms,
                                                ProgressFn progress) {
  ASSIGN_OR_RETURN(const LogSealer sealer, LogSealer::Create(keys));
  VerifiedLog verified;
  int64_t told = 0;
  const auto count = [&](size_t items) {
    verified.read += items;
    if (static_cast<int64_t>(verified.read) - told < limits::kProgressEveryRecords) {
      return absl::OkStatus();
    }
    told = static_cast<int64_t>(verified.read);
    return progress(verified.read, 0);
  };
  const auto fill = [&](uint32_t, int64_t, std::vector<IndexedToken>* tokens) {
    return count(tokens->size());
  };
  const auto apply = [&](const ListChange&) { return count(1); };
  const absl::StatusOr<ReplayedLog> log = ReplayLog(snapshot, sealer, now_ms, fill, apply);
  if (absl::IsDataLoss(log.status())) {
    verified.problem = StoreProblem{.what = std::string(log.status().message())};
  } else {
    RETURN_IF_ERROR(log.status());
  }
  return verified;
}

}  // namespace keyturn
