#include "client/cli/token_choice.h"

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/cli/environment_variable.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"
#include "client/cli/output.h"
#include "client/cli/profile.h"
#include "crypto/mac.h"

namespace keyturn::cli {
namespace {

// Why a stored token is not for this call; "" if it is.
absl::StatusOr<std::string> WhyNot(const StoredToken& stored, Settings& settings) {
  ASSIGN_OR_RETURN(const std::string ca, HashOfFile(settings["ca_cert"]));
  if (stored.address != settings["address"] || stored.ca_sha256 != ca) {
    return std::string("the stored token is for another server; it is not sent");
  }
  if (stored.client_cert_sha256.empty()) return std::string();
  ASSIGN_OR_RETURN(const std::string certificate, HashOfFile(settings["client_cert"]));
  if (stored.client_cert_sha256 == certificate) return std::string();
  return std::string("the stored token is of another client certificate; it is not sent");
}

absl::StatusOr<TokenChoice> LoadStored(Settings& settings, absl::Time now, std::string* why) {
  const std::string& profile = settings["profile"];
  ASSIGN_OR_RETURN(const std::optional<StoredToken> stored, LoadToken(profile));
  if (!stored.has_value()) return TokenChoice();
  ASSIGN_OR_RETURN(*why, WhyNot(*stored, settings));
  if (!why->empty()) return TokenChoice();
  if (stored->expire_time <= now) {
    return WithHelp(
        WithExitCode(
            absl::UnauthenticatedError(absl::StrCat("the login of profile ", profile,
                                                    " expired at ", TimeText(stored->expire_time))),
            kExitNotLoggedIn),
        "log in again: keyturn login; or go on with the client certificate: keyturn logout");
  }
  return TokenChoice{stored->token, absl::StrCat("login of profile ", profile), true,
                     !stored->client_cert_sha256.empty()};
}

}  // namespace

absl::StatusOr<std::string> HashOfFile(const std::string& path) {
  if (path.empty()) return std::string();
  ASSIGN_OR_RETURN(const std::string text, ReadPublicFile(path, limits::kSmallFileBytesMax));
  return absl::BytesToHexString(Sha256(text));
}

absl::StatusOr<TokenChoice> NamedToken(Settings& settings) {
  const std::string& file = settings["token_file"];
  const std::string variable = EnvironmentVariable("KEYTURN_TOKEN");
  if (file.empty()) return TokenChoice{variable, variable.empty() ? "" : "KEYTURN_TOKEN", false};
  ASSIGN_OR_RETURN(const SecretBytes text, ReadSecretFile(file, limits::kTokenFileBytesMax));
  const absl::string_view token = absl::StripAsciiWhitespace(text.ExposeForWire());
  if (token.empty()) return UsageError(absl::StrCat("the token file ", file, " is empty"));
  return TokenChoice{std::string(token), settings.SourceOf("token_file"), false};
}

absl::StatusOr<TokenChoice> ChooseToken(Settings& settings, absl::Time now, std::string* why) {
  ASSIGN_OR_RETURN(TokenChoice named, NamedToken(settings));
  if (!named.token.empty()) return named;
  return LoadStored(settings, now, why);
}

}  // namespace keyturn::cli
