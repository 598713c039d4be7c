#include "vault/at_target.h"

#include "vault/rotation_rules.h"

namespace keyturn {
namespace {

// Nobody has said yet that it is to end.
bool IsMeantToWork(const VersionRecord& version) {
  return IsState(version, v1::VERSION_STATE_CURRENT) || IsState(version, v1::VERSION_STATE_PENDING);
}

}  // namespace

bool WorksAtTarget(const SecretMetadata& metadata, const VersionRecord& version) {
  if (IsStillAtTarget(metadata, version)) return true;
  return metadata.has_rotation() && IsMeantToWork(version) && !TargetOf(metadata, version).empty();
}

void RetireAtTarget(const SecretMetadata& metadata, absl::Time now, VersionRecord* version) {
  if (!IsMeantToWork(*version)) return;
  version->set_target(TargetOf(metadata, *version));
  version->set_state(v1::VERSION_STATE_RETIRING);
  version->set_grace_end_ms(absl::ToUnixMillis(now));
  ForgetEnding(version);
}

}  // namespace keyturn
