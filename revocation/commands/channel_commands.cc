#include "absl/strings/str_cat.h"
#include "revocation/commands/call.h"
#include "revocation/commands/command.h"
#include "revocation/commands/glob.h"

namespace keyturn {
namespace {

using C = RespCommand;

// A kind of subscriptions as a connection has it, and as it is spoken of.
struct Family {
  ChannelKind kind;
  ChannelNames RespConnection::*names;
  absl::string_view subscribed, unsubscribed;
};

constexpr Family kChannels = {ChannelKind::kChannel, &RespConnection::channels, "subscribe",
                              "unsubscribe"};
constexpr Family kPatterns = {ChannelKind::kPattern, &RespConnection::patterns, "psubscribe",
                              "punsubscribe"};
constexpr Family kShards = {ChannelKind::kShard, &RespConnection::shard_channels, "ssubscribe",
                            "sunsubscribe"};

// Channels and patterns are counted together, shard channels by themselves.
void AnswerCount(RespCall& call, const Family& family) {
  const RespConnection& connection = call.connection;
  call.writer.Integer(
      static_cast<int64_t>(family.kind == ChannelKind::kShard
                               ? connection.shard_channels.size()
                               : connection.channels.size() + connection.patterns.size()));
}

void NoteCounts(RespConnection& connection) {
  connection.client.channels = connection.channels.size();
  connection.client.patterns = connection.patterns.size();
  connection.client.shard_channels = connection.shard_channels.size();
}

absl::Status Add(RespCall& call, const Family& family, absl::string_view name) {
  RespConnection& connection = call.connection;
  ChannelNames& names = connection.*family.names;
  if (names.Has(name)) return absl::OkStatus();
  size_t count = 0, bytes = name.size();
  for (const ChannelNames* const all :
       {&connection.channels, &connection.patterns, &connection.shard_channels}) {
    count += all->size();
    bytes += all->bytes();
  }
  if (count >= limits::kRespSubscriptionsMax || bytes > limits::kRespSubscriptionBytesMax) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "a connection subscribes to at most ", limits::kRespSubscriptionsMax,
        " channels and patterns of ", limits::kRespSubscriptionBytesMax, " bytes together"));
  }
  absl::Status added = call.hub.Subscribe(family.kind, name, connection.mailbox);
  if (added.ok()) names.Add(name);
  return added;
}

void Subscribe(RespCall& call, const Family& family) {
  for (const absl::string_view name : call.arguments.subspan(1)) {
    if (const absl::Status added = Add(call, family, name); !added.ok()) {
      call.writer.Error(absl::StrCat("ERR ", added.message()));
      continue;
    }
    call.writer.Push(3);
    call.writer.Bulk(family.subscribed);
    call.writer.Bulk(name);
    AnswerCount(call, family);
  }
  NoteCounts(call.connection);
}

void Unsubscribe(RespCall& call, const Family& family) {
  ChannelNames& names = call.connection.*family.names;
  const std::vector<std::string> had = call.size() == 1 ? names.all() : std::vector<std::string>();
  std::vector<absl::string_view> unwanted(had.begin(), had.end());
  if (call.size() > 1) unwanted.assign(call.arguments.begin() + 1, call.arguments.end());
  for (const absl::string_view name : unwanted) {
    if (names.Remove(name)) call.hub.Unsubscribe(family.kind, name, *call.connection.mailbox);
    call.writer.Push(3);
    call.writer.Bulk(family.unsubscribed);
    call.writer.Bulk(name);
    AnswerCount(call, family);
  }
  NoteCounts(call.connection);
  if (!unwanted.empty()) return;
  call.writer.Push(3);
  call.writer.Bulk(family.unsubscribed);
  call.writer.Null();
  AnswerCount(call, family);
}

void RunSubscribe(RespCall& call) { Subscribe(call, kChannels); }
void RunPsubscribe(RespCall& call) { Subscribe(call, kPatterns); }
void RunSsubscribe(RespCall& call) { Subscribe(call, kShards); }
void RunUnsubscribe(RespCall& call) { Unsubscribe(call, kChannels); }
void RunPunsubscribe(RespCall& call) { Unsubscribe(call, kPatterns); }
void RunSunsubscribe(RespCall& call) { Unsubscribe(call, kShards); }

void Publish(RespCall& call, ChannelKind kind) {
  call.writer.Integer(static_cast<int64_t>(call.hub.Publish(kind, call[1], call[2])));
}

void RunPublish(RespCall& call) { Publish(call, ChannelKind::kChannel); }
void RunSpublish(RespCall& call) { Publish(call, ChannelKind::kShard); }

void AnswerNames(RespCall& call, ChannelKind kind) {
  if (call.size() > 3) {
    call.WrongSubcommand();
    return;
  }
  const GlobPattern pattern(call.size() == 3 ? call[2] : "");
  const std::vector<std::string> names =
      call.hub.channels().Names(kind, call.size() == 3 ? &pattern : nullptr);
  call.writer.Array(names.size());
  for (const std::string& name : names) {
    if (call.TooMuch()) return;
    call.writer.Bulk(name);
  }
}

