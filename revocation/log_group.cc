#include "revocation/log_group.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "keyturn/record/v1/revocation.pb.h"
#include "revocation/change.h"

namespace keyturn {

void LogGroup::Add(uint32_t hour, absl::string_view encoded) {
  changes_.push_back({.hour = hour, .encoded = encoded});
  bytes_ += BytesOf(encoded.size());
}

std::vector<uint32_t> LogGroup::Hours(uint32_t hour_min) const {
  std::vector<uint32_t> hours;
  hours.reserve(changes_.size());
  for (const Change& change : changes_) hours.push_back(std::max(change.hour, hour_min));
  std::sort(hours.begin(), hours.end());
  hours.erase(std::unique(hours.begin(), hours.end()), hours.end());
  if (hours.size() <= limits::kRevocationGroupHoursMax) return hours;

  // The cost of letting one go with the next: so many hours that its changes are kept for longer.
  std::vector<std::pair<uint32_t, uint32_t>> costs;
  for (size_t i = 0; i + 1 < hours.size(); ++i)
    costs.push_back({hours[i + 1] - hours[i], hours[i]});
  if (hours.back() == kHourForever) costs.pop_back();
  std::sort(costs.begin(), costs.end());
  costs.resize(hours.size() - limits::kRevocationGroupHoursMax);
  for (const auto& [cost, hour] : costs) {
    hours.erase(std::lower_bound(hours.begin(), hours.end(), hour));
  }
  return hours;
}

std::vector<LogGroup::Record> LogGroup::Part(uint32_t hour_min) const {
  const std::vector<uint32_t> hours = Hours(hour_min);
  record::v1::RevocationGroup empty;
  empty.mutable_hours()->Assign(hours.begin(), hours.end());
  std::vector<record::v1::RevocationGroup> heads(hours.size(), empty);
  std::vector<std::string> bodies(hours.size());
  for (uint32_t i = 0; i < changes_.size(); ++i) {
    const uint32_t hour = std::max(changes_[i].hour, hour_min);
    const size_t at = std::lower_bound(hours.begin(), hours.end(), hour) - hours.begin();
    if (hours.size() > 1) heads[at].add_sequence(i);
    bodies[at].append(changes_[i].encoded.data(), changes_[i].encoded.size());
  }
  std::vector<Record> records;
  for (size_t i = 0; i < hours.size(); ++i) {
    // The fields of a message may stand one behind another.
    records.push_back({.hour = hours[i], .body = heads[i].SerializeAsString() + bodies[i]});
  }
  return records;
}

}  // namespace keyturn
