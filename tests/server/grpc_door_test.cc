// What the door does beside the call: where it runs, when it ends, what it notes.
#include "server/grpc_door.h"

#include <thread>

#include "absl/synchronization/notification.h"
#include "tests/server/gate_fixture.h"
#include "tests/server/idle_peer.h"

namespace keyturn {
namespace {

// Answers Get with whatever the test says.
class AnyService final
    : public v1::SecretService::WithRawCallbackMethod_Get<v1::SecretService::Service> {
 public:
  using Body = std::function<grpc::Slice()>;
  AnyService(GrpcDoor& door, const MethodInfo& get) : door_(door), get_(get) {}

  Body body = [] { return grpc::Slice(); };

  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context, const grpc::ByteBuffer*,
                                grpc::ByteBuffer* response) override {
    return door_.Unary(context, get_, RunOn::kCallbackThread, Resource::Path("app/key"),
                       [this, response](Call&) {
                         const grpc::Slice slice = body();
                         *response = grpc::ByteBuffer(&slice, 1);
                         return absl::OkStatus();
                       });
  }

 private:
  GrpcDoor& door_;
  const MethodInfo& get_;
};

class GrpcDoorTest : public GateFixture {
 protected:
  void Serve(absl::Duration longest_call) {
    gate_ = MakeGate(*server_->rooms().audit);
    pool_ = std::make_unique<WorkerPool>(1, 10);
    door_ =
        std::make_unique<GrpcDoor>(GrpcDoor::Parts{*gate_, *pool_, peers_, false, longest_call});
    service_ = std::make_unique<AnyService>(*door_, methods_->Get("SecretService", "Get"));
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(service_.get());
    listener_ = builder.BuildAndStart();
    address_ = absl::StrCat("127.0.0.1:", port);
  }
  void TearDown() override {
    listener_->Shutdown(std::chrono::system_clock::now());
    pool_->Stop();
    ServerFixture::TearDown();
  }

  std::unique_ptr<GateParts> gate_;
  std::unique_ptr<WorkerPool> pool_;
  PeerCertificates peers_{Clock::Real()};
  std::unique_ptr<GrpcDoor> door_;
  std::unique_ptr<AnyService> service_;
  std::unique_ptr<grpc::Server> listener_;
  std::string address_;
};

TEST_F(GrpcDoorTest, ACallEndsThoughItsPeerDoesNotTakeTheReply) {
  Serve(absl::Milliseconds(200));
  absl::Notification released;
  std::string reply(limits::kMiB, 'x');
  service_->body = [&] {
    return grpc::Slice(
        reply.data(), reply.size(),
        [](void* done) { static_cast<absl::Notification*>(done)->Notify(); }, &released);
  };
  IdlePeer peer(address_);
  peer.Ask({}, root_, absl::Hours(1));
  EXPECT_TRUE(released.WaitForNotificationWithTimeout(absl::Seconds(20)));
  EXPECT_EQ(peer.Finish(0).error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(GrpcDoorTest, ACallThatEndsInTimeIsLeftAlone) {
  Serve(absl::Seconds(10));
  const auto stub =
      v1::SecretService::NewStub(NewChannel(address_, grpc::InsecureChannelCredentials()));
  for (const int seconds : {5, 3600}) {
    v1::GetResponse response;
    EXPECT_EQ(Text(stub->Get(Ctx(root_, seconds), {}, &response)), "OK");
  }
}

TEST_F(GrpcDoorTest, AUseIsNotCountedOnACallbackThread) {
  Serve(absl::Seconds(30));
  std::thread::id worker, ran;
  service_->body = [&] {
    ran = std::this_thread::get_id();
    return grpc::Slice();
  };
  absl::Notification known;
  ASSERT_TRUE(pool_->Post([&] {
    worker = std::this_thread::get_id();
    known.Notify();
  }));
  known.WaitForNotification();
  PutPolicy("reader", {{"secret:read", "app/*"}});
  const std::string once =
      NewToken({"reader"}, [](v1::CreateTokenRequest& request) { request.set_max_uses(1); });
  const auto stub =
      v1::SecretService::NewStub(NewChannel(address_, grpc::InsecureChannelCredentials()));
  v1::GetResponse response;
  EXPECT_EQ(Text(stub->Get(Ctx(root_), {}, &response)), "OK");
  EXPECT_NE(ran, worker);
  EXPECT_EQ(Text(stub->Get(Ctx(once), {}, &response)), "OK");
  EXPECT_EQ(ran, worker);
  EXPECT_EQ(stub->Get(Ctx(once), {}, &response).error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(GrpcDoorTest, ALongUserAgentIsCut) {
  Serve(absl::Seconds(30));
  grpc::ChannelArguments arguments;
  arguments.SetString(GRPC_ARG_PRIMARY_USER_AGENT_STRING, std::string(1000, 'u'));
  const auto stub = v1::SecretService::NewStub(
      grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments));
  v1::GetResponse response;
  EXPECT_EQ(Text(stub->Get(Ctx(root_), {}, &response)), "OK");
  const std::string noted = Entries().back().event.user_agent;
  EXPECT_EQ(noted.size(), limits::kUserAgentBytesMax);
  EXPECT_EQ(noted.substr(0, 9), "grpc-c++/");
}

}  // namespace
}  // namespace keyturn
