// login, logout, whoami, can-i.
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/duration.h"
#include "client/cli/exit_codes.h"
#include "client/cli/profile.h"
#include "client/cli/token_choice.h"

namespace keyturn::cli {
namespace {

struct LoginFlags {
  std::string role, ttl;
  bool no_store = false;
};

// With the token of --token-file: checked, then kept. The file is read once, as standard input has
// no second copy.
absl::StatusOr<StoredToken> LogInWithToken(Shell& shell) {
  StoredToken stored;
  ASSIGN_OR_RETURN(stored.token, shell.Token());
  ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, shell.ConnectAs(stored.token));
  ASSIGN_OR_RETURN(const v1::WhoAmIResponse me, client->WhoAmI({}, shell.Options()));
  stored.principal = me.principal();
  if (me.has_expire_time()) stored.expire_time = TimeOf(me.expire_time());
  return stored;
}

// With the client certificate of the settings.
absl::StatusOr<StoredToken> LogInWithCertificate(Shell& shell, const LoginFlags& flags) {
  ASSIGN_OR_RETURN(Settings* const settings, shell.settings());
  if ((*settings)["client_cert"].empty()) {
    return WithHelp(
        WithExitCode(absl::UnauthenticatedError("there is nothing to log in with"),
                     kExitNotLoggedIn),
        "give a client certificate (--client-cert and --client-key) or a token (--token-file)");
  }
  v1::LoginRequest request;
  request.set_role(flags.role);
  if (!flags.ttl.empty()) {
    ASSIGN_OR_RETURN(const int64_t seconds, ParseSeconds("--ttl", flags.ttl));
    request.set_ttl_seconds(seconds);
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, shell.ConnectAs(""));
  ASSIGN_OR_RETURN(const v1::LoginResponse response, client->Login(request, shell.Options()));
  StoredToken stored;
  stored.token = response.token();
  stored.principal = response.principal();
  stored.expire_time = TimeOf(response.expire_time());
  return stored;
}

Json LoginToJson(const StoredToken& stored) {
  const bool forever = stored.expire_time == absl::InfiniteFuture();
  return {{"principal", stored.principal},
          {"address", stored.address},
          {"expireTime", forever ? "" : TimeText(stored.expire_time)}};
}

absl::Status PrintToken(const Shell& shell, const StoredToken& stored) {
  if (!shell.out().json()) return shell.out().Raw(stored.token + "\n");
  Json value = LoginToJson(stored);
  value["token"] = stored.token;
  return shell.out().PrintJson(value);
}

absl::Status LogIn(Shell& shell, const LoginFlags& flags) {
  ASSIGN_OR_RETURN(Settings* const settings, shell.settings());
  const bool by_certificate = shell.flags.token_file.empty();
  ASSIGN_OR_RETURN(StoredToken stored,
                   by_certificate ? LogInWithCertificate(shell, flags) : LogInWithToken(shell));
  stored.address = (*settings)["address"];
  if (flags.no_store) return PrintToken(shell, stored);
  ASSIGN_OR_RETURN(stored.ca_sha256, HashOfFile((*settings)["ca_cert"]));
  if (by_certificate) {
    ASSIGN_OR_RETURN(stored.client_cert_sha256, HashOfFile((*settings)["client_cert"]));
  }
  RETURN_IF_ERROR(SaveToken((*settings)["profile"], stored));
  const bool forever = stored.expire_time == absl::InfiniteFuture();
  return shell.out().Object({{"logged in as", stored.principal},
                             {"at", stored.address},
                             {"until", forever ? "revoked" : TimeText(stored.expire_time)}},
                            LoginToJson(stored));
}

// A token that was named is revoked, wherever it is kept; the file or variable is its owner's.
absl::Status RevokeNamed(Shell& shell, const TokenChoice& named) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, shell.ConnectAs(named.token));
  RETURN_IF_ERROR(client->Logout({}, shell.Options()).status());
  shell.terminal().Say(absl::StrCat("revoked the token of ", named.source));
  return absl::OkStatus();
}

