#include "audit/refusals.h"

#include "base/limits.h"

namespace keyturn {

bool RefusalLimiter::Admit(absl::string_view source, absl::Time now) {
  const int64_t second = absl::ToUnixSeconds(now);
  const absl::MutexLock lock(&mu_);
  if (sources_.size() >= kSourcesMax && !sources_.contains(source)) source = "(others)";
  Second& entry = sources_[std::string(source)];
  if (entry.second != second) {
    const int64_t surplus = entry.seen - limits::kAuditRefusalsPerSecondPerSource;
    if (surplus > 0) {
      due_.push_back({std::string(source), surplus, absl::FromUnixSeconds(entry.second)});
    }
    entry = {second, 0};
  }
  return ++entry.seen <= limits::kAuditRefusalsPerSecondPerSource;
}

std::vector<RefusalLimiter::Counted> RefusalLimiter::TakeDue(absl::Time now) {
  const int64_t second = absl::ToUnixSeconds(now);
  const absl::MutexLock lock(&mu_);
  std::vector<Counted> out = std::move(due_);
  due_.clear();
  absl::erase_if(sources_, [&](const auto& item) {
    if (item.second.second >= second) return false;
    const int64_t surplus = item.second.seen - limits::kAuditRefusalsPerSecondPerSource;
    if (surplus > 0) {
      out.push_back({item.first, surplus, absl::FromUnixSeconds(item.second.second)});
    }
    return true;
  });
  return out;
}

}  // namespace keyturn
