// Long work on standard error: a bar on a terminal, once it has taken half a second; otherwise a
// count every ten seconds, so that a log shows that something happens. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "base/clock.h"
#include "client/cli/terminal.h"

namespace keyturn::cli {

class Progress {
 public:
  // `what` such as "records checked". Both outlive this.
  Progress(std::string what, const Terminal& terminal, Clock& clock);
  ~Progress() { Finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `total` 0: not known.
  void Update(uint64_t done, uint64_t total);
  // Removes the bar.
  void Finish();

  // "[#####.....] 1200 of 2400 records checked", at most `width` columns.
  static std::string Bar(uint64_t done, uint64_t total, const std::string& what, size_t width);

 private:
  const std::string what_;
  const Terminal& terminal_;
  Clock& clock_;
  const absl::Time start_;
  absl::Time shown_;
  bool bar_is_shown_ = false;
};

}  // namespace keyturn::cli
