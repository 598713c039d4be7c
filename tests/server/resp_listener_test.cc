// The RESP door of a whole server: who gets in, what is durable when it says so, what is audited.
#include "server/resp_listener.h"

#include <fstream>
#include <thread>

#include "absl/strings/match.h"
#include "net/tls_policy.h"
#include "server/resp_access.h"
#include "tests/server/resp_client.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

constexpr char kOk[] = "+OK\r\n";
constexpr char kNoAuth[] = "-NOAUTH Authentication required.\r\n";
constexpr char kWrongPass[] = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
constexpr char kSealed[] = "-LOADING Keyturn is sealed\r\n";

class RespListenerTest : public ServerFixture {
 protected:
  RespTestClient Connect() { return RespTestClient(server_->info().resp); }

  // Entries of one event, newest last.
  std::vector<AuditRecord> Entries(const std::string& event) {
    std::vector<AuditRecord> out;
    EXPECT_OK(server_->rooms().audit->Read(1, [&](const AuditRecord& record) {
      if (record.event.event == event) out.push_back(record);
      return true;
    }));
    return out;
  }
};

TEST_F(RespListenerTest, ARevocationIsFoundUntilItEnds) {
  RespTestClient client = Connect();
  ASSERT_TRUE(client.connected());
  EXPECT_EQ(client.Call({"EXISTS", "revoked:a"}), kNoAuth);
  EXPECT_EQ(client.Call({"AUTH", "default", root_}), kOk);
  EXPECT_EQ(client.Call({"SET", "revoked:a", "1", "EX", "86400"}), kOk);
  EXPECT_EQ(client.Call({"EXISTS", "revoked:a"}), ":1\r\n");
  EXPECT_EQ(client.Call({"EXISTS", "revoked:b"}), ":0\r\n");
  EXPECT_EQ(client.Call({"GET", "revoked:a"}), "$1\r\n1\r\n");
  // Ends are rounded up to a second.
  const std::string left = client.Call({"TTL", "revoked:a"});
  EXPECT_TRUE(left == ":86400\r\n" || left == ":86401\r\n") << left;
  // All connections see it.
  RespTestClient other = Connect();
  EXPECT_EQ(other.Call({"AUTH", root_}), kOk);
  EXPECT_EQ(other.Call({"EXISTS", "revoked:a"}), ":1\r\n");
  EXPECT_EQ(other.Call({"DEL", "revoked:a"}), ":1\r\n");
  EXPECT_EQ(client.Call({"EXISTS", "revoked:a"}), ":0\r\n");
}

TEST_F(RespListenerTest, RepliesKeepTheOrderOfRequestsOfAPipeline) {
  RespTestClient client = Connect();
  client.Send(RespTestClient::Request({"PING"}) + RespTestClient::Request({"AUTH", root_}) +
              RespTestClient::Request({"SET", "a", "1", "EX", "100"}) +
              RespTestClient::Request({"EXISTS", "a"}) + "PING\r\n" +
              RespTestClient::Request({"SET", "b", "1", "EX", "0"}) +
              RespTestClient::Request({"DEL", "a", "b"}));
  for (const char* expected : {kNoAuth, kOk, kOk, ":1\r\n", "+PONG\r\n",
                               "-ERR invalid expire time in 'set' command\r\n", ":1\r\n"}) {
    EXPECT_EQ(client.Reply(), expected);
  }
}

TEST_F(RespListenerTest, WhoGetsInIsWhoTheTokenSays) {
  PutPolicy("gateway", {{"revocation:check", "*"}});
  PutPolicy("issuer", {{"revocation:write", "*"}});
  const std::string gateway = NewToken({"gateway"});
  const std::string issuer = NewToken({"issuer"});
  RespTestClient client = Connect();
  EXPECT_EQ(client.Call({"AUTH", "default", "nonsense"}), kWrongPass);
  EXPECT_EQ(client.Call({"AUTH", "somebody", gateway}), kWrongPass);
  EXPECT_EQ(client.Call({"AUTH", gateway}), kOk);
  EXPECT_EQ(client.Call({"EXISTS", "x"}), ":0\r\n");
  EXPECT_TRUE(absl::StartsWith(client.Call({"SET", "x", "1", "EX", "100"}), "-NOPERM"));
  EXPECT_TRUE(absl::StartsWith(client.Call({"FLUSHALL"}), "-NOPERM"));
  EXPECT_EQ(client.Call({"AUTH", issuer}), kOk);
  EXPECT_EQ(client.Call({"SET", "x", "1", "EX", "100"}), kOk);
  EXPECT_TRUE(absl::StartsWith(client.Call({"EXISTS", "x"}), "-NOPERM"));
  EXPECT_EQ(Entries("authentication_failure").size(), 2u);
  EXPECT_EQ(Entries("authentication_success").size(), 2u);
}

