// What writers attempted, and what was acknowledged to them: the reference a server is held
// against after it was killed. Thread-safe.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/clock.h"

namespace keyturn {

class Ledger {
 public:
  struct Version {
    std::set<std::string> attempted;  // values; more than one when an answer never came
    std::string acknowledged;         // "" when none was
    uint64_t revision = 0;            // of the acknowledged write
  };
  // version → what is known of it
  using Secret = std::map<uint64_t, Version>;

  void Attempt(const std::string& path, uint64_t version, const std::string& value) {
    const absl::MutexLock lock(&mu_);
    secrets_[path][version].attempted.insert(value);
    touched_.insert(path);
  }

  void Acknowledge(const std::string& path, uint64_t version, const std::string& value,
                   uint64_t revision) {
    const absl::MutexLock lock(&mu_);
    secrets_[path][version].acknowledged = value;
    secrets_[path][version].revision = revision;
    ++acknowledged_;
  }

  // A writer starts, or has come to its end.
  void AddWriters(int difference) {
    const absl::MutexLock lock(&mu_);
    writers_ += difference;
  }

  // Until `count` writes were acknowledged, or no writer is left. Whether the former.
  bool AwaitAcknowledged(uint64_t count, absl::Time deadline) {
    const absl::MutexLock lock(&mu_);
    const auto over = [this, count]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return acknowledged_ >= count || writers_ == 0;
    };
    Clock::Real().AwaitWithDeadline(&mu_, absl::Condition(&over), deadline);
    return acknowledged_ >= count;
  }

  uint64_t acknowledged() const {
    const absl::MutexLock lock(&mu_);
    return acknowledged_;
  }

  // The newest version that was found, so that later looks must find it too. A path of which
  // nothing was found is as if it had never been tried.
  void Settle(const std::string& path, uint64_t newest) {
    const absl::MutexLock lock(&mu_);
    Secret& secret = secrets_[path];
    secret.erase(secret.upper_bound(newest), secret.end());
    if (secret.empty()) secrets_.erase(path);
  }
  void SettleValue(const std::string& path, uint64_t version, const std::string& value) {
    const absl::MutexLock lock(&mu_);
    secrets_[path][version].acknowledged = value;
  }

  // Never empty for a path of paths() or TakeTouched().
  Secret secret(const std::string& path) const {
    const absl::MutexLock lock(&mu_);
    const auto it = secrets_.find(path);
    return it == secrets_.end() ? Secret() : it->second;
  }
  // Those written to since the last call, or all.
  std::vector<std::string> TakeTouched() {
    const absl::MutexLock lock(&mu_);
    std::vector<std::string> out(touched_.begin(), touched_.end());
    touched_.clear();
    return out;
  }
  std::vector<std::string> paths() const {
    const absl::MutexLock lock(&mu_);
    std::vector<std::string> out;
    for (const auto& [path, secret] : secrets_) out.push_back(path);
    return out;
  }

 private:
  mutable absl::Mutex mu_;
  std::map<std::string, Secret> secrets_ ABSL_GUARDED_BY(mu_);
  std::set<std::string> touched_ ABSL_GUARDED_BY(mu_);
  uint64_t acknowledged_ ABSL_GUARDED_BY(mu_) = 0;
  int writers_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace keyturn
