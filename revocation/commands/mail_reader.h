// Mail of one connection of the Redis protocol on its way into the replies: between them, and
// beside the reply of the command that caused it. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "revocation/commands/connection.h"
#include "revocation/commands/replies.h"
#include "revocation/list.h"
#include "revocation/mailbox.h"
#include "revocation/resp_writer.h"

namespace keyturn {

class RespMailReader {
 public:
  // All outlive this. `writer` writes to `replies`.
  RespMailReader(RespConnection& connection, const RevocationList& list, RespReplies& replies,
                 RespWriter& writer)
      : connection_(connection), list_(list), replies_(replies), writer_(writer) {}

  bool has_mail() const { return connection_.mailbox->has_mail(); }
  // Whether what is left waits for the disk.
  bool waits() const { return waits_; }

  // Behind all replies, until more than limits::kRespOutputBytesPause waits. Who may not ask does
  // not hear either: who has subscribed is broken then, as who has let too much come together.
  void Receive();
  // Beside the reply that begins at `begin`: keys to forget behind it, and messages too, or before
  // it (RespConnection::tells_first). `change`: the connection's, which the reply waits for.
  void Place(size_t begin, uint64_t change);
  // As RespSession's.
  void CheckReader(int64_t now_nanos);

 private:
  bool MayReceive();
  RespMailbox::Taken Take(size_t bytes_max, uint64_t change);
  void Write(const std::vector<RespMail>& mail);

  RespConnection& connection_;
  const RevocationList& list_;
  RespReplies& replies_;
  RespWriter& writer_;
  bool waits_ = false;
  int64_t behind_nanos_ = 0;  // since when much waits to be read; 0: it does not
};

}  // namespace keyturn
