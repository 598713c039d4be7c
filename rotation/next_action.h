// What is to be done for a secret, and when: the rules of rotation, of its metadata and its open
// run alone. Pure; thread-safe.
#pragma once

#include <optional>

#include "absl/time/time.h"
#include "keyturn/v1/rotation.pb.h"
#include "vault/records.h"

namespace keyturn {

struct Action {
  enum class Kind {
    kNone,         // nothing before `when`
    kPlan,         // when the next rotation starts is not known yet
    kStart,        // a scheduled rotation
    kStep,         // the open run goes on
    kRemind,       // the owner of an awaited value is told again
    kFulfil,       // the value that the open run awaited was put
    kCancelRun,    // the open run's version is not wanted any more
    kStage,        // the key that is to sign next is made and published
    kEndGrace,     // of `version`
    kArm,          // the target of `version` is told when its grace ends
    kRetire,       // `version`, at its target
    kDestroyData,  // of `version`, which is retired
  };
  Kind kind = Kind::kNone;
  absl::Time when = absl::InfiniteFuture();  // of kNone: the next moment to ask again
  uint64_t version = 0;
};

// `run` is the open one. With `frozen` (the clock is not trusted) nothing starts, ends or is
// destroyed by time; what is under way goes on.
Action NextAction(const SecretMetadata& metadata, const std::optional<v1::RotationRun>& run,
                  absl::Time now, bool frozen);

// Whether the current version is there and can be read, or read again. What is not is not replaced
// by the schedule: a deleted secret must not come back by it.
enum class Readable { kYes, kNotNow, kNeverAgain };
Readable IsReadable(const SecretMetadata& metadata, absl::Time now);

// Whether the schedule may start a rotation at all: not paused, and with a current version that can
// be read.
bool MayStart(const SecretMetadata& metadata, absl::Time now);

}  // namespace keyturn
