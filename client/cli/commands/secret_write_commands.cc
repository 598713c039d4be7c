// secret put|generate|metadata|rename.
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/duration.h"
#include "client/cli/env_names.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"
#include "client/cli/metadata_flag.h"
#include "client/cli/next_step.h"
#include "client/cli/reference.h"
#include "client/cli/secret_json.h"
#include "client/wipe.h"

namespace keyturn::cli {
namespace {

// What put and generate share.
struct WriteFlags {
  std::string path, field = kOnlyField, kind, ttl;
  std::vector<std::string> metadata, operands;
  uint64_t if_version = 0;
  Option if_version_given;
};

struct PutFlags : WriteFlags {
  ValueInput input;
  std::string data_file, encoding;
  bool replace = false, generate = false;
};

struct GenerateFlags {
  uint32_t bytes = 0, length = 0;
  std::string alphabet, format, policy;
  bool force = false;
};

absl::Status RefuseOperands(const WriteFlags& flags) {
  if (flags.operands.empty()) return absl::OkStatus();
  return WithHelp(
      UsageError("values are not taken from the command line: every user of this machine can read "
                 "it while the command runs, and your shell keeps it in its history"),
      absl::StrCat("keyturn secret put ", flags.path,
                   " --field NAME, which asks for the value, or --value-file FILE, or --data FILE "
                   "for several fields; if what was typed is a real secret, change it"));
}

// "PATH#FIELD" is taken as well as --field.
absl::Status SplitField(WriteFlags* flags) {
  if (!absl::StrContains(flags->path, '#')) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Reference reference, ParseReference(flags->path));
  if (reference.version.number() != 0 ||
      reference.version.alias() != v1::VersionSelector::CURRENT) {
    return UsageError("a write makes a new version; leave out what is after '@'");
  }
  flags->path = reference.path;
  flags->field = reference.field;
  return absl::OkStatus();
}

template <typename Request>
absl::Status FillCommon(const WriteFlags& flags, Request* request) {
  request->set_path(flags.path);
  ASSIGN_OR_RETURN(const v1::Kind kind, ParseKind(flags.kind));
  request->set_kind(kind);
  request->set_has_if_version(flags.if_version_given.given());
  request->set_if_version(flags.if_version);
  RETURN_IF_ERROR(ParseMetadata(flags.metadata, request->mutable_custom_metadata()));
  if (!flags.ttl.empty()) {
    ASSIGN_OR_RETURN(const int64_t seconds, ParseSeconds("--ttl", flags.ttl));
    request->set_ttl_seconds(seconds);
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::GenerateSpec> SpecOf(const GenerateFlags& flags) {
  v1::GenerateSpec spec;
  spec.set_bytes(flags.bytes);
  spec.set_length(flags.length);
  spec.set_alphabet(flags.alphabet);
  spec.set_policy(flags.policy);
  spec.set_force(flags.force);
  constexpr std::pair<const char*, v1::GenerateSpec::Format> kFormats[] = {
      {"", v1::GenerateSpec::FORMAT_UNSPECIFIED},
      {"base64url", v1::GenerateSpec::BASE64URL},
      {"base64", v1::GenerateSpec::BASE64},
      {"hex", v1::GenerateSpec::HEX},
      {"raw", v1::GenerateSpec::RAW},
  };
  for (const auto& [name, format] : kFormats) {
    if (flags.format != name) continue;
    spec.set_format(format);
    return spec;
  }
  return UsageError(absl::StrCat("unknown format '", flags.format,
                                 "'; allowed are base64url, base64, hex and raw"));
}

absl::Status PrintWritten(const Shell& shell, const std::string& path,
                          const v1::PutResponse& written) {
  Json value = ToJson(written);
  value["path"] = path;
  return shell.out().Object({{"path", path},
                             {"version", absl::StrCat(written.version())},
                             {"written", TimeText(written.create_time())}},
                            value);
}

absl::Status Generate(Shell& shell, WriteFlags flags, const GenerateFlags& how) {
  RETURN_IF_ERROR(RefuseOperands(flags));
  RETURN_IF_ERROR(SplitField(&flags));
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::GenerateRequest request;
  RETURN_IF_ERROR(FillCommon(flags, &request));
  request.set_field(flags.field);
  ASSIGN_OR_RETURN(*request.mutable_spec(), SpecOf(how));
  ASSIGN_OR_RETURN(const v1::PutResponse written, client->Generate(request, shell.Options()));
  return PrintWritten(shell, flags.path, written);
}

absl::Status FillData(Shell& shell, const PutFlags& flags, v1::SecretData* data) {
  if (!flags.data_file.empty()) {
    if (flags.input.given()) return UsageError("give either --data or one value, not both");
    ASSIGN_OR_RETURN(const SecretBytes text,
                     ReadSecretFile(flags.data_file, limits::kSecretValueBytesMax));
    ASSIGN_OR_RETURN(*data, DataFromJson(text.ExposeForCrypto()));
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const v1::Encoding encoding, ParseEncoding(flags.encoding));
  ASSIGN_OR_RETURN(const SecretBytes value,
                   ReadValue(flags.input, shell.terminal(),
                             absl::StrCat("value of ", flags.path, "#", flags.field)));
  v1::Field& field = *data->add_fields();
  field.set_name(flags.field);
  field.set_encoding(encoding);
  Assign(value.ExposeForWire(), field.mutable_value());
  return absl::OkStatus();
}

absl::Status Put(Shell& shell, PutFlags flags, const GenerateFlags& how) {
  RETURN_IF_ERROR(RefuseOperands(flags));
  if (flags.generate) {
    if (flags.input.given() || !flags.data_file.empty() || flags.replace) {
      return UsageError("--generate goes without --value-file, --value-fd, --data and --replace");
    }
    return Generate(shell, flags, how);
  }
  RETURN_IF_ERROR(SplitField(&flags));
  // First, so that nobody types a value for nothing.
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::PutRequest request;
  RETURN_IF_ERROR(FillCommon(flags, &request));
  request.set_replace(flags.replace);
  const ScopedWipe<v1::SecretData> wipe(request.mutable_data());
  RETURN_IF_ERROR(FillData(shell, flags, request.mutable_data()));
  ASSIGN_OR_RETURN(const v1::PutResponse written, client->Put(request, shell.Options()));
  return PrintWritten(shell, flags.path, written);
}

struct MetadataFlags {
  std::string path, version_ttl;
  std::vector<std::string> metadata;
  bool replace = false, require_if_version = false, no_require_if_version = false;
  bool never_expire = false;
  uint32_t max_versions = 0;
};

absl::Status UpdateMetadata(Shell& shell, const MetadataFlags& flags) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::UpdateMetadataRequest request;
  request.set_path(flags.path);
  RETURN_IF_ERROR(ParseMetadata(flags.metadata, request.mutable_custom_metadata()));
  request.set_replace_custom_metadata(flags.replace);
  request.set_max_versions(flags.max_versions);
  if (flags.never_expire) request.set_version_ttl_seconds(-1);
  if (!flags.version_ttl.empty()) {
    ASSIGN_OR_RETURN(const int64_t seconds, ParseSeconds("--version-ttl", flags.version_ttl));
    request.set_version_ttl_seconds(seconds);
  }
  if (flags.require_if_version) {
    request.set_require_if_version(v1::UpdateMetadataRequest::REQUIRED);
  } else if (flags.no_require_if_version) {
    request.set_require_if_version(v1::UpdateMetadataRequest::NOT_REQUIRED);
  }
  ASSIGN_OR_RETURN(const v1::SecretInfo info, client->UpdateMetadata(request, shell.Options()));
  Pairs pairs = {{"path", info.path()}, {"versions kept", absl::StrCat(info.max_versions())}};
  for (const auto& [key, value] : info.custom_metadata()) pairs.emplace_back(key, value);
  return shell.out().Object(pairs, ToJson(info));
}

struct RenameFlags {
  std::string from, to;
  bool directory = false;
};

absl::Status Rename(Shell& shell, const RenameFlags& flags) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::RenameRequest request;
  request.set_path(flags.from);
  request.set_new_path(flags.to);
  request.set_directory(flags.directory);
  const absl::StatusOr<v1::RenameResponse> response = client->Rename(request, shell.Options());
  if (flags.directory && absl::IsAlreadyExists(response.status())) {
    return WithHelp(response.status(),
                    absl::StrCat("choose another name; keyturn secret list ", ShellWord(flags.to),
                                 " --recursive shows what is there"));
  }
  RETURN_IF_ERROR(response.status());
  return shell.out().Object({{"from", flags.from}, {"to", flags.to}}, ToJson(*response));
}

void AddWriteFlags(Command command, WriteFlags* flags) {
  command.AddOption("path", flags->path, "PATH or PATH#FIELD").Required();
  // Only there to be refused with an explanation.
  command.AddOption("values", flags->operands).Hidden();
  command.AddOption("--field", flags->field, "which field; default: value");
  flags->if_version_given = command.AddOption(
      "--if-version", flags->if_version,
      "write only if the newest version is this; 0: only if there is no such secret");
  command.AddOption("--kind", flags->kind,
                    "of a new secret: generic, api_key, jwt_key, db_credential");
  command.AddOption("--metadata", flags->metadata,
                    "KEY=VALUE, not secret; merged, KEY= removes it");
  command.AddOption("--ttl", flags->ttl, "the version expires after this, such as 90d");
}

std::vector<Option> AddGenerateFlags(Command command, GenerateFlags* flags) {
  return {
      command.AddOption("--bytes", flags->bytes, "random bytes; default 32, 64 for a jwt_key"),
      command.AddOption("--length", flags->length, "or so many characters of --alphabet"),
      command.AddOption("--alphabet", flags->alphabet,
                        "alphanumeric, hex, base64url, printable, or the characters themselves"),
      command.AddOption("--format", flags->format, "of the bytes: base64url, base64, hex, raw"),
      command.AddOption("--policy", flags->policy, "or a named password policy"),
      command.AddFlag("--force", flags->force,
                      "allow less than 128 bits; not for an api_key or jwt_key")};
}

}  // namespace

