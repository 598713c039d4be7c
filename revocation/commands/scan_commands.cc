#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/random.h"
#include "revocation/commands/call.h"
#include "revocation/commands/command.h"
#include "revocation/commands/glob.h"
#include "revocation/commands/words.h"

namespace keyturn {
namespace {

using C = RespCommand;

constexpr size_t kKeysStep = 1000;  // looked at for KEYS while nobody changes anything

// A list of some keys would be taken for all of them.
bool KeepsNames(RespCall& call) {
  if (call.list.keeps_names()) return true;
  call.writer.Error(absl::StrCat("ERR '", call.command->name,
                                 "' needs the names of keys, which are kept when scan = true "
                                 "stands in [revocation] of keyturnd.toml"));
  return false;
}

struct ScanOptions {
  int64_t count = 10;
  std::optional<GlobPattern> match;
  std::optional<absl::string_view> type;
};

// Source: db.c, scanGenericCommand.
bool ParseScanOptions(RespCall& call, ScanOptions* options) {
  for (size_t i = 2; i < call.size(); i += 2) {
    const bool more = i + 1 < call.size();
    if (more && IsWord(call[i], "count")) {
      if (!call.Integer(i + 1, &options->count)) return false;
      if (options->count >= 1) continue;
    } else if (more && IsWord(call[i], "match")) {
      options->match.reset();
      if (call[i + 1] != "*") options->match.emplace(call[i + 1]);
      continue;
    } else if (more && IsWord(call[i], "type")) {
      options->type = call[i + 1];
      continue;
    }
    call.writer.Error(kRespSyntaxError);
    return false;
  }
  return true;
}

void RunScan(RespCall& call) {
  uint64_t cursor = 0;
  if (!ParseRespCursor(call[1], &cursor)) {
    call.writer.Error("ERR invalid cursor");
    return;
  }
  ScanOptions options;
  if (!ParseScanOptions(call, &options) || !KeepsNames(call)) return;
  const size_t count = std::min(static_cast<size_t>(options.count), limits::kRespScanCountMax);
  std::vector<std::string> keys;
  cursor = call.list.Scan(cursor, count, call.time, [&](absl::string_view key, KeyType type) {
    if (options.match.has_value() && !options.match->Matches(key)) return;
    if (options.type.has_value() &&
        !IsWord(*options.type, type == KeyType::kString ? "string" : "set")) {
      return;
    }
    keys.emplace_back(key);
  });
  call.writer.Array(2);
  call.writer.Bulk(absl::StrCat(cursor));
  call.writer.Array(keys.size());
  for (const std::string& key : keys) call.writer.Bulk(key);
}

void RunKeys(RespCall& call) {
  if (!KeepsNames(call)) return;
  std::optional<GlobPattern> match;
  if (call[1] != "*") match.emplace(call[1]);
  std::vector<std::string> keys;
  size_t bytes = 0;
  uint64_t cursor = 0;
  do {
    cursor = call.list.Scan(cursor, kKeysStep, call.time, [&](absl::string_view key, KeyType) {
      if (match.has_value() && !match->Matches(key)) return;
      bytes += key.size() + sizeof(std::string);
      keys.emplace_back(key);
    });
  } while (cursor != 0 && bytes <= limits::kRespOutputBytesMax);
  if (cursor != 0) {
    call.writer.Error("ERR there are more keys than fit into a reply: use SCAN");
    return;
  }
  // Each once, also when others changed the list in between.
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  call.writer.Array(keys.size());
  for (const std::string& key : keys) call.writer.Bulk(key);
}

// Any key, of those that come first: not each as often as the others.
void RunRandomkey(RespCall& call) {
  if (!KeepsNames(call)) return;
  std::vector<std::string> keys;
  uint64_t cursor = 0;
  do {
    cursor = call.list.Scan(cursor, kKeysStep, call.time,
                            [&](absl::string_view key, KeyType) { keys.emplace_back(key); });
  } while (cursor != 0 && keys.empty());
  if (keys.empty()) {
    call.writer.Null();
  } else {
    call.writer.Bulk(keys[RandomBelow(keys.size())]);
  }
}

constexpr RespCommand kCommands[] = {
    {"scan",
     -2,
     RunScan,
     C::kCheck | C::kNotInMulti,
     "readonly",
     "@keyspace @read @slow",
     "2.8.0",
     "generic",
     "Incrementally iterate the keys space",
     {},
     "nondeterministic_output request_policy:special"},
    {"keys",
     2,
     RunKeys,
     C::kCheck | C::kNotInMulti,
     "readonly",
     "@keyspace @read @slow @dangerous",
     "1.0.0",
     "generic",
     "Find all keys matching the given pattern",
     {},
     "request_policy:all_shards nondeterministic_output_order"},
    {"randomkey",
     1,
     RunRandomkey,
     C::kCheck | C::kNotInMulti,
     "readonly",
     "@keyspace @read @slow",
     "1.0.0",
     "generic",
     "Return a random key from the keyspace",
     {},
     "request_policy:all_shards nondeterministic_output"},
};

}  // namespace

absl::Span<const RespCommand> ScanCommands() { return kCommands; }

}  // namespace keyturn