void AnswerCounts(RespCall& call, ChannelKind kind) {
  call.writer.Array(2 * (call.size() - 2));
  for (const absl::string_view name : call.arguments.subspan(2)) {
    call.writer.Bulk(name);
    call.writer.Integer(static_cast<int64_t>(call.hub.channels().Count(kind, name)));
  }
}

void RunChannels(RespCall& call) { AnswerNames(call, ChannelKind::kChannel); }
void RunShardchannels(RespCall& call) { AnswerNames(call, ChannelKind::kShard); }
void RunNumsub(RespCall& call) { AnswerCounts(call, ChannelKind::kChannel); }
void RunShardnumsub(RespCall& call) { AnswerCounts(call, ChannelKind::kShard); }
void RunNumpat(RespCall& call) {
  call.writer.Integer(static_cast<int64_t>(call.hub.channels().patterns()));
}

void RunPubsubHelp(RespCall& call) {
  AnswerHelp(call,
             {"CHANNELS [<pattern>]",
              "    Return the currently active channels matching a <pattern> (default: '*').",
              "NUMPAT", "    Return number of subscriptions to patterns.", "NUMSUB [<channel> ...]",
              "    Return the number of subscribers for the specified channels, excluding",
              "    pattern subscriptions(default: no channels).", "SHARDCHANNELS [<pattern>]",
              "    Return the currently active shard level channels matching a <pattern> (default: "
              "'*').",
              "SHARDNUMSUB [<shardchannel> ...]",
              "    Return the number of subscribers for the specified shard level channel(s)"});
}

constexpr absl::string_view kListens = "pubsub noscript loading stale";
constexpr absl::string_view kSlow = "@pubsub @slow";
constexpr absl::string_view kGroup = "pubsub";

constexpr RespCommand kPubsubCommands[] = {
    {"pubsub|channels", -2, RunChannels, C::kCheck, "pubsub loading stale", kSlow, "2.8.0", kGroup,
     "List active channels"},
    {"pubsub|help", 2, RunPubsubHelp, 0, "loading stale", "@slow", "6.2.0", kGroup,
     "Show helpful text about the different subcommands"},
    {"pubsub|numpat", 2, RunNumpat, C::kCheck, "pubsub loading stale", kSlow, "2.8.0", kGroup,
     "Get the count of unique patterns pattern subscriptions"},
    {"pubsub|numsub", -2, RunNumsub, C::kCheck, "pubsub loading stale", kSlow, "2.8.0", kGroup,
     "Get the count of subscribers for channels"},
    {"pubsub|shardchannels", -2, RunShardchannels, C::kCheck, "pubsub loading stale", kSlow,
     "7.0.0", kGroup, "List active shard channels"},
    {"pubsub|shardnumsub", -2, RunShardnumsub, C::kCheck, "pubsub loading stale", kSlow, "7.0.0",
     kGroup, "Get the count of subscribers for shard channels"},
};

constexpr uint32_t kSubscribes = C::kCheck | C::kListening | C::kPushes;
constexpr uint32_t kUnsubscribes = C::kListening | C::kPushes;

constexpr RespCommand kCommands[] = {
    {"subscribe", -2, RunSubscribe, kSubscribes, kListens, kSlow, "2.0.0", kGroup,
     "Listen for messages published to the given channels"},
    {"psubscribe", -2, RunPsubscribe, kSubscribes, kListens, kSlow, "2.0.0", kGroup,
     "Listen for messages published to channels matching the given patterns"},
    {"ssubscribe",
     -2,
     RunSsubscribe,
     kSubscribes,
     kListens,
     kSlow,
     "7.0.0",
     kGroup,
     "Listen for messages published to the given shard channels",
     {1, -1, 1, "not_key"}},
    {"unsubscribe", -1, RunUnsubscribe, kUnsubscribes, kListens, kSlow, "2.0.0", kGroup,
     "Stop listening for messages posted to the given channels"},
    {"punsubscribe", -1, RunPunsubscribe, kUnsubscribes, kListens, kSlow, "2.0.0", kGroup,
     "Stop listening for messages posted to channels matching the given patterns"},
    {"sunsubscribe",
     -1,
     RunSunsubscribe,
     kUnsubscribes,
     kListens,
     kSlow,
     "7.0.0",
     kGroup,
     "Stop listening for messages posted to the given shard channels",
     {1, -1, 1, "not_key"}},
    {"publish", 3, RunPublish, C::kWrite | C::kTellsFirst, "pubsub loading stale fast",
     "@pubsub @fast", "2.0.0", kGroup, "Post a message to a channel"},
    {"spublish",
     3,
     RunSpublish,
     C::kWrite | C::kTellsFirst,
     "pubsub loading stale fast",
     "@pubsub @fast",
     "7.0.0",
     kGroup,
     "Post a message to a shard channel",
     {1, 1, 1, "not_key"}},
    {"pubsub",
     -2,
     nullptr,
     0,
     "",
     "@slow",
     "2.8.0",
     kGroup,
     "A container for Pub/Sub commands",
     {},
     {},
     kPubsubCommands},
};

}  // namespace

absl::Span<const RespCommand> ChannelCommands() { return kCommands; }

}  // namespace keyturn
