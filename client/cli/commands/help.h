// How --help looks: a description with examples, the usage, what each flag takes.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>

namespace keyturn::cli {

// For the whole tree of commands.
std::shared_ptr<CLI::FormatterBase> MakeHelpFormatter();

}  // namespace keyturn::cli
