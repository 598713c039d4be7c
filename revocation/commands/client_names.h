// Names that clients give themselves, and how CLIENT LIST shows connections.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "revocation/commands/call.h"

namespace keyturn {

// Whether all bytes are printable and none is a blank, which ends a field of CLIENT LIST.
bool IsClientName(absl::string_view name);

// Of this connection; "" takes it away. False when it was answered that it cannot be one.
bool SetClientName(RespCall& call, absl::string_view name);

// A line of CLIENT LIST, in Redis's form; fields that mean nothing here are 0. `multi`: commands
// queued, -1 outside of MULTI or when it is not known.
std::string ClientLine(const RespClient& client, absl::Time now, int64_t multi);

// CLIENT LIST, INFO and KILL.
void RunClientList(RespCall& call);
void RunClientInfo(RespCall& call);
void RunClientKill(RespCall& call);

}  // namespace keyturn
