// What rotates a credential at its target: a database, a provider. Keyturn calls; a driver changes
// the target and says what it saw. Secrets whose values nobody else holds have none.
//
// Every call may be repeated after a crash, so each is idempotent or can be asked about first: the
// engine probes before it applies. A driver keeps no state, does not retry, and returns within a
// time of its own; soon, once call.interrupt is set. Thread-safe.
//
// How a status is taken (FailureOf): OK, or
//   UNAVAILABLE, RESOURCE_EXHAUSTED            transient: tried again with growing waits
//   UNAUTHENTICATED, PERMISSION_DENIED         the driver's own access was refused: never looped,
//                                              since logins lock accounts
//   INVALID_ARGUMENT                           the target refuses such a value: another is made
//   DEADLINE_EXCEEDED, ABORTED, UNKNOWN        it may have happened or not: probed
//   all others                                 needs a person
// Messages are kept and shown: they hold no value. A wait that comes with a transient one
// (WithRetryAfter of base/reason.h) is not cut short.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/types.h"
#include "crypto/secret_bytes.h"
#include "keyturn/v1/rotation.pb.h"
#include "rotation/interrupt.h"

namespace keyturn {

enum class Failure { kNone, kTransient, kAccess, kPolicy, kAmbiguous, kPermanent };
Failure FailureOf(const absl::Status& status);
// "TRANSIENT", "AUTH", "POLICY", "AMBIGUOUS", "PERMANENT"; "" for kNone.
absl::string_view FailureName(Failure failure);

// What a call is about. Values are in stored form (vault/fields.h).
struct DriverCall {
  Uuid secret;
  std::string path;
  SecretVersion version;  // whose value it is
  std::string target;     // where it is set, or to be set
  const v1::RotationPolicy& policy;
  uint64_t run = 0;                      // the rotation that it belongs to; 0: none
  SecretVersion beside{0};               // of Apply: the version of `current`
  const Interrupt* interrupt = nullptr;  // never set if it is nullptr
};

class Driver {
 public:
  virtual ~Driver() = default;

  // Calls that take long are made from a thread of their own, one at a time for all drivers of one
  // lane (rotation/errands.h). "": they are quick, and made by whoever comes to them.
  virtual absl::string_view lane() const { return ""; }

  // Whether `value` works at the target now. An error: it could not be asked.
  virtual absl::StatusOr<bool> Probe(const DriverCall& call, const SecretBytes& value) = 0;
  // Makes `pending` work beside `current`, which goes on working.
  virtual absl::Status Apply(const DriverCall& call, const SecretBytes& current,
                             const SecretBytes& pending) = 0;
  // `pending` works everywhere: at each endpoint, over a fresh connection.
  virtual absl::Status Test(const DriverCall& call, const SecretBytes& pending) = 0;
  // Tells the target that `old` ends at `end`, where it can know; called again when that moves.
  virtual absl::Status ArmExpiry(const DriverCall& call, const SecretBytes& old,
                                 absl::Time end) = 0;
  // `old` does not end, before it becomes the current value again.
  virtual absl::Status Disarm(const DriverCall& call, const SecretBytes& old) = 0;
  // How many sessions at the target still use `old`; none: the target cannot tell.
  virtual absl::StatusOr<std::optional<int>> Sessions(const DriverCall& call,
                                                      const SecretBytes& old) = 0;
  // `old` works no more. One that is gone already is OK.
  virtual absl::Status Retire(const DriverCall& call, const SecretBytes& old) = 0;
  // Whether `old` is refused by the target.
  virtual absl::StatusOr<bool> VerifyDead(const DriverCall& call, const SecretBytes& old) = 0;
};

}  // namespace keyturn
