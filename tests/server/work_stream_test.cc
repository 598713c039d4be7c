// Long work is bounded, is stopped when nobody waits for it any more, and tells its end.
#include "server/work_stream.h"

#include <deque>
#include <vector>

#include "absl/synchronization/notification.h"
#include "keyturn/v1/audit_service.grpc.pb.h"
#include "tests/server/gate_fixture.h"

namespace keyturn {
namespace {

using Report = WorkReport<v1::VerifyAuditResponse>;

// Does the work of the test, or, until it has one, work that never ends by itself.
class WorkService final
    : public v1::AuditService::WithRawCallbackMethod_Verify<v1::AuditService::Service> {
 public:
  WorkService(GrpcDoor& door, const MethodTable& methods) : door_(door), methods_(methods) {}

  std::function<absl::Status(Report&)> work = [this](Report& report) { return Work(report); };

  raw::StreamReactor* Verify(raw::Context* context, const raw::Bytes* request) override {
    return StartWork<v1::VerifyAuditRequest, v1::VerifyAuditResponse>(
        door_, context, request, methods_.Get("AuditService", "Verify"),
        [this](Report& report) { return work(report); });
  }

  absl::Status AwaitEnd() {
    ended_.WaitForNotification();
    return end_;
  }

 private:
  absl::Status Work(Report& report) {
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

class WorkStreamTest : public DoorFixture {
 protected:
  void Serve(int threads, size_t queue_max) {
    service_ = std::make_unique<WorkService>(OpenDoor(threads, queue_max), *methods_);
    stub_ = v1::AuditService::NewStub(
        NewChannel(Listen(*service_), grpc::InsecureChannelCredentials()));
  }

  std::unique_ptr<WorkService> service_;
  std::unique_ptr<v1::AuditService::Stub> stub_;
};

TEST_F(WorkStreamTest, EndsWhenTheClientLeaves) {
  Serve(2, 10);
  Ctx context(root_, 0);
  const auto reader = stub_->Verify(context, {});
  v1::VerifyAuditResponse message;
  ASSERT_TRUE(reader->Read(&message));
  static_cast<grpc::ClientContext*>(context)->TryCancel();
  EXPECT_CODE(service_->AwaitEnd(), kCancelled);
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(WorkStreamTest, TellsTheEndThoughThePoolWasFullThen) {
  Serve(1, 1);
  service_->work = [this](Report& report) {
    EXPECT_TRUE(pool_->Post([] {}));  // this thread is the only one, so the queue stays full
    v1::VerifyAuditResponse message;
    message.set_done(true);
    return report.Publish(message);
  };
  Ctx context(root_, 10);
  const auto reader = stub_->Verify(context, {});
  v1::VerifyAuditResponse message;
  ASSERT_TRUE(reader->Read(&message));
  EXPECT_TRUE(message.done());
  EXPECT_EQ(Text(reader->Finish()), "OK");
}

TEST_F(WorkStreamTest, LeavesWorkersToOthers) {
  Serve(limits::kWorkStreamsMax + 2, 10);
  absl::Notification over;
  service_->work = [&](Report& report) {
    v1::VerifyAuditResponse message;
    message.set_entries(1);
    const absl::Status told = report.Publish(message);
    over.WaitForNotification();
    message.set_done(true);
    return told.ok() ? report.Publish(message) : told;
  };
  std::deque<Ctx> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::VerifyAuditResponse>>> readers;
  v1::VerifyAuditResponse message;
  for (int i = 0; i < limits::kWorkStreamsMax; ++i) {
    readers.push_back(stub_->Verify(contexts.emplace_back(root_, 20), {}));
    EXPECT_TRUE(readers.back()->Read(&message));
  }
  Ctx context(root_, 10);
  const auto refused = stub_->Verify(context, {});
  EXPECT_FALSE(refused->Read(&message));
  const grpc::Status status = refused->Finish();
  over.Notify();
  EXPECT_EQ(
      Text(status),
      "RESOURCE_EXHAUSTED: at most 2 verifications and the like run at once; try again when one "
      "has ended");
  EXPECT_EQ(ReasonIn(status), "BUSY");
  for (const auto& reader : readers) {
    EXPECT_TRUE(reader->Read(&message));
    EXPECT_TRUE(message.done());
    EXPECT_EQ(Text(reader->Finish()), "OK");
  }
}

TEST_F(WorkStreamTest, EndsWhenTheServerStops) {
  Serve(2, 10);
  Ctx context(root_, 0);
  const auto reader = stub_->Verify(context, {});
  v1::VerifyAuditResponse message;
  ASSERT_TRUE(reader->Read(&message));
  listener_->Shutdown(std::chrono::system_clock::now());
  EXPECT_CODE(service_->AwaitEnd(), kCancelled);
}

}  // namespace
}  // namespace keyturn
