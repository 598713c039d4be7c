// The path of every call, at every door: limit by source, identify, limit by identity, authorise,
// require a deadline, run, audit, count. One Gate a server, one Call a call. A revoked token fails
// at "identify". Denials are audited and counted by the same code as answers. A read's entry is
// appended before its reply; a change's entry is in its own batch; when the audit log cannot be
// written, the call is refused with UNAVAILABLE. Gate is thread-safe; a Call has one user at a
// time.
//
// A token with limited uses is recognised where the call comes in, and its use is counted, which
// waits for a disk, where the call runs: by Execute, and for streams by their first Recheck. So a
// call that is turned away costs no use. Public methods count none: they only name their caller.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "audit/audit_log.h"
#include "audit/refusals.h"
#include "auth/auth_store.h"
#include "auth/authenticator.h"
#include "auth/rate_limit.h"
#include "auth/token_store.h"
#include "base/clock.h"
#include "server/method_table.h"
#include "server/metrics.h"
#include "storage/store.h"

namespace keyturn {

// What the parts of a call need. Everything outlives the gate.
struct GateParts {
  Store& store;
  AuthStore& policies;
  TokenStore& tokens;
  Authenticator& authenticator;
  AuditLog& audit;
  Metrics& metrics;
  Clock& clock;
  RateLimiter& source_limit;
  RateLimiter& identity_limit;
  RefusalLimiter& refusals;
  // Whether calls other than public ones can be answered.
  const std::atomic<bool>& unsealed;
  // The server is stopping: streams end.
  const std::atomic<bool>& draining;
  // Called after entries were appended: wakes who follows the log. Cheap.
  std::function<void()> on_audited;
};

// What a door knows before anyone is identified. Views live as long as the call.
struct CallOrigin {
  Credentials credentials;
  std::string source;  // address and port, or "unix"
  std::string user_agent;
  std::string correlation_id;                    // "" when the caller sent none or a malformed one
  absl::Time deadline = absl::InfiniteFuture();  // by the server's Clock
};

// What a call is about: what its permission is asked on, and what the audit log names.
struct Resource {
  enum class Kind { kNone, kPath, kDirectory };

  static Resource None(absl::string_view name = "") { return {Kind::kNone, std::string(name)}; }
  static Resource Path(absl::string_view path) { return {Kind::kPath, std::string(path)}; }
  // Granted when anything at or below may be: the answer is filtered by what the caller may see.
  static Resource Directory(absl::string_view path) {
    return {Kind::kDirectory, std::string(path)};
  }

  Kind kind = Kind::kNone;
  std::string name;
};

class Call {
 public:
  using ResourceFn = absl::FunctionRef<absl::StatusOr<Resource>()>;
  using Body = absl::FunctionRef<absl::Status(Call&)>;

  // `gate` and `method` outlive the call.
  Call(GateParts& gate, const MethodInfo& method, CallOrigin origin);
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // Everything up to the body. `resource` runs once the caller is identified, so that requests of
  // strangers are not parsed. An error is what to reply; it has been audited and counted.
  absl::Status Admit(ResourceFn resource);
  // Whether Execute waits for a disk before the body: the call uses up a token.
  bool uses_token() const;
  // Body, audit, count. Returns what to reply: UNAUTHENTICATED, without the body, when the last use
  // of the token went to another call meanwhile. After Admit.
  absl::Status Execute(Body body);
  // Ends an admitted call without running it, as when no worker is free.
  absl::Status Refuse(absl::Status status);
  // Both in a row.
  absl::Status Run(ResourceFn resource, Body body);

  // For streams that live longer than the decision that let them in: repeats identification and
  // authorisation if policies, tokens or revocations changed, or the identity has expired. May wait
  // for a disk the first time.
  absl::Status Recheck();

  // For bodies.
  const Identity& identity() const { return *identity_; }
  // Null in a public method that was called without credentials.
  std::shared_ptr<const Identity> identity_or_null() const { return identity_; }
  const Credentials& credentials() const { return origin_.credentials; }
  // Takes the call's audit entry along with each change.
  Updater& updater() { return updater_; }
  // The call's audit entry so far, for changes that take it along by another way than updater();
  // once such a change is durable, NoteRecorded.
  const AuditEvent& event() const { return event_; }
  void NoteRecorded() { recorded_ = true; }
  // Whether the caller has `permission` on `path`, or may have it on something below.
  bool Allows(absl::string_view permission, absl::string_view path) const;
  bool MayAllowBelow(absl::string_view permission, absl::string_view path) const;
  // Whether the caller certainly has `permission` on all below a directory.
  bool AllowsAllBelow(absl::string_view permission, absl::string_view path) const;
  // PERMISSION_DENIED unless Allows: for methods that touch a second path.
  absl::Status Require(absl::string_view permission, absl::string_view path) const;
  // At most limits::kDeadlineSecondsMax away.
  absl::Time deadline() const { return deadline_; }
  absl::Duration time_left() const { return deadline_ - gate_.clock.Now(); }
  Clock& clock() const { return gate_.clock; }
  // Adds to the audit entry. Never a value: use AuditLog::MacOf.
  void NoteVersion(SecretVersion version) { event_.version = version; }
  void Note(absl::string_view name, absl::string_view value);
  // An entry of its own, before the call's, for one of several secrets that the call reads.
  void NoteItem(absl::string_view path, SecretVersion version, const absl::Status& outcome);

  const MethodInfo& method() const { return method_; }
  const std::string& correlation_id() const { return event_.correlation_id; }

 private:
  absl::Status Decide(ResourceFn resource);
  absl::Status Limit(RateLimiter& limiter, absl::string_view key);
  absl::Status Identify(TokenUse use);
  // Once a call.
  absl::Status CountUse();
  void IdentifyIfPossible();
  bool IsRefusal(const absl::Status& outcome) const;
  absl::Status Authorise() const;
  absl::Status RequireDeadline();
  // Appends the entry of a call that no batch carried.
  absl::Status Audit(const absl::Status& outcome);
  absl::Status AuditItems();
  absl::string_view EventOf(const absl::Status& outcome) const;
  void SetOutcome(const absl::Status& outcome, AuditEvent* event) const;
  absl::Status Count(absl::Status status);

  GateParts& gate_;
  const MethodInfo& method_;
  const CallOrigin origin_;
  const int64_t started_nanos_;
  Resource resource_;
  std::shared_ptr<const Identity> identity_;
  uint64_t epoch_ = 0;  // as of identity_
  bool use_counted_ = false;
  bool recorded_ = false;  // NoteRecorded
  absl::Time deadline_;
  AuditEvent event_;
  std::vector<AuditEvent> items_;
  AuditedUpdater updater_;
};

// As callers get it for a grant they lack: the same whether the path exists or not.
absl::Status NotGranted(absl::string_view permission);

}  // namespace keyturn
