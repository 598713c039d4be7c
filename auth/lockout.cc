#include "auth/lockout.h"

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/reason.h"

namespace keyturn {

absl::Status Lockout::Check(const std::string& source) {
  absl::MutexLock lock(&mu_);
  const auto found = sources_.find(source);
  if (found == sources_.end()) return absl::OkStatus();
  const absl::Duration left = found->second.window_end - clock_.Now();
  if (left <= absl::ZeroDuration() || found->second.count < options_.failures) {
    return absl::OkStatus();
  }
  const absl::Duration wait = absl::Ceil(left, absl::Seconds(1));
  return WithRetryAfter(absl::ResourceExhaustedError(absl::StrCat(
                            "too many failed attempts from this address; try again in ",
                            absl::ToInt64Seconds(wait), " s")),
                        wait);
}

// Who fails from many addresses must not free one that is locked out.
void Lockout::MakeRoom(absl::Time now) {
  absl::erase_if(sources_, [now](const auto& entry) { return entry.second.window_end <= now; });
  if (sources_.size() < limits::kLockoutSourcesMax) return;
  absl::erase_if(sources_,
                 [this](const auto& entry) { return entry.second.count < options_.failures; });
  if (sources_.size() >= limits::kLockoutSourcesMax) sources_.clear();
}

void Lockout::CountFailure(const std::string& source) {
  absl::MutexLock lock(&mu_);
  const absl::Time now = clock_.Now();
  if (sources_.size() >= limits::kLockoutSourcesMax && !sources_.contains(source)) MakeRoom(now);
  Failures& failures = sources_[source];
  if (failures.window_end <= now) failures = {now + options_.window, 0};
  ++failures.count;
}

}  // namespace keyturn
