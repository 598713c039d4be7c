// A server of secrets in this process, on a unix socket, that answers what a test tells it to and
// remembers what it was asked. Thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/client.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "keyturn/v1/secret_service.grpc.pb.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {

// One Watch as the server sees it.
class FakeWatch : public grpc::ServerWriteReactor<v1::WatchResponse> {
 public:
  explicit FakeWatch(const v1::WatchRequest& request) : request_(request) {}

  const v1::WatchRequest& request() const { return request_; }

  void Send(v1::WatchResponse message) {
    absl::MutexLock lock(&mu_);
    queue_.push_back(std::move(message));
    Continue();
  }
  void Progress(uint64_t revision) { Event(v1::WatchResponse::PROGRESS, "", revision); }
  void Event(v1::WatchResponse::Type type, const std::string& path, uint64_t revision,
             const std::string& new_path = "") {
    v1::WatchResponse message;
    message.set_type(type);
    message.set_path(path);
    message.set_new_path(new_path);
    message.set_revision(revision);
    Send(std::move(message));
  }
  // After what was sent.
  void End(const grpc::Status& status) {
    absl::MutexLock lock(&mu_);
    if (!end_.has_value()) end_ = status;
    Continue();
  }
  // Until the client, or the end of the server, broke it off.
  void AwaitCancelled() {
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(&cancelled_));
  }

  void OnWriteDone(bool) override {
    absl::MutexLock lock(&mu_);
    writing_ = false;
    queue_.pop_front();
    Continue();
  }
  void OnCancel() override {
    absl::MutexLock lock(&mu_);
    cancelled_ = true;
    queue_.resize(writing_ ? 1 : 0);
    if (!end_.has_value()) end_ = grpc::Status::CANCELLED;
    Continue();
  }
  void OnDone() override { const std::shared_ptr<FakeWatch> last = std::move(self_); }

 private:
  friend class FakeSecrets;

  void Continue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (writing_ || finished_) return;
    if (!queue_.empty()) {
      writing_ = true;
      StartWrite(&queue_.front());
    } else if (end_.has_value()) {
      finished_ = true;
      Finish(*end_);
    }
  }

  const v1::WatchRequest request_;
  std::shared_ptr<FakeWatch> self_;
  absl::Mutex mu_;
  std::deque<v1::WatchResponse> queue_ ABSL_GUARDED_BY(mu_);
  std::optional<grpc::Status> end_ ABSL_GUARDED_BY(mu_);
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
};

