// CLIENT TRACKING and what belongs to it. Sources: redis-server 7.0.15, networking.c
// (clientCommand) and tracking.c.
#pragma once

#include "revocation/commands/call.h"

namespace keyturn {

// CLIENT TRACKING, CACHING, TRACKINGINFO and GETREDIR.
void RunTracking(RespCall& call);
void RunCaching(RespCall& call);
void RunTrackinginfo(RespCall& call);
void RunGetredir(RespCall& call);

// Before a command runs: that the caller keeps the answer about its keys, if it does.
void RememberKeys(RespCall& call);
void StopTracking(RespConnection& connection, RespHub& hub);

}  // namespace keyturn
