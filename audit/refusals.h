// Keeps a flood of refused calls from filling the log: beyond
// limits::kAuditRefusalsPerSecondPerSource in one second, refusals of a source are only counted,
// and come out as one entry with a count. Bounded memory: of more sources than kSourcesMax, the
// surplus share one counter. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace keyturn {

class RefusalLimiter {
 public:
  static constexpr size_t kSourcesMax = 10'000;

  struct Counted {
    std::string source;  // "(others)" for the surplus
    int64_t count = 0;
    absl::Time second;
  };

  // Whether this refusal gets an entry of its own.
  bool Admit(absl::string_view source, absl::Time now);
  // Counts of seconds that are over.
  std::vector<Counted> TakeDue(absl::Time now);

 private:
  struct Second {
    int64_t second = 0;
    int64_t seen = 0;
  };

  absl::Mutex mu_;
  absl::flat_hash_map<std::string, Second> sources_ ABSL_GUARDED_BY(mu_);
  std::vector<Counted> due_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
