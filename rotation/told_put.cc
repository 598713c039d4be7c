#include "rotation/told_put.h"

#include <utility>

#include "base/status_macros.h"
#include "rotation/runs.h"

namespace keyturn {
namespace {

using Run = v1::RotationRun;

// The open run, if it is this value that it has waited for. One that does not open holds up no
// write: then nobody knows of it here.
absl::StatusOr<std::optional<Run>> Awaiting(const PutNews& put, const KeyringSnapshot& keys,
                                            const View& view) {
  absl::StatusOr<std::optional<Run>> run = ReadOpenRun(keys, view, put.metadata);
  const absl::Status& status = run.status();
  if (absl::IsDataLoss(status) || absl::IsFailedPrecondition(status)) return std::optional<Run>();
  RETURN_IF_ERROR(status);
  const bool awaited = run->has_value() && (*run)->state() == Run::AWAITING_VALUE &&
                       (*run)->previous_version() == put.former;
  return awaited ? *std::move(run) : std::optional<Run>();
}

}  // namespace

absl::Status TellOfPut(const PutNews& put, const KeyringSnapshot& keys, const View& view,
                       absl::FunctionRef<absl::Status(const RotationNews& news)> tell) {
  ASSIGN_OR_RETURN(std::optional<Run> run, Awaiting(put, keys, view));
  if (!run.has_value()) {
    run = Run();
    run->set_cause(Run::PUT);
    run->set_previous_version(put.former);
  }
  run->set_version(put.metadata.current_version());
  return tell({"secret_written", put.path, put.time, put.metadata, &*run});
}

}  // namespace keyturn
