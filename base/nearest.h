// "Did you mean ...": the known word nearest to a mistyped one. Thread-safe.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace keyturn {

// Edits (insert, delete, replace one byte) that turn one word into the other (Levenshtein 1966).
size_t EditDistance(absl::string_view a, absl::string_view b);

// The word with the fewest edits, the first at a tie; "" when there are no words.
std::string Nearest(absl::string_view word, absl::Span<const std::string> words);

}  // namespace keyturn
