#include "rotation/target/targets.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rotation/target/command.h"

namespace keyturn {

absl::Status CheckTargetFiles(const TargetSpec& spec) {
  if (!spec.command.empty() && access(spec.command[0].c_str(), X_OK) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("command: ", spec.command[0], " is not a program that can be run"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Targets>> Targets::Create(const std::vector<TargetSpec>& specs,
                                                         Clock&) {
  std::unique_ptr<Targets> targets(new Targets);
  for (const TargetSpec& spec : specs) {
    targets->drivers_[spec.name] =
        std::make_unique<TargetDriver>(spec.name, spec.paths, NewCommandTransport(spec));
  }
  return targets;
}

Driver* Targets::DriverOf(const SecretMetadata& metadata) const {
  const std::string& name = metadata.rotation().policy().target();
  if (name.empty() || metadata.has_jwt()) return nullptr;
  const auto found = drivers_.find(name);
  return found == drivers_.end() ? &MissingTarget() : found->second.get();
}

absl::Status Targets::Check(const std::string& target, const std::string& path) const {
  const auto found = drivers_.find(target);
  if (found == drivers_.end()) {
    std::string names;
    for (const auto& [name, driver] : drivers_) {
      absl::StrAppend(&names, names.empty() ? "" : ", ", name);
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "policy.target: there is no '", target, "'; ",
        names.empty() ? "the server's configuration has none" : "allowed are " + names));
  }
  if (found->second->IsFor(path)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("policy.target: ", target, " is not for ", path,
                   "; the server's configuration says which paths it is for"));
}

}  // namespace keyturn