TEST_F(RespListenerTest, ATokenThatIsRevokedIsShutOutOfItsConnections) {
  const std::string token = NewToken({"root"});
  RespTestClient client = Connect();
  ASSERT_EQ(client.Call({"AUTH", token}), kOk);
  ASSERT_EQ(client.Call({"PING"}), "+PONG\r\n");
  v1::LogoutRequest logout;
  v1::LogoutResponse ignored;
  ASSERT_EQ(Text(stubs_->auth->Logout(Ctx(token), logout, &ignored)), "OK");
  EXPECT_EQ(client.Call({"EXISTS", "x"}), kNoAuth);
}

TEST_F(RespListenerTest, ConnectionsHearOfEachOther) {
  RespTestClient hears = Connect(), acts = Connect(), caches = Connect();
  for (RespTestClient* const client : {&hears, &acts, &caches}) {
    EXPECT_EQ(client->Call({"AUTH", root_}), kOk);
  }
  const auto text = &RespTestClient::Request;
  EXPECT_EQ(acts.Call({"CONFIG", "SET", "notify-keyspace-events", "E$"}), kOk);
  EXPECT_EQ(hears.Call({"SUBSCRIBE", "__keyevent@0__:set"}),
            "*3\r\n$9\r\nsubscribe\r\n$18\r\n__keyevent@0__:set\r\n:1\r\n");
  EXPECT_EQ(caches.Call({"HELLO", "3"}).substr(0, 2), "%7");
  EXPECT_EQ(caches.Call({"CLIENT", "TRACKING", "ON"}), kOk);
  EXPECT_EQ(caches.Call({"EXISTS", "k"}), ":0\r\n");
  EXPECT_EQ(acts.Call({"SET", "k", "1", "EX", "100"}), kOk);
  EXPECT_EQ(hears.Reply(), text({"message", "__keyevent@0__:set", "k"}));
  EXPECT_EQ(caches.Reply(), ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n");
  EXPECT_EQ(acts.Call({"PUBLISH", "__keyevent@0__:set", "m"}), ":1\r\n");
  EXPECT_EQ(hears.Reply(), text({"message", "__keyevent@0__:set", "m"}));
}

// In one order, whoever publishes.
TEST_F(RespListenerTest, AllHearTheSameOrder) {
  constexpr int kMessages = 300;
  std::vector<std::unique_ptr<RespTestClient>> hear;
  for (int i = 0; i < 4; ++i) {
    hear.push_back(std::make_unique<RespTestClient>(server_->info().resp));
    EXPECT_EQ(hear.back()->Call({"AUTH", root_}), kOk);
    EXPECT_EQ(hear.back()->Call({"SUBSCRIBE", "ch"}).substr(0, 2), "*3");
  }
  std::vector<std::thread> publish;
  for (int i = 0; i < 3; ++i) {
    publish.emplace_back([this, i] {
      RespTestClient client = Connect();
      EXPECT_EQ(client.Call({"AUTH", root_}), kOk);
      std::string all;
      for (int j = 0; j < kMessages; ++j) {
        all += RespTestClient::Request({"PUBLISH", "ch", absl::StrCat(i, " ", j)});
      }
      client.Send(all);
      for (int j = 0; j < kMessages; ++j) EXPECT_EQ(client.Reply(), ":4\r\n");
    });
  }
  for (std::thread& thread : publish) thread.join();
  std::vector<std::string> first;
  for (const auto& client : hear) {
    std::vector<std::string> heard;
    for (int i = 0; i < 3 * kMessages; ++i) heard.push_back(client->Reply());
    if (first.empty()) first = heard;
    EXPECT_EQ(heard, first);
  }
}

TEST_F(RespListenerTest, WhoMayNotAskAnyMoreHearsNothing) {
  PutPolicy("gateway", {{"revocation:check", "*"}});
  const std::string gateway = NewToken({"gateway"});
  RespTestClient hears = Connect(), acts = Connect();
  EXPECT_EQ(hears.Call({"AUTH", gateway}), kOk);
  EXPECT_EQ(hears.Call({"SUBSCRIBE", "ch"}).substr(0, 2), "*3");
  EXPECT_EQ(acts.Call({"AUTH", root_}), kOk);
  PutPolicy("gateway", {{"revocation:write", "*"}});
  EXPECT_EQ(acts.Call({"PUBLISH", "ch", "secret"}), ":1\r\n");
  EXPECT_EQ(hears.Reply(), "<end>");
}

TEST_F(RespListenerTest, APolicyThatChangesCountsForTheNextCommand) {
  PutPolicy("gateway", {{"revocation:check", "*"}});
  const std::string token = NewToken({"gateway"});
  RespTestClient client = Connect();
  ASSERT_EQ(client.Call({"AUTH", token}), kOk);
  ASSERT_EQ(client.Call({"EXISTS", "x"}), ":0\r\n");
  PutPolicy("gateway", {{"secret:read", "*"}});
  EXPECT_TRUE(absl::StartsWith(client.Call({"EXISTS", "x"}), "-NOPERM"));
}

TEST_F(RespListenerTest, EachWriterOfAGroupHasItsEntry) {
  const std::string one = NewToken({"root"}, [](auto& r) { r.set_display_name("one"); });
  const std::string two = NewToken({"root"}, [](auto& r) { r.set_display_name("two"); });
  const auto write = [this](const std::string& token, const std::string& prefix) {
    RespTestClient client = Connect();
    ASSERT_EQ(client.Call({"AUTH", token}), kOk);
    for (int i = 0; i < 50; ++i) {
      ASSERT_EQ(client.Call({"SET", absl::StrCat(prefix, i), "1", "EX", "100"}), kOk);
    }
    ASSERT_EQ(client.Call({"DEL", prefix + "0", prefix + "none"}), ":1\r\n");
  };
  std::thread other([&] { write(two, "b"); });
  write(one, "a");
  other.join();
  std::map<std::string, uint64_t> counts;
  for (const AuditRecord& record : Entries("revocations_changed")) {
    counts[record.event.principal] += record.event.count;
    EXPECT_EQ(record.event.method, "resp");
    EXPECT_TRUE(absl::StartsWith(record.event.source, "127.0.0.1:"));
    EXPECT_EQ(record.event.details.back().first, "record");
    EXPECT_EQ(record.event.details.back().second.size(), 64u);
  }
  uint64_t sum = 0;
  for (const auto& [principal, count] : counts) sum += count;
  EXPECT_EQ(counts.size(), 2u);
  EXPECT_EQ(sum, 102u);
}

TEST_F(RespListenerTest, WhoClosesItsEndStillLearnsThatItIsDurable) {
  RespTestClient client = Connect();
  client.Send(RespTestClient::Request({"AUTH", root_}) +
              RespTestClient::Request({"SET", "a", "1", "EX", "100"}));
  client.CloseSending();
  EXPECT_EQ(client.Rest(), absl::StrCat(kOk, kOk));
}

TEST_F(RespListenerTest, AUnixSocketIsADoorAsWell) {
  StartDev([this](Config& config) { config.resp_socket = dir_.File("resp.sock"); });
  RespTestClient client(dir_.File("resp.sock"));
  ASSERT_TRUE(client.connected());
  EXPECT_EQ(client.Call({"AUTH", root_}), kOk);
  EXPECT_EQ(client.Call({"SET", "a", "1"}), kOk);
  EXPECT_EQ(Entries("revocations_changed").back().event.source, "unix");
}

TEST_F(RespListenerTest, WhoSendsAndGoesAwayHasSent) {
  StartDev([this](Config& config) { config.resp_socket = dir_.File("resp.sock"); });
  for (const std::string& where : {server_->info().resp, dir_.File("resp.sock")}) {
    {
      RespTestClient gone(where);
      gone.Send(RespTestClient::Request({"AUTH", root_}) +
                RespTestClient::Request({"SET", where, "1", "EX", "100"}));
    }
    RespTestClient client(where);
    ASSERT_EQ(client.Call({"AUTH", root_}), kOk);
    const absl::Time deadline = Clock::Real().Now() + absl::Seconds(10);
    while (client.Call({"EXISTS", where}) != ":1\r\n") {
      ASSERT_LT(Clock::Real().Now(), deadline) << where;
    }
  }
}

TEST_F(RespListenerTest, ConnectionsOfARevokedTokenLockNobodyOut) {
  const std::string old = NewToken({"root"});
  std::vector<std::unique_ptr<RespTestClient>> pool;
  for (int i = 0; i < limits::kLockoutFailures + 1; ++i) {
    pool.push_back(std::make_unique<RespTestClient>(server_->info().resp));
    ASSERT_EQ(pool.back()->Call({"AUTH", old}), kOk);
  }
  v1::LogoutResponse ignored;
  ASSERT_EQ(Text(stubs_->auth->Logout(Ctx(old), {}, &ignored)), "OK");
  for (const auto& client : pool) EXPECT_EQ(client->Call({"EXISTS", "x"}), kNoAuth);
  RespTestClient client = Connect();
  EXPECT_EQ(client.Call({"AUTH", root_}), kOk);
}

TEST_F(RespListenerTest, ClientsAreListedAndEnded) {
  RespTestClient client = Connect(), other = Connect();
  ASSERT_EQ(client.Call({"AUTH", root_}), kOk);
  ASSERT_EQ(other.Call({"HELLO", "3", "AUTH", "default", root_, "SETNAME", "other"}).substr(0, 1),
            "%");
  const std::string list = client.Call({"CLIENT", "LIST"});
  EXPECT_TRUE(absl::StrContains(list, "name=other")) << list;
  EXPECT_TRUE(absl::StrContains(list, "cmd=client|list")) << list;
  const size_t at = list.rfind("id=", list.find("name=other"));
  const std::string id = list.substr(at + 3, list.find(' ', at) - at - 3);
  EXPECT_EQ(client.Call({"CLIENT", "KILL", "ID", id}), ":1\r\n");
  EXPECT_EQ(other.Rest(), "");
}

TEST_F(RespListenerTest, ALockedVaultSaysSoAndOpensAgain) {
  StartReal();
  InitReal();
  const std::string revoked = RespTestClient::Request({"SET", "revoked:a", "1", "EX", "1000"});
  RespTestClient client = Connect();
  ASSERT_EQ(client.Call({"AUTH", root_}), kOk);
  client.Send(revoked);
  ASSERT_EQ(client.Reply(), kOk);
  server_->lifecycle().Seal();
  EXPECT_EQ(client.Call({"EXISTS", "revoked:a"}), kSealed);
  EXPECT_EQ(client.Call({"PING"}), "+PONG\r\n");
  RespTestClient late = Connect();
  EXPECT_EQ(late.Call({"AUTH", root_}), kSealed);
  ASSERT_OK(server_->lifecycle().Unseal([this](Keyring& keyring) {
    return keyring.UnsealWithKeyFile(server_->rooms().store->LastRevision());
  }));
  EXPECT_EQ(late.Call({"AUTH", root_}), kOk);
  EXPECT_EQ(late.Call({"EXISTS", "revoked:a"}), ":1\r\n");
}

TEST_F(RespListenerTest, AfterARestartAllIsThere) {
  StartReal([](Config& config) { config.auto_unseal = true; });
  InitReal();
  {
    RespTestClient client = Connect();
    ASSERT_EQ(client.Call({"AUTH", root_}), kOk);
    for (int i = 0; i < 100; ++i) {
      client.Send(RespTestClient::Request({"SET", absl::StrCat("k", i), "1", "EX", "1000"}));
    }
    for (int i = 0; i < 100; ++i) ASSERT_EQ(client.Reply(), kOk);
    ASSERT_EQ(client.Call({"SADD", "set", "a", "b"}), ":2\r\n");
    ASSERT_EQ(client.Call({"DEL", "k7"}), ":1\r\n");
  }
  const std::string root = root_;
  StartReal([](Config& config) { config.auto_unseal = true; });
  RespTestClient client = Connect();
  ASSERT_EQ(client.Call({"AUTH", root}), kOk);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(client.Call({"EXISTS", absl::StrCat("k", i)}), i == 7 ? ":0\r\n" : ":1\r\n") << i;
  }
  EXPECT_EQ(client.Call({"SMISMEMBER", "set", "a", "b", "c"}), "*3\r\n:1\r\n:1\r\n:0\r\n");
}

