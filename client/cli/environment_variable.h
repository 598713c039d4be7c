// What the command is told by its surroundings.
#pragma once

#include <string>

namespace keyturn::cli {

// The value of an environment variable; "" when it is unset, which no variable of ours tells from
// empty. The command changes its environment in main() only, before there is a second thread.
std::string EnvironmentVariable(const char* name);

}  // namespace keyturn::cli
