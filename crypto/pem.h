// Text that is PEM (RFC 7468), as keys and certificates are written. Thread-safe (no state).
#pragma once

#include "absl/strings/string_view.h"

namespace keyturn {

// There is a block of PEM in `text`, or `text` is one in base64, as it often stands in variables.
// Whether it could be read is another question.
bool HoldsPem(absl::string_view text);

}  // namespace keyturn
