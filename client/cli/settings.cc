#include "client/cli/settings.h"

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/environment_variable.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"

namespace keyturn::cli {
namespace {

constexpr char kDefaultAddress[] = "127.0.0.1:7400";
constexpr char kCurrentProfile[] = "current profile";
constexpr char kDefaultDataDirectory[] = "/var/lib/keyturn";
constexpr const char* kNames[] = {"profile",    "address",    "ca_cert",        "client_cert",
                                  "client_key", "token_file", "operator_socket"};

// One candidate after the other; the first that is not empty stays.
class Picker {
 public:
  Picker& Try(const std::string& value, const std::string& source) {
    if (picked_.value.empty() && !value.empty()) picked_ = {value, source};
    return *this;
  }
  Picker& EnvironmentVariable(const char* name) {
    return Try(cli::EnvironmentVariable(name), name);
  }
  Setting Pick() const { return picked_; }

 private:
  Setting picked_;
};

struct InfoFile {
  std::string source, address, ca_cert, token_file, socket;
};

absl::StatusOr<InfoFile> ReadInfoFile(const std::string& path) {
  InfoFile info;
  if (path.empty()) return info;
  info.source = absl::StrCat("info file ", path);
  const absl::StatusOr<std::string> text = ReadPublicFile(path, limits::kSmallFileBytesMax);
  if (!text.ok()) {
    // keyturnd writes the file when it listens and removes it when it ends.
    return WithHelp(
        WithExitCode(absl::UnavailableError(absl::StrCat(text.status().message(),
                                                         "; keyturnd writes it once it listens")),
                     kExitUnavailable),
        "start keyturnd (./dev start), or unset KEYTURN_INFO_FILE");
  }
  const nlohmann::json file = nlohmann::json::parse(*text, nullptr, false);
  if (!file.is_object() || !file.contains("grpc")) {
    return UsageError(absl::StrCat(path, " is not an info file of keyturnd (see --info-file)"));
  }
  const auto text_of = [&file](const char* key) { return file.value(key, std::string()); };
  // A server that listens everywhere is reached here.
  info.address =
      absl::StrReplaceAll(text_of("grpc"), {{"0.0.0.0:", "127.0.0.1:"}, {"[::]:", "[::1]:"}});
  info.ca_cert = text_of("ca_file");
  info.token_file = text_of("root_token_file");
  info.socket = text_of("operator_socket");
  return info;
}

}  // namespace

absl::StatusOr<Settings> Settings::Resolve(const GlobalFlags& flags) {
  Settings out;
  ASSIGN_OR_RETURN(out.profiles_, Profiles::Load());
  // A profile that was asked for is not overruled by what is left in the environment.
  const std::string info_path = !flags.info_file.empty() || !flags.profile.empty()
                                    ? flags.info_file
                                    : EnvironmentVariable("KEYTURN_INFO_FILE");
  ASSIGN_OR_RETURN(const InfoFile info, ReadInfoFile(info_path));

  const Setting profile_name = Picker()
                                   .Try(flags.profile, "flag --profile")
                                   .EnvironmentVariable("KEYTURN_PROFILE")
                                   .Try(out.profiles_.current(), kCurrentProfile)
                                   .Pick();
  RETURN_IF_ERROR(CheckProfileName(profile_name.value));
  const Profile* const found = out.profiles_.Find(profile_name.value);
  const Profile profile = found == nullptr ? Profile() : *found;
  const std::string from_profile = absl::StrCat("profile ", profile_name.value);

  auto& settings = out.settings_;
  settings["profile"] = profile_name;
  settings["address"] = Picker()
                            .Try(flags.address, "flag --address")
                            .Try(info.address, info.source)
                            .EnvironmentVariable("KEYTURN_ADDR")
                            .Try(profile.address, from_profile)
                            .Try(kDefaultAddress, "default")
                            .Pick();
  settings["ca_cert"] = Picker()
                            .Try(flags.ca_cert, "flag --ca-cert")
                            .Try(info.ca_cert, info.source)
                            .EnvironmentVariable("KEYTURN_CACERT")
                            .Try(profile.ca_cert, from_profile)
                            .Pick();
  settings["client_cert"] = Picker()
                                .Try(flags.client_cert, "flag --client-cert")
                                .EnvironmentVariable("KEYTURN_CLIENT_CERT")
                                .Try(profile.client_cert, from_profile)
                                .Pick();
  settings["client_key"] = Picker()
                               .Try(flags.client_key, "flag --client-key")
                               .EnvironmentVariable("KEYTURN_CLIENT_KEY")
                               .Try(profile.client_key, from_profile)
                               .Pick();
  // A token that somebody chose goes before the root token of a --dev server that is around.
  const bool info_is_named = !flags.info_file.empty();
  const bool token_is_in_variable = !EnvironmentVariable("KEYTURN_TOKEN").empty();
  settings["token_file"] = Picker()
                               .Try(flags.token_file, "flag --token-file")
                               .Try(info_is_named ? info.token_file : "", info.source)
                               .EnvironmentVariable("KEYTURN_TOKEN_FILE")
                               .Try(token_is_in_variable ? "" : info.token_file, info.source)
                               .Pick();
  const std::string data = EnvironmentVariable("KEYTURN_DATA_DIR");
  settings["operator_socket"] =
      Picker()
          .Try(flags.socket, "flag --socket")
          .Try(info.socket, info.source)
          .Try(data.empty() ? "" : data + "/operator.sock", "KEYTURN_DATA_DIR")
          .Try(absl::StrCat(kDefaultDataDirectory, "/operator.sock"), "default")
          .Pick();
  const bool profile_is_named = !flags.profile.empty() && flags.info_file.empty();
  out.remote_is_named_ = flags.socket.empty() && (!flags.address.empty() || profile_is_named);
  out.local_is_named_ = !out.remote_is_named_ && settings["operator_socket"].source != "default";
  return out;
}

absl::Status Settings::RequireProfile() const {
  const std::string& name = (*this)["profile"];
  if (SourceOf("profile") == kCurrentProfile || profiles_.Find(name) != nullptr) {
    return absl::OkStatus();
  }
  return WithHelp(profiles_.Unknown(name),
                  "name another with --profile, or add it: keyturn profile add NAME --address "
                  "HOST:PORT --ca-cert FILE");
}

const std::string& Settings::operator[](const std::string& name) const {
  static const auto* const none = new std::string();
  const auto found = settings_.find(name);
  return found == settings_.end() ? *none : found->second.value;
}

const std::string& Settings::SourceOf(const std::string& name) const {
  static const auto* const none = new std::string();
  const auto found = settings_.find(name);
  return found == settings_.end() ? *none : found->second.source;
}

std::vector<std::pair<std::string, Setting>> Settings::All() const {
  std::vector<std::pair<std::string, Setting>> all;
  for (const char* const name : kNames) {
    const auto found = settings_.find(name);
    all.emplace_back(name, found == settings_.end() ? Setting() : found->second);
  }
  return all;
}

}  // namespace keyturn::cli
