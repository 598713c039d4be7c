// What others are told ahead: that a rotation or the end of a grace comes near, and that a rotation
// has not come in time. The rules alone, of a secret's metadata. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "vault/records.h"

namespace keyturn {

struct Notice {
  enum class Kind {
    kDue,          // the schedule will start a rotation: 30, 7 and 1 days before
    kGraceEnding,  // a version in its grace will work no more: 48 and 24 hours before
    kOverdue,      // no rotation an hour after the deadline; and after the grace as well
  };
  Kind kind = Kind::kDue;
  absl::Time when;        // it is to be told
  absl::Time of;          // the start, the end of the grace, the deadline
  uint64_t version = 0;   // the one that is or will be replaced, or ends
  bool critical = false;  // of kOverdue: the version has outlived the grace as well
  friend bool operator==(const Notice&, const Notice&) = default;
};

// "rotation_due", as the audit log has it.
absl::string_view EventOf(Notice::Kind kind);

// All there are of a secret as it is now, in the order of `when`. A moment from before the version
// was the current one, or was in its grace, is none: what rotates each week has no 30 days.
std::vector<Notice> NoticesOf(const SecretMetadata& metadata, absl::Time now);

// Of these, what is to be told of the moment `when`, which has come: not what has happened by now,
// nor what a later notice that is due as well says better.
std::vector<Notice> NoticesAt(const std::vector<Notice>& notices, absl::Time when, absl::Time now);

}  // namespace keyturn
