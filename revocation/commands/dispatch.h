// Checks a request in the order of redis-server 7.0.15 (server.c, processCommand), and runs or
// queues it.
#pragma once

#include "revocation/commands/call.h"

namespace keyturn {

// `call.command` may be nullptr, for what is no command. `sealed`: only what may run without a list
// does. Exactly one reply is written, none for CLIENT REPLY and for what ends the connection at
// once.
void Dispatch(RespCall& call, bool sealed);

}  // namespace keyturn
