// Values typed at a prompt or read from a file or descriptor; never from the command line, where
// every user of the machine could read them. Thread-compatible.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "client/cli/terminal.h"
#include "crypto/secret_bytes.h"
#include "keyturn/v1/types.pb.h"

namespace keyturn::cli {

struct ValueInput {
  std::string file;  // --value-file: a path, or "-" for standard input
  int fd = -1;       // --value-fd
  bool keep_newline = false;

  bool given() const { return !file.empty() || fd >= 0; }
};

// From where the flags say; otherwise asks for `what`. One newline at the end of a file that has no
// other control characters is dropped, and that is said, unless --keep-newline.
absl::StatusOr<SecretBytes> ReadValue(const ValueInput& input, const Terminal& terminal,
                                      absl::string_view what);

// A passphrase in a file, or on standard input for "-": without the newline at its end, the same at
// init and at unseal. INVALID_ARGUMENT when nothing is left.
absl::StatusOr<SecretBytes> ReadPassphraseFile(const std::string& file);

// "text", "json" or "binary"; "" lets the server decide: text if it is UTF-8, else binary.
absl::StatusOr<v1::Encoding> ParseEncoding(absl::string_view name);

}  // namespace keyturn::cli
