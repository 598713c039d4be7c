// Which token a call is made with: one named by flag, info file or environment, else the one that
// `login` stored for the profile. Not thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/settings.h"

namespace keyturn::cli {

struct TokenChoice {
  std::string token;   // "": none
  std::string source;  // "flag --token-file", "KEYTURN_TOKEN", "login of profile eu", ...
  bool stored = false;
  bool from_certificate = false;  // `login` got it with the client certificate of the settings
};

// What --token-file, an info file, KEYTURN_TOKEN_FILE or KEYTURN_TOKEN say, in this order, for the
// file's is preferred to the variable's. Without token if none does.
absl::StatusOr<TokenChoice> NamedToken(Settings& settings);

// NamedToken, else the stored one. A stored token is left out, and `*why` says so, when it came
// from another server or was got with another client certificate than the settings name.
// UNAUTHENTICATED when it has expired: the certificate may do more than the token did, so its use
// is not slipped in.
absl::StatusOr<TokenChoice> ChooseToken(Settings& settings, absl::Time now, std::string* why);

// Hex SHA-256 of the file a setting names, by which a stored token is bound to it; "" when the
// setting is empty.
absl::StatusOr<std::string> HashOfFile(const std::string& path);

}  // namespace keyturn::cli
