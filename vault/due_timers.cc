#include "vault/due_timers.h"

#include "base/status_macros.h"

namespace keyturn {

absl::Status DueTimers::Load(const Store& store) {
  std::vector<Item> found;
  RETURN_IF_ERROR(store.GetSnapshot()->Scan(
      Family::kDue, "", "", [&](absl::string_view key, absl::string_view) {
        const std::optional<schema::DueItem> item = schema::ParseDueKey(key);
        if (item.has_value() && Is(item->due_class)) found.push_back(ItemOf(*item));
        return true;
      }));
  std::sort(found.begin(), found.end());
  const absl::MutexLock lock(&mu_);
  // Changes that were committed during the scan are there already.
  for (const Item& item : found) items_.insert(items_.end(), item);
  return absl::OkStatus();
}

void DueTimers::Clear() {
  const absl::MutexLock lock(&mu_);
  items_.clear();
}

void DueTimers::OnCommitted(absl::Span<const CommittedUpdate> group) {
  const absl::MutexLock lock(&mu_);
  for (const CommittedUpdate& update : group) {
    for (const Batch::Operation& operation : *update.operations) {
      if (operation.family != Family::kDue) continue;
      const std::optional<schema::DueItem> item = schema::ParseDueKey(operation.key);
      if (!item.has_value() || !Is(item->due_class)) continue;
      if (operation.is_delete) {
        items_.erase(ItemOf(*item));
      } else {
        items_.insert(ItemOf(*item));
      }
    }
  }
}

std::optional<schema::DueItem> DueTimers::First() const {
  const absl::MutexLock lock(&mu_);
  if (items_.empty()) return std::nullopt;
  return DueOf(*items_.begin());
}

bool DueTimers::Has(const schema::DueItem& item) const {
  const absl::MutexLock lock(&mu_);
  return items_.contains(ItemOf(item));
}

void DueTimers::Remove(const schema::DueItem& item) {
  const absl::MutexLock lock(&mu_);
  items_.erase(ItemOf(item));
}

void DueTimers::Postpone(const schema::DueItem& item, absl::Time until) {
  schema::DueItem later = item;
  later.when = absl::FromUnixSeconds(absl::ToUnixSeconds(until) + 1);
  const absl::MutexLock lock(&mu_);
  if (items_.erase(ItemOf(item)) > 0) items_.insert(ItemOf(later));
}

size_t DueTimers::size() const {
  const absl::MutexLock lock(&mu_);
  return items_.size();
}

size_t DueTimers::CountDue(absl::Time now, size_t most) const {
  const int64_t seconds = absl::ToUnixSeconds(now);
  const absl::MutexLock lock(&mu_);
  size_t count = 0;
  for (const Item& item : items_) {
    if (count >= most || std::get<0>(item) > seconds) break;
    ++count;
  }
  return count;
}

std::vector<schema::DueItem> DueTimers::DueAfter(const std::optional<schema::DueItem>& last,
                                                 absl::Time now, size_t most) const {
  const int64_t seconds = absl::ToUnixSeconds(now);
  std::vector<schema::DueItem> out;
  const absl::MutexLock lock(&mu_);
  auto item = last.has_value() ? items_.upper_bound(ItemOf(*last)) : items_.begin();
  for (; item != items_.end() && out.size() < most && std::get<0>(*item) <= seconds; ++item) {
    out.push_back(DueOf(*item));
  }
  return out;
}

}  // namespace keyturn
