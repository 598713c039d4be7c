// The version of these programs.
#pragma once

namespace keyturn {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace keyturn
