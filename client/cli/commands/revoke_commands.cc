// revoke, token check.
#include "client/cli/commands/revoke_commands.h"

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/duration.h"
#include "client/cli/exit_codes.h"

namespace keyturn::cli {
namespace {

struct RevokeFlags {
  std::vector<std::string> tokens, subjects, kids, api_keys, certificates, roles;
  bool all = false;
  std::string reason, expires, not_before;
};

struct CheckFlags {
  std::string id, subject, kid, issued;
};

// What --reason may be, each the end of its enumerator's name.
absl::StatusOr<v1::RevocationReason> ReasonOf(const std::string& text) {
  if (text.empty()) return v1::REVOCATION_REASON_UNSPECIFIED;
  constexpr std::pair<const char*, v1::RevocationReason> kReasons[] = {
      {"logout", v1::REVOCATION_REASON_LOGOUT},
      {"password-change", v1::REVOCATION_REASON_PASSWORD_CHANGE},
      {"disabled", v1::REVOCATION_REASON_PRINCIPAL_DISABLED},
      {"lockout", v1::REVOCATION_REASON_LOCKOUT},
      {"breach", v1::REVOCATION_REASON_BREACH},
      {"suspicious-activity", v1::REVOCATION_REASON_SUSPICIOUS_ACTIVITY},
      {"superseded", v1::REVOCATION_REASON_SUPERSEDED}};
  std::vector<std::string> known;
  for (const auto& [word, reason] : kReasons) {
    if (text == word) return reason;
    known.emplace_back(word);
  }
  return UsageError(absl::StrCat("--reason must be one of ", absl::StrJoin(known, ", ")));
}

void AddEach(const std::vector<std::string>& names,
             void (v1::RevocationTarget::*set)(const std::string&), v1::RevokeRequest* request) {
  for (const std::string& name : names) {
    (request->add_revocations()->mutable_target()->*set)(name);
  }
}

// Rounded so that more is refused, for longer.
int64_t SecondsUp(absl::Time time) {
  return absl::ToUnixSeconds(time + absl::Seconds(1) - absl::Nanoseconds(1));
}

bool HasNotBefore(const v1::RevocationTarget& target) {
  return target.has_subject() || target.has_kid() || target.has_role() || target.has_all();
}

absl::StatusOr<v1::RevokeRequest> RequestOf(const RevokeFlags& flags, absl::Time now) {
  using Target = v1::RevocationTarget;
  v1::RevokeRequest request;
  for (const std::string& token : flags.tokens) RETURN_IF_ERROR(CheckIsId(token));
  for (const std::string& key : flags.api_keys) RETURN_IF_ERROR(CheckIsKeyId(key));
  AddEach(flags.tokens, &Target::set_jti<const std::string&>, &request);
  AddEach(flags.subjects, &Target::set_subject<const std::string&>, &request);
  AddEach(flags.kids, &Target::set_kid<const std::string&>, &request);
  AddEach(flags.api_keys, &Target::set_api_key<const std::string&>, &request);
  AddEach(flags.certificates, &Target::set_certificate<const std::string&>, &request);
  AddEach(flags.roles, &Target::set_role<const std::string&>, &request);
  if (flags.all) request.add_revocations()->mutable_target()->set_all(true);
  if (request.revocations_size() == 0) {
    return WithHelp(UsageError("there is nothing to revoke"),
                    "name it with --token, --subject, --kid, --api-key, --certificate, --role or "
                    "--all");
  }
  ASSIGN_OR_RETURN(const v1::RevocationReason reason, ReasonOf(flags.reason));
  request.set_reason(reason);
  for (v1::Revocation& revocation : *request.mutable_revocations()) {
    if (!flags.expires.empty()) {
      ASSIGN_OR_RETURN(const absl::Time end, ParseEnd("--expires", flags.expires, now));
      revocation.mutable_expire_time()->set_seconds(SecondsUp(end));
    }
    if (flags.not_before.empty() || !HasNotBefore(revocation.target())) continue;
    ASSIGN_OR_RETURN(const absl::Time begin, ParseMoment("--not-before", flags.not_before, now));
    revocation.mutable_not_before()->set_seconds(SecondsUp(begin));
  }
  return request;
}

std::string NameOf(const v1::RevocationTarget& target) {
  switch (target.kind_case()) {
    case v1::RevocationTarget::kJti:
      return target.jti();
    case v1::RevocationTarget::kSubject:
      return absl::StrCat("subject ", target.subject());
    case v1::RevocationTarget::kKid:
      return absl::StrCat("kid ", target.kid());
    case v1::RevocationTarget::kApiKey:
      return absl::StrCat("api key ", target.api_key());
    case v1::RevocationTarget::kCertificate:
      return absl::StrCat("certificate ", target.certificate());
    case v1::RevocationTarget::kRole:
      return absl::StrCat("role ", target.role());
    case v1::RevocationTarget::kAll:
      return "every token";
    case v1::RevocationTarget::KIND_NOT_SET:
      break;
  }
  return "";
}

absl::Status Revoke(Shell& shell, const RevokeFlags& flags) {
  ASSIGN_OR_RETURN(const v1::RevokeRequest request, RequestOf(flags, shell.clock().Now()));
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  RETURN_IF_ERROR(client->Revoke(request, shell.Options()).status());
  Pairs pairs;
  for (const v1::Revocation& revocation : request.revocations()) {
    pairs.emplace_back("revoked", NameOf(revocation.target()));
  }
  RETURN_IF_ERROR(shell.out().Object(pairs, ToJson(request)));
  if (flags.all) {
    shell.terminal().Say(
        "tokens of before now are refused, yours too: log in again with keyturn login");
  }
  return absl::OkStatus();
}

absl::Status Check(Shell& shell, const CheckFlags& flags) {
  RETURN_IF_ERROR(CheckIsId(flags.id));
  v1::CheckRequest request;
  v1::RevocationQuery& query = *request.add_queries();
  query.set_jti(flags.id);
  query.set_subject(flags.subject);
  query.set_kid(flags.kid);
  if (!flags.issued.empty()) {
    ASSIGN_OR_RETURN(const absl::Time issued,
                     ParseMoment("--issued", flags.issued, shell.clock().Now()));
    query.mutable_issue_time()->set_seconds(absl::ToUnixSeconds(issued));
  }
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::CheckResponse response,
                   client->CheckRevoked(request, shell.Options()));
  const v1::RevocationAnswer& answer = response.answers(0);
  RETURN_IF_ERROR(shell.out().Object(
      {{"revoked", answer.revoked() ? absl::StrCat("yes, by its ", answer.by()) : "no"}},
      ToJson(answer)));
  if (!answer.revoked()) return absl::OkStatus();
  return WithExitCode(absl::PermissionDeniedError(""), kExitCheckFailed);  // the answer says it
}

}  // namespace

