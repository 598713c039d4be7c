// The driver of a target of the configuration: every call is one request and its answer
// (docs/ROTATION.md). Refuses secrets that the target is not for. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/clock.h"
#include "rotation/driver.h"
#include "rotation/target/request.h"
#include "rotation/target/transport.h"

namespace keyturn {

// Told of each call that a target was asked, when it has answered or failed: which, how it is
// taken, and how long it took. No values, no paths. Thread-safe.
using TargetObserver = std::function<void(const std::string& target, absl::string_view call,
                                          Failure outcome, absl::Duration took)>;

class TargetDriver : public Driver {
 public:
  // Of secrets at `paths`, patterns of auth/grants.h.
  TargetDriver(std::string name, const std::vector<std::string>& paths,
               std::unique_ptr<Transport> transport);
  ~TargetDriver() override;

  // Before the first call. `clock` outlives this.
  void SetObserver(TargetObserver observer, const Clock& clock) {
    observer_ = std::move(observer);
    clock_ = &clock;
  }
  // Whether the target is for the secret at `path`.
  bool IsFor(absl::string_view path) const;

  absl::string_view lane() const override { return name_; }
  absl::StatusOr<bool> Probe(const DriverCall& call, const SecretBytes& value) override;
  absl::Status Apply(const DriverCall& call, const SecretBytes& current,
                     const SecretBytes& pending) override;
  absl::Status Test(const DriverCall& call, const SecretBytes& pending) override;
  absl::Status ArmExpiry(const DriverCall& call, const SecretBytes& old, absl::Time end) override;
  absl::Status Disarm(const DriverCall& call, const SecretBytes& old) override;
  absl::StatusOr<std::optional<int>> Sessions(const DriverCall& call,
                                              const SecretBytes& old) override;
  absl::Status Retire(const DriverCall& call, const SecretBytes& old) override;
  absl::StatusOr<bool> VerifyDead(const DriverCall& call, const SecretBytes& old) override;

 private:
  struct Paths;
  struct Asked {
    const SecretBytes& value;
    const SecretBytes* current = nullptr;
    absl::Time end = absl::InfiniteFuture();
  };
  TargetAnswer CallObserved(const TargetRequest& request, const SecretBytes& encoded,
                            const ValueFilter& filter) const;
  TargetAnswer Ask(absl::string_view what, const DriverCall& call, const Asked& asked) const;
  absl::StatusOr<bool> AskWorks(absl::string_view what, const DriverCall& call,
                                const SecretBytes& value) const;

  const std::string name_;
  const std::unique_ptr<const Paths> paths_;
  const std::unique_ptr<Transport> transport_;
  TargetObserver observer_;
  const Clock* clock_ = nullptr;
};

// Of a target that the configuration does not have (any more): a person is needed. Thread-safe.
Driver& MissingTarget();

}  // namespace keyturn
