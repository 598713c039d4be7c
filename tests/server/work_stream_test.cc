// Long work that nobody waits for any more is stopped. The work here never ends by itself.
#include "server/work_stream.h"

#include "absl/synchronization/notification.h"
#include "keyturn/v1/audit_service.grpc.pb.h"
#include "tests/server/gate_fixture.h"

namespace keyturn {
namespace {

class EndlessService final : public v1::AuditService::CallbackService {
 public:
  EndlessService(GrpcDoor& door, const MethodTable& methods) : door_(door), methods_(methods) {}

  grpc::ServerWriteReactor<v1::VerifyAuditResponse>* Verify(
      grpc::CallbackServerContext* context, const v1::VerifyAuditRequest*) override {
    return StartWork<v1::VerifyAuditResponse>(
        door_, context, methods_.Get("AuditService", "Verify"),
        [this](WorkReport<v1::VerifyAuditResponse>& report) { return Work(report); });
  }

  absl::Status AwaitEnd() {
    ended_.WaitForNotification();
    return end_;
  }

 private:
  absl::Status Work(WorkReport<v1::VerifyAuditResponse>& report) {
    v1::VerifyAuditResponse message;
    do {
      message.set_entries(message.entries() + 1);
      end_ = report.Publish(message);
    } while (end_.ok());
    ended_.Notify();
    return end_;
  }

  GrpcDoor& door_;
  const MethodTable& methods_;
  absl::Status end_;
  absl::Notification ended_;
};

class WorkStreamTest : public GateFixture {
 protected:
  void SetUp() override {
    GateFixture::SetUp();
    gate_ = MakeGate(*server_->rooms().audit);
    pool_ = std::make_unique<WorkerPool>(2, 10);
    door_ = std::make_unique<GrpcDoor>(GrpcDoor::Parts{*gate_, *pool_, peers_});
    service_ = std::make_unique<EndlessService>(*door_, *methods_);
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(service_.get());
    listener_ = builder.BuildAndStart();
    stub_ = v1::AuditService::NewStub(
        NewChannel(absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials()));
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
  std::unique_ptr<EndlessService> service_;
  std::unique_ptr<grpc::Server> listener_;
  std::unique_ptr<v1::AuditService::Stub> stub_;
};

TEST_F(WorkStreamTest, EndsWhenTheClientLeaves) {
  Ctx context(root_, 0);
  const auto reader = stub_->Verify(context, {});
  v1::VerifyAuditResponse message;
  ASSERT_TRUE(reader->Read(&message));
  static_cast<grpc::ClientContext*>(context)->TryCancel();
  EXPECT_CODE(service_->AwaitEnd(), kCancelled);
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(WorkStreamTest, EndsWhenTheServerStops) {
  Ctx context(root_, 0);
  const auto reader = stub_->Verify(context, {});
  v1::VerifyAuditResponse message;
  ASSERT_TRUE(reader->Read(&message));
  listener_->Shutdown(std::chrono::system_clock::now());
  EXPECT_CODE(service_->AwaitEnd(), kCancelled);
}

}  // namespace
}  // namespace keyturn
