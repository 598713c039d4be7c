// Arguments of Redis commands as numbers and words, read as redis-server 7.0.15 reads them. Pure
// functions.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace keyturn {

// Redis holds arguments as C strings where it compares options and quotes them: what is behind a
// NUL does not count there.
inline absl::string_view CutAtNul(absl::string_view text) {
  return text.substr(0, text.find('\0'));
}

// An option, in any case.
inline bool IsWord(absl::string_view argument, absl::string_view word) {
  return absl::EqualsIgnoreCase(CutAtNul(argument), word);
}

// Decimal, without a sign but '-', blanks and leading zeros ("-0" is none); false for others and
// what does not fit. Source: util.c, string2ll.
bool ParseRespInteger(absl::string_view text, int64_t* value);

// A cursor of SCAN, which strtoul reads: with a sign, and "" is 0. Source: db.c,
// parseScanCursorOrReply.
bool ParseRespCursor(absl::string_view text, uint64_t* value);

// "'a' 'b' ", of 128 bytes at the most and one argument more: how the error of an unknown command
// quotes its arguments.
std::string QuoteArguments(const absl::string_view* arguments, size_t count);

}  // namespace keyturn
