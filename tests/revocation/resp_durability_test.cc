#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "base/limits.h"
#include "revocation/commands/replies.h"
#include "tests/revocation/resp_peer.h"

namespace keyturn {
namespace {

constexpr char kMisconf[] =
    "-MISCONF Errors writing to the revocation log: changes are refused until keyturnd is started "
    "again; reads go on\r\n";

std::string Requests(std::vector<std::string> requests) {
  std::string all;
  for (const std::string& request : requests) all += RespRequest(request);
  return all;
}

TEST(RespDurability, NoReplyOvertakesAChangeThatIsNotDurable) {
  RespWorld world;
  world.list.durable_at_once = false;
  RespPeer peer(world), other(world, "cwa", 4);
  EXPECT_EQ(peer.AskRaw(Requests({"PING", "SET k v", "GET k", "PING again"})), "+PONG\r\n");
  EXPECT_TRUE(peer.session().waits_for_disk());
  // Seen by others before: a revocation seen early is safe.
  EXPECT_EQ(other.Ask("EXISTS k"), ":1\r\n");
  EXPECT_FALSE(other.session().waits_for_disk());
  EXPECT_EQ(peer.Ask("ECHO x"), "");
  world.list.durable = 1;
  EXPECT_TRUE(peer.session().waits_for_disk());
  EXPECT_EQ(peer.Receive(), "+OK\r\n$1\r\nv\r\n$5\r\nagain\r\n$1\r\nx\r\n");
  EXPECT_FALSE(peer.session().waits_for_disk());
}

TEST(RespDurability, RepliesComeAsFarAsTheDiskHasCome) {
  RespWorld world;
  world.list.durable_at_once = false;
  RespPeer peer(world);
  EXPECT_EQ(peer.AskRaw(Requests({"SET a 1", "PING 1", "SET b 2", "PING 2", "SET c 3"})), "");
  EXPECT_EQ(world.list.last_change, 3u);
  world.list.durable = 1;
  EXPECT_EQ(peer.Receive(), "+OK\r\n$1\r\n1\r\n");
  EXPECT_EQ(peer.Receive(), "");
  world.list.durable = 2;
  EXPECT_EQ(peer.Receive(), "+OK\r\n$1\r\n2\r\n");
  EXPECT_EQ(peer.AskRaw(Requests({"PING 3"})), "");
  world.list.durable = 3;
  EXPECT_EQ(peer.Receive(), "+OK\r\n$1\r\n3\r\n");
}

TEST(RespDurability, ChangesThatFollowEachOtherAreOne) {
  RespWorld world;
  world.list.durable_at_once = false;
  RespPeer peer(world);
  peer.AskRaw(Requests({"SET a 1", "SETEX b 100 2", "DEL a", "SADD s m"}));
  EXPECT_EQ(world.list.begins, 1);
  EXPECT_EQ(world.list.last_change, 1u);
  // A read between them sees what was done before it.
  EXPECT_EQ(peer.AskRaw(Requests({"SET a 1", "EXISTS a", "DEL a", "GET a", "EXISTS a"})), "");
  EXPECT_EQ(world.list.begins, 3);
  world.list.durable = 3;
  EXPECT_EQ(peer.Receive(), "+OK\r\n+OK\r\n:1\r\n:1\r\n+OK\r\n:1\r\n:1\r\n$-1\r\n:0\r\n");
}

TEST(RespDurability, WhatChangedNothingWaitsForNothing) {
  RespWorld world;
  RespPeer peer(world);
  peer.Ask("SET k v");
  world.list.durable_at_once = false;
  EXPECT_EQ(peer.Ask("SET k w NX"), "$-1\r\n");
  EXPECT_EQ(peer.Ask("DEL other"), ":0\r\n");
  EXPECT_EQ(peer.Ask("SET k w EX 0"), "-ERR invalid expire time in 'set' command\r\n");
  EXPECT_EQ(peer.Ask("PERSIST k"), ":0\r\n");
  EXPECT_EQ(peer.Ask("GETEX k"), "$1\r\nv\r\n");
  EXPECT_FALSE(peer.session().waits_for_disk());
}

TEST(RespDurability, ChangesThatFailAreAnsweredSo) {
  RespWorld world;
  world.list.durable_at_once = false;
  RespPeer peer(world);
  peer.AskRaw(Requests(
      {"SET a 1", "GET a", "SET b 1 NX", "SET b 2 NX", "DEL a", "PING", "GETDEL b", "PING"}));
  world.list.durable = 1;
  world.list.failed = 2;
  // The second SET of b did nothing because of the first, which is lost.
  EXPECT_EQ(peer.Receive(), absl::StrCat("+OK\r\n$1\r\n1\r\n", kMisconf, kMisconf, kMisconf,
                                         "+PONG\r\n", kMisconf, "+PONG\r\n"));
  EXPECT_FALSE(peer.session().waits_for_disk());
  world.list.begin_status = absl::UnavailableError("disk");
  EXPECT_EQ(peer.AskRaw(Requests({"SET a 1", "GET zz", "MSET a 1"})),
            absl::StrCat(kMisconf, "$-1\r\n", kMisconf));
}

TEST(RespDurability, AnExecThatFailsIsAnsweredOnce) {
  RespWorld world;
  world.list.durable_at_once = false;
  RespPeer peer(world);
  EXPECT_EQ(peer.AskRaw(Requests({"MULTI", "SET a 1", "SET b 1", "EXEC", "PING"})),
            "+OK\r\n+QUEUED\r\n+QUEUED\r\n");
  world.list.failed = 1;
  EXPECT_EQ(peer.Receive(), absl::StrCat(kMisconf, "+PONG\r\n"));
}

TEST(RespDurability, WhatTheListHasNoRoomForIsAnsweredSo) {
  RespWorld world;
  RespPeer peer(world);
  peer.Ask("SET k v");
  const char kOom[] = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
  world.list.put_status = absl::ResourceExhaustedError("full");
  for (const char* const request :
       {"SET k w", "SET k w GET", "SETEX k 1 w", "SETNX n w", "GETSET k w", "MSET a 1 b 2",
        "MSETNX a 1", "EXPIRE k 100", "SADD s a", "GETEX k EX 100"}) {
    EXPECT_EQ(peer.Ask(request), kOom) << request;
  }
  EXPECT_EQ(peer.Ask("GET k"), "$1\r\nv\r\n");
  world.list.put_status = absl::InvalidArgumentError("a name may have 7 bytes");
  EXPECT_EQ(peer.Ask("SET k w"), "-ERR a name may have 7 bytes\r\n");
  world.list.begin_status = absl::ResourceExhaustedError("waits");
  EXPECT_EQ(peer.Ask("DEL k"), "-BUSY too much waits for the disk: try again\r\n");
}

TEST(RespDurability, SilentChangesAreMadeAndHoldNothing) {
  RespWorld world;
  world.list.durable_at_once = false;
  RespPeer peer(world);
  EXPECT_EQ(peer.AskRaw(Requests({"CLIENT REPLY OFF", "SET k v", "CLIENT REPLY ON"})), "+OK\r\n");
  EXPECT_FALSE(peer.session().waits_for_disk());
  EXPECT_EQ(peer.Ask("GET k"), "$1\r\nv\r\n");
}

// Also when replies wait behind one change or another without an end.
TEST(RespDurability, MemoryIsThatOfRepliesThatWait) {
  RespWorld world;
  world.list.durable_at_once = false;
  RespPeer peer(world);
  const std::string pad(4000, 'p');
  std::string all;
  for (int i = 0; i < 1000; ++i) {
    peer.Send(RespRequest("SET k " + std::to_string(i)) + RespArray({"ECHO", pad}));
    world.list.durable = world.list.last_change - 1;
    all += peer.Receive();
  }
  EXPECT_LT(peer.session().memory(), 1000u * 1000);
  world.list.durable = world.list.last_change;
  all += peer.Receive();
  EXPECT_EQ(all.size(), 1000 * (5 + 4000 + 9));
  for (size_t at = 0; at < all.size(); at += 4014) {
    ASSERT_EQ(all.substr(at, 12), "+OK\r\n$4000\r\n") << at;
  }
}

TEST(RespDurability, ReadsStopWhenTooMuchWaitsAndGoOnAfterwards) {
  RespWorld world;
  world.list.durable_at_once = false;
  RespPeer peer(world);
  const std::string value(100 * limits::kKiB, 'v');
  peer.AskRaw(RespArray({"SET", "k", value}));
  std::string requests;
  for (int i = 0; i < 40; ++i) requests += RespRequest("GET k");
  peer.Send(requests);
  EXPECT_TRUE(peer.session().wants_run());
  EXPECT_FALSE(peer.session().wants_bytes());
  EXPECT_LT(peer.session().memory(), 4u * limits::kMiB);
  const uint64_t ran = peer.session().commands();
  EXPECT_LT(ran, 20u);
  peer.session().Run();
  EXPECT_EQ(peer.session().commands(), ran);
  world.list.durable = 1;
  const std::string replies = peer.Receive();
  EXPECT_EQ(replies.size(), 5 + 40 * (value.size() + 11));
  EXPECT_FALSE(peer.session().wants_run());
  EXPECT_TRUE(peer.session().wants_bytes());
}

}  // namespace
}  // namespace keyturn
