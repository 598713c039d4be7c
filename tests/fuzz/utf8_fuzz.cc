// UTF-8 as RFC 3629 has it, by a decoder written from its table; text brought to normal form C is
// in normal form C; controls are found wherever they stand.
#include "vault/utf8.h"

#include <utf8proc.h>

#include <cstdlib>
#include <vector>

#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

// False when `text` is not UTF-8.
bool NaiveDecode(absl::string_view text, std::vector<uint32_t>* out) {
  for (size_t i = 0; i < text.size();) {
    const auto first = static_cast<uint8_t>(text[i]);
    const size_t size = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : 4;
    if (first >= 0xf8 || first >> 6 == 2 || text.size() - i < size) return false;
    uint32_t point = size == 1 ? first : first & (0x7fu >> size);
    for (size_t k = 1; k < size; ++k) {
      const auto next = static_cast<uint8_t>(text[i + k]);
      if (next >> 6 != 2) return false;
      point = point << 6 | (next & 0x3fu);
    }
    constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < kLeast[size] || point > 0x10ffff || point >> 11 == 27) return false;
    out->push_back(point);
    i += size;
  }
  return true;
}

bool IsDirectional(uint32_t c) {
  return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069);
}

}  // namespace

void FuzzUtf8(absl::string_view input) {
  std::vector<uint32_t> points;
  Require(IsUtf8(input) == NaiveDecode(input, &points), "UTF-8");
  if (!IsUtf8(input)) return;
  bool control = false, directional = false;
  for (const uint32_t point : points) {
    control = control || point < 0x20 || (point >= 0x7f && point < 0xa0);
    directional = directional || IsDirectional(point);
  }
  Require(HasControlCharacter(input) == control, "control characters");
  Require(HasDirectionalControl(input) == directional, "controls of direction");

  utf8proc_uint8_t* normal = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(input.data()),
                   static_cast<utf8proc_ssize_t>(input.size()), &normal,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  Require(size >= 0, "any text has a normal form");
  const std::string text(reinterpret_cast<char*>(normal), static_cast<size_t>(size));
  std::free(normal);
  Require(IsUtf8(text) && IsNormalFormC(text), "which is in normal form");
  Require(IsNormalFormC(input) == (text == input), "and nothing else is");
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzUtf8)
