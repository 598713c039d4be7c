#include "client/cli/environment_variable.h"

#include <cstdlib>

namespace keyturn::cli {

std::string EnvironmentVariable(const char* name) {
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): see the header
  return value == nullptr ? "" : value;
}

}  // namespace keyturn::cli
