// import FILE.
#include <memory>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/commands/rotation_status.h"
#include "client/cli/database_url.h"
#include "client/cli/dotenv.h"
#include "client/cli/env_names.h"
#include "client/cli/exact_json.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"
#include "client/cli/progress.h"
#include "client/cli/secret_json.h"
#include "client/wipe.h"

namespace keyturn::cli {
namespace {

struct ImportFlags {
  std::string file, directory, format, kinds;
  bool overwrite = false, dry_run = false;
};

// One secret to be written.
struct Planned {
  v1::PutRequest request;
  v1::Kind guess = v1::KIND_UNSPECIFIED;  // what it could be, where the file is not to say it
  bool exists = false;
  v1::Kind has = v1::KIND_UNSPECIFIED;  // what it is, if it exists
};

class Plan {
 public:
  Plan() = default;
  ~Plan() {
    for (Planned& planned : items) WipeValues(planned.request.mutable_data());
  }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  std::vector<Planned> items;
};

void AddVariable(const ImportFlags& flags, const EnvEntry& entry, Plan* plan) {
  v1::PutRequest request;
  request.set_path(
      absl::StrCat(absl::StripSuffix(flags.directory, "/"), "/", SecretNameFor(entry.name)));
  (*request.mutable_custom_metadata())[kEnvMetadataKey] = entry.name;
  v1::Field& field = *request.mutable_data()->add_fields();
  field.set_name(kOnlyField);
  const absl::string_view value = entry.value.ExposeForWire();
  Assign(value, field.mutable_value());
  const v1::Kind guess = GuessKind(entry.name, value);
  if (flags.kinds == "auto") request.set_kind(guess);
  plan->items.push_back({std::move(request), guess});
}

absl::Status PlanDotenv(const ImportFlags& flags, absl::string_view text, Plan* plan) {
  const absl::StatusOr<std::vector<EnvEntry>> entries = ParseDotenv(text);
  if (!entries.ok()) {
    return UsageError(absl::StrCat(flags.file, ": ", entries.status().message()));
  }
  for (const EnvEntry& entry : *entries) AddVariable(flags, entry, plan);
  return absl::OkStatus();
}

// {"NAME": "value"} as a dotenv file; {"name": {"field": "value"}} as a secret with fields.
absl::Status PlanMember(const ImportFlags& flags, const JsonMember& member, Plan* plan) {
  if (member.type == JsonMember::Type::kString && IsEnvName(member.name)) {
    ASSIGN_OR_RETURN(SecretBytes value, SecretBytes::CopyOf(member.text));
    AddVariable(flags, {member.name, std::move(value), 0}, plan);
    return absl::OkStatus();
  }
  if (member.type != JsonMember::Type::kObject) {
    return UsageError(absl::StrCat(
        "'", member.name,
        "' must be a variable's name with a string, or a name with an object of fields"));
  }
  v1::PutRequest request;
  request.set_path(absl::StrCat(absl::StripSuffix(flags.directory, "/"), "/", member.name));
  absl::StatusOr<v1::SecretData> data = DataFromJson(member.text);
  if (!data.ok()) return UsageError(absl::StrCat("'", member.name, "': ", data.status().message()));
  *request.mutable_data() = *std::move(data);
  plan->items.push_back({std::move(request)});
  return absl::OkStatus();
}

absl::Status PlanJson(const ImportFlags& flags, absl::string_view text, Plan* plan) {
  const absl::StatusOr<JsonMembers> members = JsonMembers::Parse(text);
  if (!members.ok()) {
    return UsageError(
        absl::StrCat(flags.file, " must hold a JSON object; ", members.status().message()));
  }
  for (const JsonMember& member : members->all()) {
    const absl::Status status = PlanMember(flags, member, plan);
    if (!status.ok()) return UsageError(absl::StrCat(flags.file, ": ", status.message()));
  }
  return absl::OkStatus();
}

absl::Status MakePlan(const ImportFlags& flags, Plan* plan) {
  if (absl::StripSuffix(flags.directory, "/").empty()) {
    return UsageError("--path must name a directory, such as app/production");
  }
  if (!flags.kinds.empty() && flags.kinds != "auto" && flags.kinds != "generic") {
    return UsageError("--kinds must be auto or generic");
  }
  std::string format = flags.format;
  if (format.empty()) format = absl::EndsWith(flags.file, ".json") ? "json" : "dotenv";
  if (format != "json" && format != "dotenv") {
    return UsageError(absl::StrCat("--format '", format, "' must be dotenv or json"));
  }
  ASSIGN_OR_RETURN(const SecretBytes text, ReadSecretFile(flags.file, limits::kImportFileBytesMax));
  RETURN_IF_ERROR(format == "json" ? PlanJson(flags, text.ExposeForCrypto(), plan)
                                   : PlanDotenv(flags, text.ExposeForCrypto(), plan));
  if (plan->items.empty()) return UsageError(absl::StrCat(flags.file, " has no entries"));
  if (plan->items.size() > limits::kImportEntriesMax) {
    return UsageError(absl::StrCat("one import has at most ", limits::kImportEntriesMax,
                                   " entries; split the file"));
  }
  // A_B and a-b would be the same secret.
  std::set<std::string> paths;
  for (const Planned& planned : plan->items) {
    if (!paths.insert(planned.request.path()).second) {
      return UsageError(
          absl::StrCat("two entries of ", flags.file, " would be ", planned.request.path()));
    }
  }
  return absl::OkStatus();
}

// Finds out what exists before anything is written.
absl::Status LookUp(Shell& shell, const ImportFlags& flags, Plan* plan) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  std::string existing;
  for (Planned& planned : plan->items) {
    v1::DescribeRequest request;
    request.set_path(planned.request.path());
    const auto found = client->Describe(request, shell.Options());
    if (!found.ok() && !absl::IsNotFound(found.status())) return found.status();
    planned.exists = found.ok();
    if (planned.exists) {  // it keeps what it has
      planned.has = found->kind();
      planned.request.clear_kind();
    }
    if (planned.exists) absl::StrAppend(&existing, existing.empty() ? "" : ", ", request.path());
  }
  if (existing.empty() || flags.overwrite) return absl::OkStatus();
  return WithHelp(absl::AlreadyExistsError(
                      absl::StrCat("nothing was imported, as there are already: ", existing)),
                  "--overwrite writes new versions of them");
}

v1::Kind KindOf(const Planned& planned) {
  const v1::Kind kind = planned.exists ? planned.has : planned.request.kind();
  return kind == v1::KIND_UNSPECIFIED ? v1::KIND_GENERIC : kind;
}

// The URL of a database brings its parts, but not into a secret of another kind.
void AddParts(const ImportFlags& flags, Plan* plan) {
  if (flags.kinds != "auto") return;
  for (Planned& planned : plan->items) {
    if (planned.guess != v1::KIND_DB_CREDENTIAL || KindOf(planned) != planned.guess) continue;
    v1::SecretData& data = *planned.request.mutable_data();
    // What GuessKind has seen can be taken apart.
    (void)AddDatabaseFields(data.fields(0).value(), &data);
  }
}

std::string KindText(v1::Kind kind) { return WordOf(v1::Kind_Name(kind), "KIND_"); }

// What makes a secret that was imported rotate, and a key sign.
void SayAdopt(Shell& shell, const ImportFlags& flags, const Plan& plan) {
  for (const Planned& planned : plan.items) {
    // What exists keeps its kind, whatever was asked for.
    const bool stays = planned.exists || flags.kinds.empty();
    if (stays && KindOf(planned) == v1::KIND_GENERIC && planned.guess != v1::KIND_UNSPECIFIED &&
        planned.guess != v1::KIND_GENERIC) {
      shell.SayNext(absl::StrCat("keyturn secret adopt ", ShellWord(planned.request.path()),
                                 " --kind ", KindText(planned.guess), ", to let it rotate"));
    }
    if (planned.request.kind() != v1::KIND_JWT_KEY || planned.exists) continue;
    shell.SayNext(absl::StrCat("keyturn jwt adopt ", ShellWord(planned.request.path()),
                               " --algorithm HS256 --issuer NAME, to sign with it here"));
  }
}

absl::Status Write(Shell& shell, const ImportFlags& flags, Plan* plan) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  Table table({"PATH", "KIND", "VERSION"});
  Json items = Json::array();
  Progress progress("secrets stored", shell.terminal(), shell.clock());
  for (size_t done = 0; done < plan->items.size(); ++done) {
    progress.Update(done, plan->items.size());
    v1::PutRequest& request = plan->items[done].request;
    // Nobody else's secret is overwritten, even if it appeared a moment ago.
    request.set_has_if_version(!flags.overwrite);
    const absl::StatusOr<v1::PutResponse> written = client->Put(request, shell.Options());
    if (!written.ok()) {
      progress.Finish();
      if (done == 0) return written.status();
      RETURN_IF_ERROR(shell.out().List(table, std::move(items), ""));
      return WithHelp(
          WithExitCode(absl::Status(written.status().code(),
                                    absl::StrCat("imported ", done, " of ", plan->items.size(),
                                                 "; stopped at ", request.path(), ": ",
                                                 written.status().message())),
                       kExitPartial),
          "the ones listed are stored; mend the cause and run it again with --overwrite");
    }
    const std::string kind = KindText(KindOf(plan->items[done]));
    table.Add({request.path(), kind, absl::StrCat(written->version())});
    items.push_back(
        {{"path", request.path()}, {"kind", kind}, {"version", absl::StrCat(written->version())}});
  }
  progress.Finish();
  return shell.out().List(table, std::move(items), "");
}

