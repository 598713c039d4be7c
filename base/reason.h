// What a program may act on, beside the message for people: a reason, an UPPER_SNAKE word that
// google.rpc.ErrorInfo carries to callers, and how long to wait, which google.rpc.RetryInfo
// carries.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace keyturn {

// `status` with `reason` attached. An OK status stays as it is.
absl::Status WithReason(absl::Status status, absl::string_view reason);

// The reason attached, or the default one of its code ("NOT_FOUND", ...); "" for OK.
std::string ReasonOf(const absl::Status& status);

// `status` with the advice to try again after `wait` (rounded up to a millisecond).
absl::Status WithRetryAfter(absl::Status status, absl::Duration wait);

// The wait attached; zero: none.
absl::Duration RetryAfterOf(const absl::Status& status);

}  // namespace keyturn
