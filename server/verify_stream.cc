#include "server/verify_stream.h"

#include "base/limits.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

using Stream = PullStream<v1::VerifyResponse>;
constexpr int kProblemsMax = 1000;

// Shared by the verification, which runs on a worker, and the stream that reports it.
struct Verification {
  absl::Mutex mu;
  v1::VerifyResponse latest ABSL_GUARDED_BY(mu);
  absl::Status status ABSL_GUARDED_BY(mu);
  bool news ABSL_GUARDED_BY(mu) = false;
  std::function<void()> wake;  // set before it runs
};

void Publish(Verification& verification, uint64_t done, uint64_t total) {
  if (done % limits::kProgressEveryRecords != 0) return;
  {
    absl::MutexLock lock(&verification.mu);
    verification.latest.set_records_checked(done);
    verification.latest.set_records_total(std::max(done, total));
    verification.news = true;
  }
  verification.wake();
}

void AddProblems(const std::vector<StoreProblem>& problems, v1::VerifyResponse* response) {
  for (const StoreProblem& problem : problems) {
    if (response->problems_size() < kProblemsMax) response->add_problems(problem.what);
  }
}

absl::Status Check(Store& store, Vault& vault, Verification& verification) {
  uint64_t before = 0;
  v1::VerifyResponse result;
  ASSIGN_OR_RETURN(const std::vector<StoreProblem> stored,
                   store.Verify([&](uint64_t done, uint64_t total) {
                     before = done;
                     Publish(verification, done, total);
                   }));
  AddProblems(stored, &result);
  uint64_t opened = 0;
  ASSIGN_OR_RETURN(const std::vector<StoreProblem> found,
                   vault.Verify([&](uint64_t done, uint64_t total) {
                     opened = done;
                     Publish(verification, before + done, before + total);
                   }));
  AddProblems(found, &result);
  result.set_records_checked(before + opened);
  result.set_records_total(before + opened);
  result.set_done(true);
  absl::MutexLock lock(&verification.mu);
  verification.latest = std::move(result);
  verification.news = true;
  return absl::OkStatus();
}

}  // namespace

grpc::ServerWriteReactor<v1::VerifyResponse>* StartVerify(const VerifyParts& parts,
                                                          grpc::CallbackServerContext* context,
                                                          const MethodInfo& method) {
  std::shared_ptr<Call> call = parts.door.NewCall(*context, method);
  const absl::Status admitted =
      call->Run([]() -> absl::StatusOr<Resource> { return Resource::None(); },
                [](Call&) { return absl::OkStatus(); });
  if (!admitted.ok()) return Stream::Failed(parts.door, context, std::move(call), admitted);

  auto verification = std::make_shared<Verification>();
  Stream* const stream =
      Stream::Start(parts.door, context, std::move(call),
                    [verification](Call&) -> absl::StatusOr<StreamStep<v1::VerifyResponse>> {
                      absl::MutexLock lock(&verification->mu);
                      RETURN_IF_ERROR(verification->status);
                      StreamStep<v1::VerifyResponse> step;
                      if (!verification->news) return step;
                      verification->news = false;
                      step.messages.push_back(verification->latest);
                      step.end = verification->latest.done();
                      return step;
                    });
  verification->wake = [weak = std::weak_ptr<Stream>(stream->shared_from_this())] {
    if (const std::shared_ptr<Stream> alive = weak.lock()) alive->Wake();
  };
  WorkerPool::Job job = [verification, &store = parts.store, &vault = parts.vault] {
    absl::Status status = Check(store, vault, *verification);
    if (!status.ok()) {
      absl::MutexLock lock(&verification->mu);
      verification->status = std::move(status);
    }
    verification->wake();
  };
  if (!parts.door.pool().Post(std::move(job))) stream->Fail(GrpcDoor::Busy());
  return stream;
}

}  // namespace keyturn
