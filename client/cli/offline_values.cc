#include "client/cli/offline_values.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"
#include "client/cli/offline_codec.h"
#include "client/cli/output.h"
#include "client/cli/profile.h"
#include "client/cli/token_choice.h"
#include "client/wipe.h"
#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "crypto/mac.h"
#include "crypto/random.h"
#include "crypto/x509.h"

namespace keyturn::cli {
namespace {

constexpr absl::string_view kMagic = "KTOV0001";
constexpr absl::string_view kKeyLabel = "keyturn offline values 1";
constexpr absl::string_view kNameLabel = "keyturn offline name 1";
constexpr AeadSuite kSuite = AeadSuite::kAes256Gcm;
constexpr size_t kSaltSize = 32;
constexpr size_t kNameSize = 16;

// What only this caller has: LP(client key) || LP(token). A token that the client's own certificate
// was given is left out: it is another one each hour, and whoever has the key can get it.
absl::StatusOr<SecretBytes> IdentityOf(Settings& settings, absl::Time now) {
  SecretBytes key;
  if (!settings["client_key"].empty()) {
    ASSIGN_OR_RETURN(key, ReadSecretFile(settings["client_key"], limits::kSmallFileBytesMax));
  }
  std::string why;
  ASSIGN_OR_RETURN(TokenChoice token, ChooseToken(settings, now, &why));
  if (token.from_certificate && !key.empty()) WipeBuffer(&token.token);
  if (key.empty() && token.token.empty()) {
    return WithHelp(WithExitCode(absl::FailedPreconditionError(
                                     "--offline needs a client key or a token, to seal the values "
                                     "under a key that nobody else has"),
                                 kExitUsage),
                    "give --client-key FILE or --token-file FILE, or a --profile that has them");
  }
  SecretWriter writer;
  writer.Field(key.ExposeForCrypto());
  writer.Field(token.token);
  absl::StatusOr<SecretBytes> identity = writer.Finish();
  WipeBuffer(&token.token);
  return identity;
}

absl::StatusOr<std::string> Bound(const Settings& settings, absl::string_view asked) {
  ASSIGN_OR_RETURN(const std::string ca, HashOfFile(settings["ca_cert"]));
  std::string bound;
  for (const absl::string_view part :
       {kMagic, absl::string_view(settings["profile"]), absl::string_view(settings["address"]),
        absl::string_view(ca), asked}) {
    AppendLengthPrefixed(part, &bound);
  }
  return bound;
}

// A server would not take the caller any longer.
absl::StatusOr<absl::Time> EndOfIdentity(const Settings& settings) {
  const std::string& file = settings["client_cert"];
  if (file.empty()) return absl::InfiniteFuture();
  ASSIGN_OR_RETURN(const std::string pem, ReadPublicFile(file, limits::kSmallFileBytesMax));
  ASSIGN_OR_RETURN(const CertificateInfo certificate, ReadCertificate(pem));
  return certificate.not_after;
}

// Files that no --offline may use any more, of questions that are no longer asked.
void RemoveOld(const std::string& directory, absl::Time now) {
  const absl::Time oldest = now - absl::Seconds(limits::kOfflineSecondsMax);
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    struct stat info;
    const std::string name = entry.path().string();
    if (lstat(name.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    if (absl::TimeFromTimespec(info.st_mtim) < oldest) unlink(name.c_str());
  }
}

}  // namespace

bool IsUnreachable(const absl::Status& status) {
  if (absl::IsDeadlineExceeded(status)) return true;
  const std::string reason = ReasonOf(status);
  if (!absl::IsUnavailable(status) || (reason != "UNAVAILABLE" && reason != "STOPPING")) {
    return false;
  }
  for (const char* const refused :
       {"certificate verify failed", "Hostname Verification", "security handshaker"}) {
    if (absl::StrContains(status.message(), refused)) return false;
  }
  return true;
}

bool IsRefusal(const absl::Status& status) {
  return absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status) ||
         absl::IsNotFound(status);
}

absl::StatusOr<OfflineValues> OfflineValues::Open(Shell& shell, absl::string_view asked) {
  ASSIGN_OR_RETURN(Settings* const settings, shell.settings());
  RETURN_IF_ERROR(settings->RequireProfile());
  OfflineValues values;
  ASSIGN_OR_RETURN(values.directory_, OfflineDirectory((*settings)["profile"]));
  ASSIGN_OR_RETURN(values.bound_, Bound(*settings, asked));
  ASSIGN_OR_RETURN(values.identity_, IdentityOf(*settings, shell.clock().Now()));
  ASSIGN_OR_RETURN(values.identity_ends_, EndOfIdentity(*settings));
  // The name tells nothing of what was asked to who has no key.
  ASSIGN_OR_RETURN(const SecretBytes key,
                   HkdfSha256(values.identity_.ExposeForCrypto(), "", kNameLabel, kAeadKeySize));
  const std::string name = HmacSha256(key.ExposeForCrypto(), values.bound_).substr(0, kNameSize);
  values.path_ = absl::StrCat(values.directory_, "/", HexEncode(name));
  return values;
}

absl::Status OfflineValues::Save(const std::vector<Variable>& variables, absl::Time read_at) const {
  ASSIGN_OR_RETURN(const SecretBytes plain, EncodeValues(variables, read_at));
  // A key of its own for each writing, so that it seals one message.
  const std::string salt = RandomBytes(kSaltSize);
  ASSIGN_OR_RETURN(const SecretBytes key,
                   HkdfSha256(identity_.ExposeForCrypto(), salt, kKeyLabel, kAeadKeySize));
  ASSIGN_OR_RETURN(const std::string sealed,
                   AeadSeal(kSuite, key.ExposeForCrypto(), bound_, plain.ExposeForCrypto()));
  const std::string file = absl::StrCat(kMagic, salt, sealed);
  if (file.size() > limits::kOfflineFileBytesMax) {
    return UsageError(absl::StrCat("they are too large: at most ", limits::kOfflineFileBytesMax,
                                   " bytes in all"));
  }
  RETURN_IF_ERROR(MakePrivateDirectory(directory_));
  RETURN_IF_ERROR(WriteFileWhole(path_, file, 0600));
  RemoveOld(directory_, read_at);
  return absl::OkStatus();
}

absl::StatusOr<OfflineValues::Kept> OfflineValues::Load(absl::Time now,
                                                        absl::Duration age_max) const {
  if (now >= identity_ends_) {
    return absl::FailedPreconditionError(
        absl::StrCat("the client certificate has expired at ", TimeText(identity_ends_)));
  }
  const absl::StatusOr<std::string> file = ReadPublicFile(path_, limits::kOfflineFileBytesMax);
  if (absl::IsNotFound(file.status())) {
    return absl::NotFoundError(
        "no values are kept of an earlier run by this caller, with this profile, server and "
        "options");
  }
  RETURN_IF_ERROR(file.status());
  absl::string_view rest = *file;
  const auto magic = ReadBytes(kMagic.size(), &rest);
  const auto salt = ReadBytes(kSaltSize, &rest);
  const absl::Status damaged = absl::DataLossError(
      absl::StrCat("the values kept in ", path_,
                   " do not open: they are damaged, or of another caller, server or question"));
  if (!magic.has_value() || *magic != kMagic || !salt.has_value()) return damaged;
  ASSIGN_OR_RETURN(const SecretBytes key,
                   HkdfSha256(identity_.ExposeForCrypto(), *salt, kKeyLabel, kAeadKeySize));
  const absl::StatusOr<SecretBytes> plain = AeadOpen(kSuite, key.ExposeForCrypto(), bound_, rest);
  if (absl::IsResourceExhausted(plain.status())) return plain.status();
  if (!plain.ok()) return damaged;
  Kept kept;
  ASSIGN_OR_RETURN(kept.variables, DecodeValues(plain->ExposeForCrypto(), &kept.read_at));
  if (kept.read_at > now) {
    return absl::FailedPreconditionError(
        absl::StrCat("the kept values were read at ", TimeText(kept.read_at),
                     ", which is still to come: the clock of this machine is, or was, wrong"));
  }
  if (now - kept.read_at > age_max) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the kept values were read at ", TimeText(kept.read_at), " and are older than allowed"));
  }
  return kept;
}

void OfflineValues::Forget() const { unlink(path_.c_str()); }

}  // namespace keyturn::cli
