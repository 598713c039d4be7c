// One connection of the Redis protocol without its socket: bytes in, bytes out. Reads requests,
// checks what the caller may do, runs them on the revocation list, and holds each reply back until
// the change that it tells of is durable. Replies are in the order of the requests, one for each,
// also to strangers. What is answered and with which words is redis-server 7.0.15's, where
// docs/REDIS.md does not say otherwise.
//
// Not thread-safe: one thread has a session. What it asks of list and host is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/limits.h"
#include "revocation/group.h"
#include "revocation/list.h"
#include "revocation/mailbox.h"
#include "revocation/resp_hub.h"

namespace keyturn {

// What a caller may do, as of `epoch`.
struct RespAccess {
  std::shared_ptr<const RevocationWriter> writer;  // who it is
  bool check = false;                              // revocation:check: ask
  bool write = false;                              // revocation:write: change
  bool admin = false;  // admin:revocation: clear, and see and end other connections
  uint64_t epoch = 0;
  absl::Time until = absl::InfiniteFuture();  // then it is to be asked for again
  std::shared_ptr<const void> credentials;    // the host's, for Refresh
};

// One connection as CLIENT LIST shows it.
struct RespClient {
  uint64_t id = 0;
  std::string address, local_address;  // "127.0.0.1:6379", "/path:0"
  std::string name, library_name, library_version;
  std::string user;
  std::string last_command;  // "get", "client|list"
  int resp = 2;
  size_t channels = 0, patterns = 0, shard_channels = 0;  // that it has subscribed to
  bool tracking = false, broadcast = false;               // CLIENT TRACKING
  uint64_t redirect = 0;                                  // of it
  absl::Time connected, last_used;
};

// What is around sessions. Thread-safe.
class RespHost {
 public:
  virtual ~RespHost() = default;

  // UNAUTHENTICATED for a wrong one, RESOURCE_EXHAUSTED for a source that is locked out,
  // FAILED_PRECONDITION while sealed. `client` has the address.
  virtual absl::StatusOr<RespAccess> Authenticate(const RespClient& client, absl::string_view user,
                                                  absl::string_view password) = 0;
  // The same caller's access as of now. UNAUTHENTICATED when there is no such caller any more.
  virtual absl::StatusOr<RespAccess> Refresh(const RespAccess& access) = 0;
  // Changes when a policy, a role or a token did: who has an older access is to Refresh it.
  virtual uint64_t epoch() const = 0;

  virtual std::vector<RespClient> Clients() = 0;
  // Ends connections soon; how many.
  virtual size_t Kill(absl::Span<const uint64_t> ids) = 0;

  struct Info {
    uint16_t port = 0;
    absl::Time started;
    std::string version;  // Keyturn's
    uint64_t connections_now = 0, connections_total = 0, connections_max = 0;
    uint64_t commands_total = 0;
  };
  virtual Info info() const = 0;
};

class RespSession {
 public:
  struct Parts {
    RevocationList& list;
    RespHost& host;
    RespHub& hub;
    Clock& clock;
  };
  // `client.id` is unique in the host. `owner` is told when ReceiveMail() is to be called; it may
  // be nullptr. All parts outlive this.
  static std::unique_ptr<RespSession> Create(const Parts& parts, RespClient client,
                                             RespMailbox::Owner* owner);
  virtual ~RespSession() = default;

  // Of a caller known without AUTH (a client certificate), before the first byte.
  virtual void SetAccess(RespAccess access) = 0;

  // Bytes that came: room for at least `least`, then how many there are now.
  virtual absl::Span<char> Space(size_t least) = 0;
  virtual void Added(size_t size) = 0;
  // Runs whole requests until there is none or too many replies wait (wants_run).
  virtual void Run() = 0;
  // Whether Run stopped with requests left, because of replies that were not taken.
  virtual bool wants_run() const = 0;
  // False while so much waits that no more should be read.
  virtual bool wants_bytes() const = 0;

  // What others have for it, between its replies. Cheap when there is nothing.
  virtual void ReceiveMail() = 0;
  // Whether there is some: ReceiveMail() leaves it when the caller cannot be asked about, sealed.
  virtual bool has_mail() const = 0;
  // Once a second, by a monotonic clock: who has not read for a minute what it has subscribed to is
  // broken().
  virtual void CheckReader(int64_t now_nanos) = 0;

  // Replies that may be sent now, oldest first; then how many bytes were. Views end with the next
  // call of anything else.
  virtual absl::string_view Sendable() = 0;
  virtual void Sent(size_t size) = 0;
  // Whether replies or mail wait for a disk: to be looked at again when the list's listener is
  // called.
  virtual bool waits_for_disk() const = 0;
  // Whether it is to be closed once Sendable() is empty and nothing waits for a disk.
  virtual bool closing() const = 0;
  // Whether it is to be closed at once: a stranger who does not read replies, more that waits than
  // limits::kRespOutputBytesMax, or a subscriber who may not listen any more.
  virtual bool broken() const = 0;

  virtual const RespClient& client() const = 0;
  virtual bool authenticated() const = 0;
  // Requests answered.
  virtual uint64_t commands() const = 0;
  // Memory held, for bounds.
  virtual size_t memory() const = 0;
  // Gives back memory that holds nothing, for a connection that became quiet.
  virtual void ReleaseMemory() = 0;
};

}  // namespace keyturn
