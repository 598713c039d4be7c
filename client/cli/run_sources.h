// What `run` is asked to give to a program, and reading it. Thread-compatible.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/environment.h"
#include "client/cli/shell.h"

namespace keyturn::cli {

// As on the command line.
struct RunSources {
  std::vector<std::string> directories, env_files, variables, mounts, templates;

  bool empty() const {
    return directories.empty() && env_files.empty() && variables.empty() && mounts.empty() &&
           templates.empty();
  }
};

// The values as they are now. Of the same name the later source wins: directories, then dotenv
// files, single variables, mounts, templates.
absl::StatusOr<std::vector<Variable>> ReadSources(Shell& shell, const RunSources& sources);

// What to watch for changes: directories (ending in '/') and secrets. INVALID_ARGUMENT for sources
// that cannot be watched, and for too many.
absl::StatusOr<std::vector<std::string>> WatchedPaths(const RunSources& sources);

// Bytes that are equal for equal sources, with equal contents of the files that they name.
// INVALID_ARGUMENT for what is not a regular file, as it cannot be read twice.
absl::StatusOr<std::string> DescribeSources(const RunSources& sources);

}  // namespace keyturn::cli
