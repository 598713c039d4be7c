// The targets of the server's configuration, by name. Immutable; thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "rotation/target/target_driver.h"
#include "rotation/target/target_spec.h"

namespace keyturn {

// What is wrong with a target on this machine: a program that is none, a key or a CA that cannot be
// read.
absl::Status CheckTargetFiles(const TargetSpec& spec);

class Targets {
 public:
  // REQUIRES: each of them is good by CheckTargetSpec, and none is there twice. Errors name a file
  // that cannot be read. `clock` outlives this.
  static absl::StatusOr<std::unique_ptr<Targets>> Create(const std::vector<TargetSpec>& specs,
                                                         Clock& clock);

  // Of all of them (TargetDriver::SetObserver).
  void SetObserver(const TargetObserver& observer, const Clock& clock);
  // nullptr for "". Of one that is not there MissingTarget.
  Driver* DriverOf(const std::string& target) const;
  // RotationContext::check_target.
  absl::Status Check(const std::string& target, const std::string& path) const;

 private:
  Targets() = default;

  std::map<std::string, std::unique_ptr<TargetDriver>> drivers_;
};

}  // namespace keyturn
