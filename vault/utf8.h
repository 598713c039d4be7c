// UTF-8 (RFC 3629). Thread-safe.
#pragma once

#include "absl/strings/string_view.h"

namespace keyturn {

bool IsUtf8(absl::string_view text);
// The beginning of `text`, `bytes` long at most, that ends with a whole character.
// Of what is not UTF-8 it may end earlier.
absl::string_view Utf8Prefix(absl::string_view text, size_t bytes);
// A code point below U+0020, or of U+007F to U+009F.
bool HasControlCharacter(absl::string_view text);
// A control of text direction (Unicode TR 9, 2.6). REQUIRES: IsUtf8(text).
bool HasDirectionalControl(absl::string_view text);
// Unicode normal form C (UAX #15). REQUIRES: IsUtf8(text).
bool IsNormalFormC(absl::string_view text);

}  // namespace keyturn
