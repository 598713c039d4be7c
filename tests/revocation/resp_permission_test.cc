#include <gtest/gtest.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "revocation/commands/command.h"
#include "tests/revocation/resp_peer.h"

namespace keyturn {
namespace {

// What each command is for, told apart from the table that is tested. "" for whoever is known, "-"
// for strangers too; a command that is not here fails the test.
const std::map<std::string, std::string>& RightsOfCommands() {
  static const auto* const rights =
      new std::map<std::string, std::string>{{"hello", "-"},
                                             {"auth", "-"},
                                             {"quit", "-"},
                                             {"reset", "-"},
                                             {"ping", ""},
                                             {"echo", ""},
                                             {"select", ""},
                                             {"client", ""},
                                             {"client|caching", ""},
                                             {"client|getname", ""},
                                             {"client|getredir", ""},
                                             {"client|help", ""},
                                             {"client|id", ""},
                                             {"client|info", ""},
                                             {"client|kill", "a"},
                                             {"client|list", "a"},
                                             {"client|no-evict", ""},
                                             {"client|no-touch", ""},
                                             {"client|reply", ""},
                                             {"client|setinfo", ""},
                                             {"client|setname", ""},
                                             {"client|tracking", "c"},
                                             {"client|trackinginfo", ""},
                                             {"client|unpause", ""},
                                             {"command", ""},
                                             {"command|count", ""},
                                             {"command|docs", ""},
                                             {"command|getkeys", ""},
                                             {"command|getkeysandflags", ""},
                                             {"command|help", ""},
                                             {"command|info", ""},
                                             {"command|list", ""},
                                             {"config", ""},
                                             {"config|get", "a"},
                                             {"config|help", ""},
                                             {"config|resetstat", "a"},
                                             {"config|rewrite", "a"},
                                             {"config|set", "a"},
                                             {"info", ""},
                                             {"time", ""},
                                             {"role", ""},
                                             {"wait", ""},
                                             {"lastsave", ""},
                                             {"function", ""},
                                             {"function|flush", ""},
                                             {"cluster", ""},
                                             {"cluster|countkeysinslot", ""},
                                             {"cluster|getkeysinslot", ""},
                                             {"cluster|help", ""},
                                             {"cluster|info", ""},
                                             {"cluster|keyslot", ""},
                                             {"cluster|links", ""},
                                             {"cluster|myid", ""},
                                             {"cluster|nodes", ""},
                                             {"cluster|shards", ""},
                                             {"cluster|slots", ""},
                                             {"readonly", ""},
                                             {"readwrite", ""},
                                             {"asking", ""},
                                             {"get", "c"},
                                             {"mget", "c"},
                                             {"strlen", "c"},
                                             {"getdel", "cw"},
                                             {"getex", "cw"},
                                             {"set", "w"},
                                             {"setex", "w"},
                                             {"psetex", "w"},
                                             {"setnx", "w"},
                                             {"getset", "cw"},
                                             {"mset", "w"},
                                             {"msetnx", "w"},
                                             {"ttl", "c"},
                                             {"pttl", "c"},
                                             {"expiretime", "c"},
                                             {"pexpiretime", "c"},
                                             {"expire", "w"},
                                             {"pexpire", "w"},
                                             {"expireat", "w"},
                                             {"pexpireat", "w"},
                                             {"persist", "w"},
                                             {"exists", "c"},
                                             {"touch", "c"},
                                             {"del", "w"},
                                             {"unlink", "w"},
                                             {"type", "c"},
                                             {"dbsize", "c"},
                                             {"flushall", "a"},
                                             {"flushdb", "a"},
                                             {"object", ""},
                                             {"object|encoding", "c"},
                                             {"object|freq", "c"},
                                             {"object|help", ""},
                                             {"object|idletime", "c"},
                                             {"object|refcount", "c"},
                                             {"memory", ""},
                                             {"memory|help", ""},
                                             {"memory|usage", "c"},
                                             {"scan", "c"},
                                             {"keys", "c"},
                                             {"randomkey", "c"},
                                             {"sadd", "w"},
                                             {"srem", "w"},
                                             {"sismember", "c"},
                                             {"smismember", "c"},
                                             {"scard", "c"},
                                             {"multi", ""},
                                             {"exec", ""},
                                             {"discard", ""},
                                             {"watch", "c"},
                                             {"unwatch", ""},
                                             {"subscribe", "c"},
                                             {"psubscribe", "c"},
                                             {"ssubscribe", "c"},
                                             {"unsubscribe", ""},
                                             {"punsubscribe", ""},
                                             {"sunsubscribe", ""},
                                             {"publish", "w"},
                                             {"spublish", "w"},
                                             {"pubsub", ""},
                                             {"pubsub|channels", "c"},
                                             {"pubsub|help", ""},
                                             {"pubsub|numpat", "c"},
                                             {"pubsub|numsub", "c"},
                                             {"pubsub|shardchannels", "c"},
                                             {"pubsub|shardnumsub", "c"}};
  return *rights;
}

void AddWithSubcommands(const RespCommand& command, std::vector<const RespCommand*>* all) {
  all->push_back(&command);
  for (const RespCommand& sub : command.subcommands) AddWithSubcommands(sub, all);
}

std::vector<const RespCommand*> EveryCommand() {
  std::vector<const RespCommand*> all;
  for (const RespCommand* const command : RespCommandTable::Get().all()) {
    AddWithSubcommands(*command, &all);
  }
  return all;
}

// A request of as many arguments as the command needs.
std::string ShortestRequest(const RespCommand& command) {
  std::vector<std::string> words = absl::StrSplit(command.name, '|');
  while (words.size() < static_cast<size_t>(std::abs(command.arity))) words.emplace_back("1");
  return RespArray(words);
}

TEST(RespPermission, EveryCommandIsForThoseWhoMayAndNobodyElse) {
  const std::vector<const RespCommand*> all = EveryCommand();
  EXPECT_EQ(all.size(), RightsOfCommands().size());
  for (const RespCommand* const command : all) {
    const auto rights = RightsOfCommands().find(std::string(command->name));
    ASSERT_NE(rights, RightsOfCommands().end()) << command->name;
    // One with sub-commands only cannot be asked for.
    if (!command->subcommands.empty() && command->name != "command") continue;
    for (const std::string caller : {"-", "n", "c", "w", "a", "cw", "ca", "wa", "cwa"}) {
      RespWorld world;
      RespPeer peer(world, caller);
      const std::string reply = peer.AskRaw(ShortestRequest(*command));
      const std::string refused = absl::StrCat("-NOPERM this user has no permissions to run the '",
                                               command->name, "' command\r\n");
      if (caller == "-" && rights->second != "-") {
        const std::string noauth = "NOAUTH Authentication required.\r\n";
        EXPECT_EQ(reply, command->name == "exec"
                             ? "-EXECABORT Transaction discarded because of: " + noauth
                             : "-" + noauth)
            << command->name;
        continue;
      }
      bool may = true;
      for (const char right : rights->second) {
        may &= right == '-' || absl::StrContains(caller, right);
      }
      if (may) {
        EXPECT_FALSE(absl::StartsWith(reply, "-NOPERM")) << command->name << " of " << caller;
        if (command->name == "hello") continue;
        EXPECT_FALSE(absl::StartsWith(reply, "-NOAUTH")) << command->name << " of " << caller;
      } else {
        EXPECT_EQ(reply, refused) << command->name << " of " << caller;
      }
    }
  }
}

// By its name in any case, and by nothing else.
TEST(RespPermission, CommandsAreFoundByTheirNames) {
  const RespCommandTable& table = RespCommandTable::Get();
  for (const RespCommand* const command : table.all()) {
    const std::string name(command->name);
    EXPECT_EQ(table.Find(name), command);
    EXPECT_EQ(table.Find(absl::AsciiStrToUpper(name)), command);
    EXPECT_NE(table.Find(name.substr(1)), command);
    EXPECT_NE(table.Find(name + std::string(1, '\0')), command);
    EXPECT_NE(table.Find(name + " "), command);
    for (size_t i = 0; i < name.size(); ++i) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string other = name;
        other[i] = static_cast<char>(other[i] ^ (1 << bit));
        EXPECT_EQ(table.Find(other) == command, bit == 5) << other;
      }
    }
  }
  EXPECT_EQ(table.Find(""), nullptr);
  EXPECT_EQ(table.Find(std::string(1000, 'a')), nullptr);
}

