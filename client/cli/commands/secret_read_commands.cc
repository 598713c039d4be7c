// secret get|read|show|history|diff.
#include <unistd.h>

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/dotenv.h"
#include "client/cli/env_names.h"
#include "client/cli/exit_codes.h"
#include "client/cli/fetch.h"
#include "client/cli/secret_json.h"
#include "client/wipe.h"

namespace keyturn::cli {
namespace {

struct ReadFlags {
  std::string reference, version, other;
  bool reveal = false;
};

absl::StatusOr<Reference> ReferenceOf(const ReadFlags& flags) {
  ASSIGN_OR_RETURN(Reference reference, ParseReference(flags.reference));
  if (!flags.version.empty()) {
    ASSIGN_OR_RETURN(reference.version, ParseVersion(flags.version));
  }
  return reference;
}

absl::Status PrintVariables(const Shell& shell, const v1::GetResponse& secret) {
  const bool dotenv = shell.out().format() == Format::kDotenv;
  for (const v1::Field& field : secret.data().fields()) {
    ASSIGN_OR_RETURN(const SecretBytes quoted,
                     dotenv ? QuoteForDotenv(field.value()) : QuoteForShell(field.value()));
    const size_t slash = secret.path().rfind('/');
    const std::string directory = slash == std::string::npos ? "" : secret.path().substr(0, slash);
    RETURN_IF_ERROR(shell.out().Raw(
        absl::StrCat(dotenv ? "" : "export ", VariableOf(secret, directory, field.name()), "=")));
    RETURN_IF_ERROR(shell.out().Raw(quoted.ExposeForWire()));
    RETURN_IF_ERROR(shell.out().Raw("\n"));
  }
  return absl::OkStatus();
}

absl::Status PrintForPeople(const Shell& shell, const v1::GetResponse& secret, bool reveal) {
  RETURN_IF_ERROR(shell.out().Object(
      {{"path", secret.path()},
       {"version", absl::StrCat(secret.version().version(), " (",
                                StateName(secret.version(), shell.clock().Now()), ", written ",
                                TimeText(secret.version().create_time()), ")")},
       {"kind", KindName(secret.kind())}},
      nullptr));
  RETURN_IF_ERROR(shell.out().Raw("\n"));
  for (const v1::Field& field : secret.data().fields()) {
    const bool binary = field.encoding() == v1::ENCODING_BINARY;
    RETURN_IF_ERROR(shell.out().Raw(absl::StrCat(field.name(), "  ")));
    if (!reveal || binary) {
      RETURN_IF_ERROR(shell.out().Raw(absl::StrCat(
          "(", field.value().size(), binary ? " bytes of binary)" : " bytes, hidden)", "\n")));
      continue;
    }
    RETURN_IF_ERROR(shell.out().Raw(field.value()));
    RETURN_IF_ERROR(shell.out().Raw("\n"));
  }
  if (!reveal) shell.SayNext("--reveal shows the values, `secret read` prints one");
  return absl::OkStatus();
}

absl::Status PrintValue(const Shell& shell, v1::GetResponse& secret) {
  ASSIGN_OR_RETURN(const v1::Field* const field, OnlyField(secret));
  if (field->encoding() == v1::ENCODING_BINARY && shell.terminal().stdout_is_terminal()) {
    return WithHelp(
        UsageError(absl::StrCat(field->name(), " is binary: not for a terminal")),
        absl::StrCat("keyturn secret read ", secret.path(), "#", field->name(), " > FILE"));
  }
  RETURN_IF_ERROR(shell.out().Raw(field->value()));
  const bool add = shell.terminal().stdout_is_terminal() && !absl::EndsWith(field->value(), "\n");
  return add ? shell.out().Raw("\n") : absl::OkStatus();
}

absl::Status Get(Shell& shell, const ReadFlags& flags) {
  ASSIGN_OR_RETURN(const Reference reference, ReferenceOf(flags));
  ASSIGN_OR_RETURN(v1::GetResponse secret, Fetch(shell, reference));
  const ScopedWipe<v1::GetResponse> wipe(&secret);
  switch (shell.out().format()) {
    case Format::kRaw:
      return PrintValue(shell, secret);
    case Format::kEnv:
    case Format::kDotenv:
      return PrintVariables(shell, secret);
    case Format::kJson: {
      Json value = SecretToJson(secret);
      const absl::Status printed = shell.out().PrintJson(value);
      WipeJson(&value);
      return printed;
    }
    default:
      return PrintForPeople(shell, secret, flags.reveal);
  }
}

absl::Status Read(Shell& shell, const ReadFlags& flags) {
  RETURN_IF_ERROR(shell.out().Require({Format::kTable, Format::kRaw}));
  ASSIGN_OR_RETURN(const Reference reference, ReferenceOf(flags));
  ASSIGN_OR_RETURN(v1::GetResponse secret, Fetch(shell, reference));
  const ScopedWipe<v1::GetResponse> wipe(&secret);
  return PrintValue(shell, secret);
}

absl::StatusOr<v1::SecretInfo> Describe(Shell& shell, const std::string& path) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::DescribeRequest request;
  request.set_path(path);
  return client->Describe(request, shell.Options());
}

absl::Status Show(Shell& shell, const std::string& path) {
  ASSIGN_OR_RETURN(const v1::SecretInfo info, Describe(shell, path));
  const std::string metadata =
      absl::StrJoin(info.custom_metadata(), ", ", absl::PairFormatter("="));
  return shell.out().Object(
      {{"path", info.path()},
       {"kind", KindName(info.kind())},
       {"current version", CurrentVersionText(info)},
       {"newest version", absl::StrCat(info.newest_version())},
       {"versions kept", absl::StrCat(info.max_versions())},
       {"versions expire after",
        info.version_ttl_seconds() == 0
            ? ""
            : absl::FormatDuration(absl::Seconds(info.version_ttl_seconds()))},
       {"writes need --if-version", info.require_if_version() ? "yes" : ""},
       {"created", TimeText(info.create_time())},
       {"changed", TimeText(info.update_time())},
       {"metadata", metadata},
       {"id", info.id()}},
      ToJson(info));
}

absl::Status History(Shell& shell, const std::string& path) {
  ASSIGN_OR_RETURN(const v1::SecretInfo info, Describe(shell, path));
  const absl::Time now = shell.clock().Now();
  Table table({"VERSION", "STATE", "WRITTEN", "BY", "EXPIRES", "DESTROYED FOR GOOD"});
  Json items = Json::array();
  for (const v1::VersionInfo& version : info.versions()) {
    table.Add({absl::StrCat(version.version()), StateName(version, now),
               TimeText(version.create_time()), version.created_by(),
               TimeText(version.expire_time()), TimeText(version.purge_time())});
    items.push_back(ToJson(version));
  }
  return shell.out().List(table, std::move(items), "no versions are left");
}

// Which fields differ; values are compared, never shown.
absl::Status Diff(Shell& shell, const ReadFlags& flags) {
  Reference a, b;
  a.path = b.path = flags.reference;
  ASSIGN_OR_RETURN(a.version, ParseVersion(flags.version.empty() ? "previous" : flags.version));
  ASSIGN_OR_RETURN(b.version, ParseVersion(flags.other.empty() ? "current" : flags.other));
  ASSIGN_OR_RETURN(v1::GetResponse first, Fetch(shell, a));
  const ScopedWipe<v1::GetResponse> wipe_first(&first);
  ASSIGN_OR_RETURN(v1::GetResponse second, Fetch(shell, b));
  const ScopedWipe<v1::GetResponse> wipe_second(&second);
  std::map<std::string, std::pair<const v1::Field*, const v1::Field*>> fields;
  for (const v1::Field& field : first.data().fields()) fields[field.name()].first = &field;
  for (const v1::Field& field : second.data().fields()) fields[field.name()].second = &field;
  Table table({"FIELD", absl::StrCat("VERSION ", first.version().version(), " TO ",
                                     second.version().version())});
  Json items = Json::array();
  for (const auto& [name, pair] : fields) {
    const auto& [before, after] = pair;
    std::string change = "changed";
    if (before == nullptr) change = "added";
    if (after == nullptr) change = "removed";
    if (before != nullptr && after != nullptr && before->value() == after->value()) {
      change = "same";
    }
    table.Add({name, change});
    items.push_back({{"field", name}, {"change", change}});
  }
  return shell.out().List(table, std::move(items), "");
}

}  // namespace

