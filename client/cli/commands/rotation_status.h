// How a rotation is shown. Not thread-safe.
#pragma once

#include "absl/status/status.h"
#include "client/cli/shell.h"
#include "keyturn/v1/consumer_service.pb.h"
#include "keyturn/v1/rotation_service.pb.h"

namespace keyturn::cli {

// The state, what is due, and the versions that work; before them, for people, what was done.
absl::Status PrintRotation(const Shell& shell, const v1::RotationStatus& status,
                           const Pairs& done = {});
// Which version's grace ends at `end` now: `version`, or with 0 the one that the server chose.
std::string MovedText(const v1::RotationStatus& status, uint64_t version, absl::Time end,
                      absl::Time now);
// "in 3d4h", "2h ago".
std::string FromNow(absl::Time time, absl::Time now);
// The name of a consumer: control characters are escaped.
std::string NameText(const std::string& name);
// When a consumer was seen last, from now.
std::string SeenText(const v1::Consumer& consumer, absl::Time now);
// "90d", "36h".
std::string LengthText(int64_t seconds);
// An enumerator without what all of its kind begin with, in lower case: "grace".
std::string WordOf(const std::string& name, absl::string_view prefix);
// What an open run waits for, or what it failed by; "" without one.
std::string RunText(const v1::RotationStatus& status, absl::Time now);
// For each version whose target could not be told of its end, or did not end it: what and why.
std::vector<std::string> EndingTexts(const v1::RotationStatus& status, absl::Time now);

}  // namespace keyturn::cli
