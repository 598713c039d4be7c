// Where the first credentials of a vault go: a new profile, and files for root token and shares.
// All of it is made before the vault is, as a vault is made only once and shows them only once.
// Not thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/commands/seal_input.h"
#include "client/cli/shell.h"
#include "crypto/x509_make.h"

namespace keyturn::cli {

struct InitFlags {
  SealFlags seal;
  std::string root_token_file, shares_file;
};

// The certificate (PEM) of the CA that vouches for the server: what was named, or what the server
// made for itself beside its operator socket. FAILED_PRECONDITION says when it must be named.
absl::StatusOr<std::string> ServerCa(const Settings& settings);

class InitProfile {
 public:
  // ALREADY_EXISTS when the profile or a file is there; its help is a command that goes around it.
  static absl::Status CheckNew(const Shell& shell, const InitFlags& flags, Settings& settings);

  // Makes the profile's directory and every file, the private key in its own, so that what cannot
  // be written is found out while nothing is lost. Taken back at the end unless Save was called.
  // `settings` outlives this.
  static absl::StatusOr<InitProfile> Reserve(const Shell& shell, const InitFlags& flags,
                                             Settings& settings, const SecretBytes& key_pem,
                                             const std::string& ca_pem);
  ~InitProfile();
  InitProfile(InitProfile&& other) noexcept;
  InitProfile& operator=(InitProfile&&) = delete;

  // The certificate, and the profile itself.
  absl::Status Save(const std::string& certificate_pem);
  // To standard error: which address was put down, and whether vault `vault_id` answers there.
  void SayWhereItIs(const Shell& shell, const std::string& vault_id) const;

 private:
  InitProfile(Settings& settings, std::string directory);
  absl::Status Make(const std::string& file, absl::string_view bytes);

  Settings& settings_;
  std::string directory_;
  std::vector<std::string> made_;
};

}  // namespace keyturn::cli
