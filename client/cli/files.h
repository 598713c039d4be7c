// Files that the command reads and writes: bounded reads into locked memory, and files that appear
// whole or not at all. Thread-safe.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/secret_bytes.h"

namespace keyturn::cli {

// All of an open descriptor. INVALID_ARGUMENT beyond `bytes_max`; `name` is for messages.
absl::StatusOr<SecretBytes> ReadSecretFd(int fd, absl::string_view name, size_t bytes_max);
// All of a file, or of standard input for "-". NOT_FOUND or PERMISSION_DENIED name the file.
absl::StatusOr<SecretBytes> ReadSecretFile(const std::string& path, size_t bytes_max);
// The same for what is not secret.
absl::StatusOr<std::string> ReadPublicFile(const std::string& path, size_t bytes_max);

// Copies a value into a message's field, which the caller wipes (client/wipe.h).
inline void Assign(absl::string_view value, std::string* field) {
  field->assign(value.data(), value.size());
}

// Replaces `name`, or the file that it links to, by way of a temporary file beside it. The owner is
// kept; `mode` nullopt keeps the mode as well, 0600 for a new file. Missing directories are not
// made. INVALID_ARGUMENT for what is not a regular file, such as a device.
absl::Status WriteFileWhole(const std::string& name, absl::string_view bytes,
                            std::optional<int> mode);
// Makes the directory and those above it, mode 0700.
absl::Status MakePrivateDirectory(const std::string& path);

// Where a user's configuration and state live (XDG base directory specification 0.8), with
// "/keyturn" at the end. NOT_FOUND when neither the variable nor HOME is set.
absl::StatusOr<std::string> ConfigDirectory();
absl::StatusOr<std::string> StateDirectory();

}  // namespace keyturn::cli
