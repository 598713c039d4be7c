#include "rotation/usage/consumer_state.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "base/limits.h"
#include "vault/rotation_rules.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

// Of the versions that somebody used at one moment, the greatest counts.
std::tuple<int64_t, int64_t, uint64_t> OrderOf(const record::v1::VersionUses& uses,
                                               const SecretMetadata& metadata) {
  const VersionRecord* const version = FindVersion(metadata, uses.version());
  int64_t until = version == nullptr ? 0 : version->replaced_ms();
  if (uses.version() == metadata.current_version()) until = std::numeric_limits<int64_t>::max();
  return {SeenMs(uses), until, uses.version()};
}

// Other than the current one.
bool StillWorks(const VersionRecord& version) {
  return IsState(version, v1::VERSION_STATE_GRACE) ||
         IsState(version, v1::VERSION_STATE_RETIRING) ||
         IsState(version, v1::VERSION_STATE_PREVIOUS);
}

}  // namespace

int64_t SeenMs(const record::v1::VersionUses& uses) {
  return std::max(uses.last_ms(), uses.acknowledged_ms());
}

const record::v1::VersionUses* LatestOf(const record::v1::ConsumerRecord& consumer,
                                        const SecretMetadata& metadata) {
  const record::v1::VersionUses* latest = nullptr;
  for (const record::v1::VersionUses& uses : consumer.versions()) {
    if (latest == nullptr || OrderOf(*latest, metadata) < OrderOf(uses, metadata)) latest = &uses;
  }
  return latest;
}

ConsumerState StateOf(const record::v1::VersionUses& latest, const SecretMetadata& metadata) {
  const VersionRecord* const version = FindVersion(metadata, latest.version());
  if (version == nullptr) return v1::Consumer::GONE;
  if (latest.version() == metadata.current_version()) {
    return latest.acknowledged_ms() != 0 ? v1::Consumer::ACKNOWLEDGED : v1::Consumer::CURRENT;
  }
  if (!StillWorks(*version)) return v1::Consumer::GONE;
  const int64_t since = version->replaced_ms() - limits::kConsumerGoneSeconds * 1000;
  const bool unknown = version->replaced_ms() == 0;
  return unknown || SeenMs(latest) >= since ? v1::Consumer::LAGGING : v1::Consumer::GONE;
}

}  // namespace keyturn
