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
    return door_.Unary(
        context, get_, []() -> absl::StatusOr<Resource> { return Resource::Path("app/key"); },
        [] { return RunOn::kCallbackThread; },
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

class GrpcDoorTest : public DoorFixture {
 protected:
  void Serve(absl::Duration longest_call) {
    GrpcDoor& door = OpenDoor(
        1, 10, [longest_call](GrpcDoor::Parts& parts) { parts.longest_call = longest_call; });
    service_ = std::make_unique<AnyService>(door, methods_->Get("SecretService", "Get"));
    address_ = Listen(*service_);
  }

  std::unique_ptr<AnyService> service_;
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
