// jwt create|adopt|update|show|jwks.
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/commands/rotation_status.h"
#include "client/cli/duration.h"
#include "client/cli/exit_codes.h"

namespace keyturn::cli {
namespace {

struct KeyFlags {
  std::string path, algorithm, issuer, max_token, lead, period, grace;
  std::vector<std::string> audiences;
  bool readable = false, not_readable = false, unlisted = false, listed = false;
};

// What was said, over what `settings` has.
absl::Status Apply(const KeyFlags& flags, v1::JwtKeySettings* settings) {
  if (!flags.algorithm.empty()) settings->set_algorithm(flags.algorithm);
  if (!flags.issuer.empty()) settings->set_issuer(flags.issuer);
  if (!flags.audiences.empty()) {
    *settings->mutable_audiences() = {flags.audiences.begin(), flags.audiences.end()};
  }
  if (flags.readable) settings->set_readable(true);
  if (flags.not_readable) settings->set_readable(false);
  if (flags.unlisted) settings->set_unlisted(true);
  if (flags.listed) settings->set_unlisted(false);
  if (!flags.max_token.empty()) {
    ASSIGN_OR_RETURN(const int64_t seconds, ParseSeconds("--max-token", flags.max_token));
    settings->set_max_token_seconds(seconds);
  }
  if (!flags.lead.empty()) {
    ASSIGN_OR_RETURN(const int64_t seconds, ParseSeconds("--publish-lead", flags.lead));
    settings->set_publish_lead_seconds(seconds);
  }
  return absl::OkStatus();
}

std::string StateOf(const v1::JwtKey::Version& version) {
  if (version.state() == v1::VERSION_STATE_STAGED) return "next";
  const std::string word = WordOf(v1::VersionState_Name(version.state()), "VERSION_STATE_");
  return version.compromised() ? absl::StrCat(word, ", compromised") : word;
}

// What happens to a key, and when.
std::string ThenOf(const v1::JwtKey::Version& version, absl::Time now) {
  if (version.has_sign_time()) {
    const absl::Time from = TimeOf(version.sign_time());
    return from <= now ? "published; signs with the next rotation"
                       : absl::StrCat("can sign from ", TimeText(version.sign_time()));
  }
  if (version.has_grace_end_time()) {
    return absl::StrCat("verifies until ", TimeText(version.grace_end_time()));
  }
  return "signs and verifies";
}

absl::Status Print(Shell& shell, const v1::JwtKey& key) {
  if (shell.out().json()) return shell.out().PrintJson(ToJson(key));
  RETURN_IF_ERROR(shell.out().Require({Format::kTable}));
  const v1::JwtKeySettings& settings = key.effective_settings();
  RETURN_IF_ERROR(shell.out().Object(
      {{"key", key.path()},
       {"algorithm", settings.algorithm()},
       {"issuer", settings.issuer()},
       {"audiences",
        settings.audiences().empty() ? "any" : absl::StrJoin(settings.audiences(), ", ")},
       {"longest token", LengthText(settings.max_token_seconds())},
       {"published", settings.algorithm() == "HS256" ? "never: it is a shared key"
                     : settings.unlisted()           ? "to who may ask: keyturn jwt jwks"
                                                     : "at /.well-known/jwks.json"},
       {"private key",
        settings.readable() ? "can be read: keyturn secret read" : "never leaves the server"}},
      Json()));
  Table table({"KID", "VERSION", "STATE", "THEN"});
  for (const v1::JwtKey::Version& version : key.versions()) {
    table.Add({version.kid(), absl::StrCat(version.version()), StateOf(version),
               ThenOf(version, shell.clock().Now())});
  }
  return shell.out().List(table, Json::array(), "no key of it works");
}

absl::Status Create(Shell& shell, const KeyFlags& flags) {
  v1::CreateJwtKeyRequest request;
  request.set_path(flags.path);
  request.mutable_settings()->set_algorithm("EdDSA");
  RETURN_IF_ERROR(Apply(flags, request.mutable_settings()));
  if (!flags.period.empty()) {
    ASSIGN_OR_RETURN(const int64_t seconds, ParseSeconds("--period", flags.period));
    request.mutable_policy()->set_period_seconds(seconds);
  }
  if (!flags.grace.empty()) {
    ASSIGN_OR_RETURN(const int64_t seconds, ParseSeconds("--grace", flags.grace));
    request.mutable_policy()->set_grace_seconds(seconds);
  }
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::JwtKey key, client->CreateJwtKey(request, shell.Options()));
  RETURN_IF_ERROR(Print(shell, key));
  shell.SayNext(absl::StrCat("keyturn jwt sign ", ShellWord(flags.path), " --subject NAME"));
  return absl::OkStatus();
}

absl::Status Adopt(Shell& shell, const KeyFlags& flags) {
  v1::AdoptJwtKeyRequest request;
  request.set_path(flags.path);
  // Who signs by itself today goes on to.
  request.mutable_settings()->set_readable(true);
  RETURN_IF_ERROR(Apply(flags, request.mutable_settings()));
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::JwtKey key, client->AdoptJwtKey(request, shell.Options()));
  return Print(shell, key);
}

