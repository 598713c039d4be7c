// What each call says to the server, when it gives up, and how it is broken off.
#include <thread>

#include "absl/strings/match.h"
#include "absl/synchronization/notification.h"
#include "client/error_detail.h"
#include "tests/client/fake_server.h"

namespace keyturn {
namespace {

// A Get that the server does not answer until the test lets go or ends.
class Hold {
 public:
  explicit Hold(FakeServer& server) {
    server.secrets.OnGet([go_on = go_on_](auto*, const auto&, auto*) {
      go_on->WaitForNotification();
      return grpc::Status::OK;
    });
  }
  ~Hold() { go_on_->Notify(); }

 private:
  const std::shared_ptr<absl::Notification> go_on_ = std::make_shared<absl::Notification>();
};

class CallTest : public testing::Test {
 protected:
  // What the server finds in the metadata under `key` of a Get; "-" for nothing, joined by "|".
  std::string Sent(Client& client, const std::string& key, const CallOptions& options = {}) {
    std::string found;
    server_.secrets.OnGet([&](grpc::ServerContext* context, const auto&, auto*) {
      const auto& metadata = context->client_metadata();
      for (auto [at, end] = metadata.equal_range(key); at != end; ++at) {
        absl::StrAppend(&found, found.empty() ? "" : "|",
                        absl::string_view(at->second.data(), at->second.size()));
      }
      return grpc::Status::OK;
    });
    const absl::Status status = client.Get(GetOf("app/a"), options).status();
    if (!status.ok()) return absl::StatusCodeToString(status.code());
    return found.empty() ? "-" : found;
  }