absl::Status Import(Shell& shell, const ImportFlags& flags) {
  Plan plan;
  RETURN_IF_ERROR(MakePlan(flags, &plan));
  RETURN_IF_ERROR(LookUp(shell, flags, &plan));
  AddParts(flags, &plan);
  if (!flags.dry_run) {
    RETURN_IF_ERROR(Write(shell, flags, &plan));
    SayAdopt(shell, flags, plan);
    const std::string directory(absl::StripSuffix(flags.directory, "/"));
    const std::string rest = flags.file == "-" ? ""
                                               : absl::StrCat("; and remove ", flags.file,
                                                              ", which still holds the values");
    shell.SayNext(absl::StrCat("keyturn run --path ", directory, " -- COMMAND", rest));
    return absl::OkStatus();
  }
  Table table({"PATH", "KIND", "WOULD"});
  Json items = Json::array();
  for (const Planned& planned : plan.items) {
    const char* const what = planned.exists ? "write a new version" : "be made";
    const std::string kind = KindText(KindOf(planned));
    table.Add({planned.request.path(), kind, what});
    items.push_back({{"path", planned.request.path()}, {"kind", kind}, {"exists", planned.exists}});
  }
  return shell.out().List(table, std::move(items), "");
}

}  // namespace

void AddImportCommand(Command app, Shell& shell) {
  const Command import =
      app.Add("import", "Store the entries of a dotenv or JSON file as secrets",
              "  keyturn import .env --path app/production        # API_KEY becomes "
              "app/production/api-key\n"
              "  keyturn import secrets.json --path app/production --dry-run");
  const auto flags = std::make_shared<ImportFlags>();
  import.AddOption("file", flags->file, "a file, or - for standard input").Required();
  import.AddOption("--path", flags->directory, "the directory to store them in").Required();
  import.AddOption("--format", flags->format, "dotenv or json; default: by the file's name");
  import.AddOption("--kinds", flags->kinds,
                   "auto: JWT_SECRET is a jwt_key, a database's URL a db_credential with its parts "
                   "as fields, ...API_KEY an api_key; default: generic");
  import.AddFlag("--overwrite", flags->overwrite, "write new versions of what exists");
  import.AddFlag("--dry-run", flags->dry_run, "show what would be done");
  import.Footer(
      "Each variable NAME becomes the secret name, in lower case with '-' for '_', with "
      "the field\n'value' and custom metadata env=NAME. In JSON, a member that is an "
      "object becomes a secret\nwith these fields. Everything is checked before "
      "anything is written.");
  import.On(shell, [&shell, flags] { return Import(shell, *flags);
});
}  // namespace keyturn::cli

}  // namespace keyturn::cli
