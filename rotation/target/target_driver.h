// The driver of a target of the configuration: every call is one request and its answer
// (docs/ROTATION.md). Refuses secrets that the target is not for. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "rotation/driver.h"
#include "rotation/target/transport.h"

namespace keyturn {

class TargetDriver : public Driver {
 public:
  // Of secrets at `paths`, patterns of auth/grants.h.
  TargetDriver(std::string name, const std::vector<std::string>& paths,
               std::unique_ptr<Transport> transport);
  ~TargetDriver() override;

  // Whether the target is for the secret at `path`.
  bool IsFor(absl::string_view path) const;

  absl::string_view lane() const override { return name_; }
  absl::StatusOr<bool> Probe(const DriverCall& call, const SecretBytes& value) override;
  absl::Status Apply(const DriverCall& call, const SecretBytes& current,
                     const SecretBytes& pending) override;
  absl::Status Test(const DriverCall& call, const SecretBytes& pending) override;
  absl::Status ArmExpiry(const DriverCall& call, const SecretBytes& old, absl::Time end) override;
  absl::Status Disarm(const DriverCall& call, const SecretBytes& old) override;
  absl::StatusOr<int> Sessions(const DriverCall& call, const SecretBytes& old) override;
  absl::Status Retire(const DriverCall& call, const SecretBytes& old) override;
  absl::StatusOr<bool> VerifyDead(const DriverCall& call, const SecretBytes& old) override;

 private:
  struct Paths;
  struct Asked {
    const SecretBytes& value;
    const SecretBytes* current = nullptr;
    absl::Time end = absl::InfiniteFuture();
  };
  TargetAnswer Ask(absl::string_view what, const DriverCall& call, const Asked& asked) const;
  absl::StatusOr<bool> AskWorks(absl::string_view what, const DriverCall& call,
                                const SecretBytes& value) const;

  const std::string name_;
  const std::unique_ptr<const Paths> paths_;
  const std::unique_ptr<Transport> transport_;
};

// Of a target that the configuration does not have (any more): a person is needed. Thread-safe.
Driver& MissingTarget();

}  // namespace keyturn
