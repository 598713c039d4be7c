// A target that is reached by a program, as docs/ROTATION.md describes: the request on its standard
// input, the answer on its standard output, what it complains of into the server's log.
#pragma once

#include <memory>

#include "rotation/target/target_spec.h"
#include "rotation/target/transport.h"

namespace keyturn {

// REQUIRES: !spec.command.empty().
std::unique_ptr<Transport> NewCommandTransport(const TargetSpec& spec);

}  // namespace keyturn