void AddSecretWriteCommands(Command secret, Shell& shell) {
  const auto put_flags = std::make_shared<PutFlags>();
  const auto how = std::make_shared<GenerateFlags>();
  const Command put = secret.Add(
      "put", "Write a new version; fields that are not named keep their values",
      "  keyturn secret put app/prod/api-key                         # asks for the value\n"
      "  keyturn secret put app/prod/db --field password --value-file pw.txt\n"
      "  keyturn secret put app/prod/db --data db.json --replace     # all fields at once\n"
      "  keyturn secret put app/prod/api-key --generate --bytes 32 --if-version 0");
  put.Alias("set");
  AddWriteFlags(put, put_flags.get());
  put.AddValueFlags(&put_flags->input);
  put.AddOption("--data", put_flags->data_file,
                "a file (or -) with a JSON object of all fields to write");
  put.AddOption("--encoding", put_flags->encoding, "text, json or binary; default: by the bytes");
  put.AddFlag("--replace", put_flags->replace, "fields that are not named are dropped");
  const Option make =
      put.AddFlag("--generate", put_flags->generate, "let the server make the value");
  for (const Option flag : AddGenerateFlags(put, how.get())) flag.Needs(make);
  put.On(shell, [&shell, put_flags, how] { return Put(shell, *put_flags, *how); });

  const auto flags = std::make_shared<WriteFlags>();
  const Command generate = secret.Add(
      "generate", "Write a new version with a value that the server makes",
      "  keyturn secret generate app/prod/api-key --bytes 32\n"
      "  keyturn secret generate app/prod/db#password --length 24 --alphabet alphanumeric");
  AddWriteFlags(generate, flags.get());
  AddGenerateFlags(generate, how.get());
  generate.On(shell, [&shell, flags, how] { return Generate(shell, *flags, *how); });

  const auto metadata_flags = std::make_shared<MetadataFlags>();
  MetadataFlags* const m = metadata_flags.get();
  const Command metadata = secret.Add(
      "metadata", "Change what is known about a secret",
      "  keyturn secret metadata app/prod/db --metadata owner=payments --max-versions 20");
  metadata.AddOption("path", m->path).Required();
  metadata.AddOption("--metadata", m->metadata, "KEY=VALUE, not secret; KEY= removes it");
  metadata.AddFlag("--replace", m->replace, "metadata that is not named is dropped");
  metadata.AddOption("--max-versions", m->max_versions, "how many versions are kept");
  const Option ttl =
      metadata.AddOption("--version-ttl", m->version_ttl, "new versions expire after this");
  metadata.AddFlag("--never-expire", m->never_expire, "new versions do not expire").Excludes(ttl);
  const Option required = metadata.AddFlag("--require-if-version", m->require_if_version,
                                           "refuse writes without --if-version");
  metadata.AddFlag("--no-require-if-version", m->no_require_if_version).Excludes(required);
  metadata.On(shell, [&shell, metadata_flags] { return UpdateMetadata(shell, *metadata_flags); });

  const auto rename_flags = std::make_shared<RenameFlags>();
  const Command rename =
      secret.Add("rename", "Move a secret, or a directory with all that is in it",
                 "  keyturn secret rename app/prod/db app/prod/database\n"
                 "  keyturn secret rename --directory app/prod app/live");
  rename.Alias("mv");
  rename.AddOption("from", rename_flags->from).Required();
  rename.AddOption("to", rename_flags->to).Required();
  rename.AddFlag("--directory", rename_flags->directory, "the names are directories");
  rename.On(shell, [&shell, rename_flags] { return Rename(shell, *rename_flags); });
}

}  // namespace keyturn::cli
