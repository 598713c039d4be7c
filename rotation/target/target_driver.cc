#include "rotation/target/target_driver.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "auth/grants.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "rotation/target/request.h"

namespace keyturn {
namespace {

constexpr char kUse[] = "secret:rotate";

GrantSet GrantsOf(const std::vector<std::string>& paths) {
  std::vector<GrantRule> rules;
  for (const std::string& path : paths) {
    GrantRule& rule = rules.emplace_back();
    rule.permissions = {kUse};
    rule.pattern = path;
  }
  return GrantSet(std::move(rules));
}

class Missing : public Driver {
 public:
  absl::StatusOr<bool> Probe(const DriverCall& call, const SecretBytes&) override {
    return No(call);
  }
  absl::Status Apply(const DriverCall& call, const SecretBytes&, const SecretBytes&) override {
    return No(call);
  }
  absl::Status Test(const DriverCall& call, const SecretBytes&) override { return No(call); }
  absl::Status ArmExpiry(const DriverCall& call, const SecretBytes&, absl::Time) override {
    return No(call);
  }
  absl::Status Disarm(const DriverCall& call, const SecretBytes&) override { return No(call); }
  absl::StatusOr<std::optional<int>> Sessions(const DriverCall& call, const SecretBytes&) override {
    return No(call);
  }
  absl::Status Retire(const DriverCall& call, const SecretBytes&) override { return No(call); }
  absl::StatusOr<bool> VerifyDead(const DriverCall& call, const SecretBytes&) override {
    return No(call);
  }

 private:
  static absl::Status No(const DriverCall& call) {
    const std::string whose =
        call.target == call.policy.target()
            ? "which the policy names"
            : absl::StrCat("at which version ", call.version.value(), " was set");
    return absl::FailedPreconditionError(
        absl::StrCat("the server's configuration has no target '", call.target, "', ", whose));
  }
};

}  // namespace

struct TargetDriver::Paths {
  GrantSet grants;
};

TargetDriver::TargetDriver(std::string name, const std::vector<std::string>& paths,
                           std::unique_ptr<Transport> transport)
    : name_(std::move(name)),
      paths_(new Paths{GrantsOf(paths)}),
      transport_(std::move(transport)) {}

TargetDriver::~TargetDriver() = default;

bool TargetDriver::IsFor(absl::string_view path) const {
  return paths_->grants.Allows(kUse, path, absl::InfinitePast(), IpAddress());
}

TargetAnswer TargetDriver::CallObserved(const TargetRequest& request, const SecretBytes& encoded,
                                        const ValueFilter& filter) const {
  const int64_t began = clock_ == nullptr ? 0 : clock_->MonotonicNanos();
  TargetAnswer answer = transport_->Call(CallId(request), encoded, filter, request.about.interrupt);
  if (clock_ != nullptr) {
    observer_(name_, request.call, FailureOf(answer.status),
              absl::Nanoseconds(clock_->MonotonicNanos() - began));
  }
  return answer;
}

TargetAnswer TargetDriver::Ask(absl::string_view what, const DriverCall& call,
                               const Asked& asked) const {
  const auto refused = [](const absl::Status& status) { return TargetAnswer{status, {}, {}}; };
  // It may have been renamed since its policy was set.
  if (!IsFor(call.path)) {
    return refused(
        absl::FailedPreconditionError(absl::StrCat("target ", name_, " is not for ", call.path)));
  }
  const TargetRequest request{what, call, asked.value, asked.current, asked.end};
  const absl::StatusOr<SecretBytes> encoded = EncodeRequest(name_, request);
  if (!encoded.ok()) return refused(encoded.status());
  const absl::StatusOr<ValueFilter> filter = ValueFilter::Create(asked.value, asked.current);
  if (!filter.ok()) return refused(filter.status());
  TargetAnswer answer = CallObserved(request, *encoded, *filter);
  if (answer.status.ok()) return answer;
  const std::string shown =
      absl::StrCat("target ", name_, ": ", filter->Hide(std::string(answer.status.message())));
  answer.status =
      WithRetryAfter(absl::Status(answer.status.code(), shown), RetryAfterOf(answer.status));
  return answer;
}

absl::StatusOr<bool> TargetDriver::AskWorks(absl::string_view what, const DriverCall& call,
                                            const SecretBytes& value) const {
  const TargetAnswer answer = Ask(what, call, {value});
  RETURN_IF_ERROR(answer.status);
  if (answer.works.has_value()) return *answer.works;
  return absl::UnknownError(
      absl::StrCat("target ", name_, ": its answer does not say whether the value works"));
}

absl::StatusOr<bool> TargetDriver::Probe(const DriverCall& call, const SecretBytes& value) {
  return AskWorks("probe", call, value);
}

absl::Status TargetDriver::Apply(const DriverCall& call, const SecretBytes& current,
                                 const SecretBytes& pending) {
  return Ask("apply", call, {pending, &current}).status;
}

absl::Status TargetDriver::Test(const DriverCall& call, const SecretBytes& pending) {
  ASSIGN_OR_RETURN(const bool works, AskWorks("test", call, pending));
  if (works) return absl::OkStatus();
  return absl::UnknownError(absl::StrCat("target ", name_, ": the new value does not work there"));
}

absl::Status TargetDriver::ArmExpiry(const DriverCall& call, const SecretBytes& old,
                                     absl::Time end) {
  return Ask("arm", call, {old, nullptr, end}).status;
}

absl::Status TargetDriver::Disarm(const DriverCall& call, const SecretBytes& old) {
  return Ask("disarm", call, {old}).status;
}

absl::StatusOr<std::optional<int>> TargetDriver::Sessions(const DriverCall& call,
                                                          const SecretBytes& old) {
  const TargetAnswer answer = Ask("sessions", call, {old});
  RETURN_IF_ERROR(answer.status);
  return answer.sessions;
}

absl::Status TargetDriver::Retire(const DriverCall& call, const SecretBytes& old) {
  return Ask("retire", call, {old}).status;
}

absl::StatusOr<bool> TargetDriver::VerifyDead(const DriverCall& call, const SecretBytes& old) {
  ASSIGN_OR_RETURN(const bool works, AskWorks("verify", call, old));
  return !works;
}

Driver& MissingTarget() {
  static Missing* const missing = new Missing;
  return *missing;
}

}  // namespace keyturn
