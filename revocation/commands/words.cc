#include "revocation/commands/words.h"

#include <algorithm>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace keyturn {
namespace {

constexpr size_t kQuotedBytesMax = 128;
constexpr size_t kIntegerBytesMax = 20;  // "-9223372036854775808"

}  // namespace

bool ParseRespInteger(absl::string_view text, int64_t* value) {
  if (text.empty() || text.size() > kIntegerBytesMax) return false;
  if (text == "0") {
    *value = 0;
    return true;
  }
  const bool negative = text[0] == '-';
  if (negative) text.remove_prefix(1);
  if (text.empty() || text[0] == '0') return false;
  uint64_t sum = 0;
  for (const char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return false;
    if (__builtin_mul_overflow(sum, uint64_t{10}, &sum)) return false;
    if (__builtin_add_overflow(sum, static_cast<uint64_t>(c - '0'), &sum)) return false;
  }
  const uint64_t most = uint64_t{std::numeric_limits<int64_t>::max()} + (negative ? 1 : 0);
  if (sum > most) return false;
  *value = static_cast<int64_t>(negative ? 0 - sum : sum);
  return true;
}

bool ParseRespCursor(absl::string_view text, uint64_t* value) {
  text = CutAtNul(text);
  *value = 0;
  if (text.empty()) return true;
  const bool negative = text[0] == '-';
  if (negative || text[0] == '+') text.remove_prefix(1);
  if (text.empty()) return false;
  for (const char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return false;
    if (__builtin_mul_overflow(*value, uint64_t{10}, value)) return false;
    if (__builtin_add_overflow(*value, static_cast<uint64_t>(c - '0'), value)) return false;
  }
  if (negative) *value = 0 - *value;
  return true;
}

std::string QuoteArguments(const absl::string_view* arguments, size_t count) {
  std::string quoted;
  for (size_t i = 0; i < count && quoted.size() < kQuotedBytesMax; ++i) {
    const absl::string_view shown =
        CutAtNul(arguments[i]).substr(0, kQuotedBytesMax - quoted.size());
    absl::StrAppend(&quoted, "'", shown, "' ");
  }
  return quoted;
}

}  // namespace keyturn
