#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "tests/revocation/resp_peer.h"

namespace keyturn {
namespace {

std::string BulkOf(absl::string_view text) {
  return absl::StrCat("$", text.size(), "\r\n", text, "\r\n");
}

// "*3 subscribe ch :1"
std::string Counted(char mark, absl::string_view word, absl::string_view name, int count) {
  return absl::StrCat(std::string(1, mark), "3\r\n", BulkOf(word), BulkOf(name), ":", count,
                      "\r\n");
}

std::string MessageOf(char mark, absl::string_view word, absl::string_view channel,
                      absl::string_view payload) {
  return absl::StrCat(std::string(1, mark), "3\r\n", BulkOf(word), BulkOf(channel),
                      BulkOf(payload));
}

std::string PatternMessage(char mark, absl::string_view pattern, absl::string_view channel,
                           absl::string_view payload) {
  return absl::StrCat(std::string(1, mark), "4\r\n", BulkOf("pmessage"), BulkOf(pattern),
                      BulkOf(channel), BulkOf(payload));
}

TEST(RespChannelsTest, AMessageGoesToAllWhoListen) {
  RespWorld world;
  RespPeer two(world, "c", 1), three(world, "c", 2), publisher(world, "w", 3);
  three.Ask("HELLO 3");
  EXPECT_EQ(publisher.Ask("PUBLISH ch none"), ":0\r\n");
  EXPECT_EQ(two.Ask("SUBSCRIBE ch other"),
            Counted('*', "subscribe", "ch", 1) + Counted('*', "subscribe", "other", 2));
  EXPECT_EQ(two.Ask("SUBSCRIBE ch"), Counted('*', "subscribe", "ch", 2));
  EXPECT_EQ(three.Ask("SUBSCRIBE ch"), Counted('>', "subscribe", "ch", 1));
  EXPECT_EQ(three.Ask("PSUBSCRIBE c[hx]"), Counted('>', "psubscribe", "c[hx]", 2));
  EXPECT_EQ(publisher.Ask("PUBLISH ch hello"), ":3\r\n");
  EXPECT_EQ(publisher.Ask("PUBLISH CH hello"), ":0\r\n");
  EXPECT_EQ(publisher.Ask("PUBLISH other x"), ":1\r\n");
  EXPECT_EQ(two.Receive(),
            MessageOf('*', "message", "ch", "hello") + MessageOf('*', "message", "other", "x"));
  EXPECT_EQ(three.Receive(),
            MessageOf('>', "message", "ch", "hello") + PatternMessage('>', "c[hx]", "ch", "hello"));
  EXPECT_EQ(two.Receive(), "");
}

TEST(RespChannelsTest, ShardChannelsAreOnesOfTheirOwn) {
  RespWorld world;
  RespPeer peer(world, "c", 1), publisher(world, "w", 2);
  peer.Ask("SUBSCRIBE ch");
  peer.Ask("PSUBSCRIBE *");
  EXPECT_EQ(peer.Ask("SSUBSCRIBE ch"), Counted('*', "ssubscribe", "ch", 1));
  EXPECT_EQ(publisher.Ask("SPUBLISH ch hello"), ":1\r\n");
  EXPECT_EQ(peer.Receive(), MessageOf('*', "smessage", "ch", "hello"));
  EXPECT_EQ(peer.Ask("SUNSUBSCRIBE"), Counted('*', "sunsubscribe", "ch", 0));
  EXPECT_EQ(publisher.Ask("SPUBLISH ch hello"), ":0\r\n");
}

TEST(RespChannelsTest, UnsubscribesOneOrAll) {
  RespWorld world;
  RespPeer peer(world, "c", 1), publisher(world, "w", 2);
  const std::string nothing = "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n";
  EXPECT_EQ(peer.Ask("UNSUBSCRIBE"), nothing);
  EXPECT_EQ(peer.Ask("UNSUBSCRIBE no"), Counted('*', "unsubscribe", "no", 0));
  peer.Ask("SUBSCRIBE a b c");
  peer.Ask("PSUBSCRIBE p2 p1");
  EXPECT_EQ(peer.Ask("UNSUBSCRIBE b"), Counted('*', "unsubscribe", "b", 4));
  EXPECT_EQ(publisher.Ask("PUBLISH b x"), ":0\r\n");
  EXPECT_EQ(peer.Ask("UNSUBSCRIBE"),
            Counted('*', "unsubscribe", "a", 3) + Counted('*', "unsubscribe", "c", 2));
  EXPECT_EQ(peer.Ask("PUNSUBSCRIBE"),
            Counted('*', "punsubscribe", "p2", 1) + Counted('*', "punsubscribe", "p1", 0));
  EXPECT_EQ(peer.Ask("GET k"), "$-1\r\n");
  EXPECT_FALSE(world.hub.channels().any());
}

// What was published before is heard before; nothing is after the confirmation.
TEST(RespChannelsTest, NothingComesBehindUnsubscribe) {
  RespWorld world;
  RespPeer peer(world, "c", 1), publisher(world, "w", 2);
  peer.Ask("SUBSCRIBE ch");
  publisher.Ask("PUBLISH ch before");
  EXPECT_EQ(peer.Ask("UNSUBSCRIBE ch"),
            MessageOf('*', "message", "ch", "before") + Counted('*', "unsubscribe", "ch", 0));
  publisher.Ask("PUBLISH ch after");
  EXPECT_EQ(peer.Receive(), "");
}

TEST(RespChannelsTest, WhoHasSubscribedInResp2DoesLittleElse) {
  RespWorld world;
  RespPeer peer(world, "cwa", 1);
  peer.Ask("SUBSCRIBE ch");
  for (const std::string request :
       {"GET k", "SET k v", "HELLO 3", "PUBLISH ch m", "MULTI", "CLIENT ID", "PUBSUB CHANNELS"}) {
    EXPECT_TRUE(absl::EndsWith(
        peer.Ask(request),
        "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
        "context\r\n"))
        << request;
  }
  EXPECT_EQ(peer.Ask("PUBLISH ch m").substr(0, 30), "-ERR Can't execute 'publish': ");
  EXPECT_EQ(peer.Ask("CLIENT ID").substr(0, 32), "-ERR Can't execute 'client|id': ");
  EXPECT_EQ(peer.Ask("PING"), "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
  EXPECT_EQ(peer.Ask("PING hi"), "*2\r\n$4\r\npong\r\n$2\r\nhi\r\n");
  EXPECT_EQ(peer.Ask("RESET"), "+RESET\r\n");
  EXPECT_FALSE(world.hub.channels().any());
  peer.session();
  RespPeer other(world, "cwa", 2);
  other.Ask("SUBSCRIBE ch");
  EXPECT_EQ(other.Ask("QUIT"), "+OK\r\n");
  EXPECT_TRUE(other.session().closing());
}

TEST(RespChannelsTest, WhoHasSubscribedInResp3DoesEverything) {
  RespWorld world;
  RespPeer peer(world, "cwa", 1);
  peer.Ask("HELLO 3");
  peer.Ask("SUBSCRIBE ch");
  EXPECT_EQ(peer.Ask("PING"), "+PONG\r\n");
  EXPECT_EQ(peer.Ask("GET k"), "_\r\n");
  EXPECT_EQ(peer.Ask("PUBLISH ch m"), MessageOf('>', "message", "ch", "m") + ":1\r\n");
  // A push is never within a reply.
  EXPECT_EQ(
      peer.AskRaw(RespRequest("MULTI") + RespRequest("PUBLISH ch x") + RespRequest("GET k") +
                  RespRequest("EXEC")),
      "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n_\r\n" + MessageOf('>', "message", "ch", "x"));
  EXPECT_EQ(peer.Ask("UNSUBSCRIBE ch"), Counted('>', "unsubscribe", "ch", 0));
}

TEST(RespChannelsTest, ConfirmationsAreNotTakenAwayWithReplies) {
  RespWorld world;
  RespPeer peer(world, "cwa", 1), publisher(world, "w", 2);
  peer.Ask("CLIENT REPLY OFF");
  EXPECT_EQ(peer.Ask("GET k"), "");
  EXPECT_EQ(peer.Ask("SUBSCRIBE"), "");
  EXPECT_EQ(peer.Ask("SUBSCRIBE ch"), Counted('*', "subscribe", "ch", 1));
  publisher.Ask("PUBLISH ch m");
  EXPECT_EQ(peer.Receive(), MessageOf('*', "message", "ch", "m"));
}

TEST(RespChannelsTest, ShowsWhoListens) {
  RespWorld world;
  RespPeer one(world, "c", 1), two(world, "c", 2), asks(world, "c", 3);
  one.Ask("SUBSCRIBE a");
  one.Ask("PSUBSCRIBE x*");
  two.Ask("SUBSCRIBE a");
  two.Ask("PSUBSCRIBE x*");
  two.Ask("SSUBSCRIBE s");
  EXPECT_EQ(asks.Ask("PUBSUB CHANNELS"), "*1\r\n$1\r\na\r\n");
  EXPECT_EQ(asks.Ask("PUBSUB CHANNELS b*"), "*0\r\n");
  EXPECT_EQ(asks.Ask("PUBSUB NUMSUB a b"), "*4\r\n$1\r\na\r\n:2\r\n$1\r\nb\r\n:0\r\n");
  EXPECT_EQ(asks.Ask("PUBSUB NUMSUB"), "*0\r\n");
  EXPECT_EQ(asks.Ask("PUBSUB NUMPAT"), ":1\r\n");
  EXPECT_EQ(asks.Ask("PUBSUB SHARDCHANNELS"), "*1\r\n$1\r\ns\r\n");
  EXPECT_EQ(asks.Ask("PUBSUB SHARDNUMSUB s"), "*2\r\n$1\r\ns\r\n:1\r\n");
  EXPECT_TRUE(absl::StrContains(asks.Ask("PUBSUB CHANNELS a b"),
                                "unknown subcommand or wrong number of arguments for 'CHANNELS'"));
  EXPECT_EQ(two.session().client().channels, 1u);
  EXPECT_EQ(two.session().client().patterns, 1u);
  EXPECT_EQ(two.session().client().shard_channels, 1u);
}

TEST(RespChannelsTest, WhoGoesAwayListensNoMore) {
  RespWorld world;
  RespPeer publisher(world, "w", 1);
  {
    RespPeer peer(world, "c", 2);
    peer.Ask("SUBSCRIBE ch");
    peer.Ask("PSUBSCRIBE *");
    EXPECT_EQ(publisher.Ask("PUBLISH ch m"), ":2\r\n");
  }
  EXPECT_EQ(publisher.Ask("PUBLISH ch m"), ":0\r\n");
  EXPECT_FALSE(world.hub.Has(2));
}

// Without a request of its own.
TEST(RespChannelsTest, WhoMayNotListenAnyMoreHearsNothing) {
  for (const std::string now : {"w", ""}) {
    RespWorld world;
    RespPeer peer(world, "c", 1), publisher(world, "w", 2);
    peer.Ask("SUBSCRIBE ch");
    ++world.host.now_epoch;
    world.host.refreshed_to = now;
    if (now.empty()) world.host.refresh_status = absl::UnauthenticatedError("gone");
    world.hub.Publish(ChannelKind::kChannel, "ch", "secret");
    EXPECT_EQ(peer.Receive(), "");
    EXPECT_TRUE(peer.session().broken());
  }
}

TEST(RespChannelsTest, MailIsKeptWhileNobodyCanBeAskedAbout) {
  RespWorld world;
  RespPeer peer(world, "c", 1);
  peer.Ask("SUBSCRIBE ch");
  ++world.host.now_epoch;
  world.host.refresh_status = absl::FailedPreconditionError("sealed");
  world.hub.Publish(ChannelKind::kChannel, "ch", "m");
  EXPECT_EQ(peer.Receive(), "");
  EXPECT_TRUE(peer.session().has_mail());
  EXPECT_FALSE(peer.session().broken());
  world.host.refresh_status = absl::OkStatus();
  EXPECT_EQ(peer.Receive(), MessageOf('*', "message", "ch", "m"));
}

TEST(RespChannelsTest, WhoDoesNotReadIsClosed) {
  RespWorld world;
  RespPeer peer(world, "c", 1);
  peer.Ask("SUBSCRIBE ch");
  const std::string payload(limits::kMiB, 'x');
  for (int i = 0; i < 33; ++i) {
    EXPECT_FALSE(peer.session().broken()) << i;
    world.hub.Publish(ChannelKind::kChannel, "ch", payload);
    peer.session().ReceiveMail();
  }
  EXPECT_TRUE(peer.session().broken());
  EXPECT_LT(peer.session().memory(), 4 * limits::kMiB);
}

TEST(RespChannelsTest, WhoReadsTooSlowlyIsClosed) {
  constexpr int64_t kSecond = 1'000'000'000;
  RespWorld world;
  RespPeer peer(world, "c", 1);
  peer.Ask("SUBSCRIBE ch");
  const std::string payload(limits::kMiB, 'x');
  for (int i = 0; i < 9; ++i) world.hub.Publish(ChannelKind::kChannel, "ch", payload);
  peer.session().CheckReader(1 * kSecond);
  peer.session().CheckReader(61 * kSecond);
  EXPECT_FALSE(peer.session().broken());
  EXPECT_EQ(peer.Receive().size(), 9 * MessageOf('*', "message", "ch", payload).size());
  peer.session().CheckReader(62 * kSecond);
  EXPECT_FALSE(peer.session().broken());
  for (int i = 0; i < 9; ++i) world.hub.Publish(ChannelKind::kChannel, "ch", payload);
  peer.session().CheckReader(63 * kSecond);
  peer.session().CheckReader(124 * kSecond);
  EXPECT_TRUE(peer.session().broken());
}

TEST(RespChannelsTest, SubscriptionsAreBounded) {
  RespWorld world;
  RespPeer peer(world, "c", 1);
  EXPECT_EQ(
      peer.Ask(absl::StrCat("PSUBSCRIBE ", std::string(limits::kRespPatternBytesMax + 1, 'p'))),
      "-ERR a pattern has at most 1024 bytes\r\n");
  std::vector<std::string> words = {"SUBSCRIBE"};
  for (size_t i = 0; i < limits::kRespSubscriptionsMax; ++i) words.push_back(absl::StrCat(i));
  EXPECT_FALSE(absl::StrContains(peer.AskRaw(RespArray(words)), "-ERR"));
  EXPECT_EQ(peer.Ask("SUBSCRIBE more"),
            "-ERR a connection subscribes to at most 10000 channels and patterns of 1048576 bytes "
            "together\r\n");
  EXPECT_EQ(peer.Ask("SUBSCRIBE 1"), Counted('*', "subscribe", "1", 10'000));
  RespPeer large(world, "c", 2);
  const std::string name(512 * limits::kKiB - 1, 'n');
  EXPECT_EQ(large.Ask("SUBSCRIBE " + name).substr(0, 1), "*");
  EXPECT_EQ(large.Ask("SUBSCRIBE " + name + "m").substr(0, 1), "*");
  EXPECT_EQ(large.Ask("SUBSCRIBE yet").substr(0, 4), "-ERR");
}

TEST(RespChannelsTest, ListsTellWhoListens) {
  RespWorld world;
  RespPeer admin(world, "ca", 9);
  admin.Ask("HELLO 3");
  admin.Ask("SUBSCRIBE a");
  admin.Ask("PSUBSCRIBE b c");
  const std::string line = admin.Ask("CLIENT INFO");
  EXPECT_TRUE(absl::StrContains(line, " flags=P ")) << line;
  EXPECT_TRUE(absl::StrContains(line, " sub=1 psub=2 ssub=0 ")) << line;
  world.host.clients = {admin.session().client()};
  EXPECT_TRUE(absl::StrContains(admin.Ask("CLIENT LIST TYPE pubsub"), "id=9"));
  EXPECT_FALSE(absl::StrContains(admin.Ask("CLIENT LIST TYPE normal"), "id=9"));
}

}  // namespace
}  // namespace keyturn
