#include "storage/recent_records.h"

#include <utility>

namespace keyturn {
namespace {

constexpr size_t kEntryBytes = 136;  // of the table itself

size_t BytesOf(absl::string_view key, const RecentRecords::Value& value) {
  return kEntryBytes + key.size() + (value.has_value() ? value->size() : 0);
}

}  // namespace

bool RecentRecords::Keeps(Family family) {
  return family == Family::kRecords || family == Family::kIndex || family == Family::kDue;
}

const RecentRecords::Known* RecentRecords::Look(Family family, absl::string_view key) {
  if (const auto known = young(family).find(key); known != young(family).end()) {
    return &known->second;
  }
  const auto older = old(family).find(key);
  if (older == old(family).end()) return nullptr;
  KeepKnown(family, key, std::move(older->second));
  return &young(family).find(key)->second;
}

const RecentRecords::Value* RecentRecords::Find(Family family, absl::string_view key) {
  const Known* const known = Look(family, key);
  return known == nullptr ? nullptr : &known->value;
}

const RecentRecords::Hash* RecentRecords::FindHash(Family family, absl::string_view key) {
  const Known* const known = Look(family, key);
  return known == nullptr || !known->hash.has_value() ? nullptr : &*known->hash;
}

void RecentRecords::Keep(Family family, absl::string_view key, Value value,
                         const std::optional<Hash>& hash) {
  KeepKnown(family, key, {std::move(value), hash});
}

void RecentRecords::KeepKnown(Family family, absl::string_view key, Known known) {
  const size_t bytes = BytesOf(key, known.value);
  if (bytes > bytes_ / 16) {
    old(family).erase(key);
    if (const auto kept = young(family).find(key); kept != young(family).end()) {
      young_.bytes -= BytesOf(key, kept->second.value);
      young(family).erase(kept);
    }
    return;
  }
  if (young_.bytes + bytes > bytes_) {
    old_ = std::exchange(young_, Generation());
  }
  const auto [kept, is_new] = young(family).try_emplace(key);
  if (!is_new) young_.bytes -= BytesOf(key, kept->second.value);
  kept->second = std::move(known);
  young_.bytes += bytes;
}

void RecentRecords::ForgetHashes() {
  for (Generation* const generation : {&young_, &old_}) {
    for (Records& records : generation->families) {
      for (auto& [key, known] : records) known.hash.reset();
    }
  }
}

}  // namespace keyturn
