#include "base/nearest.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace keyturn {

size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string Nearest(absl::string_view word, absl::Span<const std::string> words) {
  std::string nearest;
  std::pair<size_t, size_t> best = {std::string::npos, 0};
  for (const std::string& known : words) {
    // Letters that changed places are two edits, as are two that were left out; the first is what
    // fingers do.
    const size_t longer = std::max(word.size(), known.size());
    const size_t apart = longer - std::min(word.size(), known.size());
    const std::pair<size_t, size_t> distance = {EditDistance(word, known), apart};
    if (distance < best) {
      best = distance;
      nearest = known;
    }
  }
  return nearest;
}

std::string Similar(absl::string_view word, absl::Span<const std::string> words) {
  std::string nearest = Nearest(word, words);
  const size_t edits = EditDistance(word, nearest);
  return edits <= 1 + word.size() / 3 && edits < nearest.size() ? nearest : "";
}

}  // namespace keyturn
