#include "revocation/commands/call.h"
#include "revocation/commands/command.h"
#include "revocation/commands/info_command.h"
#include "revocation/commands/words.h"

namespace keyturn {
namespace {

using C = RespCommand;

void RunTime(RespCall& call) {
  constexpr int64_t kMicros = 1'000'000;
  const int64_t now = absl::ToUnixMicros(call.clock.Now());
  call.writer.Array(2);
  call.writer.BulkInteger(now / kMicros);
  call.writer.BulkInteger(now % kMicros);
}

void RunRole(RespCall& call) {
  call.writer.Array(3);
  call.writer.Bulk("master");
  call.writer.Integer(0);
  call.writer.Array(0);
}

// There are no replicas to wait for: none has it, at once.
void RunWait(RespCall& call) {
  int64_t replicas = 0, timeout = 0;
  if (!call.Integer(1, &replicas)) return;
  if (!ParseRespInteger(call[2], &timeout)) {
    call.writer.Error("ERR timeout is not an integer or out of range");
  } else if (timeout < 0) {
    call.writer.Error("ERR timeout is negative");
  } else {
    call.writer.Integer(0);
  }
}

void RunLastsave(RespCall& call) {
  call.writer.Integer(absl::ToUnixSeconds(call.host.info().started));
}

// There are no functions: none is left.
void RunFunctionFlush(RespCall& call) {
  if (call.size() > 3 ||
      (call.size() == 3 && !IsWord(call[2], "sync") && !IsWord(call[2], "async"))) {
    call.writer.Error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
    return;
  }
  call.writer.Simple("OK");
}

constexpr RespCommand kFunctionCommands[] = {
    {"function|flush",
     -2,
     RunFunctionFlush,
     0,
     "write noscript",
     "@write @slow @scripting",
     "7.0.0",
     "scripting",
     "Deleting all functions",
     {},
     "request_policy:all_shards response_policy:all_succeeded"},
};

constexpr RespCommand kCommands[] = {
    {"info",
     -1,
     RunServerInfo,
     C::kSealed,
     "loading stale",
     "@slow @dangerous",
     "1.0.0",
     "server",
     "Get information and statistics about the server",
     {},
     "nondeterministic_output request_policy:all_shards response_policy:special"},
    {"time",
     1,
     RunTime,
     0,
     "loading stale fast",
     "@fast",
     "2.6.0",
     "server",
     "Return the current server time",
     {},
     "nondeterministic_output"},
    {"role", 1, RunRole, 0, "noscript loading stale fast", "@admin @fast @dangerous", "2.8.12",
     "server", "Return the role of the instance in the context of replication"},
    {"wait",
     3,
     RunWait,
     0,
     "noscript",
     "@slow @connection",
     "3.0.0",
     "generic",
     "Wait for the synchronous replication of all the write commands sent in the context of the "
     "current connection",
     {},
     "request_policy:all_shards response_policy:agg_min"},
    {"lastsave",
     1,
     RunLastsave,
     0,
     "loading stale fast",
     "@admin @fast @dangerous",
     "1.0.0",
     "server",
     "Get the UNIX time stamp of the last successful save to disk",
     {},
     "nondeterministic_output"},
    {"function",
     -2,
     nullptr,
     0,
     "",
     "@slow",
     "7.0.0",
     "scripting",
     "A container for function commands",
     {},
     {},
     kFunctionCommands},
};

}  // namespace

absl::Span<const RespCommand> ServerCommands() { return kCommands; }

}  // namespace keyturn
