#include "rotation/replaceable.h"

#include "absl/strings/str_cat.h"
#include "base/reason.h"
#include "rotation/next_action.h"

namespace keyturn {

absl::Status CheckReplaces(const SecretMetadata& metadata,
                           const std::optional<v1::RotationRun>& run, absl::Time now) {
  // A key that signs needs nothing of the one before it, nor does the way back.
  if (metadata.has_jwt() || (run.has_value() && run->cause() == v1::RotationRun::ROLLBACK)) {
    return absl::OkStatus();
  }
  const uint64_t version = metadata.current_version();
  switch (IsReadable(metadata, now)) {
    case Readable::kYes:
      return absl::OkStatus();
    case Readable::kNotNow:
      return WithReason(
          absl::FailedPreconditionError(absl::StrCat(
              "version ", version,
              ", the current one, is deleted, and a rotation does not bring the secret back; "
              "undelete it, or put a new value")),
          "VERSION_DELETED");
    case Readable::kNeverAgain:
      break;
  }
  return WithReason(absl::FailedPreconditionError(
                        "there is no current version any more that a rotation could replace; put a "
                        "new value"),
                    "NO_CURRENT_VERSION");
}

}  // namespace keyturn
