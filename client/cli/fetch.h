// Reading secrets for commands: one by reference, or all below a directory. Answers hold values;
// wipe them (client/wipe.h).
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/reference.h"
#include "client/cli/shell.h"

namespace keyturn::cli {

// The referenced field alone if the reference names one, else all.
absl::StatusOr<v1::GetResponse> Fetch(Shell& shell, const Reference& reference);

// The one field of an answer; of a database credential whose URL stands beside its parts, the URL.
// INVALID_ARGUMENT when there are several others, naming them.
absl::StatusOr<v1::Field*> OnlyField(v1::GetResponse& secret);

// All secrets at or below `path`, in the order of their paths. Those whose newest version is
// deleted, destroyed or expired are left out, with a warning on standard error that names them: who
// deletes one does not mean to stop whatever starts next. NOT_FOUND when none is left that the
// caller may see; any other secret that is listed but cannot be read is an error, as a program with
// half of its secrets is worse than one that does not start.
absl::StatusOr<std::vector<v1::GetResponse>> FetchDirectory(Shell& shell, const std::string& path);

// Every name below `directory` (relative), page after page. Directories end in '/'.
absl::StatusOr<std::vector<v1::ListResponse::Entry>> ListAll(Shell& shell,
                                                             const std::string& directory,
                                                             bool recursive);

}  // namespace keyturn::cli
