// `keyturnd --dev`: a server whose data lives in memory, initialised and unsealed at start, with
// its root token in a file that only the user may read.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/config.h"
#include "server/server.h"

namespace keyturn {

// Known to everyone: a dev server has nothing to protect, and can be sealed and unsealed to try it.
inline constexpr char kDevPassphrase[] = "keyturn-development";

// A directory for the TLS files, the operator socket and the root token, removed with this object.
class DevDirectory {
 public:
  static absl::StatusOr<DevDirectory> Make();
  ~DevDirectory();
  DevDirectory(DevDirectory&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
  }
  DevDirectory& operator=(DevDirectory&&) = delete;

  const std::string& path() const { return path_; }
  std::string root_token_file() const { return path_ + "/root-token"; }

 private:
  explicit DevDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Initialises `server` and writes the root token to `root_token_file`.
absl::Status InitDev(Server& server, const std::string& root_token_file);

// Says loudly what this is and how to use it.
void PrintDevBanner(const ServerInfo& info);

}  // namespace keyturn