absl::Status CheckIsId(const std::string& id) {
  if (!absl::StartsWith(id, "kts.") && !absl::StartsWith(id, "ktb.")) return absl::OkStatus();
  return WithHelp(UsageError("that is a token, not its id; whoever saw this command line has it"),
                  "put it into a file: keyturn --token-file FILE logout; or find its id: keyturn "
                  "token list");
}

absl::Status CheckIsKeyId(const std::string& id) {
  constexpr size_t kIdBegin = 4, kIdSize = 16;
  if (!absl::StartsWith(id, "kt1_") || id.size() <= kIdBegin + kIdSize) return absl::OkStatus();
  return WithHelp(UsageError("that is a key, not its id; whoever saw this command line has it"),
                  absl::StrCat("end it: keyturn apikey roll ", id.substr(kIdBegin, kIdSize),
                               " --grace 0, or keyturn apikey revoke ",
                               id.substr(kIdBegin, kIdSize), " --reason shown"));
}

void AddRevokeCommand(Command app, Shell& shell) {
  const auto flags = std::make_shared<RevokeFlags>();
  RevokeFlags* const f = flags.get();
  const Command revoke =
      app.Add("revoke", "Refuse tokens, keys or certificates from now on, at every door",
              "  keyturn revoke --subject alice --reason password-change\n"
              "  keyturn revoke --token 5f0c2b1e-7d3a --expires 24h --reason logout\n"
              "  keyturn revoke --kid 2026-11 --reason breach\n"
              "  keyturn revoke --all --reason breach         # every token of before now");
  revoke.AddOption("--token", f->tokens, "one token: its jti, or the id of a Keyturn token");
  revoke.AddOption("--subject", f->subjects, "tokens of a principal");
  revoke.AddOption("--kid", f->kids, "tokens signed with a key");
  revoke.AddOption("--api-key", f->api_keys, "an issued API key, by its id");
  revoke.AddOption("--certificate", f->certificates, "a client certificate, by its serial number");
  revoke.AddOption("--role", f->roles, "logins with a role");
  revoke.AddFlag("--all", f->all, "every token; client certificates go on");
  revoke.AddOption("--reason", f->reason,
                   "for the audit log: breach, suspicious-activity, password-change, disabled, "
                   "lockout, logout or superseded");
  revoke.AddOption("--expires", f->expires,
                   "when it may be forgotten, such as 24h: the end of the token; default: never");
  revoke.AddOption("--not-before", f->not_before,
                   "of --subject, --kid, --role, --all: what was issued before this; default: "
                   "now; of --kid: ever");
  revoke.On(shell, [&shell, flags] { return Revoke(shell, *flags); });
}

void AddTokenCheckCommand(Command token, Shell& shell) {
  const auto flags = std::make_shared<CheckFlags>();
  const Command check =
      token.Add("check", "Ask whether a token is revoked, by its id or jti (exit 8: it is)",
                "  keyturn token check 5f0c2b1e-7d3a\n"
                "  keyturn token check 5f0c2b1e-7d3a --subject alice --kid 2026-11");
  check.AddOption("id", flags->id).Required();
  check.AddOption("--subject", flags->subject, "whose token it is");
  check.AddOption("--kid", flags->kid, "the key that signed it");
  check.AddOption("--issued", flags->issued,
                  "when it was issued; default: before anything that was revoked");
  check.On(shell, [&shell, flags] { return Check(shell, *flags); });
}

}  // namespace keyturn::cli
