// How mail looks on a connection of the Redis protocol. Pure functions.
#pragma once

#include "revocation/commands/connection.h"
#include "revocation/mailbox.h"
#include "revocation/resp_writer.h"

namespace keyturn {

// Nothing for what it has unsubscribed from meanwhile, and for keys to forget where there is no way
// to say so: in RESP2 only another connection's can be told, to one that has subscribed.
void WriteMail(const RespMail& mail, const RespConnection& connection, RespWriter& writer);

}  // namespace keyturn
