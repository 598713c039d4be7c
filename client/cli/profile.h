// Profiles: named servers with what is needed to reach them, kept in
// $XDG_CONFIG_HOME/keyturn/config.json; certificates that `keyturn` got itself lie beside it in
// profiles/NAME. And tokens from `login`, kept in $XDG_STATE_HOME/keyturn/tokens/NAME.json and used
// only with the server they came from. All files have mode 0600, directories 0700. Not thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace keyturn::cli {

inline constexpr char kDefaultProfile[] = "default";

struct Profile {
  std::string address, ca_cert, client_cert, client_key;  // files; "" when not set
};

class Profiles {
 public:
  // None when there is no file yet. FAILED_PRECONDITION for a file that others may read or that
  // does not parse; it says how to mend it.
  static absl::StatusOr<Profiles> Load();
  absl::Status Save() const;

  const std::string& current() const { return current_; }
  const std::map<std::string, Profile>& all() const { return profiles_; }
  // nullptr when there is none.
  const Profile* Find(absl::string_view name) const;

  void Set(const std::string& name, Profile profile);
  // NOT_FOUND names the known ones.
  absl::Status Unknown(const std::string& name) const;
  absl::Status Use(const std::string& name);
  // The files in its directory go as well.
  absl::Status Remove(const std::string& name);

  // Where certificates of this profile are kept; made when absent.
  static absl::StatusOr<std::string> Directory(const std::string& name);

 private:
  std::string path_;
  std::string current_ = kDefaultProfile;
  std::map<std::string, Profile> profiles_;
};

// INVALID_ARGUMENT unless it can be a file name: [A-Za-z0-9_-]{1,64}.
absl::Status CheckProfileName(absl::string_view name);

struct StoredToken {
  std::string token, principal;
  absl::Time expire_time = absl::InfiniteFuture();
  // What it may be sent to: the address, and the hash of the CA file's contents.
  std::string address, ca_sha256;
  // Of the client certificate that it was got with; "": of none.
  std::string client_cert_sha256;
};

// nullopt when there is none.
absl::StatusOr<std::optional<StoredToken>> LoadToken(const std::string& profile);
absl::Status SaveToken(const std::string& profile, const StoredToken& token);
// OK when there was none. What `run --offline` has kept goes as well.
absl::Status RemoveToken(const std::string& profile);

// Where `run --offline` keeps values (client/cli/offline_values.h). Not made here.
absl::StatusOr<std::string> OfflineDirectory(const std::string& profile);

}  // namespace keyturn::cli
