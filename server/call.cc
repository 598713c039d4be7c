#include "server/call.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "crypto/random.h"

namespace keyturn {
namespace {

// A prefix of this process and a count: unique without asking for randomness at each call.
std::string NewCorrelationId() {
  static const std::string* const prefix = new std::string(HexEncode(RandomBytes(8)));
  static std::atomic<uint32_t> count{0};
  std::string number;
  AppendBigEndian32(count.fetch_add(1, std::memory_order_relaxed), &number);
  return absl::StrCat(*prefix, HexEncode(number));
}

}  // namespace

absl::Status NotGranted(absl::string_view permission) {
  return absl::PermissionDeniedError(absl::StrCat("no policy of the caller grants ", permission,
                                                  " here; `keyturn can-i` explains why"));
}

Call::Call(GateParts& gate, const MethodInfo& method, CallOrigin origin)
    : gate_(gate),
      method_(method),
      origin_(std::move(origin)),
      started_nanos_(gate.clock.MonotonicNanos()),
      updater_(gate.store, gate.audit, event_) {
  event_.time = gate_.clock.Now();
  event_.event = method_.audit_event;
  event_.method = method_.name;
  event_.source = origin_.source;
  event_.user_agent = origin_.user_agent;
  event_.correlation_id =
      origin_.correlation_id.empty() ? NewCorrelationId() : origin_.correlation_id;
}

absl::Status Call::Run(ResourceFn resource, Body body) {
  RETURN_IF_ERROR(Admit(resource));
  return Execute(body);
}

absl::Status Call::Admit(ResourceFn resource) {
  absl::Status status = Decide(resource);
  if (status.ok()) return status;
  return Refuse(std::move(status));
}

absl::Status Call::Decide(ResourceFn resource) {
  const IpAddress& source = origin_.credentials.source;
  if (source.present()) RETURN_IF_ERROR(Limit(gate_.source_limit, LimitedSource(source)));
  if (origin_.credentials.local_operator && !method_.is_public) {
    return WithReason(absl::PermissionDeniedError(
                          "the operator socket takes status, init and unseal only; use the TLS "
                          "listener for everything else"),
                      "OPERATOR_SOCKET");
  }
  if (method_.is_public) {
    IdentifyIfPossible();
  } else {
    if (!gate_.unsealed.load(std::memory_order_acquire)) {
      return WithReason(absl::FailedPreconditionError(
                            "the vault is sealed or not initialised; see `keyturn operator "
                            "status`, then run `keyturn operator unseal`"),
                        "SEALED");
    }
    RETURN_IF_ERROR(Identify(TokenUse::kNext));
    RETURN_IF_ERROR(Limit(gate_.identity_limit, identity_->principal));
  }
  ASSIGN_OR_RETURN(resource_, resource());
  event_.resource = resource_.name;
  RETURN_IF_ERROR(Authorise());
  return RequireDeadline();
}

absl::Status Call::Limit(RateLimiter& limiter, absl::string_view key) {
  absl::Status status = limiter.Take(key);
  if (status.ok()) return status;
  return WithReason(std::move(status), "RATE_LIMITED");
}

absl::Status Call::Identify(TokenUse use) {
  epoch_ = gate_.authenticator.epoch();
  ASSIGN_OR_RETURN(identity_, gate_.authenticator.Recognise(origin_.credentials, use));
  event_.principal = identity_->principal;
  event_.auth_method = identity_->auth_method;
  return absl::OkStatus();
}

bool Call::uses_token() const {
  return identity_ != nullptr && identity_->limited_uses && !method_.is_public;
}

absl::Status Call::CountUse() {
  if (!uses_token() || use_counted_) return absl::OkStatus();
  RETURN_IF_ERROR(gate_.authenticator.Identify(gate_.store, origin_.credentials).status());
  use_counted_ = true;
  return absl::OkStatus();
}

// A public method answers strangers too; who can be named, is.
void Call::IdentifyIfPossible() {
  const Credentials& credentials = origin_.credentials;
  if (credentials.local_operator) {
    event_.principal = "local";
    event_.auth_method = "local";
    return;
  }
  if (!gate_.unsealed.load(std::memory_order_acquire)) return;
  if (credentials.bearer_token.empty() && credentials.certificate == nullptr) return;
  const absl::Status ignored = Identify(TokenUse::kNext);
}

absl::Status Call::Authorise() const {
  if (method_.is_public || method_.any_identity) return absl::OkStatus();
  const bool allowed = resource_.kind == Resource::Kind::kDirectory
                           ? MayAllowBelow(method_.permission, resource_.name)
                           : Allows(method_.permission,
                                    resource_.kind == Resource::Kind::kPath ? resource_.name : "");
  return allowed ? absl::OkStatus() : NotGranted(method_.permission);
}

absl::Status Call::RequireDeadline() {
  const absl::Time latest = gate_.clock.Now() + absl::Seconds(limits::kDeadlineSecondsMax);
  if (origin_.deadline == absl::InfiniteFuture() && !method_.streaming) {
    return WithReason(
        absl::InvalidArgumentError(absl::StrCat("the call has no deadline: set one of at most ",
                                                limits::kDeadlineSecondsMax, " s")),
        "DEADLINE_REQUIRED");
  }
  deadline_ = std::min(origin_.deadline, latest);
  return absl::OkStatus();
}

absl::Status Call::Execute(Body body) {
  // Streams are let in on a callback thread, which must not wait: see Recheck.
  absl::Status status = method_.streaming ? absl::OkStatus() : CountUse();
  if (status.ok()) status = body(*this);
  // A change that was committed has its entry in its own batch; if the call failed all the same
  // (a second update of several), the failure is an entry of its own.
  if (!(updater_.recorded() || recorded_) || !status.ok()) {
    const absl::Status audited = Audit(status);
    if (!audited.ok()) return Count(audited);
  }
  return Count(status);
}

absl::Status Call::Refuse(absl::Status status) {
  absl::Status audited = Audit(status);
  return Count(audited.ok() ? std::move(status) : std::move(audited));
}

// Whether the caller was turned away before it was known: floods of these are counted, not listed.
bool Call::IsRefusal(const absl::Status& outcome) const {
  return outcome.code() == absl::StatusCode::kUnauthenticated ||
         (outcome.code() == absl::StatusCode::kResourceExhausted &&
          (identity_ == nullptr || ReasonOf(outcome) == "RATE_LIMITED"));
}

absl::Status Call::Audit(const absl::Status& outcome) {
  if (IsRefusal(outcome) &&
      !gate_.refusals.Admit(origin_.credentials.source.ToString(), event_.time)) {
    return absl::OkStatus();
  }
  SetOutcome(outcome, &event_);
  absl::Status appended = AuditItems();
  if (appended.ok()) appended = gate_.audit.Append(event_);
  if (!appended.ok()) {
    return WithReason(absl::UnavailableError("the audit log cannot be written, so the call was "
                                             "refused; see the server's log"),
                      "AUDIT_UNAVAILABLE");
  }
  if (gate_.on_audited) gate_.on_audited();
  return absl::OkStatus();
}

void Call::SetOutcome(const absl::Status& outcome, AuditEvent* event) const {
  event->event = std::string(EventOf(outcome));
  if (outcome.ok()) return;
  event->outcome = absl::StatusCodeToString(outcome.code());
  event->reason = ReasonOf(outcome);
}

void Call::NoteItem(absl::string_view path, SecretVersion version, const absl::Status& outcome) {
  AuditEvent item = event_;
  item.details.clear();
  item.resource = std::string(path);
  item.version = version;
  SetOutcome(outcome, &item);
  items_.push_back(std::move(item));
}

absl::Status Call::AuditItems() {
  for (const AuditEvent& item : items_) RETURN_IF_ERROR(gate_.audit.Append(item));
  return absl::OkStatus();
}

absl::string_view Call::EventOf(const absl::Status& outcome) const {
  if (outcome.code() == absl::StatusCode::kPermissionDenied) return "authorization_failure";
  if (ReasonOf(outcome) == "RATE_LIMITED") return "rate_limited";
  if (!IsRefusal(outcome) || method_.is_public) return method_.audit_event;
  return outcome.code() == absl::StatusCode::kUnauthenticated ? "authentication_failure"
                                                              : "authentication_locked_out";
}

absl::Status Call::Count(absl::Status status) {
  gate_.metrics.CountCall(method_, status.code(), gate_.clock.MonotonicNanos() - started_nanos_);
  return status;
}

absl::Status Call::Recheck() {
  if (gate_.draining.load(std::memory_order_acquire)) {
    return WithReason(absl::UnavailableError("the server is stopping; connect again"), "STOPPING");
  }
  if (method_.is_public) return absl::OkStatus();
  if (!gate_.unsealed.load(std::memory_order_acquire)) {
    return WithReason(absl::FailedPreconditionError("the vault was sealed"), "SEALED");
  }
  RETURN_IF_ERROR(CountUse());
  if (epoch_ == gate_.authenticator.epoch() && gate_.clock.Now() < identity_->expire_time) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(Identify(TokenUse::kCounted));
  return Authorise();
}

bool Call::Allows(absl::string_view permission, absl::string_view path) const {
  return identity_ != nullptr &&
         identity_->grants->Allows(permission, path, gate_.clock.Now(), origin_.credentials.source);
}

bool Call::MayAllowBelow(absl::string_view permission, absl::string_view path) const {
  return identity_ != nullptr &&
         identity_->grants->MayAllowBelow(permission, path, gate_.clock.Now(),
                                          origin_.credentials.source);
}

bool Call::AllowsAllBelow(absl::string_view permission, absl::string_view path) const {
  return identity_ != nullptr &&
         identity_->grants->AllowsAllBelow(permission, path, gate_.clock.Now(),
                                           origin_.credentials.source);
}

absl::Status Call::Require(absl::string_view permission, absl::string_view path) const {
  return Allows(permission, path) ? absl::OkStatus() : NotGranted(permission);
}

void Call::Note(absl::string_view name, absl::string_view value) {
  event_.details.emplace_back(std::string(name), std::string(value));
}

}  // namespace keyturn
