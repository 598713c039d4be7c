#include "client/cli/commands/init_profile.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"
#include "crypto/x509.h"

namespace keyturn::cli {
namespace {

constexpr absl::string_view kInfoFile = "info file ";

// What was typed, for a profile that does not exist yet. The info file or socket is named in it, as
// --profile makes the command look at no info file of the environment.
std::string WithAnotherProfile(const Shell& shell, const InitFlags& flags, Settings& settings) {
  std::string line = "keyturn operator init";
  const auto add = [&line](absl::string_view flag, const std::string& value) {
    if (!value.empty()) absl::StrAppend(&line, " ", flag, " ", ShellWord(value));
  };
  const std::string& source = settings.SourceOf("operator_socket");
  if (absl::StartsWith(source, kInfoFile)) {
    add("--info-file", std::string(absl::StripPrefix(source, kInfoFile)));
  } else if (source == "flag --socket") {
    add("--socket", settings["operator_socket"]);
  }
  add("--address", shell.flags.address);
  add("--ca-cert", shell.flags.ca_cert);
  for (const std::string& seal : flags.seal.seals) add("--seal", seal);
  if (flags.seal.shares != SealFlags().shares) add("--shares", absl::StrCat(flags.seal.shares));
  if (flags.seal.threshold != SealFlags().threshold) {
    add("--threshold", absl::StrCat(flags.seal.threshold));
  };
  add("--passphrase-file", flags.seal.passphrase_file);
  add("--root-token-file", flags.root_token_file);
  add("--shares-file", flags.shares_file);
  const std::string name = settings["profile"].substr(0, 56);
  int number = 2;
  while (settings.profiles().Find(absl::StrCat(name, "-", number)) != nullptr) ++number;
  add("--profile", absl::StrCat(name, "-", number));
  return line;
}

constexpr char kElsewhere[] =
    "profiles go below XDG_CONFIG_HOME, or HOME/.config; name a directory that you may write to";

absl::Status Unwritable(const absl::Status& status, absl::string_view help) {
  return WithHelp(
      WithExitCode(absl::Status(status.code(), absl::StrCat(status.message(),
                                                            "; the vault was not initialised, as "
                                                            "its credentials could not be kept")),
                   ExitCodeOf(status)),
      help);
}

absl::Status CaMustBeNamed(absl::string_view why) {
  return WithHelp(WithExitCode(absl::FailedPreconditionError(absl::StrCat(
                                   "nothing says which CA vouches for the server: ", why)),
                               kExitUsage),
                  "add --ca-cert FILE, with the certificate of the CA that signed the server's "
                  "(tls.certificate)");
}

}  // namespace

absl::StatusOr<std::string> ServerCa(const Settings& settings) {
  std::string file = settings["ca_cert"];
  if (file.empty() && absl::StartsWith(settings.SourceOf("operator_socket"), kInfoFile)) {
    return CaMustBeNamed("the server's certificate is one that it was given");
  }
  const bool named = !file.empty();
  if (!named) {
    file = (std::filesystem::path(settings["operator_socket"]).parent_path() / "tls" / "ca.pem")
               .string();
  }
  const absl::StatusOr<std::string> pem = ReadPublicFile(file, limits::kSmallFileBytesMax);
  if (!pem.ok() && !named) return CaMustBeNamed(pem.status().message());
  RETURN_IF_ERROR(pem.status());
  const absl::Status certificate = ReadCertificate(*pem).status();
  if (certificate.ok()) return pem;
  return UsageError(absl::StrCat(file, ": ", certificate.message()));
}

absl::Status InitProfile::CheckNew(const Shell& shell, const InitFlags& flags, Settings& settings) {
  const std::string& profile = settings["profile"];
  if (settings.profiles().Find(profile) != nullptr) {
    return WithHelp(absl::AlreadyExistsError(absl::StrCat(
                        "there is a profile '", profile,
                        "' already, and init writes the operator's certificate into a new one; "
                        "nothing was done")),
                    WithAnotherProfile(shell, flags, settings));
  }
  for (const std::string& file : {flags.root_token_file, flags.shares_file}) {
    if (!file.empty() && std::filesystem::exists(file)) {
      return absl::AlreadyExistsError(absl::StrCat(file, " exists already; nothing was done"));
    }
  }
  if (!flags.shares_file.empty() && flags.shares_file == flags.root_token_file) {
    return UsageError("--root-token-file and --shares-file must be two files");
  }
  return absl::OkStatus();
}

absl::StatusOr<InitProfile> InitProfile::Reserve(const Shell& shell, const InitFlags& flags,
                                                 Settings& settings, const SecretBytes& key_pem,
                                                 const std::string& ca_pem) {
  const absl::StatusOr<std::string> directory = Profiles::Directory(settings["profile"]);
  if (!directory.ok()) return Unwritable(directory.status(), kElsewhere);
  InitProfile profile(settings, *directory);
  const std::string key_file = *directory + "/client.key";
  if (std::filesystem::exists(key_file)) {
    // No profile has it, but it may be the only key of some vault.
    return WithHelp(absl::AlreadyExistsError(absl::StrCat(
                        key_file, " exists already, though no profile has it; nothing was done")),
                    WithAnotherProfile(shell, flags, settings));
  }
  for (const absl::Status& made :
       {settings.profiles().Save(), profile.Make(key_file, key_pem.ExposeForCrypto()),
        profile.Make(*directory + "/client.pem", ""),
        profile.Make(*directory + "/ca.pem", ca_pem)}) {
    if (!made.ok()) return Unwritable(made, kElsewhere);
  }
  for (const std::string& file : {flags.root_token_file, flags.shares_file}) {
    const absl::Status made = profile.Make(file, "");
    if (!made.ok()) return Unwritable(made, "name a file in a directory that you may write to");
  }
  return profile;
}

InitProfile::InitProfile(Settings& settings, std::string directory)
    : settings_(settings), directory_(std::move(directory)) {}

InitProfile::InitProfile(InitProfile&& other) noexcept
    : settings_(other.settings_),
      directory_(std::move(other.directory_)),
      made_(std::move(other.made_)) {
  other.made_.clear();
}

InitProfile::~InitProfile() {
  std::error_code ignored;
  for (const std::string& file : made_) std::filesystem::remove(file, ignored);
  if (!made_.empty()) std::filesystem::remove(directory_, ignored);
}

absl::Status InitProfile::Make(const std::string& file, absl::string_view bytes) {
  if (file.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(WriteFileWhole(file, bytes, 0600));
  made_.push_back(file);
  return absl::OkStatus();
}

absl::Status InitProfile::Save(const std::string& certificate_pem) {
  made_.clear();  // from here on the key is the vault's
  Profile profile;
  profile.address = settings_["address"];
  profile.ca_cert = directory_ + "/ca.pem";
  profile.client_cert = directory_ + "/client.pem";
  profile.client_key = directory_ + "/client.key";
  RETURN_IF_ERROR(WriteFileWhole(profile.client_cert, certificate_pem, 0600));
  settings_.profiles().Set(settings_["profile"], profile);
  return settings_.profiles().Save();
}

void InitProfile::SayWhereItIs(const Shell& shell, const std::string& vault_id) const {
  const std::string& name = settings_["profile"];
  const Profile* const profile = settings_.profiles().Find(name);
  if (profile == nullptr) return;
  ClientOptions options;
  options.address = profile->address;
  options.ca_file = profile->ca_cert;
  options.client_cert_file = profile->client_cert;
  options.client_key_file = profile->client_key;
  options.timeout = absl::Seconds(3);
  const absl::StatusOr<std::unique_ptr<Client>> client = Client::Connect(options);
  const absl::StatusOr<v1::StatusResponse> status =
      client.ok() ? (*client)->Status({}) : client.status();
  if (status.ok() && status->vault_id() == vault_id) {
    shell.terminal().Say(
        absl::StrCat("The profile '", name, "' reaches the vault at ", profile->address, "."));
    return;
  }
  // The operator socket does not tell where the server listens.
  shell.terminal().Say(absl::StrCat(
      "The profile '", name, "' says that the vault is at ", profile->address, " (",
      settings_.SourceOf("address"), "), but it does not answer there: ",
      status.ok() ? "another vault does" : status.status().message(),
      ".\nWith listen.grpc of the server's configuration as HOST:PORT, change it:\n  keyturn "
      "profile add ",
      name, " --overwrite --address HOST:PORT --ca-cert ", ShellWord(profile->ca_cert),
      " --client-cert ", ShellWord(profile->client_cert), " --client-key ",
      ShellWord(profile->client_key)));
}

}  // namespace keyturn::cli
