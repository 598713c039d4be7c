// Where the server is and who is calling: each setting from the first place that has it, in this
// order: flag, --info-file, environment, profile, default. Not thread-safe.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/profile.h"

namespace keyturn::cli {

// What was typed before and after the command; "" when not given.
struct GlobalFlags {
  std::string output = "table";
  std::string address, ca_cert, client_cert, client_key, token_file, profile;
  std::string info_file, socket, request_id, timeout;
  bool no_input = false, no_color = false, verbose = false;
};

struct Setting {
  std::string value;
  std::string source;  // "flag --address", "KEYTURN_ADDR", "profile default", "default"
};

class Settings {
 public:
  // NOT_FOUND or INVALID_ARGUMENT names the file that is wrong.
  static absl::StatusOr<Settings> Resolve(const GlobalFlags& flags);

  // A setting's value, "" when nothing gives one. Names: profile, address, ca_cert, client_cert,
  // client_key, token_file, operator_socket.
  const std::string& operator[](const std::string& name) const;
  const std::string& SourceOf(const std::string& name) const;
  // All of them, in a fixed order, for `config explain`.
  std::vector<std::pair<std::string, Setting>> All() const;
  // Whether somebody said where the server on this machine is (--socket, --info-file,
  // KEYTURN_DATA_DIR), and no flag names another server (--address, --profile).
  bool local_is_named() const { return local_is_named_; }
  // Whether a flag names the server, which then is the only one that may be meant.
  bool remote_is_named() const { return remote_is_named_; }

  Profiles& profiles() { return profiles_; }
  const Profiles& profiles() const { return profiles_; }
  // NOT_FOUND when a flag or variable names a profile that is not: its absence would be taken for
  // settings that nobody made.
  absl::Status RequireProfile() const;

 private:
  std::map<std::string, Setting> settings_;
  Profiles profiles_;
  bool local_is_named_ = false;
  bool remote_is_named_ = false;
};

}  // namespace keyturn::cli