class FakeSecrets final
    : public v1::SecretService::WithCallbackMethod_Watch<v1::SecretService::Service> {
 public:
  using GetFn =
      std::function<grpc::Status(grpc::ServerContext*, const v1::GetRequest&, v1::GetResponse*)>;

  // What Get and Put answer from now on. A secret with one field "value" by default.
  void OnGet(GetFn fn) {
    absl::MutexLock lock(&mu_);
    get_ = std::move(fn);
  }
  void OnPut(std::function<grpc::Status()> fn) {
    absl::MutexLock lock(&mu_);
    put_ = std::move(fn);
  }
  // Sets the value of any secret; counts as a version.
  void SetValue(const std::string& value) {
    absl::MutexLock lock(&mu_);
    value_ = value;
    ++version_;
  }
  // Tells every watch PROGRESS with `revision` as it opens; 0: tells nothing.
  void GreetWith(uint64_t revision) {
    absl::MutexLock lock(&mu_);
    greeting_ = revision;
  }

  int get_count() const {
    absl::MutexLock lock(&mu_);
    return gets_;
  }
  int put_count() const {
    absl::MutexLock lock(&mu_);
    return puts_;
  }
  // Waits for the nth (from 0) watch.
  std::shared_ptr<FakeWatch> AwaitWatch(size_t n) const {
    absl::MutexLock lock(&mu_);
    const auto there = [this, n] { return watches_.size() > n; };
    mu_.Await(absl::Condition(&there));
    return watches_[n];
  }
  size_t watches() const {
    absl::MutexLock lock(&mu_);
    return watches_.size();
  }
  void AwaitGets(int n) const {
    absl::MutexLock lock(&mu_);
    const auto there = [this, n] { return gets_ >= n; };
    mu_.Await(absl::Condition(&there));
  }

  grpc::Status Get(grpc::ServerContext* context, const v1::GetRequest* request,
                   v1::GetResponse* response) override {
    GetFn fn;
    {
      absl::MutexLock lock(&mu_);
      ++gets_;
      fn = get_;
      Fill(request->path(), response);
    }
    return fn == nullptr ? grpc::Status::OK : fn(context, *request, response);
  }
  grpc::Status Put(grpc::ServerContext*, const v1::PutRequest*, v1::PutResponse*) override {
    std::function<grpc::Status()> fn;
    {
      absl::MutexLock lock(&mu_);
      ++puts_;
      fn = put_;
    }
    return fn == nullptr ? grpc::Status::OK : fn();
  }
  grpc::ServerWriteReactor<v1::WatchResponse>* Watch(grpc::CallbackServerContext*,
                                                     const v1::WatchRequest* request) override {
    const auto watch = std::make_shared<FakeWatch>(*request);
    watch->self_ = watch;
    uint64_t greeting = 0;
    {
      absl::MutexLock lock(&mu_);
      greeting = greeting_;
    }
    if (greeting > 0) watch->Progress(greeting);
    absl::MutexLock lock(&mu_);
    watches_.push_back(watch);
    return watch.get();
  }

 private:
  void Fill(const std::string& path, v1::GetResponse* response) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    response->set_path(path);
    response->mutable_version()->set_version(version_);
    v1::Field* const field = response->mutable_data()->add_fields();
    field->set_name("value");
    field->set_value(value_);
  }

  mutable absl::Mutex mu_;
  GetFn get_ ABSL_GUARDED_BY(mu_);
  std::function<grpc::Status()> put_ ABSL_GUARDED_BY(mu_);
  std::string value_ ABSL_GUARDED_BY(mu_) = "v1";
  uint64_t version_ ABSL_GUARDED_BY(mu_) = 1;
  uint64_t greeting_ ABSL_GUARDED_BY(mu_) = 100;
  int gets_ ABSL_GUARDED_BY(mu_) = 0;
  int puts_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<std::shared_ptr<FakeWatch>> watches_ ABSL_GUARDED_BY(mu_);
};

class FakeServer {
 public:
  FakeServer() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address(), grpc::InsecureServerCredentials());
    builder.RegisterService(&secrets);
    server_ = builder.BuildAndStart();
  }
  // Breaks off what is under way.
  ~FakeServer() { server_->Shutdown(std::chrono::system_clock::time_point()); }

  std::string address() const { return "unix:" + dir_.File("s"); }

  FakeSecrets secrets;

 private:
  TempDir dir_;
  std::unique_ptr<grpc::Server> server_;
};

// A status with details, as the server writes them.
struct RichStatus {
  std::string reason;
  std::string help;
  std::optional<absl::Duration> retry_after;
  std::string request_id;

  grpc::Status As(grpc::StatusCode code, const std::string& message) const {
    google::rpc::Status details;
    details.set_code(code);
    details.set_message(message);
    if (!reason.empty()) {
      google::rpc::ErrorInfo info;
      info.set_reason(reason);
      info.set_domain("keyturn");
      if (!help.empty()) (*info.mutable_metadata())["help"] = help;
      details.add_details()->PackFrom(info);
    }
    if (retry_after.has_value()) {
      google::rpc::RetryInfo retry;
      const int64_t nanos = absl::ToInt64Nanoseconds(*retry_after);
      retry.mutable_retry_delay()->set_seconds(nanos / 1'000'000'000);
      retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
      details.add_details()->PackFrom(retry);
    }
    if (!request_id.empty()) {
      google::rpc::RequestInfo request;
      request.set_request_id(request_id);
      details.add_details()->PackFrom(request);
    }
    return {code, message, details.SerializeAsString()};
  }
};

inline std::unique_ptr<Client> ConnectTo(
    const std::string& address,
    const std::function<void(ClientOptions&)>& adjust = [](ClientOptions&) {}) {
  ClientOptions options;
  options.address = address;
  options.timeout = absl::Seconds(30);  // none is waited for
  adjust(options);
  absl::StatusOr<std::unique_ptr<Client>> client = Client::Connect(std::move(options));
  EXPECT_OK(client);
  return *std::move(client);
}

inline v1::GetRequest GetOf(const std::string& path) {
  v1::GetRequest request;
  request.set_path(path);
  return request;
}

}  // namespace keyturn
