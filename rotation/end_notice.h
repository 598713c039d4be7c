// How long those who use a version must have been able to learn that it ends, before it does: an
// hour (limits::kRotationNoticeSeconds), or its whole grace if that is shorter. A grace runs by the
// clock, whether the server does or not; one that went by in a downtime has told nobody. Pure;
// thread-safe.
#pragma once

#include <optional>

#include "absl/time/time.h"
#include "vault/records.h"

namespace keyturn {

// When the server was up, as far as it is known.
struct UpTime {
  absl::Time since;                  // the unseal, or a jump of the clock
  absl::Duration lasts;              // since then, by a clock that does not jump
  std::optional<absl::Time> before;  // the last time known before that
};

// What is missing of it, for a version in grace; zero: nothing. An end that is announced anew comes
// after so much, so the time of several short uptimes adds up.
absl::Duration MissingNotice(const VersionRecord& version, const UpTime& up);

}  // namespace keyturn
