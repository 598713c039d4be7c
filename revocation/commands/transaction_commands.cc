#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "revocation/commands/call.h"
#include "revocation/commands/command.h"
#include "revocation/commands/tracking_commands.h"

namespace keyturn {
namespace {

using C = RespCommand;

void RunMulti(RespCall& call) {
  if (call.connection.queue.has_value()) {
    call.writer.Error("ERR MULTI calls can not be nested");
    return;
  }
  call.connection.queue.emplace();
  call.writer.Simple("OK");
}

void RunDiscard(RespCall& call) {
  if (!call.connection.queue.has_value()) {
    call.writer.Error("ERR DISCARD without MULTI");
    return;
  }
  call.connection.Discard();
  call.writer.Simple("OK");
}

void RunWatch(RespCall& call) {
  RespConnection& connection = call.connection;
  if (connection.queue.has_value()) {
    call.writer.Error("ERR WATCH inside MULTI is not allowed");
    return;
  }
  for (const absl::string_view key : call.arguments.subspan(1)) {
    RespWatched watched{std::string(key), call.changes.Find(key, call.time)};
    connection.watched_bytes += sizeof(RespWatched) + key.size() +
                                (watched.found.has_value() ? watched.found->value.size() : 0);
    if (connection.watched_bytes > limits::kRespQueuedBytesMax) {
      connection.watched.clear();
      connection.watched_bytes = 0;
      connection.watch_failed = true;
      call.writer.Error(absl::StrCat("ERR keys and values of at most ", limits::kRespQueuedBytesMax,
                                     " bytes are watched: nothing is watched any more, and the "
                                     "next EXEC is refused"));
      return;
    }
    connection.watched.push_back(std::move(watched));
  }
  call.writer.Simple("OK");
}

void RunUnwatch(RespCall& call) {
  call.connection.Unwatch();
  call.writer.Simple("OK");
}

bool Same(const std::optional<KeyInfo>& a, const std::optional<KeyInfo>& b) {
  if (!a.has_value() || !b.has_value()) return a.has_value() == b.has_value();
  return a->type == b->type && a->value == b->value && a->members == b->members &&
         a->expires_ms == b->expires_ms;
}

bool WatchedAreSame(RespCall& call) {
  const std::vector<RespWatched>& watched = call.connection.watched;
  return std::all_of(watched.begin(), watched.end(), [&](const RespWatched& was) {
    return Same(was.found, call.changes.Find(was.key, call.time));
  });
}

// Whether the commands may run. They need a transaction of the list if they change it, or if keys
// are asked for together; what only reads runs without one when the log has failed, since then
// nobody changes anything.
bool BeginQueue(RespCall& call, const RespQueue& queue) {
  uint32_t flags = 0;
  for (size_t i = 0; i < queue.size(); ++i) flags |= queue.command(i).flags;
  const bool changes = (flags & C::kChanges) != 0;
  if (!changes && (flags & C::kCheck) == 0 && call.connection.watched.empty()) return true;
  const absl::Status begun = call.changes.Begin(call.connection.access.writer, call.time);
  if (begun.ok() || (!changes && absl::IsUnavailable(begun))) return true;
  call.writer.Error(absl::StrCat("EXECABORT Transaction discarded because of: ",
                                 RespErrorOf(begun, /*putting=*/false)));
  return false;
}

void RunQueued(RespCall& call, const RespQueue& queue) {
  std::vector<absl::string_view> arguments;
  call.writer.Array(queue.size());
  for (size_t i = 0; i < queue.size(); ++i) {
    if (call.TooMuch()) return;
    const RespCommand& command = queue.command(i);
    if (!MayRun(call.connection, command)) {
      call.writer.Error(
          "NOPERM ACLs rules changed between the moment the transaction was accumulated and the "
          "EXEC call. This command is no longer allowed for the following reason: no permission to "
          "execute the command or subcommand");
      continue;
    }
    queue.Arguments(i, &arguments);
    RespCall queued = call;
    queued.command = &command;
    queued.arguments = arguments;
    RememberKeys(queued);
    command.run(queued);
  }
}

void RunExec(RespCall& call) {
  RespConnection& connection = call.connection;
  if (!connection.queue.has_value()) {
    call.writer.Error("ERR EXEC without MULTI");
    return;
  }
  if (connection.queue_failed || connection.watch_failed) {
    call.writer.Error("EXECABORT Transaction discarded because of previous errors.");
    connection.Discard();
    return;
  }
  const RespQueue queue = *std::move(connection.queue);
  if (BeginQueue(call, queue)) {
    if (WatchedAreSame(call)) {
      RunQueued(call, queue);
    } else {
      call.writer.NullArray();
    }
  }
  connection.Discard();
}

constexpr RespCommand kCommands[] = {
    {"multi", 1, RunMulti, C::kNotQueued, "noscript loading stale fast allow_busy",
     "@fast @transaction", "1.2.0", "transactions", "Mark the start of a transaction block"},
    {"exec", 1, RunExec, C::kNotQueued, "noscript loading stale skip_slowlog", "@slow @transaction",
     "1.2.0", "transactions", "Execute all commands issued after MULTI"},
    {"discard", 1, RunDiscard, C::kNotQueued, "noscript loading stale fast allow_busy",
     "@fast @transaction", "2.0.0", "transactions", "Discard all commands issued after MULTI"},
    {"watch",
     -2,
     RunWatch,
     C::kCheck | C::kNotQueued,
     "noscript loading stale fast allow_busy",
     "@fast @transaction",
     "2.2.0",
     "transactions",
     "Watch the given keys to determine execution of the MULTI/EXEC block",
     {1, -1, 1, "RO"}},
    {"unwatch", 1, RunUnwatch, 0, "noscript loading stale fast allow_busy", "@fast @transaction",
     "2.2.0", "transactions", "Forget about all watched keys"},
};

}  // namespace

absl::Span<const RespCommand> TransactionCommands() { return kCommands; }

}  // namespace keyturn
