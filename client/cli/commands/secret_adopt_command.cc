// secret adopt.
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/commands/rotation_status.h"
#include "client/cli/exit_codes.h"
#include "client/cli/next_step.h"

namespace keyturn::cli {
namespace {

struct AdoptFlags {
  std::string path, kind;
};

absl::StatusOr<v1::Kind> KindOf(const std::string& word) {
  for (const v1::Kind kind : {v1::KIND_API_KEY, v1::KIND_JWT_KEY, v1::KIND_DB_CREDENTIAL}) {
    if (WordOf(v1::Kind_Name(kind), "KIND_") == word) return kind;
  }
  return UsageError("--kind must be api_key, jwt_key or db_credential");
}

absl::Status Adopt(Shell& shell, const AdoptFlags& flags) {
  v1::AdoptRequest request;
  request.set_path(flags.path);
  ASSIGN_OR_RETURN(const v1::Kind kind, KindOf(flags.kind));
  request.set_kind(kind);
  request.set_take_apart(kind == v1::KIND_DB_CREDENTIAL);
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::SecretInfo info, client->Adopt(request, shell.Options()));
  RETURN_IF_ERROR(shell.out().Object({{"secret", info.path()},
                                      {"kind", flags.kind},
                                      {"version", absl::StrCat(info.current_version())}},
                                     ToJson(info)));
  shell.SayNext(kind == v1::KIND_JWT_KEY
                    ? absl::StrCat("keyturn jwt adopt ", ShellWord(flags.path),
                                   " --algorithm HS256 --issuer NAME, to sign with it here")
                    : absl::StrCat("keyturn rotation status ", ShellWord(flags.path),
                                   " says when it is due"));
  return absl::OkStatus();
}

}  // namespace

void AddSecretAdoptCommand(Command secret, Shell& shell) {
  const auto flags = std::make_shared<AdoptFlags>();
  const Command adopt = secret.Add(
      "adopt", "Let a generic secret be one of a kind that rotates, with the value that it has",
      "  keyturn secret adopt alcs/production/jwt-secret --kind jwt_key\n"
      "  keyturn secret adopt alcs/production/database-url --kind db_credential");
  adopt.AddOption("path", flags->path).Required();
  adopt.AddOption("--kind", flags->kind, "api_key, jwt_key or db_credential").Required();
  adopt.Footer(
      "The URL of a database gets its parts as fields beside it. No new version comes of it, and "
      "nothing rotates\nwithin a day; keyturn rotation status says when it does.");
  adopt.On(shell, [&shell, flags] { return Adopt(shell, *flags); });
}

}  // namespace keyturn::cli
