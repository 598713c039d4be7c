#include "server/grpc_door.h"

#include <grpcpp/alarm.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "base/reason.h"
#include "server/grpc_status.h"

namespace keyturn {
namespace {

absl::string_view ToView(grpc::string_ref text) { return {text.data(), text.size()}; }

absl::string_view Metadata(const grpc::CallbackServerContext& context, const char* name) {
  const auto& metadata = context.client_metadata();
  const auto it = metadata.find(name);
  return it == metadata.end() ? absl::string_view() : ToView(it->second);
}

bool IsCorrelationId(absl::string_view text) {
  return !text.empty() && text.size() <= limits::kCorrelationIdBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' ||
                  c == '-';
         });
}

// Only one credential counts; "Bearer" in any case (RFC 7235 section 2.1).
absl::string_view BearerToken(absl::string_view header) {
  constexpr absl::string_view kScheme = "bearer ";
  if (!absl::StartsWithIgnoreCase(header, kScheme)) return "";
  return absl::StripAsciiWhitespace(header.substr(kScheme.size()));
}

// Answers a call that gRPC would let live on after `longest`, and ends it then.
class EndingReactor final : public grpc::ServerUnaryReactor {
 public:
  EndingReactor(grpc::CallbackServerContext* context, absl::Duration longest)
      : live_(std::make_shared<Live>(context)) {
    end_.Set(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                          gpr_time_from_millis(absl::ToInt64Milliseconds(longest), GPR_TIMESPAN)),
             [live = live_](bool due) {
               const absl::MutexLock lock(&live->mu);
               if (due && live->context != nullptr) live->context->TryCancel();
             });
  }

  void OnDone() override {
    {
      const absl::MutexLock lock(&live_->mu);
      live_->context = nullptr;
    }
    delete this;
  }

 private:
  // The alarm may go off while the call ends by itself. gRPC calls OnDone from no other call of its
  // own, so TryCancel does not come back here.
  struct Live {
    explicit Live(grpc::CallbackServerContext* c) : context(c) {}
    absl::Mutex mu;
    grpc::CallbackServerContext* context ABSL_GUARDED_BY(mu);
  };

  const std::shared_ptr<Live> live_;
  grpc::Alarm end_;
};

}  // namespace

absl::Duration GrpcDoor::TimeLeft(const grpc::CallbackServerContext& context) {
  const absl::Duration left = absl::FromChrono(context.deadline()) - Clock::Real().Now();
  constexpr absl::Duration kNone = absl::Hours(24 * 365);
  return left > kNone ? absl::InfiniteDuration() : left;
}

// gRPC ends a call at its caller's deadline; only beyond the longest call is more needed.
grpc::ServerUnaryReactor* GrpcDoor::NewReactor(grpc::CallbackServerContext* context,
                                               absl::Duration left) {
  if (left <= parts_.longest_call) return context->DefaultReactor();
  return new EndingReactor(context, parts_.longest_call);
}

CallOrigin GrpcDoor::OriginOf(grpc::CallbackServerContext& context, absl::Duration left) {
  CallOrigin origin;
  const std::string peer = context.peer();
  origin.credentials.source = IpAddress::FromGrpcPeer(peer);
  origin.credentials.bearer_token = BearerToken(Metadata(context, "authorization"));
  origin.source = origin.credentials.source.present()
                      ? std::string(absl::StripPrefix(absl::StripPrefix(peer, "ipv4:"), "ipv6:"))
                      : "unix";
  if (absl::StartsWith(peer, "unix:")) {
    origin.credentials.local_operator = true;
  } else {
    const std::shared_ptr<const grpc::AuthContext> auth = context.auth_context();
    const std::vector<grpc::string_ref> pem = auth->FindPropertyValues("x509_pem_cert");
    if (pem.size() == 1) origin.credentials.certificate = parts_.peers.Find(ToView(pem.front()));
  }
  origin.user_agent =
      std::string(Metadata(context, "user-agent").substr(0, limits::kUserAgentBytesMax));
  const absl::string_view correlation_id = Metadata(context, "x-correlation-id");
  if (IsCorrelationId(correlation_id)) origin.correlation_id = std::string(correlation_id);
  // Deadlines come in real time, whatever clock the server runs by.
  origin.deadline = parts_.gate.clock.Now() + left;
  return origin;
}

std::shared_ptr<Call> GrpcDoor::NewCall(grpc::CallbackServerContext& context,
                                        const MethodInfo& method) {
  return std::make_shared<Call>(parts_.gate, method, OriginOf(context, TimeLeft(context)));
}

grpc::Status GrpcDoor::Finish(grpc::CallbackServerContext* context, const Call& call,
                              const absl::Status& status) {
  context->AddTrailingMetadata("x-correlation-id", call.correlation_id());
  return ToGrpcStatus(status, call.correlation_id());
}

void GrpcDoor::Reply(grpc::CallbackServerContext* context, const Call& call,
                     const absl::Status& status, grpc::ServerUnaryReactor* reactor) {
  reactor->Finish(Finish(context, call, status));
}

std::shared_ptr<void> GrpcDoor::TakeWorkPlace() {
  if (works_->fetch_add(1) < limits::kWorkStreamsMax) {
    return {works_.get(), [works = works_](void*) { works->fetch_sub(1); }};
  }
  works_->fetch_sub(1);
  return nullptr;
}

absl::Status GrpcDoor::Busy() {
  return WithRetryAfter(
      WithReason(absl::ResourceExhaustedError(
                     "every worker is busy and the queue is full; try again shortly"),
                 "BUSY"),
      absl::Milliseconds(limits::kBusyRetryMilliseconds));
}

}  // namespace keyturn
