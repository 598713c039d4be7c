#include "revocation/resp_session.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "base/limits.h"
#include "base/log.h"
#include "tests/revocation/resp_peer.h"

namespace keyturn {
namespace {

constexpr char kNoauthReply[] = "-NOAUTH Authentication required.\r\n";
constexpr char kWrongpassReply[] =
    "-WRONGPASS invalid username-password pair or user is disabled.\r\n";

TEST(RespSession, AuthenticatesInEveryForm) {
  for (const std::string request : {"AUTH c pw", "AUTH pw", "auth default pw", "HELLO 2 AUTH c pw",
                                    "hello 3 auth c pw setname me"}) {
    RespWorld world;
    world.host.passwords = {{"c", "pw"}, {"default", "pw"}};
    RespPeer peer(world, "-");
    EXPECT_EQ(peer.Ask("GET k"), kNoauthReply);
    EXPECT_FALSE(peer.session().authenticated());
    EXPECT_NE(peer.Ask(request).substr(0, 1), "-") << request;
    EXPECT_TRUE(peer.session().authenticated());
    const std::string user = absl::StrContains(request, " c ") ? "c" : "default";
    EXPECT_EQ(world.host.seen, std::vector<std::string>{user + " 127.0.0.1:5000"});
    EXPECT_EQ(peer.session().client().user, user == "c" ? "c" : "cwa");
    EXPECT_EQ(peer.Ask("EXISTS k"), ":0\r\n");
  }
}

TEST(RespSession, AWrongPasswordLeavesWhoWasThere) {
  RespWorld world;
  world.host.passwords = {{"c", "pw"}};
  RespPeer peer(world, "-");
  EXPECT_EQ(peer.Ask("AUTH c no"), kWrongpassReply);
  EXPECT_EQ(peer.Ask("HELLO 3 AUTH c no"), kWrongpassReply);
  EXPECT_EQ(peer.Ask("GET k"), kNoauthReply);
  peer.Ask("AUTH c pw");
  EXPECT_EQ(peer.Ask("AUTH c no"), kWrongpassReply);
  EXPECT_EQ(peer.Ask("GET k"), "$-1\r\n");
  world.host.authenticate_status = absl::ResourceExhaustedError("locked");
  EXPECT_TRUE(absl::StartsWith(peer.Ask("AUTH c pw"), "-ERR too many wrong passwords"));
}

// StackExchange.Redis sends AUTH first and the rest unwaited; each must have its reply.
TEST(RespSession, StrangersGetAReplyToEachRequestInOrder) {
  RespWorld world;
  world.host.passwords = {{"c", "pw"}};
  RespPeer peer(world, "-");
  std::string requests;
  for (const char* const request : {"GET a", "FOO", "AUTH c no", "HELLO 3", "CLIENT ID",
                                    "AUTH c pw", "GET a", "HELLO 3", "GET a"}) {
    requests += RespRequest(request);
  }
  const std::string replies = peer.AskRaw(requests);
  EXPECT_TRUE(absl::StartsWith(
      replies,
      absl::StrCat(kNoauthReply, "-ERR unknown command 'FOO', with args beginning with: \r\n",
                   kWrongpassReply,
                   "-NOAUTH HELLO must be called with the client already "
                   "authenticated, otherwise the HELLO AUTH <user> <pass> option can be "
                   "used to authenticate the client and select the RESP protocol version "
                   "at the same time\r\n",
                   kNoauthReply, "+OK\r\n$-1\r\n%7\r\n")))
      << replies;
  EXPECT_TRUE(absl::EndsWith(replies, "*0\r\n_\r\n"));
}

// What stands behind AUTH in one piece is read by the bounds of who is known by then.
TEST(RespSession, BoundsOfStrangersEndWithAuth) {
  RespWorld world;
  world.host.passwords = {{"c", "pw"}};
  const std::string many = "EXISTS a b c d e f g h i j k l";
  RespPeer stranger(world, "-");
  EXPECT_EQ(stranger.Ask(many), "-ERR Protocol error: unauthenticated multibulk length\r\n");
  EXPECT_TRUE(stranger.session().closing());
  RespPeer peer(world, "-");
  EXPECT_EQ(peer.AskRaw(RespRequest("AUTH c pw") + RespRequest(many)), "+OK\r\n:0\r\n");
  EXPECT_EQ(peer.AskRaw(RespRequest("RESET") + RespRequest(many)),
            "+RESET\r\n-ERR Protocol error: unauthenticated multibulk length\r\n");
}

// Whether a word still stands in the reader's buffer, which is seen through the room that it gives
// for what comes next.
bool BufferHolds(RespSession& session, absl::string_view word) {
  const absl::Span<char> room = session.Space(1);
  return absl::StrContains(absl::string_view(room.data(), room.size()), word);
}

TEST(RespSession, PasswordsAreWiped) {
  constexpr absl::string_view kPassword = "correct-horse-battery";
  for (const std::string request :
       {"AUTH c correct-horse-battery", "AUTH correct-horse-battery",
        "AUTH x correct-horse-battery", "AUTH a b correct-horse-battery",
        "HELLO 3 AUTH c correct-horse-battery", "HELLO 9 AUTH c correct-horse-battery",
        "HELLO 3 FOO correct-horse-battery", "HELLO 3 AUTH c correct-horse-battery FOO"}) {
    for (const bool sealed : {false, true}) {
      for (const bool multi : {false, true}) {
        RespWorld world;
        world.host.passwords = {{"c", std::string(kPassword)}};
        world.list.is_loaded = !sealed;
        RespPeer peer(world, multi ? "c" : "-");
        if (multi) peer.Ask("MULTI");
        peer.Ask(request);
        EXPECT_FALSE(BufferHolds(peer.session(), kPassword)) << request << sealed << multi;
      }
    }
  }
  // The test sees what is not wiped.
  RespWorld world;
  RespPeer peer(world, "c");
  peer.Ask("GET correct-horse-battery");
  EXPECT_TRUE(BufferHolds(peer.session(), kPassword));
}

TEST(RespSession, ProtocolErrorsEndItAfterWhatCameBefore) {
  RespWorld world;
  RespPeer peer(world);
  EXPECT_EQ(peer.AskRaw("PING\r\n*1\r\n$x\r\nPING\r\n"),
            "+PONG\r\n-ERR Protocol error: invalid bulk length\r\n");
  EXPECT_TRUE(peer.session().closing());
  EXPECT_FALSE(peer.session().broken());
  EXPECT_FALSE(peer.session().wants_bytes());
}

TEST(RespSession, NothingRunsBehindQuit) {
  RespWorld world;
  RespPeer peer(world, "cw"), other(world, "cw", 4);
  EXPECT_EQ(peer.AskRaw("SET a 1\r\nquit now\r\nSET b 1\r\n"), "+OK\r\n+OK\r\n");
  EXPECT_TRUE(peer.session().closing());
  EXPECT_EQ(other.Ask("EXISTS a b"), ":1\r\n");
  RespPeer stranger(world, "-");
  EXPECT_EQ(stranger.Ask("QUIT"), "+OK\r\n");
}

TEST(RespSession, BrowsersAreCutOffWithoutAReply) {
  int pipes[2];
  ASSERT_EQ(pipe(pipes), 0);
  for (const absl::string_view request :
       {"POST / HTTP/1.1\r\nSET k v\r\n", "GET k\r\nhOsT: evil-argument\r\nSET k v\r\n"}) {
    RespWorld world;
    world.clock.AdvanceTime(absl::Hours(1) * static_cast<int>(request.size()));
    RespPeer peer(world), other(world, "cwa", 4);
    SetLogFd(pipes[1]);
    SetLogLevel(LogLevel::kWarning);
    peer.Send(request);
    SetLogLevel(LogLevel::kError);
    SetLogFd(2);
    EXPECT_TRUE(peer.session().broken());
    EXPECT_FALSE(absl::StrContains(peer.Receive(), "ERR"));
    EXPECT_EQ(other.Ask("EXISTS k"), ":0\r\n");
  }
  close(pipes[1]);
  char log[4096];
  const ssize_t size = read(pipes[0], log, sizeof(log));
  close(pipes[0]);
  ASSERT_GT(size, 0);
  const absl::string_view lines(log, static_cast<size_t>(size));
  EXPECT_TRUE(absl::StrContains(lines, "127.0.0.1:5000")) << lines;
  EXPECT_FALSE(absl::StrContains(lines, "evil-argument")) << lines;
}

TEST(RespSession, RunsOfExistsAreAskedTogether) {
  RespWorld world;
  RespPeer peer(world);
  peer.Ask("SET k3 v");
  std::string requests, replies;
  for (int i = 0; i < 40; ++i) {
    requests += RespRequest("exists k" + std::to_string(i));
    replies += i == 3 ? ":1\r\n" : ":0\r\n";
  }
  EXPECT_EQ(peer.AskRaw(requests), replies);
  EXPECT_EQ(world.list.asked_together, (std::vector<size_t>{16, 16, 8}));
  // Others between them keep the order; several keys are one count.
  world.list.asked_together.clear();
  EXPECT_EQ(
      peer.AskRaw(RespRequest("EXISTS k3") + RespRequest("EXISTS a") + RespRequest("DEL k3") +
                  RespRequest("EXISTS k3") + RespRequest("EXISTS a b") + RespRequest("EXISTS a")),
      ":1\r\n:0\r\n:1\r\n:0\r\n:0\r\n:0\r\n");
  EXPECT_EQ(world.list.asked_together, (std::vector<size_t>{2, 1, 1}));
  EXPECT_EQ(peer.session().commands(), 47u);
  EXPECT_EQ(peer.session().client().last_command, "exists");
}

TEST(RespSession, FastReadsAreForThoseWhoMayAndAreNotSkipped) {
  RespWorld world;
  RespPeer writer(world, "w");
  EXPECT_TRUE(absl::StartsWith(writer.Ask("EXISTS k"), "-NOPERM"));
  RespPeer peer(world, "c");
  EXPECT_EQ(peer.AskRaw("CLIENT REPLY SKIP\r\nEXISTS a\r\nEXISTS b\r\n"), ":0\r\n");
  EXPECT_EQ(peer.AskRaw("CLIENT REPLY OFF\r\nEXISTS a\r\nEXISTS b\r\nFOO\r\nCLIENT REPLY ON\r\n"),
            "+OK\r\n");
  world.list.is_loaded = false;
  EXPECT_EQ(peer.Ask("EXISTS k"), "-LOADING Keyturn is sealed\r\n");
  EXPECT_EQ(world.list.asked_together, std::vector<size_t>{1});  // what followed SKIP, only
}

TEST(RespSession, RepliesAreTurnedOffAndOn) {
  RespWorld world;
  RespPeer peer(world);
  EXPECT_EQ(peer.AskRaw("CLIENT REPLY SKIP\r\nCLIENT REPLY SKIP\r\nPING 1\r\nPING 2\r\n"),
            "$1\r\n2\r\n");
  EXPECT_EQ(peer.AskRaw("CLIENT REPLY OFF\r\nCLIENT REPLY SKIP\r\nPING\r\nPING\r\n"), "");
  EXPECT_EQ(peer.AskRaw("RESET\r\n"), "+RESET\r\n");
  EXPECT_EQ(peer.Ask("PING"), "+PONG\r\n");
  EXPECT_EQ(peer.AskRaw("CLIENT REPLY OFF\r\n*1\r\n$x\r\n"), "");
  EXPECT_TRUE(peer.session().closing());
}

TEST(RespSession, ResetMakesItNew) {
  RespWorld world;
  world.host.passwords = {{"c", "pw"}, {"w", "pw"}};
  RespPeer peer(world, "-");
  peer.Ask("HELLO 3 AUTH c pw SETNAME me");
  peer.Ask("MULTI");
  EXPECT_EQ(peer.Ask("RESET"), "+RESET\r\n");
  EXPECT_FALSE(peer.session().authenticated());
  EXPECT_EQ(peer.Ask("GET k"), kNoauthReply);
  peer.Ask("AUTH c pw");
  EXPECT_EQ(peer.Ask("GET k"), "$-1\r\n");  // RESP2, and not queued
  EXPECT_EQ(peer.Ask("CLIENT GETNAME"), "$-1\r\n");
  // Who has a certificate is who that says.
  RespPeer known(world, "c");
  known.Ask("AUTH w pw");
  EXPECT_EQ(known.Ask("SET k v"), "+OK\r\n");
  known.Ask("RESET");
  EXPECT_EQ(known.Ask("GET k"), "$1\r\nv\r\n");
  EXPECT_EQ(known.session().client().user, "c");
}

TEST(RespSession, AccessFollowsPolicies) {
  RespWorld world;
  RespPeer peer(world, "cw");
  EXPECT_EQ(peer.Ask("SET k v"), "+OK\r\n");
  EXPECT_EQ(world.host.refreshed, 0);
  ++world.host.now_epoch;
  world.host.refreshed_to = "c";
  EXPECT_TRUE(absl::StartsWith(peer.Ask("SET k v"), "-NOPERM"));
  EXPECT_EQ(peer.Ask("GET k"), "$1\r\nv\r\n");
  EXPECT_EQ(world.host.refreshed, 1);
  // RESET does not bring back what a certificate could before.
  world.host.refreshed_to = "n";
  RespPeer reset(world, "c");
  ++world.host.now_epoch;
  EXPECT_TRUE(absl::StartsWith(reset.AskRaw("RESET\r\nGET k\r\n"), "+RESET\r\n-NOPERM"));
}

TEST(RespSession, WhoIsGoneIsCutOffAfterOneReply) {
  RespWorld world;
  world.host.passwords = {{"c", "pw"}};
  RespPeer peer(world, "cw"), back(world, "c", 4);
  ++world.host.now_epoch;
  world.host.refresh_status = absl::UnauthenticatedError("revoked");
  EXPECT_EQ(peer.AskRaw("EXISTS k\r\nEXISTS k\r\n"), kNoauthReply);
  EXPECT_TRUE(peer.session().closing());
  EXPECT_FALSE(peer.session().authenticated());
  world.host.refresh_status = absl::UnauthenticatedError("revoked");
  EXPECT_EQ(back.AskRaw("AUTH c pw\r\nGET k\r\n"), "+OK\r\n$-1\r\n");
  EXPECT_FALSE(back.session().closing());
}

TEST(RespSession, WhatIsNotKnownForSureIsNotAnswered) {
  RespWorld world;
  RespPeer peer(world, "c");
  ++world.host.now_epoch;
  world.host.refresh_status = absl::FailedPreconditionError("sealed");
  EXPECT_EQ(peer.Ask("EXISTS k"), "-LOADING Keyturn is sealed\r\n");
  world.host.refresh_status = absl::OkStatus();
  EXPECT_EQ(peer.Ask("EXISTS k"), ":0\r\n");
}

TEST(RespSession, AccessHasAnEnd) {
  RespWorld world;
  RespPeer peer(world, "-");
  RespAccess access = world.host.AccessOf("c");
  access.until = world.clock.Now() + absl::Seconds(10);
  peer.session().SetAccess(access);
  peer.Ask("EXISTS k");
  EXPECT_EQ(world.host.refreshed, 0);
  world.clock.AdvanceTime(absl::Seconds(10));
  peer.Ask("EXISTS k");
  EXPECT_EQ(world.host.refreshed, 1);
}

TEST(RespSession, StrangersWhoDoNotReadAreCutOff) {
  RespWorld world;
  RespPeer peer(world, "-");
  std::string requests;
  for (int i = 0; i < 2000; ++i) requests += "GET k\r\n";
  peer.Send(requests);
  EXPECT_TRUE(peer.session().broken());
  EXPECT_LT(peer.session().commands(), 600u);
  // Who reads may ask as often as they like.
  RespPeer reader(world, "-");
  for (int i = 0; i < 2000; ++i) EXPECT_EQ(reader.AskRaw("GET k\r\n"), kNoauthReply);
  EXPECT_FALSE(reader.session().broken());
}

// Requests are read ahead of those that run. More bytes may come while they wait.
TEST(RespSession, RequestsThatWaitOutliveTheirBuffer) {
  RespWorld world;
  RespPeer peer(world);
  std::string requests, replies;
  for (int i = 10; i < 60; ++i) {
    const std::string value(100 * limits::kKiB + static_cast<size_t>(i), 'v');
    peer.AskRaw(RespArray({"SET", "key" + std::to_string(i), value}));
    requests += RespRequest("GET key" + std::to_string(i));
    replies += absl::StrCat("$", value.size(), "\r\n", value, "\r\n");
  }
  peer.Send(requests);
  EXPECT_TRUE(peer.session().wants_run());
  const uint64_t ran = peer.session().commands();
  EXPECT_NE((ran - 50) % 16, 0u);  // some of those that were read wait
  peer.session().Space(1);
  EXPECT_GT(peer.session().commands(), ran);
  peer.Send(std::string(100'000, '\n') + "PING\r\n");
  EXPECT_EQ(peer.Receive(), replies + "+PONG\r\n");
}

TEST(RespSession, OneReplyHasAnEnd) {
  RespWorld world;
  RespPeer peer(world);
  const std::string value(500 * limits::kKiB, 'v');
  peer.AskRaw(RespArray({"SET", "k", value}));
  std::string request = "MGET";
  for (int i = 0; i < 1000; ++i) request += " k";
  peer.Send(RespRequest(request));
  EXPECT_TRUE(peer.session().broken());
  EXPECT_LT(peer.session().memory(), 4 * limits::kRespOutputBytesMax);
}

TEST(RespSession, QuietConnectionsHoldLittle) {
  RespWorld world;
  RespPeer peer(world);
  peer.AskRaw(RespArray({"SET", "k", std::string(400'000, 'v')}));
  peer.Ask("GET k");
  std::string request = "EXISTS";
  for (int i = 0; i < 10'000; ++i) request += " k";
  peer.Ask(request);
  peer.session().ReleaseMemory();
  EXPECT_LT(peer.session().memory(), 4000u);
  EXPECT_EQ(peer.Ask("EXISTS k"), ":1\r\n");
}

TEST(RespSession, ClientsAreListedAndKilled) {
  RespWorld world;
  RespPeer peer(world);
  peer.Ask("CLIENT SETINFO LIB-NAME redis-py");
  peer.Ask("CLIENT SETNAME me");
  RespClient other = peer.session().client();
  other.id = 9;
  other.address = "10.0.0.1:77";
  other.user = "someone";
  other.name = "";
  other.library_name = "";
  other.last_command = "client|setname";
  world.host.clients = {peer.session().client(), other};
  world.clock.AdvanceTime(absl::Seconds(5));
  const std::string own =
      "id=3 addr=127.0.0.1:5000 laddr=127.0.0.1:6379 fd=-1 name=me age=5 idle=0 flags=N db=0 sub=0 "
      "psub=0 ssub=0 multi=-1 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 "
      "omem=0 tot-mem=0 events=r cmd=client|list user=cwa redir=-1 resp=2 lib-name=redis-py "
      "lib-ver=\n";
  const std::string list = peer.Ask("CLIENT LIST");
  EXPECT_TRUE(absl::StrContains(list, own)) << list;
  EXPECT_TRUE(absl::StrContains(list, "\nid=9 addr=10.0.0.1:77 ")) << list;
  EXPECT_TRUE(absl::StrContains(list, " idle=5 ")) << list;
  EXPECT_EQ(peer.Ask("CLIENT LIST TYPE pubsub"), "$0\r\n\r\n");
  EXPECT_FALSE(absl::StrContains(peer.Ask("CLIENT LIST ID 9 77"), "id=3 "));
  EXPECT_FALSE(absl::StrContains(peer.Ask("CLIENT INFO"), "id=9 "));

  EXPECT_EQ(peer.Ask("CLIENT KILL USER someone"), ":1\r\n");
  EXPECT_EQ(peer.Ask("CLIENT KILL TYPE normal"), ":1\r\n");
  EXPECT_EQ(peer.Ask("CLIENT KILL TYPE pubsub"), ":0\r\n");
  EXPECT_EQ(peer.Ask("CLIENT KILL ID 9 ADDR 10.0.0.2:77"), ":0\r\n");
  EXPECT_EQ(peer.Ask("CLIENT KILL 10.0.0.1:77"), "+OK\r\n");
  EXPECT_EQ(world.host.killed, (std::vector<uint64_t>{9, 9, 9}));
  EXPECT_FALSE(peer.session().closing());
  EXPECT_EQ(peer.Ask("CLIENT KILL SKIPME no LADDR 127.0.0.1:6379"), ":2\r\n");
  EXPECT_TRUE(peer.session().closing());
}

TEST(RespSession, InfoHasWhatClientsLookFor) {
  RespWorld world;
  RespPeer peer(world);
  peer.Ask("SET k v");
  const std::string all = peer.Ask("INFO");
  for (const char* const field :
       {"# Server\r\nredis_version:7.0.15\r\n", "keyturn_version:9.8.7\r\n",
        "redis_mode:standalone\r\n", "\r\n\r\n# Replication\r\nrole:master\r\n",
        "\r\nloading:0\r\n", "maxclients:10000\r\n", "cluster_enabled:0\r\n", "db0:keys=1,",
        "tcp_port:6379\r\n", "total_commands_processed:17\r\n"}) {
    EXPECT_TRUE(absl::StrContains(all, field)) << field << all;
  }
  EXPECT_TRUE(absl::StartsWith(peer.Ask("INFO replication"), "$"));
  EXPECT_FALSE(absl::StrContains(peer.Ask("INFO replication"), "redis_version"));
  EXPECT_EQ(peer.Ask("INFO nosuch"), "$0\r\n\r\n");
  world.list.is_loaded = false;
  EXPECT_TRUE(absl::StrContains(peer.Ask("INFO"), "\r\nloading:1\r\n"));
  world.list.is_loaded = true;
  peer.Ask("HELLO 3");
  EXPECT_EQ(peer.Ask("INFO cpu").substr(0, 1), "=");
}

TEST(RespSession, KeysAreListedOnlyWhenAllAreKnown) {
  RespWorld world;
  world.list.names = false;
  RespPeer peer(world);
  for (const char* const request : {"SCAN 0", "KEYS *", "RANDOMKEY"}) {
    EXPECT_TRUE(absl::StrContains(peer.Ask(request), "scan = true")) << request;
  }
  world.list.names = true;
  std::string keys;
  for (int i = 100; i < 200; ++i) peer.Ask("SET key" + std::to_string(i) + " v");
  EXPECT_TRUE(absl::StartsWith(peer.Ask("KEYS *"), "*100\r\n"));
  EXPECT_TRUE(absl::StartsWith(peer.Ask("KEYS key1[5-9]*"), "*50\r\n"));
  EXPECT_TRUE(absl::StartsWith(peer.Ask("SCAN 0 COUNT 30"), "*2\r\n$2\r\n30\r\n*30\r\n"));
  EXPECT_TRUE(absl::StartsWith(peer.Ask("SCAN 90 COUNT 30"), "*2\r\n$1\r\n0\r\n*10\r\n"));
  EXPECT_TRUE(absl::StartsWith(peer.Ask("SCAN 0 COUNT 100 TYPE set"), "*2\r\n$1\r\n0\r\n*0\r\n"));
  EXPECT_TRUE(absl::StartsWith(peer.Ask("RANDOMKEY"), "$6\r\nkey1"));
}

TEST(RespSession, AnEndThatIsTheSameIsNeitherGreaterNorLess) {
  RespWorld world;
  RespPeer peer(world);
  peer.Ask("SET k v PXAT 1999999999999");
  for (const char* const request : {"PEXPIREAT k 1999999999999 GT", "PEXPIREAT k 1999999999999 LT",
                                    "PEXPIREAT k 1999999999998 GT", "PEXPIREAT k 2000000000000 LT",
                                    "PEXPIREAT k 2000000000000 NX"}) {
    EXPECT_EQ(peer.Ask(request), ":0\r\n") << request;
  }
  EXPECT_EQ(peer.Ask("PEXPIREAT k 2000000000000 GT"), ":1\r\n");
  EXPECT_EQ(peer.Ask("PEXPIREAT k 1999999999999 LT XX"), ":1\r\n");
  EXPECT_EQ(peer.Ask("PEXPIRETIME k"), ":1999999999999\r\n");
}

TEST(RespSession, SettingsAreNotChangedHere) {
  RespWorld world;
  RespPeer peer(world);
  EXPECT_EQ(peer.Ask("CONFIG SET timeout 0 Databases 16"), "+OK\r\n");
  EXPECT_EQ(
      peer.Ask("CONFIG SET timeout 0 appendonly no"),
      "-ERR CONFIG SET failed (possibly related to argument 'appendonly') - settings stand in "
      "keyturnd.toml, and count when keyturnd is started\r\n");
  EXPECT_EQ(peer.Ask("CONFIG GET maxclients port"),
            "*4\r\n$10\r\nmaxclients\r\n$5\r\n10000\r\n$4\r\nport\r\n$4\r\n6379\r\n");
}

// Lives are counted from the wall, what is left of them from the list's own clock.
TEST(RespSession, TimesAreTakenFromTheRightClock) {
  RespWorld world;
  RespPeer peer(world);
  world.list.behind_ms = 300'000;
  const int64_t wall = absl::ToUnixMillis(world.clock.Now());
  peer.Ask("SET a v PX 5000");
  EXPECT_EQ(peer.Ask("PEXPIRETIME a"), absl::StrCat(":", wall + 5000, "\r\n"));
  EXPECT_EQ(peer.Ask("PTTL a"), ":305000\r\n");
  EXPECT_EQ(peer.Ask("TTL a"), ":305\r\n");
  peer.Ask("PEXPIRE a 700");
  EXPECT_EQ(peer.Ask("PEXPIRETIME a"), absl::StrCat(":", wall + 700, "\r\n"));
  world.list.behind_ms = 0;
  EXPECT_EQ(peer.Ask("TTL a"), ":1\r\n");  // to the nearest second
  peer.Ask("PEXPIRE a 499");
  EXPECT_EQ(peer.Ask("TTL a"), ":0\r\n");
  peer.Ask("SET b v PXAT 9223372036854775807");
  EXPECT_NE(peer.Ask("TTL b"), ":-1\r\n");
}

}  // namespace
}  // namespace keyturn