absl::StatusOr<v1::JwtKey> Get(Shell& shell, const std::string& path) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::GetJwtKeyRequest request;
  request.set_path(path);
  return client->GetJwtKey(request, shell.Options());
}

absl::Status Update(Shell& shell, const KeyFlags& flags) {
  ASSIGN_OR_RETURN(const v1::JwtKey now, Get(shell, flags.path));
  v1::UpdateJwtKeyRequest request;
  request.set_path(flags.path);
  *request.mutable_settings() = now.settings();
  RETURN_IF_ERROR(Apply(flags, request.mutable_settings()));
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::JwtKey key, client->UpdateJwtKey(request, shell.Options()));
  return Print(shell, key);
}

absl::Status Show(Shell& shell, const KeyFlags& flags) {
  ASSIGN_OR_RETURN(const v1::JwtKey key, Get(shell, flags.path));
  return Print(shell, key);
}

absl::Status Jwks(Shell& shell, const KeyFlags& flags) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::GetJwksRequest request;
  request.set_path(flags.path);
  ASSIGN_OR_RETURN(const v1::GetJwksResponse response, client->GetJwks(request, shell.Options()));
  return shell.out().Raw(absl::StrCat(response.jwks(), "\n"));
}

void AddSettings(Command command, KeyFlags* f) {
  command.AddOption("--audience", f->audiences, "whom tokens may be for; default: any");
  command.AddOption("--max-token", f->max_token, "the longest life of a token; default 24h");
  command.AddOption("--publish-lead", f->lead,
                    "a new key is published for so long before it signs; default 1h");
  command.AddFlag("--unlisted", f->unlisted, "not in /.well-known/jwks.json");
}

void AddMaking(Command jwt, Shell& shell, const std::shared_ptr<KeyFlags>& flags) {
  KeyFlags* const f = flags.get();
  const Command create = jwt.Add(
      "create", "A new key that signs, and rotates",
      "  keyturn jwt create alcs/jwt --issuer alcs-auth --audience alcs-api\n"
      "  keyturn jwt create alcs/jwt-shared --algorithm HS256 --readable --issuer alcs-auth");
  create.AddOption("path", f->path).Required();
  create.AddOption("--issuer", f->issuer, "iss of every token").Required();
  create.AddOption("--algorithm", f->algorithm, "EdDSA (default), ES256, RS256 or HS256");
  AddSettings(create, f);
  create.AddFlag("--readable", f->readable, "who may read the secret gets the private key");
  create.AddOption("--period", f->period, "from one key to the next; default 90d");
  create.AddOption("--grace", f->grace, "a former key verifies for so long; default 7d");
  create.On(shell, [&shell, flags] { return Create(shell, *flags); });
  const Command adopt = jwt.Add(
      "adopt", "Let a secret of kind jwt_key sign, with the value that it has",
      "  keyturn jwt adopt alcs/production/jwt-secret --algorithm HS256 --issuer alcs-auth");
  adopt.AddOption("path", f->path).Required();
  adopt.AddOption("--issuer", f->issuer, "iss of every token").Required();
  adopt.AddOption("--algorithm", f->algorithm, "HS256, or that of its PEM").Required();
  AddSettings(adopt, f);
  adopt.AddFlag("--not-readable", f->not_readable, "nobody can read it any more");
  adopt.On(shell, [&shell, flags] { return Adopt(shell, *flags); });
}

}  // namespace

void AddJwtCommands(Command app, Shell& shell) {
  const Command jwt = app.Add("jwt", "JSON web tokens, and the keys that sign them");
  jwt.NeedSubcommand();
  const auto flags = std::make_shared<KeyFlags>();
  KeyFlags* const f = flags.get();
  AddMaking(jwt, shell, flags);
  const Command update = jwt.Add("update", "Other settings; what is not said stays",
                                 "  keyturn jwt update alcs/jwt --max-token 1h");
  update.AddOption("path", f->path).Required();
  update.AddOption("--issuer", f->issuer, "iss of every token from now on");
  AddSettings(update, f);
  const Option readable =
      update.AddFlag("--readable", f->readable, "who may read the secret gets the private key");
  update.AddFlag("--not-readable", f->not_readable, "nobody gets it").Excludes(readable);
  update.AddFlag("--listed", f->listed, "in /.well-known/jwks.json again");
  update.On(shell, [&shell, flags] { return Update(shell, *flags); });
  const Command show = jwt.Add("show", "A key's settings, and which of its versions do what",
                               "  keyturn jwt show alcs/jwt");
  show.Alias("keys");
  show.AddOption("path", f->path).Required();
  show.On(shell, [&shell, flags] { return Show(shell, *flags); });
  const Command jwks = jwt.Add("jwks", "Its public keys, as a JSON web key set",
                               "  keyturn jwt jwks alcs/jwt > jwks.json");
  jwks.AddOption("path", f->path).Required();
  jwks.On(shell, [&shell, flags] { return Jwks(shell, *flags); });
  AddJwtTokenCommands(jwt, shell);
}

}  // namespace keyturn::cli
