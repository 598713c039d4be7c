// A peer that asks for secrets and does not take the replies.
#pragma once

#include <grpcpp/grpcpp.h>

#include <deque>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "keyturn/v1/secret_service.grpc.pb.h"
#include "tests/server/server_fixture.h"

namespace keyturn {

class IdlePeer {
 public:
  // Without `ca`: in plain text.
  explicit IdlePeer(const std::string& target, const std::string& ca = "") {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    // The window is 64 KiB and grows for nothing.
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = ca;
    stub_ = v1::SecretService::NewStub(grpc::CreateCustomChannel(
        target, ca.empty() ? grpc::InsecureChannelCredentials() : grpc::SslCredentials(options),
        arguments));
  }
  ~IdlePeer() {
    for (Asked& asked : asked_) {
      asked.context->TryCancel();
      if (!asked.finished) Take(asked);
    }
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  // Returns once the server has answered, which only the head of the answer tells.
  void Ask(const v1::GetRequest& request, const std::string& token, absl::Duration deadline) {
    Asked& asked = asked_.emplace_back();
    asked.context->set_deadline(absl::ToChronoTime(Clock::Real().Now() + deadline));
    asked.context->AddMetadata("authorization", "Bearer " + token);
    asked.call = stub_->AsyncGet(asked.context, request, &queue_);
    asked.call->ReadInitialMetadata(&asked);
    Await();
  }
  // Takes the reply to the call `index`.
  grpc::Status Finish(size_t index) { return Take(asked_[index]); }

 private:
  struct Asked {
    Ctx context{"", 0};
    std::unique_ptr<grpc::ClientAsyncResponseReader<v1::GetResponse>> call;
    v1::GetResponse response;
    grpc::Status status;
    bool finished = false;
  };

  void Await() {
    void* tag = nullptr;
    bool ok = false;
    EXPECT_TRUE(queue_.Next(&tag, &ok));
  }
  grpc::Status Take(Asked& asked) {
    asked.call->Finish(&asked.response, &asked.status, &asked);
    asked.finished = true;
    Await();
    return asked.status;
  }

  grpc::CompletionQueue queue_;
  std::unique_ptr<v1::SecretService::Stub> stub_;
  std::deque<Asked> asked_;
};

}  // namespace keyturn
