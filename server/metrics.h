// What Prometheus may ask. Calls are counted as they end; everything else is read from its owner
// when a scrape comes. No label holds a path, a principal or a value. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/method_table.h"

namespace keyturn {

class Metrics {
 public:
  // `methods` outlives this.
  static std::unique_ptr<Metrics> Create(const MethodTable& methods);
  virtual ~Metrics() = default;

  virtual void CountCall(const MethodInfo& method, absl::StatusCode code, int64_t nanos) = 0;

  // A call of a target of rotation: "apply", and "ok" or the class of its failure.
  virtual void CountTargetCall(const std::string& target, const std::string& call,
                               const std::string& outcome, absl::Duration took) = 0;

  // `read` is called at each scrape, from the scraping thread, until this dies. It adds none.
  virtual void AddGauge(const std::string& name, const std::string& help,
                        std::function<double()> read) = 0;
  virtual void AddCounter(const std::string& name, const std::string& help,
                          std::function<double()> read) = 0;

  // The text format of Prometheus, version 0.0.4.
  virtual std::string Render() = 0;
};

}  // namespace keyturn
