#include "client/cli/profile.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"

namespace keyturn::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::pair<const char*, std::string Profile::*> kFields[] = {
    {"address", &Profile::address},
    {"caCert", &Profile::ca_cert},
    {"clientCert", &Profile::client_cert},
    {"clientKey", &Profile::client_key},
};

// A file that only its owner may read, as JSON; nullopt when it does not exist.
absl::StatusOr<std::optional<Json>> ReadOwnJson(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return std::nullopt;
    return absl::FailedPreconditionError(
        absl::StrCat("cannot read ", path, ": ", std::generic_category().message(errno)));
  }
  if ((info.st_mode & 077) != 0) {
    return WithHelp(absl::FailedPreconditionError(
                        absl::StrCat(path, " may be read by others, so it is not used")),
                    absl::StrCat("chmod 600 ", path));
  }
  ASSIGN_OR_RETURN(const std::string text, ReadPublicFile(path, limits::kSmallFileBytesMax));
  Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!value.is_object()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is not a JSON object; mend or remove it"));
  }
  return value;
}

std::string TextIn(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

absl::StatusOr<std::string> TokenPath(const std::string& profile) {
  ASSIGN_OR_RETURN(const std::string state, StateDirectory());
  return absl::StrCat(state, "/tokens/", profile, ".json");
}

}  // namespace

absl::Status CheckProfileName(absl::string_view name) {
  const bool fine =
      !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
        return absl::ascii_isalnum(c) || c == '_' || c == '-';
      });
  if (fine) return absl::OkStatus();
  return UsageError(absl::StrCat("profile name '", name, "' must be 1 to 64 of A-Z a-z 0-9 _ -"));
}

absl::StatusOr<Profiles> Profiles::Load() {
  Profiles profiles;
  const absl::StatusOr<std::string> directory = ConfigDirectory();
  if (!directory.ok()) return profiles;  // no home: no profiles, everything by flag or variable
  profiles.path_ = *directory + "/config.json";
  ASSIGN_OR_RETURN(const std::optional<Json> file, ReadOwnJson(profiles.path_));
  if (!file.has_value()) return profiles;
  const std::string current = TextIn(*file, "current");
  if (!current.empty()) profiles.current_ = current;
  const auto list = file->find("profiles");
  if (list == file->end() || !list->is_object()) return profiles;
  for (const auto& [name, object] : list->items()) {
    RETURN_IF_ERROR(CheckProfileName(name));
    Profile profile;
    for (const auto& [key, member] : kFields) profile.*member = TextIn(object, key);
    profiles.profiles_[name] = std::move(profile);
  }
  return profiles;
}

absl::Status Profiles::Save() const {
  if (path_.empty()) return ConfigDirectory().status();
  RETURN_IF_ERROR(MakePrivateDirectory(std::filesystem::path(path_).parent_path().string()));
  Json file;
  file["current"] = current_;
  file["profiles"] = Json::object();
  for (const auto& [name, profile] : profiles_) {
    Json object = Json::object();
    for (const auto& [key, member] : kFields) {
      if (!(profile.*member).empty()) object[key] = profile.*member;
    }
    file["profiles"][name] = std::move(object);
  }
  return WriteFileWhole(path_, file.dump(2) + "\n", 0600);
}

const Profile* Profiles::Find(absl::string_view name) const {
  const auto found = profiles_.find(std::string(name));
  return found == profiles_.end() ? nullptr : &found->second;
}

void Profiles::Set(const std::string& name, Profile profile) {
  if (profiles_.empty()) current_ = name;
  profiles_[name] = std::move(profile);
}

absl::Status Profiles::Unknown(const std::string& name) const {
  const std::string known = absl::StrJoin(
      profiles_, ", ", [](std::string* out, const auto& entry) { *out += entry.first; });
  return absl::NotFoundError(
      absl::StrCat("no profile '", name, "'; there ", known.empty() ? "are none" : "are: ", known));
}

absl::Status Profiles::Use(const std::string& name) {
  if (Find(name) == nullptr) return Unknown(name);
  current_ = name;
  return absl::OkStatus();
}

absl::Status Profiles::Remove(const std::string& name) {
  if (profiles_.erase(name) == 0) return Unknown(name);
  if (current_ == name) current_ = profiles_.empty() ? kDefaultProfile : profiles_.begin()->first;
  std::error_code ignored;
  ASSIGN_OR_RETURN(const std::string directory, ConfigDirectory());
  std::filesystem::remove_all(absl::StrCat(directory, "/profiles/", name), ignored);
  return RemoveToken(name);
}

absl::StatusOr<std::string> Profiles::Directory(const std::string& name) {
  RETURN_IF_ERROR(CheckProfileName(name));
  ASSIGN_OR_RETURN(const std::string config, ConfigDirectory());
  std::string directory = absl::StrCat(config, "/profiles/", name);
  RETURN_IF_ERROR(MakePrivateDirectory(directory));
  return directory;
}

absl::StatusOr<std::optional<StoredToken>> LoadToken(const std::string& profile) {
  const absl::StatusOr<std::string> path = TokenPath(profile);
  if (!path.ok()) return std::nullopt;
  ASSIGN_OR_RETURN(const std::optional<Json> file, ReadOwnJson(*path));
  if (!file.has_value()) return std::nullopt;
  StoredToken token;
  token.token = TextIn(*file, "token");
  token.principal = TextIn(*file, "principal");
  token.address = TextIn(*file, "address");
  token.ca_sha256 = TextIn(*file, "caSha256");
  token.client_cert_sha256 = TextIn(*file, "clientCertSha256");
  std::string error;
  const std::string expires = TextIn(*file, "expireTime");
  if (!expires.empty()) absl::ParseTime(absl::RFC3339_full, expires, &token.expire_time, &error);
  if (token.token.empty()) return std::nullopt;
  return token;
}

absl::Status SaveToken(const std::string& profile, const StoredToken& token) {
  ASSIGN_OR_RETURN(const std::string path, TokenPath(profile));
  RETURN_IF_ERROR(MakePrivateDirectory(std::filesystem::path(path).parent_path().string()));
  Json file;
  file["token"] = token.token;
  file["principal"] = token.principal;
  file["address"] = token.address;
  file["caSha256"] = token.ca_sha256;
  if (!token.client_cert_sha256.empty()) file["clientCertSha256"] = token.client_cert_sha256;
  if (token.expire_time != absl::InfiniteFuture()) {
    file["expireTime"] =
        absl::FormatTime(absl::RFC3339_full, token.expire_time, absl::UTCTimeZone());
  }
  return WriteFileWhole(path, file.dump(2) + "\n", 0600);
}

absl::Status RemoveToken(const std::string& profile) {
  const absl::StatusOr<std::string> path = TokenPath(profile);
  if (path.ok() && unlink(path->c_str()) != 0 && errno != ENOENT) {
    return absl::InternalError(absl::StrCat("cannot remove ", *path));
  }
  const absl::StatusOr<std::string> kept = OfflineDirectory(profile);
  std::error_code error;
  if (kept.ok()) std::filesystem::remove_all(*kept, error);
  if (error) return absl::InternalError(absl::StrCat("cannot remove ", *kept));
  return absl::OkStatus();
}

absl::StatusOr<std::string> OfflineDirectory(const std::string& profile) {
  ASSIGN_OR_RETURN(const std::string state, StateDirectory());
  return absl::StrCat(state, "/offline/", profile);
}

}  // namespace keyturn::cli
