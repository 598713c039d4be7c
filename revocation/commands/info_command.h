// INFO: the fields that clients and exporters look for, under Redis's names, and some of ours under
// keyturn_.
#pragma once

#include "revocation/commands/call.h"

namespace keyturn {

void RunServerInfo(RespCall& call);

}  // namespace keyturn