class RespTlsTest : public RespListenerTest {
 protected:
  void SetUp() override {
    setenv("GRPC_SSL_CIPHER_SUITES", GrpcCipherSuites(), 1);
    StartReal([](Config& config) { config.resp_tls_address = "127.0.0.1:0"; });
    InitReal();
    std::ofstream(dir_.File("op.pem")) << operator_certificate_;
    std::ofstream(dir_.File("op.key")) << operator_key_;
  }

  // What redis-cli prints.
  std::string Cli(const std::string& options, const std::string& words) {
    const size_t colon = server_->info().resp_tls.rfind(':');
    return OutputOf(absl::StrCat("timeout 20 redis-cli --tls --cacert ", server_->info().ca_file,
                                 " -p ", server_->info().resp_tls.substr(colon + 1), " ", options,
                                 " ", words, " 2>&1"));
  }
  std::string SClient(const std::string& options) {
    return OutputOf(
        absl::StrCat("printf 'PING\\r\\nQUIT\\r\\n' | timeout 10 openssl s_client -quiet ",
                     "-verify_quiet -connect ", server_->info().resp_tls, " -CAfile ",
                     server_->info().ca_file, " ", options, " 2>&1"));
  }
  std::string Certificate() const {
    return absl::StrCat("--cert ", dir_.File("op.pem"), " --key ", dir_.File("op.key"));
  }
};

