#include "revocation/commands/call.h"
#include "revocation/commands/command.h"
#include "revocation/commands/expiry.h"

namespace keyturn {
namespace {

using C = RespCommand;
using Expiry = StringOptions::Expiry;

// What SET .. GET and GETSET answer. False when it is an error, and nothing is to be set.
bool AnswerOld(RespCall& call, const std::optional<KeyInfo>& found) {
  if (!found.has_value()) {
    call.writer.Null();
  } else if (found->type != KeyType::kString) {
    call.writer.Error(kRespWrongType);
    return false;
  } else {
    call.writer.Bulk(found->value);
  }
  return true;
}

void RunSet(RespCall& call) {
  StringOptions options;
  if (!ParseStringOptions(call, 3, /*set=*/true, &options)) return;
  int64_t expires_ms = kNoExpiry;
  if (options.expiry != Expiry::kNone &&
      !ExpiryMillis(call, options.expiry, options.amount, &expires_ms)) {
    return;
  }
  // As Redis answers those who may write a key and not read it.
  if (options.get && !call.connection.access.check) {
    call.writer.Error(
        "NOPERM this user has no permissions to access one of the keys used as arguments");
    return;
  }
  if (!call.BeginChange()) return;
  std::optional<KeyInfo> found;
  if (options.nx || options.xx || options.get) {
    found = call.changes.Find(call[1], call.time);
  }
  const size_t begin = call.out.size();
  if (options.get && !AnswerOld(call, found)) return;
  if ((options.nx && found.has_value()) || (options.xx && !found.has_value())) {
    if (!options.get) call.writer.Null();
    return;
  }
  if (options.get) call.connection.tells_first = false;  // the old value has been answered
  const absl::Status put = options.keep_ttl ? call.changes.PutValue(call[1], call[2])
                                            : call.changes.Put(call[1], call[2], expires_ms);
  if (!put.ok()) call.out.resize(begin);
  if (!call.Took(put)) return;
  if (!options.get) call.writer.Simple("OK");
}

void SetFor(RespCall& call, Expiry unit) {
  int64_t expires_ms = 0;
  if (!ExpiryMillis(call, unit, call[2], &expires_ms) || !call.BeginChange() ||
      !call.Took(call.changes.Put(call[1], call[3], expires_ms))) {
    return;
  }
  call.writer.Simple("OK");
}

void RunSetex(RespCall& call) { SetFor(call, Expiry::kEx); }

void RunPsetex(RespCall& call) { SetFor(call, Expiry::kPx); }

void RunSetnx(RespCall& call) {
  if (!call.BeginChange()) return;
  if (call.changes.Exists(call[1], call.time)) {
    call.writer.Integer(0);
  } else if (call.Took(call.changes.Put(call[1], call[2], kNoExpiry))) {
    call.writer.Integer(1);
  }
}

void RunGetset(RespCall& call) {
  if (!call.BeginChange()) return;
  const size_t begin = call.out.size();
  if (!AnswerOld(call, call.changes.Find(call[1], call.time))) return;
  const absl::Status put = call.changes.Put(call[1], call[2], kNoExpiry);
  if (!put.ok()) call.out.resize(begin);
  call.Took(put);
}

// The keys before one that there is no memory for stay: a transaction of the list takes nothing
// back, and more of them are revoked than the caller was told.
bool PutPairs(RespCall& call) {
  for (size_t i = 1; i + 1 < call.size(); i += 2) {
    if (!call.Took(call.changes.Put(call[i], call[i + 1], kNoExpiry))) return false;
  }
  return true;
}

void RunMset(RespCall& call) {
  if (call.size() % 2 == 0) {
    call.WrongArity();
    return;
  }
  if (call.BeginChange() && PutPairs(call)) call.writer.Simple("OK");
}

void RunMsetnx(RespCall& call) {
  if (call.size() % 2 == 0) {
    call.WrongArity();
    return;
  }
  if (!call.BeginChange()) return;
  for (size_t i = 1; i < call.size(); i += 2) {
    if (call.changes.Exists(call[i], call.time)) {
      call.writer.Integer(0);
      return;
    }
  }
  if (PutPairs(call)) call.writer.Integer(1);
}

constexpr RespCommand kCommands[] = {
    {"set",
     -3,
     RunSet,
     C::kWrite | C::kChanges | C::kTellsFirst,
     "write denyoom",
     "@write @string @slow",
     "1.0.0",
     "string",
     "Set the string value of a key",
     {1, 1, 1, "RW access update variable_flags",
      "RW and ACCESS due to the optional `GET` argument"}},
    {"setex",
     4,
     RunSetex,
     C::kWrite | C::kChanges | C::kTellsFirst,
     "write denyoom",
     "@write @string @slow",
     "2.0.0",
     "string",
     "Set the value and expiration of a key",
     {1, 1, 1, "OW update"}},
    {"psetex",
     4,
     RunPsetex,
     C::kWrite | C::kChanges | C::kTellsFirst,
     "write denyoom",
     "@write @string @slow",
     "2.6.0",
     "string",
     "Set the value and expiration in milliseconds of a key",
     {1, 1, 1, "OW update"}},
    {"setnx",
     3,
     RunSetnx,
     C::kWrite | C::kChanges | C::kTellsFirst,
     "write denyoom fast",
     "@write @string @fast",
     "1.0.0",
     "string",
     "Set the value of a key, only if the key does not exist",
     {1, 1, 1, "OW insert"}},
    {"getset",
     3,
     RunGetset,
     C::kCheck | C::kWrite | C::kChanges,
     "write denyoom fast",
     "@write @string @fast",
     "1.0.0",
     "string",
     "Set the string value of a key and return its old value",
     {1, 1, 1, "RW access update"}},
    {"mset",
     -3,
     RunMset,
     C::kWrite | C::kChanges | C::kTellsFirst,
     "write denyoom",
     "@write @string @slow",
     "1.0.1",
     "string",
     "Set multiple keys to multiple values",
     {1, -1, 2, "OW update"},
     "request_policy:multi_shard response_policy:all_succeeded"},
    {"msetnx",
     -3,
     RunMsetnx,
     C::kWrite | C::kChanges | C::kTellsFirst,
     "write denyoom",
     "@write @string @slow",
     "1.0.1",
     "string",
     "Set multiple keys to multiple values, only if none of the keys exist",
     {1, -1, 2, "OW insert"},
     "request_policy:multi_shard response_policy:agg_min"},
};

}  // namespace

absl::Span<const RespCommand> SetStringCommands() { return kCommands; }

}  // namespace keyturn
