#include "revocation/commands/call.h"
#include "revocation/commands/command.h"
#include "revocation/commands/words.h"

namespace keyturn {
namespace {

using C = RespCommand;

void RunExists(RespCall& call) {
  int64_t count = 0;
  for (const absl::string_view key : call.arguments.subspan(1)) {
    count += call.changes.Exists(key, call.time) ? 1 : 0;
  }
  call.writer.Integer(count);
}

void RunDel(RespCall& call) {
  if (!call.BeginChange()) return;
  int64_t count = 0;
  for (const absl::string_view key : call.arguments.subspan(1)) {
    count += call.changes.Erase(key) ? 1 : 0;
  }
  call.writer.Integer(count);
}

void RunType(RespCall& call) {
  const std::optional<KeyInfo> found = call.changes.Find(call[1], call.time);
  if (!found.has_value()) {
    call.writer.Simple("none");
    return;
  }
  call.writer.Simple(found->type == KeyType::kString ? "string" : "set");
}

void RunDbsize(RespCall& call) {
  call.writer.Integer(static_cast<int64_t>(call.list.stats().keys));
}

void RunFlush(RespCall& call) {
  if (call.size() > 2 ||
      (call.size() == 2 && !IsWord(call[1], "sync") && !IsWord(call[1], "async"))) {
    call.writer.Error(kRespSyntaxError);
    return;
  }
  if (!call.BeginChange()) return;
  call.changes.Clear();
  call.writer.Simple("OK");
}

constexpr RespCommand kCommands[] = {
    {"exists",
     -2,
     RunExists,
     C::kCheck,
     "readonly fast",
     "@keyspace @read @fast",
     "1.0.0",
     "generic",
     "Determine if a key exists",
     {1, -1, 1, "RO"},
     "request_policy:multi_shard response_policy:agg_sum"},
    {"touch",
     -2,
     RunExists,
     C::kCheck,
     "readonly fast",
     "@keyspace @read @fast",
     "3.2.1",
     "generic",
     "Alters the last access time of a key(s). Returns the number of existing keys specified.",
     {1, -1, 1, "RO"},
     "request_policy:multi_shard response_policy:agg_sum"},
    {"del",
     -2,
     RunDel,
     C::kWrite | C::kChanges | C::kTellsFirst,
     "write",
     "@keyspace @write @slow",
     "1.0.0",
     "generic",
     "Delete a key",
     {1, -1, 1, "RM delete"},
     "request_policy:multi_shard response_policy:agg_sum"},
    {"unlink",
     -2,
     RunDel,
     C::kWrite | C::kChanges | C::kTellsFirst,
     "write fast",
     "@keyspace @write @fast",
     "4.0.0",
     "generic",
     "Delete a key asynchronously in another thread. Otherwise it is just as DEL, but non "
     "blocking.",
     {1, -1, 1, "RM delete"},
     "request_policy:multi_shard response_policy:agg_sum"},
    {"type",
     2,
     RunType,
     C::kCheck,
     "readonly fast",
     "@keyspace @read @fast",
     "1.0.0",
     "generic",
     "Determine the type stored at key",
     {1, 1, 1, "RO"}},
    {"dbsize",
     1,
     RunDbsize,
     C::kCheck,
     "readonly fast",
     "@keyspace @read @fast",
     "1.0.0",
     "server",
     "Return the number of keys in the selected database",
     {},
     "request_policy:all_shards response_policy:agg_sum"},
    {"flushall",
     -1,
     RunFlush,
     C::kAdmin | C::kChanges,
     "write",
     "@keyspace @write @slow @dangerous",
     "1.0.0",
     "server",
     "Remove all keys from all databases",
     {},
     "request_policy:all_shards response_policy:all_succeeded"},
    {"flushdb",
     -1,
     RunFlush,
     C::kAdmin | C::kChanges,
     "write",
     "@keyspace @write @slow @dangerous",
     "1.0.0",
     "server",
     "Remove all keys from the current database",
     {},
     "request_policy:all_shards response_policy:all_succeeded"},
};

}  // namespace

absl::Span<const RespCommand> KeyCommands() { return kCommands; }

}  // namespace keyturn
