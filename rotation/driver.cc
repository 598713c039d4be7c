#include "rotation/driver.h"

namespace keyturn {

Failure FailureOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return Failure::kNone;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kResourceExhausted:
      return Failure::kTransient;
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return Failure::kAccess;
    case absl::StatusCode::kInvalidArgument:
      return Failure::kPolicy;
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kUnknown:
      return Failure::kAmbiguous;
    default:
      return Failure::kPermanent;
  }
}

absl::string_view FailureName(Failure failure) {
  switch (failure) {
    case Failure::kNone:
      return "";
    case Failure::kTransient:
      return "TRANSIENT";
    case Failure::kAccess:
      return "AUTH";
    case Failure::kPolicy:
      return "POLICY";
    case Failure::kAmbiguous:
      return "AMBIGUOUS";
    case Failure::kPermanent:
      return "PERMANENT";
  }
  return "";
}

}  // namespace keyturn