  FakeServer server_;
  std::unique_ptr<Client> client_ = ConnectTo(server_.address());
};

TEST_F(CallTest, CarriesTheTokenOfTheMoment) {
  EXPECT_EQ(Sent(*client_, "authorization"), "-");
  client_->SetToken("ktb.one");
  EXPECT_EQ(Sent(*client_, "authorization"), "Bearer ktb.one");
  client_->SetToken("");
  EXPECT_EQ(Sent(*client_, "authorization"), "-");
  const auto other = ConnectTo(server_.address(), [](ClientOptions& o) { o.token = "ktb.two"; });
  EXPECT_EQ(Sent(*other, "authorization"), "Bearer ktb.two");
}

TEST_F(CallTest, ATokenThatNoHeaderCanCarryIsAnError) {
  for (const std::string& token : std::vector<std::string>{
           "ktb.one\n", "ktb\r.x", std::string("k\0b", 3), "ktb.\xc3\xbc", "\x7f"}) {
    client_->SetToken(token);
    EXPECT_EQ(Sent(*client_, "authorization"), "INVALID_ARGUMENT");
    EXPECT_CODE(client_->Watch({}, [](v1::WatchResponse&) { return true; }), kInvalidArgument);
    ClientOptions options;
    options.address = server_.address();
    options.token = token;
    const absl::Status status = Client::Connect(options).status();
    EXPECT_CODE(status, kInvalidArgument);
    EXPECT_FALSE(absl::StrContains(status.message(), "ktb")) << status;
  }
  client_->SetToken("ktb.one");
  EXPECT_EQ(Sent(*client_, "authorization"), "Bearer ktb.one");
}

TEST_F(CallTest, CarriesACorrelationId) {
  const std::string one = Sent(*client_, "x-correlation-id");
  EXPECT_EQ(one.size(), 32u);
  EXPECT_NE(Sent(*client_, "x-correlation-id"), one);
  CallOptions options;
  options.correlation_id = "job-7.a_B";
  EXPECT_EQ(Sent(*client_, "x-correlation-id", options), "job-7.a_B");
  for (const std::string& id :
       std::vector<std::string>{"a b", "a\n", "a/b", std::string(65, 'a')}) {
    options.correlation_id = id;
    EXPECT_EQ(Sent(*client_, "x-correlation-id", options), "INVALID_ARGUMENT") << id;
  }
}

TEST_F(CallTest, NamesItself) {
  const auto named =
      ConnectTo(server_.address(), [](ClientOptions& o) { o.user_agent = "billing/2"; });
  EXPECT_TRUE(absl::StartsWith(Sent(*named, "user-agent"), "billing/2 keyturn-client"));
  EXPECT_TRUE(absl::StartsWith(Sent(*client_, "user-agent"), "keyturn-client"));
}

TEST_F(CallTest, HasADeadline) {
  const auto seconds_left = [&](Client& client, std::optional<absl::Duration> timeout) {
    double left = 0;
    server_.secrets.OnGet([&](grpc::ServerContext* context, const auto&, auto*) {
      left = std::chrono::duration<double>(context->deadline() - std::chrono::system_clock::now())
                 .count();
      return grpc::Status::OK;
    });
    CallOptions options;
    options.timeout = timeout;
    EXPECT_OK(client.Get(GetOf("app/a"), options));
    return left;
  };
  const auto usual =
      ConnectTo(server_.address(), [](ClientOptions& o) { o.timeout = ClientOptions().timeout; });
  EXPECT_NEAR(seconds_left(*usual, std::nullopt), 5, 1);
  EXPECT_NEAR(seconds_left(*usual, absl::Seconds(20)), 20, 1);
  CallOptions options;
  for (const absl::Duration bad : {absl::ZeroDuration(), absl::Seconds(-1)}) {
    options.timeout = bad;
    EXPECT_CODE(client_->Get(GetOf("app/a"), options), kInvalidArgument);
  }
}

TEST_F(CallTest, EndsAtItsDeadline) {
  const Hold hold(server_);
  CallOptions options;
  options.timeout = absl::Milliseconds(50);
  EXPECT_CODE(client_->Get(GetOf("app/a"), options), kDeadlineExceeded);
  EXPECT_LE(server_.secrets.get_count(), 1);  // time that ran out is not tried again
}

TEST_F(CallTest, IsBrokenOffFromAnotherThread) {
  const Hold hold(server_);
  Cancellation cancellation;
  CallOptions options;
  options.cancellation = &cancellation;
  std::thread caller([&] { EXPECT_CODE(client_->Get(GetOf("app/a"), options), kCancelled); });
  server_.secrets.AwaitGets(1);
  cancellation.Cancel();
  caller.join();
  EXPECT_TRUE(cancellation.cancelled());
  // And stays so for calls that come later; others are not touched.
  EXPECT_CODE(client_->Describe({}, options), kCancelled);
  EXPECT_EQ(Sent(*client_, "authorization"), "-");
}

TEST_F(CallTest, WithoutAServerIsUnavailable) {
  const auto nobody = ConnectTo("unix:/nonexistent/socket");
  const absl::Status status = nobody->Get(GetOf("app/a")).status();
  EXPECT_CODE(status, kUnavailable);
  EXPECT_EQ(DetailOf(status).reason, "UNAVAILABLE");
}

class StreamTest : public CallTest {
 protected:
  // Watches on a thread until the stream ends.
  void Start(const CallOptions& options, std::function<bool(v1::WatchResponse&)> fn) {
    thread_ = std::thread([this, options, fn] { status_ = client_->Watch({}, fn, options); });
  }
  absl::Status Join() {
    thread_.join();
    return status_;
  }

