// What `run --offline` goes back to when there is no server: the values that a program was last
// given. They lie in $XDG_STATE_HOME/keyturn/offline/PROFILE, one file for each thing asked (mode
// 0600, docs/FORMAT.md), sealed under a key that comes from the profile's client key, or from the
// token where there is no client key or the token came another way. Profile, address, CA and all
// that was asked are bound in, so a file opens for the same caller and the same question only.
//
// Nothing is kept or used without being asked for: callers have one of these only with --offline.
// Not thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/cli/environment.h"
#include "client/cli/shell.h"
#include "crypto/secret_bytes.h"

namespace keyturn::cli {

// Whether no server could be asked. A server that answers is not one, whatever it says: what it
// refuses stays refused, and a sealed vault may have been sealed to stop just this, the use of its
// values. Nor is one whose certificate does not pass: that is another server, or an attack.
bool IsUnreachable(const absl::Status& status);

// Whether a server, asked for these values, did not let the caller have them.
bool IsRefusal(const absl::Status& status);

class OfflineValues {
 public:
  // For the caller and the server of the shell's settings. `asked` is everything that decides what
  // the values are. FAILED_PRECONDITION when there is neither a client key nor a token to make a
  // key of.
  static absl::StatusOr<OfflineValues> Open(Shell& shell, absl::string_view asked);

  // In place of those kept before. `read_at` is when the reading began: they are no older.
  absl::Status Save(const std::vector<Variable>& variables, absl::Time read_at) const;

  struct Kept {
    std::vector<Variable> variables;
    absl::Time read_at;
  };
  // NOT_FOUND when there are none, FAILED_PRECONDITION when they are older than `age_max` or of
  // after `now`, or the client certificate has expired, DATA_LOSS when they do not open.
  absl::StatusOr<Kept> Load(absl::Time now, absl::Duration age_max) const;

  // The server does not give them any more.
  void Forget() const;

  const std::string& path() const { return path_; }

 private:
  OfflineValues() = default;

  std::string directory_, path_;
  std::string bound_;  // the associated data
  SecretBytes identity_;
  absl::Time identity_ends_ = absl::InfiniteFuture();
};

}  // namespace keyturn::cli
