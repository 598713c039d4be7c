#include <limits>

#include "revocation/commands/call.h"
#include "revocation/commands/command.h"
#include "revocation/commands/words.h"

namespace keyturn {
namespace {

using C = RespCommand;

constexpr size_t kEmbeddedBytesMax = 44;     // of a string that Redis keeps in one piece
constexpr int64_t kSharedIntegers = 10'000;  // that Redis keeps once for all
constexpr int64_t kIndexBytes = 16;          // of a usual key
constexpr int64_t kSideBytes = 64;           // of a key kept by name, beside its bytes

bool FindObject(RespCall& call, std::optional<KeyInfo>* found) {
  *found = call.changes.Find(call[2], call.time);
  if (!found->has_value()) call.writer.Null();
  return found->has_value();
}

// What Redis would call how it keeps such a value.
void RunEncoding(RespCall& call) {
  std::optional<KeyInfo> found;
  if (!FindObject(call, &found)) return;
  int64_t number = 0;
  if (found->type == KeyType::kSet) {
    call.writer.Bulk("hashtable");
  } else if (ParseRespInteger(found->value, &number)) {
    call.writer.Bulk("int");
  } else {
    call.writer.Bulk(found->value.size() <= kEmbeddedBytesMax ? "embstr" : "raw");
  }
}

void RunRefcount(RespCall& call) {
  std::optional<KeyInfo> found;
  if (!FindObject(call, &found)) return;
  int64_t number = -1;
  const bool shared = found->type == KeyType::kString && ParseRespInteger(found->value, &number) &&
                      number >= 0 && number < kSharedIntegers;
  call.writer.Integer(shared ? std::numeric_limits<int32_t>::max() : 1);
}

// It is not noted when a key was asked for.
void RunIdletime(RespCall& call) {
  std::optional<KeyInfo> found;
  if (FindObject(call, &found)) call.writer.Integer(0);
}

void RunFreq(RespCall& call) {
  std::optional<KeyInfo> found;
  if (!FindObject(call, &found)) return;
  call.writer.Error(
      "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that "
      "when switching between policies at runtime LRU and LFU data will take some time to adjust.");
}

void RunObjectHelp(RespCall& call) {
  AnswerHelp(call,
             {"ENCODING <key>",
              "    Return the kind of internal representation used in order to store the value",
              "    associated with a <key>.", "FREQ <key>",
              "    Return the access frequency index of the <key>. The returned integer is",
              "    proportional to the logarithm of the recent access frequency of the key.",
              "IDLETIME <key>",
              "    Return the idle time of the <key>, that is the approximated number of",
              "    seconds elapsed since the last access to the key.", "REFCOUNT <key>",
              "    Return the number of references of the value associated with the specified",
              "    <key>."});
}

// About what the key takes here, not what it would take in Redis.
void RunUsage(RespCall& call) {
  for (size_t i = 3; i < call.size(); i += 2) {
    int64_t samples = 0;
    if (!IsWord(call[i], "samples") || i + 1 == call.size()) {
      call.writer.Error(kRespSyntaxError);
      return;
    }
    if (!call.Integer(i + 1, &samples)) return;
    if (samples < 0) {
      call.writer.Error(kRespSyntaxError);
      return;
    }
  }
  std::optional<KeyInfo> found;
  if (!FindObject(call, &found)) return;
  const bool named = call.list.keeps_names() || found->type == KeyType::kSet;
  const auto bytes = static_cast<int64_t>(call[2].size() + found->value.size()) + kSideBytes +
                     static_cast<int64_t>(found->members) * kIndexBytes;
  call.writer.Integer(named ? bytes : kIndexBytes);
}

void RunMemoryHelp(RespCall& call) {
  AnswerHelp(call, {"USAGE <key> [SAMPLES <count>]",
                    "    Return memory in bytes used by <key> and its value. Nested values are",
                    "    sampled up to <count> times (default: 5, 0 means sample all)."});
}

constexpr RespCommand kObjectCommands[] = {
    {"object|encoding",
     3,
     RunEncoding,
     C::kCheck,
     "readonly",
     "@keyspace @read @slow",
     "2.2.3",
     "generic",
     "Inspect the internal encoding of a Redis object",
     {2, 2, 1, "RO"},
     "nondeterministic_output"},
    {"object|freq",
     3,
     RunFreq,
     C::kCheck,
     "readonly",
     "@keyspace @read @slow",
     "4.0.0",
     "generic",
     "Get the logarithmic access frequency counter of a Redis object",
     {2, 2, 1, "RO"},
     "nondeterministic_output"},
    {"object|help", 2, RunObjectHelp, 0, "loading stale", "@keyspace @slow", "6.2.0", "generic",
     "Show helpful text about the different subcommands"},
    {"object|idletime",
     3,
     RunIdletime,
     C::kCheck,
     "readonly",
     "@keyspace @read @slow",
     "2.2.3",
     "generic",
     "Get the time since a Redis object was last accessed",
     {2, 2, 1, "RO"},
     "nondeterministic_output"},
    {"object|refcount",
     3,
     RunRefcount,
     C::kCheck,
     "readonly",
     "@keyspace @read @slow",
     "2.2.3",
     "generic",
     "Get the number of references to the value of the key",
     {2, 2, 1, "RO"},
     "nondeterministic_output"},
};

constexpr RespCommand kMemoryCommands[] = {
    {"memory|help", 2, RunMemoryHelp, 0, "loading stale", "@slow", "4.0.0", "server",
     "Show helpful text about the different subcommands"},
    {"memory|usage",
     -3,
     RunUsage,
     C::kCheck,
     "readonly",
     "@read @slow",
     "4.0.0",
     "server",
     "Estimate the memory usage of a key",
     {2, 2, 1, "RO"}},
};

constexpr RespCommand kCommands[] = {
    {"object",
     -2,
     nullptr,
     0,
     "",
     "@slow",
     "2.2.3",
     "generic",
     "A container for object introspection commands",
     {},
     {},
     kObjectCommands},
    {"memory",
     -2,
     nullptr,
     0,
     "",
     "@slow",
     "4.0.0",
     "server",
     "A container for memory diagnostics commands",
     {},
     {},
     kMemoryCommands},
};

}  // namespace

absl::Span<const RespCommand> ObjectCommands() { return kCommands; }

}  // namespace keyturn
