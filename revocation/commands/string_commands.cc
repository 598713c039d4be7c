#include "revocation/commands/call.h"
#include "revocation/commands/command.h"
#include "revocation/commands/expiry.h"

namespace keyturn {
namespace {

using C = RespCommand;

// The string at a key, or false when it was answered that there is none.
bool FindString(RespCall& call, absl::string_view key, std::optional<KeyInfo>* found) {
  *found = call.changes.Find(key, call.time);
  if (!found->has_value()) {
    call.writer.Null();
    return false;
  }
  if ((*found)->type == KeyType::kString) return true;
  call.writer.Error(kRespWrongType);
  return false;
}

void RunGet(RespCall& call) {
  std::optional<KeyInfo> found;
  if (FindString(call, call[1], &found)) call.writer.Bulk(found->value);
}

void RunMget(RespCall& call) {
  call.writer.Array(call.size() - 1);
  for (const absl::string_view key : call.arguments.subspan(1)) {
    if (call.TooMuch()) return;
    const std::optional<KeyInfo> found = call.changes.Find(key, call.time);
    if (found.has_value() && found->type == KeyType::kString) {
      call.writer.Bulk(found->value);
    } else {
      call.writer.Null();
    }
  }
}

void RunStrlen(RespCall& call) {
  const std::optional<KeyInfo> found = call.changes.Find(call[1], call.time);
  if (found.has_value() && found->type != KeyType::kString) {
    call.writer.Error(kRespWrongType);
    return;
  }
  call.writer.Integer(found.has_value() ? static_cast<int64_t>(found->value.size()) : 0);
}

void RunGetdel(RespCall& call) {
  std::optional<KeyInfo> found;
  if (!call.BeginChange() || !FindString(call, call[1], &found)) return;
  call.changes.Erase(call[1]);
  call.writer.Bulk(found->value);
}

void RunGetex(RespCall& call) {
  StringOptions options;
  if (!ParseStringOptions(call, 2, /*set=*/false, &options)) return;
  std::optional<KeyInfo> found;
  if (!call.BeginChange() || !FindString(call, call[1], &found)) return;
  int64_t expires_ms = found->expires_ms;
  if (options.expiry != StringOptions::Expiry::kNone &&
      !ExpiryMillis(call, options.expiry, options.amount, &expires_ms)) {
    return;
  }
  if (options.persist) expires_ms = kNoExpiry;
  const bool retimes = options.persist ? found->expires_ms != kNoExpiry
                                       : options.expiry != StringOptions::Expiry::kNone;
  if (retimes && !call.Took(call.changes.Retime(call[1], expires_ms))) {
    return;
  }
  call.writer.Bulk(found->value);
}

constexpr RespCommand kCommands[] = {
    {"get",
     2,
     RunGet,
     C::kCheck,
     "readonly fast",
     "@read @string @fast",
     "1.0.0",
     "string",
     "Get the value of a key",
     {1, 1, 1, "RO access"}},
    {"mget",
     -2,
     RunMget,
     C::kCheck,
     "readonly fast",
     "@read @string @fast",
     "1.0.0",
     "string",
     "Get the values of all the given keys",
     {1, -1, 1, "RO access"},
     "request_policy:multi_shard"},
    {"strlen",
     2,
     RunStrlen,
     C::kCheck,
     "readonly fast",
     "@read @string @fast",
     "2.2.0",
     "string",
     "Get the length of the value stored in a key",
     {1, 1, 1, "RO"}},
    {"getdel",
     2,
     RunGetdel,
     C::kCheck | C::kWrite | C::kChanges,
     "write fast",
     "@write @string @fast",
     "6.2.0",
     "string",
     "Get the value of a key and delete the key",
     {1, 1, 1, "RW access delete"}},
    {"getex",
     -2,
     RunGetex,
     C::kCheck | C::kWrite | C::kChanges,
     "write fast",
     "@write @string @fast",
     "6.2.0",
     "string",
     "Get the value of a key and optionally set its expiration",
     {1, 1, 1, "RW access update", "RW and UPDATE because it changes the TTL"}},
};

}  // namespace

absl::Span<const RespCommand> StringCommands() { return kCommands; }

}  // namespace keyturn
