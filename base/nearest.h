// "Did you mean ...": the known word nearest to a mistyped one. Thread-safe.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace keyturn {

// Edits (insert, delete, replace one byte) that turn one word into the other (Levenshtein 1966).
size_t EditDistance(absl::string_view a, absl::string_view b);

// The word with the fewest edits, at a tie the one nearest in length, then the first; "" when there
// are no words.
std::string Nearest(absl::string_view word, absl::Span<const std::string> words);

// The same, but "" when it is so far that nobody meant it: more edits than 1 and a third of the
// word's length, or as many as the known word is long.
std::string Similar(absl::string_view word, absl::Span<const std::string> words);

}  // namespace keyturn