TEST_F(RespTlsTest, ACertificateIsAsGoodAsAToken) {
  EXPECT_EQ(Cli("", "EXISTS a"), "NOAUTH Authentication required.\n\n");
  EXPECT_EQ(Cli(Certificate(), "SET a 1 EX 100"), "OK\n");
  EXPECT_EQ(Cli(Certificate(), "EXISTS a"), "1\n");
  EXPECT_EQ(Entries("revocations_changed").back().event.principal, kOperatorSpiffeId);
  setenv("REDISCLI_AUTH", root_.c_str(), 1);
  EXPECT_EQ(Cli("", "EXISTS a"), "1\n");
  unsetenv("REDISCLI_AUTH");
}

TEST_F(RespTlsTest, OldTlsIsRefused) {
  for (const char* options : {"-tls1_3", "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256",
                              "-tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384"}) {
    EXPECT_TRUE(absl::StrContains(SClient(options), "NOAUTH")) << options << SClient(options);
  }
  for (const char* options :
       {"-tls1 -cipher DEFAULT@SECLEVEL=0", "-tls1_1 -cipher DEFAULT@SECLEVEL=0",
        "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256", "-tls1_2 -cipher AES128-GCM-SHA256",
        "-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305"}) {
    EXPECT_FALSE(absl::StrContains(SClient(options), "NOAUTH")) << options;
  }
}

TEST_F(RespTlsTest, PlainTextOnTheTlsPortEndsTheConnectionOnly) {
  {
    RespTestClient client(server_->info().resp_tls);
    client.Send(RespTestClient::Request({"PING"}));
    EXPECT_FALSE(absl::StrContains(client.Rest(), "PONG"));
  }
  EXPECT_EQ(Cli(Certificate(), "PING"), "PONG\n");
}

}  // namespace
}  // namespace keyturn
