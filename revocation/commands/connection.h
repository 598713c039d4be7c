// What one connection of the Redis protocol is, as its commands see and change it. Values; one
// thread has them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/limits.h"
#include "revocation/channels.h"
#include "revocation/commands/command.h"
#include "revocation/key_info.h"
#include "revocation/mailbox.h"
#include "revocation/resp_hub.h"
#include "revocation/resp_session.h"
#include "revocation/resp_writer.h"

namespace keyturn {

// Commands between MULTI and EXEC.
class RespQueue {
 public:
  // False, with nothing done, beyond limits::kRespQueuedCommandsMax or kRespQueuedBytesMax.
  bool Add(const RespCommand& command, absl::Span<const absl::string_view> arguments);
  size_t size() const { return commands_.size(); }
  const RespCommand& command(size_t i) const { return *commands_[i].command; }
  // The arguments of the i-th, in `*arguments`: they point into this.
  void Arguments(size_t i, std::vector<absl::string_view>* arguments) const;
  size_t memory() const;

 private:
  struct Command {
    const RespCommand* command;
    size_t sizes;  // where its arguments' begin
    size_t bytes;
  };
  std::vector<Command> commands_;
  std::vector<uint32_t> sizes_;
  std::string bytes_;
};

// What was found of a key that is watched, to be compared with what EXEC finds: by value, so that a
// key that was changed and put back counts as the same, and so does a set of as many other members.
struct RespWatched {
  std::string key;
  std::optional<KeyInfo> found;
};

struct RespConnection {
  enum class Replies { kOn, kOff, kSkipNext, kSkip };

  RespClient client;
  RespAccess access;
  // Of a caller known without AUTH: what RESET goes back to.
  std::optional<RespAccess> own_access;
  std::optional<RespQueue> queue;  // from MULTI to EXEC
  std::vector<RespWatched> watched;
  size_t watched_bytes = 0;
  const RespCommand* last_command = nullptr;

  RespVersion version = RespVersion::k2;
  Replies replies = Replies::kOn;
  // What it listens to, and where that arrives.
  std::shared_ptr<RespMailbox> mailbox;
  ChannelNames channels, patterns, shard_channels;
  // CLIENT TRACKING; std::nullopt when it is off.
  std::optional<TrackingOptions> tracking;
  bool caching = false;  // CLIENT CACHING was called for the next command
  // Of the command that runs: kTellsFirst, or what it says instead.
  bool tells_first = false;

  bool authenticated = false;
  bool gone = false;          // there is no such caller any more: closed after the next reply
  bool queue_failed = false;  // a command was refused: EXEC will be
  bool watch_failed = false;  // more was to be watched than can be: EXEC is refused
  bool closing = false;       // after the replies
  bool broken = false;        // at once

  bool subscribed() const { return channels.size() + patterns.size() + shard_channels.size() > 0; }
  // Whether it may be told of what it does itself.
  bool hears() const { return subscribed() || tracking.has_value(); }
  // Listens to nothing any more.
  void Unsubscribe(RespHub& hub);
  void Unwatch();
  // Ends MULTI and what is watched.
  void Discard();
  size_t memory() const;
};

}  // namespace keyturn
