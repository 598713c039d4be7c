#include "rotation/target/targets.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rotation/target/command.h"
#include "rotation/target/webhook.h"
#include "rotation/target/webhook_signature.h"

namespace keyturn {

absl::Status CheckTargetFiles(const TargetSpec& spec) {
  if (!spec.command.empty() && access(spec.command[0].c_str(), X_OK) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("command: ", spec.command[0], " is not a program that can be run"));
  }
  if (spec.url.empty()) return absl::OkStatus();
  if (const auto key = ReadWebhookKey(spec.signing_key_file); !key.ok()) {
    return absl::Status(key.status().code(),
                        absl::StrCat("signing_key_file: ", key.status().message()));
  }
  if (!spec.ca_file.empty() && access(spec.ca_file.c_str(), R_OK) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("ca_file: ", spec.ca_file, " cannot be read"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Targets>> Targets::Create(const std::vector<TargetSpec>& specs,
                                                         Clock& clock) {
  std::unique_ptr<Targets> targets(new Targets);
  for (const TargetSpec& spec : specs) {
    absl::StatusOr<std::unique_ptr<Transport>> transport =
        spec.url.empty() ? NewCommandTransport(spec) : NewWebhookTransport(spec, clock);
    if (!transport.ok()) {
      return absl::Status(
          transport.status().code(),
          absl::StrCat("rotation.targets: ", spec.name, ": ", transport.status().message()));
    }
    targets->drivers_[spec.name] =
        std::make_unique<TargetDriver>(spec.name, spec.paths, *std::move(transport));
  }
  return targets;
}

void Targets::SetObserver(const TargetObserver& observer, const Clock& clock) {
  for (const auto& [name, driver] : drivers_) driver->SetObserver(observer, clock);
}

Driver* Targets::DriverOf(const std::string& target) const {
  if (target.empty()) return nullptr;
  const auto found = drivers_.find(target);
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
