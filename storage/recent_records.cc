#include "storage/recent_records.h"

#include <utility>

namespace keyturn {
namespace {

constexpr size_t kEntryBytes = 96;  // of the table itself

size_t BytesOf(absl::string_view key, const RecentRecords::Value& value) {
  return kEntryBytes + key.size() + (value.has_value() ? value->size() : 0);
}

}  // namespace

bool RecentRecords::Keeps(Family family) {
  return family == Family::kRecords || family == Family::kIndex || family == Family::kDue;
}

const RecentRecords::Value* RecentRecords::Find(Family family, absl::string_view key) {
  if (const auto known = young(family).find(key); known != young(family).end()) {
    return &known->second;
  }
  const auto older = old(family).find(key);
  if (older == old(family).end()) return nullptr;
  Keep(family, key, std::move(older->second));
  return &young(family).find(key)->second;
}

void RecentRecords::Keep(Family family, absl::string_view key, Value value) {
  const size_t bytes = BytesOf(key, value);
  if (bytes > bytes_ / 16) {
    old(family).erase(key);
    if (const auto known = young(family).find(key); known != young(family).end()) {
      young_.bytes -= BytesOf(key, known->second);
      young(family).erase(known);
    }
    return;
  }
  if (young_.bytes + bytes > bytes_) {
    old_ = std::exchange(young_, Generation());
  }
  const auto [kept, is_new] = young(family).try_emplace(key);
  if (!is_new) young_.bytes -= BytesOf(key, kept->second);
  kept->second = std::move(value);
  young_.bytes += bytes;
}

}  // namespace keyturn
