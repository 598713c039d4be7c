// CLIENT TRACKING: who is told to forget what, and when.
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/match.h"
#include "base/limits.h"
#include "tests/revocation/resp_list_fixture.h"

namespace keyturn {
namespace {

constexpr char kForgetAll[] = ">2\r\n$10\r\ninvalidate\r\n_\r\n";

class RespTrackingTest : public RespListFixture {
 protected:
  RespTrackingTest() { cache_.Ask("HELLO 3"); }

  void Track(absl::string_view options = "") {
    EXPECT_EQ(cache_.Ask(absl::StrCat("CLIENT TRACKING ON", options.empty() ? "" : " ", options)),
              "+OK\r\n");
  }

  RespPeer cache_ = NewPeer(1);
  RespPeer other_ = NewPeer(2);
};

TEST_F(RespTrackingTest, WhoHasAskedIsToldOnce) {
  Track();
  EXPECT_EQ(cache_.Ask("EXISTS a b"), ":0\r\n");
  EXPECT_EQ(cache_.Ask("GET c"), "_\r\n");
  Answer(other_, "SET a 1");
  Answer(other_, "SET a 2");
  Answer(other_, "SADD c 1");
  Answer(other_, "SET never-asked 1");
  EXPECT_EQ(cache_.Receive(), RespInvalidation({"a"}) + RespInvalidation({"c"}));
  EXPECT_EQ(cache_.Ask("EXISTS a"), ":1\r\n");
  Answer(other_, "DEL a");
  EXPECT_EQ(cache_.Receive(), RespInvalidation({"a"}));
}

// The fast way for a single question remembers as well.
TEST_F(RespTrackingTest, PipelinesOfQuestionsAreRemembered) {
  Track();
  cache_.AskRaw(RespRequest("EXISTS a") + RespRequest("EXISTS b"));
  Answer(other_, "SET b 1");
  EXPECT_EQ(cache_.Receive(), RespInvalidation({"b"}));
}

TEST_F(RespTrackingTest, EveryReadIsRememberedAndNoWrite) {
  Answer(other_, "SADD s m");
  Answer(other_, "SET k v");
  for (const std::string request :
       {"EXISTS s", "TOUCH s", "TYPE s", "TTL s", "PTTL s", "EXPIRETIME s", "PEXPIRETIME s",
        "SISMEMBER s m", "SMISMEMBER s m", "SCARD s", "MGET k s", "STRLEN s", "GET s",
        "OBJECT ENCODING s", "MEMORY USAGE s"}) {
    Track();
    cache_.Ask(request);
    Answer(other_, "SADD s x");
    EXPECT_EQ(cache_.Receive(), RespInvalidation({"s"})) << request;
    Answer(other_, "SREM s x");
  }
  for (const std::string request : {"WATCH s", "GETEX s", "SADD s m", "EXPIRE s 1000 LT GT"}) {
    Answer(cache_, request);
    Answer(other_, "SADD s x");
    EXPECT_EQ(cache_.Receive(), "") << request;
    Answer(other_, "SREM s x");
  }
}

// At once, and not when it is durable: who asks again sees it already.
TEST_F(RespTrackingTest, WhoHasAskedIsToldBeforeTheDisk) {
  Track();
  cache_.Ask("EXISTS a");
  committer_->Hold();
  other_.Send(RespRequest("SET a 1"));
  EXPECT_EQ(cache_.Receive(), RespInvalidation({"a"}));
  EXPECT_EQ(cache_.Ask("EXISTS a"), ":1\r\n");
  EXPECT_EQ(other_.Receive(), "");
  committer_->LetGo();
}

// What was seen and is undone must not stay in a cache.
TEST_F(RespTrackingTest, EverythingIsForgottenWhenChangesAreUndone) {
  Answer(other_, "SET a 1");
  Track();
  cache_.Ask("EXISTS a");
  committer_->Hold();
  other_.Send(RespRequest("DEL a"));
  EXPECT_EQ(cache_.Ask("EXISTS a"), RespInvalidation({"a"}) + ":0\r\n");
  committer_->FailFrom(absl::UnavailableError("broken"));
  committer_->LetGo();
  EXPECT_CODE(list_->WaitFor(2), kUnavailable);
  std::string told;
  while (told.empty()) told = cache_.Receive();  // it is told right after
  EXPECT_EQ(told, kForgetAll);
  EXPECT_EQ(cache_.Ask("EXISTS a"), ":1\r\n");
}

TEST_F(RespTrackingTest, EverythingIsForgottenWhenTheListIsSealedOrCleared) {
  Track();
  cache_.Ask("EXISTS a");
  Answer(other_, "FLUSHALL");
  EXPECT_EQ(cache_.Receive(), kForgetAll);
  Answer(other_, "SET a 1");
  EXPECT_EQ(cache_.Receive(), "");
  EXPECT_EQ(Answer(cache_, "FLUSHALL"), absl::StrCat("+OK\r\n", kForgetAll));
  Reload();
  EXPECT_EQ(cache_.Receive(), kForgetAll);
}

TEST_F(RespTrackingTest, OwnChangesAreToldBehindTheReply) {
  Track();
  cache_.Ask("EXISTS a");
  EXPECT_EQ(Answer(cache_, "SET a 1"), "+OK\r\n" + RespInvalidation({"a"}));
  cache_.AskRaw(RespRequest("EXISTS a") + RespRequest("EXISTS b"));
  cache_.Send(RespRequest("MULTI") + RespRequest("DEL a") + RespRequest("SET b 1") +
              RespRequest("EXEC"));
  EXPECT_EQ(Settled(cache_), "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n+OK\r\n" +
                                 RespInvalidation({"a"}) + RespInvalidation({"b"}));
}

TEST_F(RespTrackingTest, NoloopLeavesOutOwnChanges) {
  Track("NOLOOP");
  cache_.AskRaw(RespRequest("EXISTS a") + RespRequest("EXISTS b"));
  EXPECT_EQ(Answer(cache_, "SET a 1"), "+OK\r\n");
  Answer(other_, "SET b 1");
  EXPECT_EQ(cache_.Receive(), RespInvalidation({"b"}));
  // Changed by itself, it is not remembered any more.
  Answer(other_, "SET a 2");
  EXPECT_EQ(cache_.Receive(), "");
}

TEST_F(RespTrackingTest, OptinAndOptoutCountForTheNextCommand) {
  Track("OPTIN");
  cache_.Ask("EXISTS a");
  EXPECT_EQ(cache_.Ask("CLIENT CACHING YES"), "+OK\r\n");
  cache_.Ask("EXISTS b");
  cache_.Ask("EXISTS c");
  cache_.Ask("CLIENT CACHING YES");
  cache_.AskRaw(RespRequest("MULTI") + RespRequest("EXISTS d") + RespRequest("EXISTS e") +
                RespRequest("EXEC") + RespRequest("EXISTS f"));
  for (const char key : {'a', 'b', 'c', 'd', 'e', 'f'}) {
    Answer(other_, absl::StrCat("SET ", std::string(1, key), " 1"));
  }
  EXPECT_EQ(cache_.Receive(),
            RespInvalidation({"b"}) + RespInvalidation({"d"}) + RespInvalidation({"e"}));
  EXPECT_EQ(cache_.Ask("CLIENT TRACKING OFF"), "+OK\r\n");
  Track("OPTOUT");
  cache_.Ask("EXISTS a");
  EXPECT_EQ(cache_.Ask("CLIENT CACHING NO"), "+OK\r\n");
  cache_.Ask("EXISTS b");
  Answer(other_, "DEL a");
  Answer(other_, "DEL b");
  EXPECT_EQ(cache_.Receive(), RespInvalidation({"a"}));
}

TEST_F(RespTrackingTest, BroadcastTellsOfPrefixes) {
  Track("BCAST PREFIX user: PREFIX revoked:");
  EXPECT_EQ(cache_.Ask("EXISTS x"), ":0\r\n");
  Answer(other_, "SET x 1");
  EXPECT_EQ(cache_.Receive(), "");
  Answer(other_, "MSET revoked:b 1 x 1 revoked:a 1 revoked:a 2 user:1 1");
  EXPECT_EQ(cache_.Receive(),
            RespInvalidation({"revoked:a", "revoked:b"}) + RespInvalidation({"user:1"}));
  EXPECT_EQ(cache_.Ask("CLIENT TRACKING ON BCAST PREFIX user:1"),
            "-ERR Prefix 'user:1' overlaps with an existing prefix 'user:'. Prefixes for a single "
            "client must not overlap.\r\n");
  EXPECT_EQ(cache_.Ask("CLIENT TRACKINGINFO"),
            "%3\r\n$5\r\nflags\r\n~2\r\n$2\r\non\r\n$5\r\nbcast\r\n$8\r\nredirect\r\n:0\r\n$8\r\n"
            "prefixes\r\n*2\r\n$8\r\nrevoked:\r\n$5\r\nuser:\r\n");
  EXPECT_EQ(hub_.tracking().stats().prefixes, 2u);
  cache_.Ask("CLIENT TRACKING OFF");
  EXPECT_EQ(hub_.tracking().stats().prefixes, 0u);
  Track("BCAST NOLOOP");
  EXPECT_EQ(Answer(cache_, "SET anything 1"), "+OK\r\n");
  Answer(other_, "SET anything 1");
  EXPECT_EQ(cache_.Receive(), RespInvalidation({"anything"}));
}

TEST_F(RespTrackingTest, RedirectsToAnotherConnection) {
  RespPeer asks = NewPeer(5), hears = NewPeer(6);
  EXPECT_EQ(asks.Ask("CLIENT TRACKING ON REDIRECT 6"), "+OK\r\n");
  EXPECT_EQ(asks.Ask("CLIENT GETREDIR"), ":6\r\n");
  asks.AskRaw(RespRequest("EXISTS a") + RespRequest("EXISTS b") + RespRequest("EXISTS c"));
  Answer(other_, "SET a 1");
  EXPECT_EQ(hears.Receive(), "");  // RESP2 without a subscription has no way to hear it
  hears.Ask("SUBSCRIBE __redis__:invalidate");
  Answer(other_, "SET b 1");
  EXPECT_EQ(hears.Receive(), "*3\r\n" + RespBulk("message") + RespBulk("__redis__:invalidate") +
                                 "*1\r\n" + RespBulk("b"));
  Answer(other_, "FLUSHALL");
  EXPECT_EQ(hears.Receive(),
            "*3\r\n" + RespBulk("message") + RespBulk("__redis__:invalidate") + "$-1\r\n");
  hears.Ask("RESET");
  EXPECT_EQ(asks.Receive(), "");
  EXPECT_EQ(asks.Ask("CLIENT TRACKING ON REDIRECT 77"),
            "-ERR The client ID you want redirect to does not exist\r\n");
}

TEST_F(RespTrackingTest, AGoneRedirectIsToldOf) {
  Track();
  {
    RespPeer hears = NewPeer(6);
    EXPECT_EQ(cache_.Ask("CLIENT TRACKING ON REDIRECT 6"), "+OK\r\n");
    cache_.Ask("EXISTS a");
  }
  Answer(other_, "SET a 1");
  EXPECT_EQ(cache_.Receive(), ">2\r\n$21\r\ntracking-redir-broken\r\n:6\r\n");
  EXPECT_TRUE(absl::StrContains(cache_.Ask("CLIENT TRACKINGINFO"), RespBulk("broken_redirect")));
}

// Whoever is told of, without a name that is kept, too.
TEST_F(RespTrackingTest, AKeyThatEndsIsForgotten) {
  Answer(other_, "SET hot 1 EX 20");
  Answer(other_, "SET retimed 1 EX 20");
  Track();
  cache_.AskRaw(RespRequest("EXISTS hot") + RespRequest("EXISTS retimed"));
  Answer(other_, "EXPIRE retimed 1000");
  EXPECT_EQ(cache_.Receive(), RespInvalidation({"retimed"}));
  clock_.AdvanceTime(absl::Seconds(15));
  ASSERT_OK(list_->Sweep());
  EXPECT_EQ(cache_.Receive(), "");
  clock_.AdvanceTime(absl::Seconds(6));
  ASSERT_OK(list_->Sweep());
  EXPECT_EQ(cache_.Receive(), RespInvalidation({"hot"}));
  EXPECT_EQ(hub_.tracking().stats().keys, 0u);
}

TEST_F(RespTrackingTest, TooManyKeysAreGivenUpWithAWord) {
  Track();
  EXPECT_EQ(other_.Ask("CONFIG SET tracking-table-max-keys 2"), "+OK\r\n");
  EXPECT_EQ(cache_.Ask("EXISTS a"), ":0\r\n");
  EXPECT_EQ(cache_.Ask("EXISTS b"), ":0\r\n");
  EXPECT_EQ(cache_.Ask("EXISTS c"), ":0\r\n" + RespInvalidation({"a"}));
  EXPECT_EQ(hub_.tracking().stats().keys, 2u);
  EXPECT_EQ(other_.Ask("CONFIG SET tracking-table-max-keys 1"), "+OK\r\n");
  ASSERT_OK(list_->Sweep());
  EXPECT_EQ(cache_.Receive(), RespInvalidation({"b"}));
  EXPECT_TRUE(absl::StrContains(other_.Ask(absl::StrCat("CONFIG SET tracking-table-max-keys ",
                                                        limits::kRespTrackedKeysMax + 1)),
                                "argument must be between 0 and 1000000"));
}

TEST_F(RespTrackingTest, OptionsThatDoNotGoTogetherAreRefused) {
  const std::vector<std::pair<std::string, std::string>> requests = {
      {"CLIENT TRACKING MAYBE", "ERR syntax error"},
      {"CLIENT TRACKING ON WHAT", "ERR syntax error"},
      {"CLIENT TRACKING ON REDIRECT", "ERR syntax error"},
      {"CLIENT TRACKING ON REDIRECT x", "ERR value is not an integer or out of range"},
      {"CLIENT TRACKING ON REDIRECT 2 REDIRECT 2",
       "ERR A client can only redirect to a single other client"},
      {"CLIENT TRACKING ON PREFIX a", "ERR PREFIX option requires BCAST mode to be enabled"},
      {"CLIENT TRACKING ON BCAST OPTIN", "ERR OPTIN and OPTOUT are not compatible with BCAST"},
      {"CLIENT TRACKING ON OPTIN OPTOUT", "ERR You can't specify both OPTIN mode and OPTOUT mode"},
      {"CLIENT TRACKING ON BCAST PREFIX ab PREFIX a",
       "ERR Prefix 'ab' overlaps with another provided prefix 'a'. Prefixes for a single client "
       "must not overlap."},
      {"CLIENT CACHING YES",
       "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
       "OPTOUT mode enabled"}};
  for (const auto& [request, error] : requests) {
    EXPECT_EQ(cache_.Ask(request), "-" + error + "\r\n") << request;
  }
  EXPECT_EQ(hub_.tracking().stats().clients, 0u);
  Track("OPTIN");
  EXPECT_TRUE(absl::StrContains(cache_.Ask("CLIENT TRACKING ON BCAST"),
                                "You can't switch BCAST mode on/off"));
  EXPECT_TRUE(absl::StrContains(cache_.Ask("CLIENT TRACKING ON OPTOUT"),
                                "You can't switch OPTIN/OPTOUT mode"));
  EXPECT_EQ(cache_.Ask("CLIENT CACHING NO"),
            "-ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.\r\n");
}

TEST_F(RespTrackingTest, NobodyIsToldAfterOffResetOrTheEnd) {
  RespPeer resets = NewPeer(7);
  resets.Ask("CLIENT TRACKING ON");
  resets.Ask("EXISTS a");
  resets.Ask("RESET");
  {
    RespPeer ends = NewPeer(8);
    ends.Ask("CLIENT TRACKING ON BCAST");
  }
  Track();
  cache_.Ask("EXISTS a");
  cache_.Ask("CLIENT TRACKING OFF");
  EXPECT_FALSE(hub_.listens());
  EXPECT_EQ(hub_.tracking().stats().keys, 0u);
  Answer(other_, "SET a 1");
  EXPECT_EQ(cache_.Receive(), "");
}

// A change that began before tracking was turned on is told of, or can be seen by then.
TEST_F(RespTrackingTest, NoChangeFallsBetweenTurningItOnAndAsking) {
  for (int i = 0; i < 200; ++i) {
    const std::string key = absl::StrCat("k", i);
    RespPeer cache = NewPeer(100 + static_cast<uint64_t>(i));
    cache.Ask("HELLO 3");
    std::thread writer([&] { Put(key, "1", kHour); });
    cache.Ask("CLIENT TRACKING ON");
    const bool seen = cache.Ask("EXISTS " + key) != ":0\r\n";
    writer.join();
    EXPECT_TRUE(seen || !cache.Receive().empty()) << i;
  }
}

}  // namespace
}  // namespace keyturn