absl::Status LogOut(Shell& shell) {
  ASSIGN_OR_RETURN(Settings* const settings, shell.settings());
  RETURN_IF_ERROR(settings->RequireProfile());
  ASSIGN_OR_RETURN(const TokenChoice named, NamedToken(*settings));
  // The info file of a --dev server names its root token, which is not the caller's to give back.
  const bool from_info_file = absl::StartsWith(named.source, "info file ");
  if (!named.token.empty() && !from_info_file) return RevokeNamed(shell, named);
  ASSIGN_OR_RETURN(const std::optional<StoredToken> stored, LoadToken((*settings)["profile"]));
  if (!stored.has_value()) {
    shell.terminal().Say("not logged in; nothing to do");
    return absl::OkStatus();
  }
  absl::Status revoked = absl::OkStatus();
  if (stored->expire_time > shell.clock().Now() && stored->address == (*settings)["address"]) {
    ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, shell.ConnectAs(stored->token));
    revoked = client->Logout({}, shell.Options()).status();
  }
  // A token that is known to be dead, or that cannot be sent anywhere, is of no use here.
  if (revoked.ok() || absl::IsUnauthenticated(revoked)) {
    RETURN_IF_ERROR(RemoveToken((*settings)["profile"]));
    shell.terminal().Say(absl::StrCat("logged out ", stored->principal));
    return absl::OkStatus();
  }
  return WithHelp(revoked, "the token was not revoked and is still stored; try again");
}

absl::Status WhoAmI(Shell& shell) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::WhoAmIResponse me, client->WhoAmI({}, shell.Options()));
  ASSIGN_OR_RETURN(Settings* const settings, shell.settings());
  return shell.out().Object({{"principal", me.principal()},
                             {"method", me.method()},
                             {"role", me.role()},
                             {"policies", absl::StrJoin(me.policies(), ", ")},
                             {"token id", me.token_id()},
                             {"expires", TimeText(me.expire_time())},
                             {"server", (*settings)["address"]}},
                            ToJson(me));
}

struct CanIFlags {
  std::string permission, path;
  std::vector<std::string> policies;
};

absl::Status CanI(Shell& shell, const CanIFlags& flags) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::CanIRequest request;
  request.set_permission(flags.permission);
  request.set_path(flags.path);
  for (const std::string& policy : flags.policies) request.add_policies(policy);
  ASSIGN_OR_RETURN(const v1::CanIResponse answer, client->CanI(request, shell.Options()));
  RETURN_IF_ERROR(
      shell.out().Object({{answer.allowed() ? "yes" : "no", answer.reason()}}, ToJson(answer)));
  if (answer.allowed()) return absl::OkStatus();
  // The answer is the message.
  return WithExitCode(absl::PermissionDeniedError(""), kExitCheckFailed);
}

}  // namespace

void AddSessionCommands(Command app, Shell& shell) {
  const Command login =
      app.Add("login", "Get a token for the client certificate, or keep one that you have",
              "  keyturn login                           # with the profile's client certificate\n"
              "  keyturn login --role ci --ttl 15m\n"
              "  keyturn login --token-file - < token    # keep a token made by an administrator");
  const auto flags = std::make_shared<LoginFlags>();
  login.AddOption("--role", flags->role, "which role, when the certificate has several");
  login.AddOption("--ttl", flags->ttl, "how long the token lives, such as 30m");
  login.AddFlag("--no-store", flags->no_store, "print the token and keep nothing");
  login.On(shell, [&shell, flags] { return LogIn(shell, *flags); });

  const Command logout =
      app.Add("logout", "Revoke the token that is named, or that of this profile, and forget it");
  logout.On(shell, [&shell] { return LogOut(shell); });

  const Command whoami = app.Add("whoami", "Show who the server takes you for");
  whoami.On(shell, [&shell] { return WhoAmI(shell); });

  const Command can_i =
      app.Add("can-i", "Ask whether you may do something, and which grant decides (exit 8: no)",
              "  keyturn can-i secret:read app/prod/db\n"
              "  keyturn can-i admin:policy --policy operators");
  const auto question = std::make_shared<CanIFlags>();
  can_i.AddOption("permission", question->permission, "such as secret:read").Required();
  can_i.AddOption("path", question->path, "of the secret or directory, for secret:...");
  can_i.AddOption("--policy", question->policies, "ask for these policies instead of your own");
  can_i.On(shell, [&shell, question] { return CanI(shell, *question); });
}

}  // namespace keyturn::cli