  std::thread thread_;
  absl::Status status_;
};

TEST_F(StreamTest, GivesEachMessageInOrderUntilTheServerEndsIt) {
  std::vector<uint64_t> revisions;
  Start({}, [&](v1::WatchResponse& message) {
    revisions.push_back(message.revision());
    return true;
  });
  const auto watch = server_.secrets.AwaitWatch(0);
  for (uint64_t revision = 101; revision <= 110; ++revision) watch->Progress(revision);
  watch->End(grpc::Status::OK);
  EXPECT_OK(Join());
  ASSERT_EQ(revisions.size(), 11u);
  for (size_t i = 0; i < revisions.size(); ++i) EXPECT_EQ(revisions[i], 100 + i);
}

TEST_F(StreamTest, EndsWhenTheReceiverHasEnough) {
  int heard = 0;
  Start({}, [&](v1::WatchResponse&) { return ++heard < 3; });
  const auto watch = server_.secrets.AwaitWatch(0);
  for (uint64_t revision = 101; revision <= 110; ++revision) watch->Progress(revision);
  EXPECT_OK(Join());
  EXPECT_EQ(heard, 3);
  watch->AwaitCancelled();
}

TEST_F(StreamTest, IsBrokenOffFromAnotherThread) {
  Cancellation cancellation;
  absl::Notification heard;
  CallOptions options;
  options.cancellation = &cancellation;
  Start(options, [&](v1::WatchResponse&) {
    heard.Notify();
    return true;
  });
  heard.WaitForNotification();
  cancellation.Cancel();
  EXPECT_CODE(Join(), kCancelled);
  server_.secrets.AwaitWatch(0)->AwaitCancelled();
}

TEST_F(StreamTest, IsBrokenOffByItsReceiver) {
  Cancellation cancellation;
  CallOptions options;
  options.cancellation = &cancellation;
  Start(options, [&](v1::WatchResponse&) {
    cancellation.Cancel();
    return true;
  });
  EXPECT_CODE(Join(), kCancelled);
}

TEST_F(StreamTest, DoesNotBeginOnceBrokenOff) {
  Cancellation cancellation;
  cancellation.Cancel();
  CallOptions options;
  options.cancellation = &cancellation;
  Start(options, [](v1::WatchResponse&) { return true; });
  EXPECT_CODE(Join(), kCancelled);
}

TEST_F(StreamTest, OneCancellationEndsSeveral) {
  Cancellation cancellation;
  CallOptions options;
  options.cancellation = &cancellation;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      EXPECT_CODE(client_->Watch(
                      {}, [](v1::WatchResponse&) { return true; }, options),
                  kCancelled);
    });
  }
  server_.secrets.AwaitWatch(7);
  cancellation.Cancel();
  for (std::thread& thread : threads) thread.join();
}

TEST_F(StreamTest, EndsAtItsDeadline) {
  CallOptions options;
  options.timeout = absl::Milliseconds(50);
  Start(options, [](v1::WatchResponse&) { return true; });
  EXPECT_CODE(Join(), kDeadlineExceeded);
}

TEST_F(StreamTest, HasNoDeadlineUnlessAskedTo) {
  // The client's own is for calls that answer once: this stream outlives it.
  client_ =
      ConnectTo(server_.address(), [](ClientOptions& o) { o.timeout = absl::Milliseconds(50); });
  Start({}, [](v1::WatchResponse&) { return true; });
  const auto watch = server_.secrets.AwaitWatch(0);
  {
    const Hold hold(server_);
    EXPECT_CODE(client_->Get(GetOf("app/a")), kDeadlineExceeded);  // 50 ms are over
  }
  watch->End({grpc::StatusCode::OUT_OF_RANGE, "enough"});
  EXPECT_CODE(Join(), kOutOfRange);
}

// Also when an attempt to connect has failed already. Nobody could end one without cancellation.
TEST_F(StreamTest, WaitsForItsServerIfItCanBeBrokenOff) {
  const TempDir dir;
  const std::string address = "unix:" + dir.File("late");
  client_ = ConnectTo(address);
  EXPECT_CODE(client_->Get(GetOf("app/a")).status(), kUnavailable);
  EXPECT_CODE(client_->Watch({}, [](v1::WatchResponse&) { return true; }), kUnavailable);
  Cancellation cancellation;
  CallOptions options;
  options.cancellation = &cancellation;
  Start(options, [](v1::WatchResponse&) { return true; });
  FakeSecrets late;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterService(&late);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  late.AwaitWatch(0)->End(grpc::Status::OK);
  EXPECT_OK(Join());
}

TEST_F(StreamTest, IsNotTriedAgain) {
  Start({}, [](v1::WatchResponse&) { return true; });
  server_.secrets.AwaitWatch(0)->End({grpc::StatusCode::UNAVAILABLE, "restarting"});
  EXPECT_CODE(Join(), kUnavailable);
  EXPECT_EQ(server_.secrets.watches(), 1u);
}

}  // namespace
}  // namespace keyturn
