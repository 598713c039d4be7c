#include "client/cli/progress.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"

namespace keyturn::cli {
namespace {

constexpr absl::Duration kBeforeBar = absl::Milliseconds(500);
constexpr absl::Duration kBetweenBars = absl::Milliseconds(100);
constexpr absl::Duration kBetweenLines = absl::Seconds(10);
constexpr size_t kBarCells = 20;

std::string Count(uint64_t done, uint64_t total, const std::string& what) {
  return total == 0 ? absl::StrCat(done, " ", what) : absl::StrCat(done, " of ", total, " ", what);
}

}  // namespace

Progress::Progress(std::string what, const Terminal& terminal, Clock& clock)
    : what_(std::move(what)),
      terminal_(terminal),
      clock_(clock),
      start_(clock.Now()),
      shown_(start_) {}

std::string Progress::Bar(uint64_t done, uint64_t total, const std::string& what, size_t width) {
  std::string text = Count(done, total, what);
  if (total > 0) {
    const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    const auto full = static_cast<size_t>(share * kBarCells);
    text =
        absl::StrCat("[", std::string(full, '#'), std::string(kBarCells - full, '.'), "] ", text);
  }
  return text.substr(0, width);
}

void Progress::Update(uint64_t done, uint64_t total) {
  const absl::Time now = clock_.Now();
  if (terminal_.stderr_is_terminal()) {
    if (now - start_ < kBeforeBar || now - shown_ < kBetweenBars) return;
    std::fprintf(stderr, "\r\033[K%s", Bar(done, total, what_, 79).c_str());
    std::fflush(stderr);
    bar_is_shown_ = true;
  } else {
    if (now - shown_ < kBetweenLines) return;
    std::fprintf(stderr, "%s\n", Count(done, total, what_).c_str());
  }
  shown_ = now;
}

void Progress::Finish() {
  if (bar_is_shown_) std::fprintf(stderr, "\r\033[K");
  bar_is_shown_ = false;
}

}  // namespace keyturn::cli
