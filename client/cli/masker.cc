#include "client/cli/masker.h"

#include <algorithm>

#include "absl/strings/match.h"

namespace keyturn::cli {

Masker::Masker(std::vector<absl::string_view> values) {
  for (const absl::string_view value : values) {
    if (value.size() >= kShortest) values_.push_back(value);
  }
  std::sort(values_.begin(), values_.end(),
            [](absl::string_view a, absl::string_view b) { return a.size() > b.size(); });
}

size_t Masker::Unsure(size_t from) const {
  const absl::string_view rest = absl::string_view(held_).substr(from);
  size_t most = 0;
  for (const absl::string_view value : values_) {
    for (size_t n = std::min(rest.size(), value.size() - 1); n > most; --n) {
      if (absl::EndsWith(rest, value.substr(0, n))) most = n;
    }
  }
  return most;
}

std::string Masker::Take(bool at_end) {
  std::string out;
  size_t at = 0;
  for (;;) {
    size_t found = std::string::npos, length = 0;
    for (const absl::string_view value : values_) {
      const size_t here = held_.find(value.data(), at, value.size());
      if (here < found) {
        found = here;
        length = value.size();
      }
    }
    if (found == std::string::npos) break;
    // A longer value may begin before this one and not be complete yet.
    if (!at_end && held_.size() - Unsure(at) <= found) break;
    out.append(held_, at, found - at);
    out.append("***");
    at = found + length;
  }
  const size_t keep = at_end ? 0 : Unsure(at);
  out.append(held_, at, held_.size() - keep - at);
  held_.erase(0, held_.size() - keep);
  return out;
}

std::string Masker::Feed(absl::string_view bytes) {
  held_.append(bytes.data(), bytes.size());
  return Take(/*at_end=*/false);
}

std::string Masker::Finish() { return Take(/*at_end=*/true); }

}  // namespace keyturn::cli
