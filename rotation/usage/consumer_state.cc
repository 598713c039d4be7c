#include "rotation/usage/consumer_state.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "base/limits.h"
#include "vault/rotation_rules.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

// Of the versions that somebody used at one moment, `when`, the greatest counts.
std::tuple<int64_t, int64_t, uint64_t> OrderOf(const record::v1::VersionUses& uses, int64_t when,
                                               const SecretMetadata& metadata) {
  const VersionRecord* const version = FindVersion(metadata, uses.version());
  int64_t until = version == nullptr ? 0 : version->replaced_ms();
  if (uses.version() == metadata.current_version()) until = std::numeric_limits<int64_t>::max();
  return {when, until, uses.version()};
}

// Other than the current one.
bool StillWorks(const VersionRecord& version) {
  return IsState(version, v1::VERSION_STATE_GRACE) ||
         IsState(version, v1::VERSION_STATE_RETIRING) ||
         IsState(version, v1::VERSION_STATE_PREVIOUS);
}

ConsumerState TokenStateOf(const record::v1::VersionUses& token, const SecretMetadata& metadata,
                           absl::Time now) {
  const VersionRecord* const version = FindVersion(metadata, token.version());
  if (version == nullptr) return v1::Consumer::GONE;
  if (token.version() == metadata.current_version()) return v1::Consumer::CURRENT;
  const bool lives = absl::ToUnixMillis(now) < token.token_end_ms();
  return StillWorks(*version) && lives ? v1::Consumer::LAGGING : v1::Consumer::GONE;
}

}  // namespace

int64_t SeenMs(const record::v1::VersionUses& uses) {
  return std::max(uses.last_ms(), uses.acknowledged_ms());
}

const record::v1::VersionUses* LatestOf(const record::v1::ConsumerRecord& consumer,
                                        const SecretMetadata& metadata) {
  const record::v1::VersionUses* latest = nullptr;
  for (const record::v1::VersionUses& uses : consumer.versions()) {
    if (SeenMs(uses) == 0 && uses.token_ms() != 0) continue;
    if (latest == nullptr ||
        OrderOf(*latest, SeenMs(*latest), metadata) < OrderOf(uses, SeenMs(uses), metadata)) {
      latest = &uses;
    }
  }
  return latest;
}

const record::v1::VersionUses* LatestTokenOf(const record::v1::ConsumerRecord& consumer,
                                             const SecretMetadata& metadata) {
  const record::v1::VersionUses* latest = nullptr;
  for (const record::v1::VersionUses& uses : consumer.versions()) {
    if (uses.token_ms() == 0) continue;
    if (latest == nullptr ||
        OrderOf(*latest, latest->token_ms(), metadata) < OrderOf(uses, uses.token_ms(), metadata)) {
      latest = &uses;
    }
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

FoundConsumer FindConsumer(const record::v1::ConsumerRecord& consumer,
                           const SecretMetadata& metadata, absl::Time now) {
  FoundConsumer by_use, by_token;
  if (const record::v1::VersionUses* const used = LatestOf(consumer, metadata); used != nullptr) {
    by_use = {used, StateOf(*used, metadata), SeenMs(*used)};
  }
  if (const auto* const token = LatestTokenOf(consumer, metadata); token != nullptr) {
    by_token = {token, TokenStateOf(*token, metadata, now), token->token_ms()};
  }
  if (by_token.by == nullptr || by_use.state == v1::Consumer::LAGGING) return by_use;
  if (by_use.by == nullptr) return by_token;
  const bool later = by_token.seen_ms >= by_use.seen_ms;
  return later && by_token.state != v1::Consumer::GONE ? by_token : by_use;
}

}  // namespace keyturn
