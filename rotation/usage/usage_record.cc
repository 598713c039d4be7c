#include "rotation/usage/usage_record.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/escaping.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "keyring/envelope.h"
#include "rotation/usage/consumer_state.h"
#include "storage/schema.h"
#include "vault/utf8.h"

namespace keyturn {
namespace {

using google::protobuf::util::TimeUtil;
using record::v1::ConsumerRecord;
using record::v1::OtherUses;
using record::v1::UsageRecord;
using record::v1::VersionUses;

void AddUses(const CountedUses& uses, ConsumerRecord* consumer) {
  VersionUses* into = nullptr;
  for (VersionUses& known : *consumer->mutable_versions()) {
    if (known.version() == uses.version) into = &known;
  }
  if (into == nullptr) {
    into = consumer->add_versions();
    into->set_version(uses.version);
  }
  if (uses.first_ms != 0 && (into->first_ms() == 0 || uses.first_ms < into->first_ms())) {
    into->set_first_ms(uses.first_ms);
  }
  into->set_last_ms(std::max(into->last_ms(), uses.last_ms));
  into->set_count(into->count() + uses.count);
  into->set_acknowledged_ms(std::max(into->acknowledged_ms(), uses.acknowledged_ms));
  into->set_token_ms(std::max(into->token_ms(), uses.token_ms));
  into->set_token_end_ms(std::max(into->token_end_ms(), uses.token_end_ms));
}

int64_t EvidenceMs(const VersionUses& uses) { return std::max(SeenMs(uses), uses.token_ms()); }

// Only the last read and the last token decide; of the others what was used longest ago can go.
void KeepLatest(ConsumerRecord* consumer) {
  auto& versions = *consumer->mutable_versions();
  while (versions.size() > static_cast<int>(limits::kConsumerVersionsMax)) {
    int64_t seen_ms = 0, token_ms = 0;
    for (const VersionUses& uses : versions) {
      seen_ms = std::max(seen_ms, SeenMs(uses));
      token_ms = std::max(token_ms, uses.token_ms());
    }
    const auto order = [&](const VersionUses& uses) {
      const bool decides = (seen_ms != 0 && SeenMs(uses) == seen_ms) ||
                           (token_ms != 0 && uses.token_ms() == token_ms);
      return std::make_pair(decides, EvidenceMs(uses));
    };
    versions.erase(std::min_element(
        versions.begin(), versions.end(),
        [&](const VersionUses& a, const VersionUses& b) { return order(a) < order(b); }));
  }
}

// Who is known to be gone before who is not, and of these who was seen longest ago. Who had tokens
// signed and verified holds no version.
struct Dispensable {
  bool may_use;
  int64_t seen_ms;
  friend auto operator<=>(const Dispensable&, const Dispensable&) = default;
};
Dispensable HowDispensable(const ConsumerRecord& consumer, const SecretMetadata& metadata) {
  const VersionUses* const latest = LatestOf(consumer, metadata);
  if (latest == nullptr) {
    const VersionUses* const token = LatestTokenOf(consumer, metadata);
    return {false, token == nullptr ? 0 : token->token_ms()};
  }
  return {StateOf(*latest, metadata) != v1::Consumer::GONE, SeenMs(*latest)};
}

void AddOthers(uint64_t version, uint64_t consumers, int64_t last_ms, UsageRecord* record) {
  OtherUses* into = nullptr;
  for (OtherUses& known : *record->mutable_others()) {
    if (known.version() == version) into = &known;
  }
  if (into == nullptr) {
    into = record->add_others();
    into->set_version(version);
  }
  into->set_consumers(into->consumers() + consumers);
  into->set_last_ms(std::max(into->last_ms(), last_ms));
}

void MakeRoom(const SecretMetadata& metadata, UsageRecord* record) {
  auto& consumers = *record->mutable_consumers();
  const size_t known = static_cast<size_t>(consumers.size());
  if (known <= limits::kConsumersPerSecretMax) return;
  std::vector<std::pair<Dispensable, int>> order;
  for (int i = 0; i < consumers.size(); ++i) {
    order.emplace_back(HowDispensable(consumers[i], metadata), i);
  }
  std::sort(order.begin(), order.end());
  order.resize(known - limits::kConsumersPerSecretMax);
  for (const auto& [how, index] : order) {
    ConsumerRecord& leaves = consumers[index];
    if (how.may_use) {
      AddOthers(LatestOf(leaves, metadata)->version(), 1, how.seen_ms, record);
    }
    leaves.clear_name();
  }
  consumers.erase(std::remove_if(consumers.begin(), consumers.end(),
                                 [](const auto& consumer) { return consumer.name().empty(); }),
                  consumers.end());
}

// Versions that the secret does not have any more: nobody uses them.
void DropOthersOfNoVersion(const SecretMetadata& metadata, UsageRecord* record) {
  auto& others = *record->mutable_others();
  others.erase(std::remove_if(others.begin(), others.end(),
                              [&](const OtherUses& uses) {
                                VersionUses seen;
                                seen.set_version(uses.version());
                                seen.set_last_ms(uses.last_ms());
                                return StateOf(seen, metadata) == v1::Consumer::GONE;
                              }),
               others.end());
}

void SetTime(int64_t millis, google::protobuf::Timestamp* (v1::Consumer::*field)(),
             v1::Consumer* consumer) {
  if (millis != 0) *(consumer->*field)() = TimeUtil::MillisecondsToTimestamp(millis);
}

v1::Consumer Shown(absl::string_view name, const VersionUses& latest, ConsumerState state) {
  v1::Consumer out;
  out.set_name(std::string(name));
  out.set_state(state);
  out.set_version(latest.version());
  SetTime(latest.first_ms(), &v1::Consumer::mutable_first_use_time, &out);
  SetTime(std::max(latest.last_ms(), latest.token_ms()), &v1::Consumer::mutable_last_use_time,
          &out);
  SetTime(latest.acknowledged_ms(), &v1::Consumer::mutable_acknowledge_time, &out);
  out.set_uses(latest.count());
  return out;
}

}  // namespace

std::string ShownName(const std::string& name) {
  return IsUtf8(name) ? name : absl::CHexEscape(name);
}

void Absorb(absl::Span<const CountedUses> uses, const SecretMetadata& metadata,
            UsageRecord* record) {
  absl::flat_hash_map<std::string, int> known;
  for (int i = 0; i < record->consumers_size(); ++i) known.emplace(record->consumers(i).name(), i);
  for (const CountedUses& one : uses) {
    const auto [at, is_new] = known.try_emplace(one.consumer, record->consumers_size());
    if (is_new) record->add_consumers()->set_name(one.consumer);
    ConsumerRecord& consumer = *record->mutable_consumers(at->second);
    AddUses(one, &consumer);
    KeepLatest(&consumer);
  }
  MakeRoom(metadata, record);
  DropOthersOfNoVersion(metadata, record);
}

void AbsorbUnknown(uint64_t version, absl::Time time, UsageRecord* record) {
  if (time <= absl::FromUnixMillis(record->losses_forgotten_ms())) return;
  AddOthers(version, 1, absl::ToUnixMillis(time), record);
}

bool ForgetConsumer(absl::string_view name, absl::Time now, UsageRecord* record) {
  if (name == kOtherConsumers) {
    record->clear_others();
    record->set_losses_forgotten_ms(absl::ToUnixMillis(now));
    return true;
  }
  auto& consumers = *record->mutable_consumers();
  const auto at = std::find_if(consumers.begin(), consumers.end(),
                               [&](const auto& one) { return ShownName(one.name()) == name; });
  if (at == consumers.end()) return false;
  consumers.erase(at);
  return true;
}

std::vector<v1::Consumer> ConsumersIn(const UsageRecord& record, const SecretMetadata& metadata,
                                      absl::Time now) {
  std::vector<std::pair<int64_t, v1::Consumer>> found;
  for (const ConsumerRecord& consumer : record.consumers()) {
    const FoundConsumer one = FindConsumer(consumer, metadata, now);
    if (one.by == nullptr) continue;
    found.emplace_back(one.seen_ms, Shown(ShownName(consumer.name()), *one.by, one.state));
  }
  for (const OtherUses& others : record.others()) {
    VersionUses latest;
    latest.set_version(others.version());
    latest.set_last_ms(others.last_ms());
    latest.set_count(others.consumers());
    const ConsumerState state = StateOf(latest, metadata);
    if (state == v1::Consumer::GONE) continue;
    found.emplace_back(others.last_ms(), Shown(kOtherConsumers, latest, state));
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    if (a.first != b.first) return a.first > b.first;
    const int names = a.second.name().compare(b.second.name());
    return names != 0 ? names < 0 : a.second.version() > b.second.version();
  });
  std::vector<v1::Consumer> out;
  out.reserve(found.size());
  for (auto& [seen, consumer] : found) out.push_back(std::move(consumer));
  return out;
}

absl::StatusOr<StoredUsage> ReadUsage(const KeyringSnapshot& keys, const View& view,
                                      const Uuid& secret) {
  const std::string key = schema::UsageKey(secret);
  StoredUsage out;
  ASSIGN_OR_RETURN(out.sealed, view.Get(Family::kRecords, key));
  if (!out.sealed.has_value()) return out;
  ASSIGN_OR_RETURN(const OpenedRecord opened, OpenRecord(keys, Purpose::kUsage, key, *out.sealed));
  ASSIGN_OR_RETURN(out.record, ParseRecord<UsageRecord>(opened, "a record of uses"));
  out.generation = opened.generation;
  return out;
}

absl::StatusOr<std::string> SealUsage(const KeyringSnapshot& keys, const Uuid& secret,
                                      const StoredUsage& usage) {
  const std::string key = schema::UsageKey(secret);
  return SealRecord(keys, {Purpose::kUsage, key, usage.generation + 1},
                    usage.record.SerializeAsString());
}

}  // namespace keyturn
