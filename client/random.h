// Chance for the client: correlation ids and jitter, from the operating system. Thread-safe.
#pragma once

#include <string>

namespace keyturn {

// 32 hexadecimal characters, unique to the call.
std::string MakeCorrelationId();
// Uniform in [0, 1).
double RandomUnit();

}  // namespace keyturn
