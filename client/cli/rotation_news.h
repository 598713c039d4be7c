// What has changed in the rotation of secrets from one look at their status to the next, and when
// to look again. Pure; not thread-safe.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "keyturn/v1/rotation_service.pb.h"

namespace keyturn::cli {

struct RotationNews {
  std::string path;
  uint64_t version = 0;  // 0: of the secret as a whole
  std::string state;     // "current", "grace until 2026-12-01T00:00:00Z", "paused: freeze"
};

class RotationFollower {
 public:
  // What is new in `status` to what is known of the secret. Of one that is not known, that is
  // nothing, or with `changed` the version that changed (0: the current one) and its open run.
  std::vector<RotationNews> Take(const v1::RotationStatus& status, absl::Time now);
  std::vector<RotationNews> TakeChanged(const v1::RotationStatus& status, uint64_t version,
                                        absl::Time now);
  // It is there no more, or may not be seen.
  void Forget(const std::string& path);
  // Whether the secret's status was taken before.
  bool Knows(const std::string& path) const { return known_.count(path) > 0; }

  // The secrets that are to be looked at by `now`, as something falls due; each once.
  std::vector<std::string> Due(absl::Time now);
  // When the first is to be looked at; far ahead when there is none.
  absl::Time next() const {
    return looks_.empty() ? absl::InfiniteFuture() : looks_.begin()->first;
  }
  void LookAt(const std::string& path, absl::Time when) { looks_.insert({when, path}); }

 private:
  using States = std::map<uint64_t, std::string>;  // by version, with 0 the secret as a whole

  std::map<std::string, States> known_;
  std::set<std::pair<absl::Time, std::string>> looks_;
};

}  // namespace keyturn::cli