// What runs, changes or shows nothing for those who may not: not only the reply says so.
TEST(RespPermission, RefusedChangesAreNotMade) {
  RespWorld world;
  RespPeer owner(world), reader(world, "c");
  owner.Ask("SET k v");
  reader.Ask("DEL k");
  reader.Ask("FLUSHALL");
  EXPECT_EQ(owner.Ask("GET k"), "$1\r\nv\r\n");
  RespPeer admin(world, "a");
  EXPECT_EQ(admin.Ask("FLUSHALL"), "+OK\r\n");
  EXPECT_EQ(owner.Ask("GET k"), "$-1\r\n");
}

TEST(RespPermission, OldValuesAreForThoseWhoMayRead) {
  RespWorld world;
  RespPeer owner(world), writer(world, "w");
  owner.Ask("SET k secret");
  EXPECT_EQ(writer.Ask("SET k v GET"),
            "-NOPERM this user has no permissions to access one of the keys used as "
            "arguments\r\n");
  EXPECT_EQ(owner.Ask("GET k"), "$6\r\nsecret\r\n");
}

TEST(RespPermission, WhatIsAnsweredWhileSealed) {
  for (const RespCommand* const command : EveryCommand()) {
    if (!command->subcommands.empty() && command->name != "command") continue;
    RespWorld world;
    RespPeer peer(world);
    world.list.is_loaded = false;
    const std::string reply = peer.AskRaw(ShortestRequest(*command));
    const std::string name(command->name);
    if (name == "ping" || name == "hello" || name == "quit" || name == "reset" || name == "info") {
      EXPECT_NE(reply.substr(0, 1), "-") << name;
    } else if (name == "exec") {
      EXPECT_EQ(reply,
                "-EXECABORT Transaction discarded because of: LOADING Keyturn is sealed\r\n");
    } else {
      EXPECT_EQ(reply, "-LOADING Keyturn is sealed\r\n") << name;
    }
  }
}

TEST(RespPermission, NobodyIsIdentifiedWhileSealed) {
  RespWorld world;
  world.host.passwords = {{"c", "pw"}};
  world.list.is_loaded = false;
  RespPeer peer(world, "-");
  EXPECT_EQ(peer.Ask("AUTH c pw"), "-LOADING Keyturn is sealed\r\n");
  EXPECT_EQ(peer.Ask("HELLO 3 AUTH c pw"), "-LOADING Keyturn is sealed\r\n");
  EXPECT_TRUE(world.host.seen.empty());
  EXPECT_EQ(peer.Ask("GET k"), "-NOAUTH Authentication required.\r\n");
  world.list.is_loaded = true;
  world.host.authenticate_status = absl::FailedPreconditionError("sealed a moment ago");
  EXPECT_EQ(peer.Ask("AUTH c pw"), "-LOADING Keyturn is sealed\r\n");
  world.host.authenticate_status = absl::OkStatus();
  EXPECT_EQ(peer.Ask("AUTH c pw"), "+OK\r\n");
  EXPECT_EQ(peer.Ask("INFO persistence").substr(0, 1), "$");
}

}  // namespace
}  // namespace keyturn
