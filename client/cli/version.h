// The version of the command.
#pragma once

namespace keyturn::cli {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace keyturn::cli
