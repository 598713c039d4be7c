// Machine-readable reasons on a status, as google.rpc.ErrorInfo carries them to callers: an
// UPPER_SNAKE word that a program may act on, while the message is for people.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace keyturn {

// `status` with `reason` attached. An OK status stays as it is.
absl::Status WithReason(absl::Status status, absl::string_view reason);

// The reason attached, or the default one of its code ("NOT_FOUND", ...); "" for OK.
std::string ReasonOf(const absl::Status& status);

}  // namespace keyturn
