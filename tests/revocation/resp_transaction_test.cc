#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "base/limits.h"
#include "tests/revocation/resp_peer.h"

namespace keyturn {
namespace {

constexpr char kOkReply[] = "+OK\r\n";
constexpr char kQueuedReply[] = "+QUEUED\r\n";

TEST(RespTransaction, CommandsOfExecAreOneChange) {
  RespWorld world;
  RespPeer peer(world);
  EXPECT_EQ(peer.Ask("MULTI"), kOkReply);
  for (const char* const request : {"SET a 1", "GET a", "EXISTS a b", "DEL a", "EXISTS a"}) {
    EXPECT_EQ(peer.Ask(request), kQueuedReply);
  }
  EXPECT_EQ(world.list.begins, 0);
  EXPECT_EQ(peer.Ask("EXEC"), "*5\r\n+OK\r\n$1\r\n1\r\n:1\r\n:1\r\n:0\r\n");
  EXPECT_EQ(world.list.begins, 1);
  EXPECT_EQ(world.list.last_change, 1u);
  EXPECT_EQ(peer.Ask("EXEC"), "-ERR EXEC without MULTI\r\n");
}

TEST(RespTransaction, NothingRunsBeforeExec) {
  RespWorld world;
  RespPeer peer(world), other(world);
  peer.Ask("MULTI");
  peer.Ask("SET a 1");
  EXPECT_EQ(other.Ask("EXISTS a"), ":0\r\n");
  EXPECT_EQ(peer.Ask("EXISTS a"), kQueuedReply);  // not answered directly
  peer.Ask("DISCARD");
  EXPECT_EQ(other.Ask("EXISTS a"), ":0\r\n");
}

TEST(RespTransaction, AWatchedKeyThatDiffersStopsIt) {
  struct Case {
    const char* before;  // by whoever
    const char* change;
    bool runs;
  };
  for (const Case& test : {Case{"SET k 1", "SET k 2", false}, Case{"SET k 1", "DEL k", false},
                           Case{"DEL k", "SET k 1", false}, Case{"SET k 1", "EXPIRE k 9", false},
                           Case{"SADD k a", "SADD k b", false}, Case{"SET k 1", "GET k", true},
                           Case{"SET k 1", "SET other 2", true}, Case{"DEL k", "DEL k", true},
                           // By value: what is put back is as it was.
                           Case{"SET k 1", "SET k 1", true}}) {
    for (const bool resp3 : {false, true}) {
      RespWorld world;
      RespPeer peer(world), other(world, "cwa", 4);
      if (resp3) peer.Ask("HELLO 3");
      other.Ask(test.before);
      EXPECT_EQ(peer.Ask("WATCH x k"), kOkReply);
      other.Ask(test.change);
      peer.Ask("MULTI");
      peer.Ask("SET done 1");
      EXPECT_EQ(peer.Ask("EXEC"), test.runs ? "*1\r\n+OK\r\n"
                                  : resp3   ? "_\r\n"
                                            : "*-1\r\n")
          << test.before << ", " << test.change;
      EXPECT_EQ(other.Ask("EXISTS done"), test.runs ? ":1\r\n" : ":0\r\n");
      // It counts for one EXEC.
      other.Ask("SET k 9");
      peer.Ask("MULTI");
      EXPECT_EQ(peer.Ask("EXEC"), "*0\r\n");
    }
  }
}

TEST(RespTransaction, AWatchedKeyThatExpiresStopsIt) {
  RespWorld world;
  RespPeer peer(world);
  peer.Ask("SET k 1 PX 1000");
  peer.Ask("WATCH k");
  world.clock.AdvanceTime(absl::Seconds(1));
  peer.Ask("MULTI");
  EXPECT_EQ(peer.Ask("EXEC"), "*-1\r\n");
}

TEST(RespTransaction, UnwatchDiscardAndResetForgetKeys) {
  for (const std::string how : {"UNWATCH", "DISCARD", "RESET"}) {
    RespWorld world;
    RespPeer peer(world), other(world, "cwa", 4);
    peer.Ask("WATCH k");
    if (how == "DISCARD") peer.Ask("MULTI");
    peer.Ask(how);
    other.Ask("SET k 1");
    peer.Ask("MULTI");
    EXPECT_EQ(peer.Ask("EXEC"), "*0\r\n") << how;
  }
}

TEST(RespTransaction, WhatNeedsNoListTakesNone) {
  RespWorld world;
  RespPeer peer(world);
  peer.Ask("MULTI");
  peer.Ask("PING");
  EXPECT_EQ(peer.Ask("EXEC"), "*1\r\n+PONG\r\n");
  EXPECT_EQ(world.list.begins, 0);
}

TEST(RespTransaction, WhenTheLogHasFailedReadsGoOn) {
  RespWorld world;
  RespPeer peer(world);
  peer.Ask("SET k 1");
  world.list.begin_status = absl::UnavailableError("disk");
  peer.Ask("MULTI");
  peer.Ask("GET k");
  EXPECT_EQ(peer.Ask("EXEC"), "*1\r\n$1\r\n1\r\n");
  peer.Ask("MULTI");
  peer.Ask("GET k");
  peer.Ask("SET k 2");
  EXPECT_TRUE(absl::StartsWith(peer.Ask("EXEC"),
                               "-EXECABORT Transaction discarded because of: MISCONF Errors "));
  world.list.begin_status = absl::ResourceExhaustedError("waits");
  peer.Ask("MULTI");
  peer.Ask("GET k");
  EXPECT_EQ(peer.Ask("EXEC"),
            "-EXECABORT Transaction discarded because of: BUSY too much waits for the disk: try "
            "again\r\n");
  EXPECT_EQ(peer.Ask("EXEC"), "-ERR EXEC without MULTI\r\n");
}

TEST(RespTransaction, PermissionsAreThoseOfExec) {
  RespWorld world;
  RespPeer peer(world, "cw");
  peer.Ask("MULTI");
  peer.Ask("SET k 1");
  peer.Ask("GET k");
  world.host.refreshed_to = "c";
  ++world.host.now_epoch;
  const std::string reply = peer.Ask("EXEC");
  EXPECT_TRUE(absl::StartsWith(reply, "*2\r\n-NOPERM ACLs rules changed")) << reply;
  EXPECT_TRUE(absl::EndsWith(reply, "subcommand\r\n$-1\r\n")) << reply;
}

TEST(RespTransaction, ACommandThatMayNotRunIsNotQueued) {
  RespWorld world;
  RespPeer peer(world, "c");
  peer.Ask("MULTI");
  EXPECT_TRUE(absl::StartsWith(peer.Ask("SET k 1"), "-NOPERM"));
  EXPECT_EQ(peer.Ask("EXEC"), "-EXECABORT Transaction discarded because of previous errors.\r\n");
}

// Nor what would hold up everybody's changes for as long as it looks.
TEST(RespTransaction, PasswordsAreNotQueued) {
  RespWorld world;
  world.host.passwords = {{"c", "pw"}};
  RespPeer peer(world);
  const char kRefused[] = "-ERR Command not allowed inside a transaction\r\n";
  for (const char* const request : {"AUTH c pw", "HELLO 3 AUTH c pw", "HELLO 3", "CLIENT REPLY OFF",
                                    "SCAN 0", "KEYS *", "RANDOMKEY"}) {
    peer.Ask("MULTI");
    EXPECT_EQ(peer.Ask(request), kRefused);
    EXPECT_EQ(peer.Ask("EXEC"), "-EXECABORT Transaction discarded because of previous errors.\r\n");
  }
  EXPECT_TRUE(world.host.seen.empty());
}

TEST(RespTransaction, WhatIsQueuedHasBounds) {
  RespWorld world;
  RespPeer peer(world);
  peer.Ask("MULTI");
  const std::string many = RespRequest("PING");
  std::string all;
  for (size_t i = 0; i < limits::kRespQueuedCommandsMax; ++i) all += many;
  peer.Send(all);
  EXPECT_EQ(peer.Receive().size(),
            limits::kRespQueuedCommandsMax * sizeof(kQueuedReply) - limits::kRespQueuedCommandsMax);
  const std::string refused = peer.Ask("PING");
  EXPECT_TRUE(absl::StartsWith(refused, "-ERR a transaction has at most 10000 commands"))
      << refused;
  EXPECT_EQ(peer.Ask("PING"), kQueuedReply);  // as in Redis, of one that fails anyway
  EXPECT_LT(peer.session().memory(), 1000u * 1000);
  EXPECT_EQ(peer.Ask("EXEC"), "-EXECABORT Transaction discarded because of previous errors.\r\n");

  peer.Ask("MULTI");
  const std::string large(400 * limits::kKiB, 'x');
  EXPECT_EQ(peer.AskRaw(RespArray({"SET", "k", large})), kQueuedReply);
  EXPECT_EQ(peer.AskRaw(RespArray({"SET", "k", large})), kQueuedReply);
  EXPECT_TRUE(absl::StartsWith(peer.AskRaw(RespArray({"SET", "k", large})), "-ERR a transaction"));
  peer.Ask("DISCARD");

  EXPECT_EQ(peer.AskRaw(RespArray({"WATCH", large, large})), kOkReply);
  EXPECT_TRUE(absl::StartsWith(peer.AskRaw(RespArray({"WATCH", large})), "-ERR keys and values"));
  peer.Ask("MULTI");
  EXPECT_EQ(peer.Ask("EXEC"), "-EXECABORT Transaction discarded because of previous errors.\r\n");
  peer.Ask("MULTI");
  EXPECT_EQ(peer.Ask("EXEC"), "*0\r\n");
}

// Arguments are copied: the buffer that they came in is used again.
TEST(RespTransaction, QueuedArgumentsOutliveTheirBuffer) {
  RespWorld world;
  RespPeer peer(world);
  const std::string requests = RespRequest("MULTI") +
                               RespArray({"SET", std::string("k\0 ", 3), ""}) +
                               RespRequest("MGET a b c") + RespRequest("EXEC");
  EXPECT_EQ(peer.AskRaw(requests, 3),
            "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n*3\r\n$-1\r\n$-1\r\n$-1\r\n");
  EXPECT_EQ(peer.AskRaw(RespArray({"GET", std::string("k\0 ", 3)})), "$0\r\n\r\n");
}

}  // namespace
}  // namespace keyturn
