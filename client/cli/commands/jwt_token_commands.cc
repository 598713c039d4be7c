// jwt sign|verify|refresh|logout.
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/commands/rotation_status.h"
#include "client/cli/duration.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"

namespace keyturn::cli {
namespace {

struct TokenFlags {
  std::string path, subject, ttl, claims_file, audience, leeway;
  std::vector<std::string> audiences, permissions;
  bool service = false, refresh = false;
  ValueInput token;
};

// The token alone, for a program; what else there is to know goes to people.
absl::Status Print(Shell& shell, const v1::SignJwtResponse& made) {
  if (shell.out().json()) return shell.out().PrintJson(ToJson(made));
  RETURN_IF_ERROR(shell.out().Require({Format::kTable, Format::kRaw}));
  RETURN_IF_ERROR(shell.out().Raw(absl::StrCat(made.token(), "\n")));
  if (!made.refresh_token().empty()) {
    RETURN_IF_ERROR(shell.out().Raw(absl::StrCat(made.refresh_token(), "\n")));
  }
  shell.terminal().Say(absl::StrCat("jti ", made.jti(), ", kid ", made.kid(), ", expires ",
                                    TimeText(made.expire_time())));
  if (!made.refresh_token().empty()) {
    shell.terminal().Say(
        absl::StrCat("the second line is the refresh token; it is good once, until ",
                     TimeText(made.refresh_expire_time())));
  }
  return absl::OkStatus();
}

absl::Status Sign(Shell& shell, const TokenFlags& flags) {
  v1::SignJwtRequest request;
  request.set_path(flags.path);
  request.set_subject(flags.subject);
  *request.mutable_audiences() = {flags.audiences.begin(), flags.audiences.end()};
  *request.mutable_permissions() = {flags.permissions.begin(), flags.permissions.end()};
  request.set_use(flags.service ? v1::SignJwtRequest::SERVICE : v1::SignJwtRequest::USER);
  request.set_with_refresh_token(flags.refresh);
  if (!flags.ttl.empty()) {
    ASSIGN_OR_RETURN(const int64_t seconds, ParseSeconds("--ttl", flags.ttl));
    request.set_ttl_seconds(seconds);
  }
  if (!flags.claims_file.empty()) {
    ASSIGN_OR_RETURN(*request.mutable_claims_json(),
                     ReadPublicFile(flags.claims_file, limits::kJwsBytesMax));
  }
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::SignJwtResponse made, client->SignJwt(request, shell.Options()));
  return Print(shell, made);
}

// One that was pasted, with the space around it.
absl::StatusOr<std::string> AskToken(Shell& shell, const TokenFlags& flags,
                                     absl::string_view what) {
  ASSIGN_OR_RETURN(const SecretBytes value, ReadValue(flags.token, shell.terminal(), what));
  return std::string(absl::StripAsciiWhitespace(value.ExposeForWire()));
}

absl::Status Verify(Shell& shell, const TokenFlags& flags) {
  v1::VerifyJwtRequest request;
  request.set_path(flags.path);
  request.set_audience(flags.audience);
  if (flags.leeway == "none") {
    request.set_leeway_seconds(-1);
  } else if (!flags.leeway.empty()) {
    ASSIGN_OR_RETURN(const int64_t seconds, ParseSeconds("--leeway", flags.leeway));
    request.set_leeway_seconds(seconds);
  }
  ASSIGN_OR_RETURN(*request.mutable_token(), AskToken(shell, flags, "token"));
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::VerifyJwtResponse answer, client->VerifyJwt(request, shell.Options()));
  RETURN_IF_ERROR(shell.out().Object({{"valid", answer.valid() ? "yes" : "no"},
                                      {"reason", answer.reason()},
                                      {"message", answer.message()},
                                      {"subject", answer.subject()},
                                      {"audiences", absl::StrJoin(answer.audiences(), ", ")},
                                      {"permissions", absl::StrJoin(answer.permissions(), ", ")},
                                      {"issued", TimeText(answer.issue_time())},
                                      {"expires", TimeText(answer.expire_time())},
                                      {"jti", answer.jti()},
                                      {"kid", answer.kid()},
                                      {"claims", answer.valid() ? answer.claims_json() : ""}},
                                     ToJson(answer)));
  if (answer.valid()) return absl::OkStatus();
  return WithExitCode(absl::FailedPreconditionError(""), kExitCheckFailed);  // the answer says it
}

absl::Status Refresh(Shell& shell, const TokenFlags& flags) {
  v1::RefreshJwtRequest request;
  request.set_path(flags.path);
  ASSIGN_OR_RETURN(*request.mutable_refresh_token(), AskToken(shell, flags, "refresh token"));
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::SignJwtResponse made, client->RefreshJwt(request, shell.Options()));
  return Print(shell, made);
}

absl::Status Logout(Shell& shell, const TokenFlags& flags) {
  v1::RevokeRefreshRequest request;
  request.set_path(flags.path);
  ASSIGN_OR_RETURN(*request.mutable_refresh_token(), AskToken(shell, flags, "refresh token"));
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  RETURN_IF_ERROR(client->RevokeRefresh(request, shell.Options()).status());
  shell.terminal().Say("all tokens of that sign-in are revoked");
  return absl::OkStatus();
}

}  // namespace

void AddJwtTokenCommands(Command jwt, Shell& shell) {
  const auto flags = std::make_shared<TokenFlags>();
  TokenFlags* const f = flags.get();
  const Command sign =
      jwt.Add("sign", "A token for somebody, on standard output",
              "  keyturn jwt sign alcs/jwt --subject user-7 --permission read --ttl 15m\n"
              "  keyturn jwt sign alcs/jwt --subject user-7 --refresh-token -o json");
  sign.AddOption("path", f->path).Required();
  sign.AddOption("--subject", f->subject, "sub: who it is about").Required();
  sign.AddOption("--audience", f->audiences, "aud: whom it is for; default: the key's only one");
  sign.AddOption("--permission", f->permissions, "what it allows");
  sign.AddOption("--ttl", f->ttl, "how long it lives; default 15m, at most 24h, of a service 1h");
  const Option service = sign.AddFlag("--service", f->service, "for a program");
  sign.AddOption("--claims-file", f->claims_file, "further claims, a JSON object (or -)");
  sign.AddFlag("--refresh-token", f->refresh, "with one for the next token").Excludes(service);
  sign.On(shell, [&shell, flags] { return Sign(shell, *flags); });

  const Command verify = jwt.Add("verify", "Whether a token is valid; exit code 8 if it is not",
                                 "  keyturn jwt verify alcs/jwt --value-file token.txt");
  verify.AddOption("path", f->path).Required();
  verify.AddOption("--audience", f->audience, "who asks; default: the key's only one");
  verify.AddOption("--leeway", f->leeway, "what clocks may differ by; default 30s; or none");
  verify.AddValueFlags(&f->token);
  verify.On(shell, [&shell, flags] { return Verify(shell, *flags); });

  const Command refresh = jwt.Add("refresh", "The next token, for a refresh token",
                                  "  keyturn jwt refresh alcs/jwt --value-file refresh.txt");
  refresh.AddOption("path", f->path).Required();
  refresh.AddValueFlags(&f->token);
  refresh.On(shell, [&shell, flags] { return Refresh(shell, *flags); });

  const Command logout = jwt.Add("logout", "End a refresh token and all that came with it");
  logout.AddOption("path", f->path).Required();
  logout.AddValueFlags(&f->token);
  logout.On(shell, [&shell, flags] { return Logout(shell, *flags); });
}

}  // namespace keyturn::cli
