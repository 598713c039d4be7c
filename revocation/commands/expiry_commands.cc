#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "revocation/commands/call.h"
#include "revocation/commands/command.h"
#include "revocation/commands/expiry.h"
#include "revocation/commands/words.h"

namespace keyturn {
namespace {

using C = RespCommand;

// Source: expire.c, ttlGenericCommand.
void AnswerTtl(RespCall& call, bool absolute, int64_t unit) {
  const std::optional<KeyInfo> found = call.changes.Find(call[1], call.time);
  if (!found.has_value() || found->expires_ms == kNoExpiry) {
    call.writer.Integer(found.has_value() ? -1 : -2);
    return;
  }
  const int64_t millis =
      absolute ? found->expires_ms : std::max<int64_t>(found->expires_ms - call.time.now_ms, 0);
  call.writer.Integer(millis / unit + (millis % unit + unit / 2) / unit);
}

void RunTtl(RespCall& call) { AnswerTtl(call, false, 1000); }
void RunPttl(RespCall& call) { AnswerTtl(call, false, 1); }
void RunExpiretime(RespCall& call) { AnswerTtl(call, true, 1000); }
void RunPexpiretime(RespCall& call) { AnswerTtl(call, true, 1); }

struct Conditions {
  bool nx = false, xx = false, gt = false, lt = false;
};

// Source: expire.c, parseExtendedExpireArgumentsOrReply.
bool ParseConditions(RespCall& call, Conditions* conditions) {
  for (const absl::string_view word : call.arguments.subspan(3)) {
    if (IsWord(word, "nx")) {
      conditions->nx = true;
    } else if (IsWord(word, "xx")) {
      conditions->xx = true;
    } else if (IsWord(word, "gt")) {
      conditions->gt = true;
    } else if (IsWord(word, "lt")) {
      conditions->lt = true;
    } else {
      absl::string_view shown = CutAtNul(word);
      while (absl::ConsumeSuffix(&shown, "\r") || absl::ConsumeSuffix(&shown, "\n")) {
      }
      call.writer.Error(absl::StrCat("ERR Unsupported option ", shown));
      return false;
    }
  }
  if (conditions->nx && (conditions->xx || conditions->gt || conditions->lt)) {
    call.writer.Error("ERR NX and XX, GT or LT options at the same time are not compatible");
    return false;
  }
  if (conditions->gt && conditions->lt) {
    call.writer.Error("ERR GT and LT options at the same time are not compatible");
    return false;
  }
  return true;
}

// Whether a key that ends at `now` is to end at `then`. No end is later than any.
bool Holds(const Conditions& conditions, int64_t now, int64_t then) {
  const bool endless = now == kNoExpiry;
  if (conditions.nx && !endless) return false;
  if (conditions.xx && endless) return false;
  if (conditions.gt && then <= now) return false;
  return !conditions.lt || then < now;
}

// Source: expire.c, expireGenericCommand. Lives may be below 0: the key is erased.
void Expire(RespCall& call, int64_t from_ms, int64_t unit) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  Conditions conditions;
  int64_t amount = 0;
  if (!ParseConditions(call, &conditions) || !call.Integer(2, &amount)) return;
  if (amount > kMost / unit || amount < kLeast / unit || amount * unit > kMost - from_ms) {
    AnswerInvalidExpiry(call);
    return;
  }
  const int64_t expires_ms = NotForever(amount * unit + from_ms);
  if (!call.BeginChange()) return;
  const std::optional<KeyInfo> found = call.changes.Find(call[1], call.time);
  if (!found.has_value() || !Holds(conditions, found->expires_ms, expires_ms)) {
    call.writer.Integer(0);
    return;
  }
  // In Redis it is erased before the reply, and its end set behind it.
  call.connection.tells_first = expires_ms <= call.time.now_ms;
  if (call.Took(call.changes.Retime(call[1], expires_ms))) call.writer.Integer(1);
}

void RunExpire(RespCall& call) { Expire(call, call.time.wall_ms, 1000); }
void RunPexpire(RespCall& call) { Expire(call, call.time.wall_ms, 1); }
void RunExpireat(RespCall& call) { Expire(call, 0, 1000); }
void RunPexpireat(RespCall& call) { Expire(call, 0, 1); }

void RunPersist(RespCall& call) {
  if (!call.BeginChange()) return;
  const std::optional<KeyInfo> found = call.changes.Find(call[1], call.time);
  if (!found.has_value() || found->expires_ms == kNoExpiry) {
    call.writer.Integer(0);
  } else if (call.Took(call.changes.Retime(call[1], kNoExpiry))) {
    call.writer.Integer(1);
  }
}

constexpr RespCommand kCommands[] = {
    {"ttl",
     2,
     RunTtl,
     C::kCheck,
     "readonly fast",
     "@keyspace @read @fast",
     "1.0.0",
     "generic",
     "Get the time to live for a key in seconds",
     {1, 1, 1, "RO access"},
     "nondeterministic_output"},
    {"pttl",
     2,
     RunPttl,
     C::kCheck,
     "readonly fast",
     "@keyspace @read @fast",
     "2.6.0",
     "generic",
     "Get the time to live for a key in milliseconds",
     {1, 1, 1, "RO access"},
     "nondeterministic_output"},
    {"expiretime",
     2,
     RunExpiretime,
     C::kCheck,
     "readonly fast",
     "@keyspace @read @fast",
     "7.0.0",
     "generic",
     "Get the expiration Unix timestamp for a key",
     {1, 1, 1, "RO access"}},
    {"pexpiretime",
     2,
     RunPexpiretime,
     C::kCheck,
     "readonly fast",
     "@keyspace @read @fast",
     "7.0.0",
     "generic",
     "Get the expiration Unix timestamp for a key in milliseconds",
     {1, 1, 1, "RO access"}},
    {"expire",
     -3,
     RunExpire,
     C::kWrite | C::kChanges,
     "write fast",
     "@keyspace @write @fast",
     "1.0.0",
     "generic",
     "Set a key's time to live in seconds",
     {1, 1, 1, "RW update"}},
    {"pexpire",
     -3,
     RunPexpire,
     C::kWrite | C::kChanges,
     "write fast",
     "@keyspace @write @fast",
     "2.6.0",
     "generic",
     "Set a key's time to live in milliseconds",
     {1, 1, 1, "RW update"}},
    {"expireat",
     -3,
     RunExpireat,
     C::kWrite | C::kChanges,
     "write fast",
     "@keyspace @write @fast",
     "1.2.0",
     "generic",
     "Set the expiration for a key as a UNIX timestamp",
     {1, 1, 1, "RW update"}},
    {"pexpireat",
     -3,
     RunPexpireat,
     C::kWrite | C::kChanges,
     "write fast",
     "@keyspace @write @fast",
     "2.6.0",
     "generic",
     "Set the expiration for a key as a UNIX timestamp specified in milliseconds",
     {1, 1, 1, "RW update"}},
    {"persist",
     2,
     RunPersist,
     C::kWrite | C::kChanges | C::kTellsFirst,
     "write fast",
     "@keyspace @write @fast",
     "2.2.0",
     "generic",
     "Remove the expiration from a key",
     {1, 1, 1, "RW update"}},
};

}  // namespace

absl::Span<const RespCommand> ExpiryCommands() { return kCommands; }

}  // namespace keyturn
