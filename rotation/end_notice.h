// How long those who use a version must have been able to learn that it ends, before it does: an
// hour (limits::kRotationNoticeSeconds), or its whole grace if that is shorter. A grace runs by the
// clock, whether the server does or not; one that went by in a downtime has told nobody. Pure;
// thread-safe.
#pragma once

#include <optional>

#include "absl/time/time.h"
#include "keyturn/v1/rotation.pb.h"
#include "vault/records.h"

namespace keyturn {

// When the server was up, as far as it is known: now, and the last time before.
struct UpTime {
  absl::Time since;      // the unseal, a jump of the clock, or the end of a suspension
  absl::Duration lasts;  // since then, by a clock that does not jump
  struct Former {
    absl::Time from, until;
  };
  std::optional<Former> former;
};

// What is missing of it, for a version in grace; zero: nothing. An end that is announced anew comes
// after so much, so two short uptimes add up, and longer rows of them an announcement at a time.
absl::Duration MissingNotice(const VersionRecord& version, const UpTime& up);

// When a version whose grace is over at `now` is to end instead, because of that; nullopt: now. No
// later than the policy's greatest age allows.
std::optional<absl::Time> LaterEnd(const v1::RotationPolicy& policy, const VersionRecord& version,
                                   const UpTime& up, absl::Time now);
// It ends at `end`, which is known since the server is up.
void AnnounceAnew(absl::Time end, const UpTime& up, VersionRecord* version);

}  // namespace keyturn