void AddSecretReadCommands(Command secret, Shell& shell) {
  const auto flags = std::make_shared<ReadFlags>();
  const char* const kVersionHelp = "a number, or previous";
  const Command get =
      secret.Add("get", "Show a secret; values only with --reveal or a machine's format",
                 "  keyturn secret get app/prod/db --reveal\n"
                 "  keyturn secret get app/prod/db -o json | jq -r .data.password\n"
                 "  keyturn secret get app/prod/db#password -o raw");
  get.AddOption("path", flags->reference, "PATH, PATH#FIELD or PATH#FIELD@VERSION").Required();
  get.AddOption("--version", flags->version, kVersionHelp);
  get.AddFlag("--reveal", flags->reveal, "show the values");
  get.On(shell, [&shell, flags] { return Get(shell, *flags); });

  const Command read = secret.Add("read", "Print one value and nothing else",
                                  "  keyturn secret read app/prod/api-key\n"
                                  "  keyturn secret read app/prod/db#password@previous");
  read.AddOption("path", flags->reference, "PATH, PATH#FIELD or PATH#FIELD@VERSION").Required();
  read.AddOption("--version", flags->version, kVersionHelp);
  read.On(shell, [&shell, flags] { return Read(shell, *flags); });

  const Command show = secret.Add("show", "Show everything about a secret but its values");
  show.Alias("describe");
  show.AddOption("path", flags->reference).Required();
  show.On(shell, [&shell, flags] { return Show(shell, flags->reference); });

  const Command history = secret.Add("history", "Show the versions of a secret");
  history.Alias("versions");
  history.AddOption("path", flags->reference).Required();
  history.On(shell, [&shell, flags] { return History(shell, flags->reference); });

  const Command diff =
      secret.Add("diff", "Show which fields differ between two versions, never the values",
                 "  keyturn secret diff app/prod/db            # previous to current\n"
                 "  keyturn secret diff app/prod/db 3 5");
  diff.AddOption("path", flags->reference).Required();
  diff.AddOption("from", flags->version, "a number, previous or current");
  diff.AddOption("to", flags->other, "a number, previous or current");
  diff.On(shell, [&shell, flags] { return Diff(shell, *flags); });
}

}  // namespace keyturn::cli
