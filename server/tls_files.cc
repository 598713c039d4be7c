#include "server/tls_files.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "crypto/x509.h"
#include "crypto/x509_make.h"
#include "storage/file_system.h"

namespace keyturn {
namespace {

constexpr uint32_t kMode = 0600;
constexpr absl::Duration kBackdate = absl::Minutes(5);
constexpr absl::Duration kRenewBefore = absl::Hours(24 * 30);

absl::StatusOr<SecretBytes> ReadKey(const std::string& path) {
  ASSIGN_OR_RETURN(std::string text, FileSystem::Posix().Read(path));
  absl::StatusOr<SecretBytes> key = SecretBytes::CopyOf(text);
  WipeString(&text);
  return key;
}

absl::Status Write(const std::string& path, absl::string_view bytes) {
  return WriteFileAtomically(FileSystem::Posix(), path, bytes, kMode);
}

absl::Status Named(const std::string& path, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<TlsFiles>> TlsFiles::Open(const TlsFilesOptions& options,
                                                         Clock& clock) {
  RETURN_IF_ERROR(FileSystem::Posix().CreateDirectory(options.directory, 0700));
  std::unique_ptr<TlsFiles> files(new TlsFiles(options, clock));
  absl::MutexLock lock(&files->mu_);
  if (!FileSystem::Posix().Exists(files->Path("client-ca.pem"))) {
    RETURN_IF_ERROR(files->MakePlaceholder());
  }
  if (options.certificate.empty() && !files->OwnIsGood()) RETURN_IF_ERROR(files->MakeOwn());
  RETURN_IF_ERROR(files->PutInPlace());
  return files;
}

absl::Status TlsFiles::Reload(const std::string& client_ca) {
  absl::MutexLock lock(&mu_);
  if (!client_ca.empty()) RETURN_IF_ERROR(Write(Path("client-ca.pem"), client_ca));
  if (options_.certificate.empty() && !OwnIsGood()) RETURN_IF_ERROR(MakeOwn());
  return PutInPlace();
}

std::shared_ptr<const TlsMaterial> TlsFiles::material() const {
  absl::MutexLock lock(&mu_);
  return material_;
}

std::string TlsFiles::ca_file() const { return options_.certificate.empty() ? Path("ca.pem") : ""; }

bool TlsFiles::OwnIsGood() {
  const absl::StatusOr<std::string> pem = FileSystem::Posix().Read(Path("server.pem"));
  if (!pem.ok() || !FileSystem::Posix().Exists(Path("server.key")) ||
      !FileSystem::Posix().Exists(Path("ca.pem"))) {
    return false;
  }
  const absl::StatusOr<CertificateInfo> info = ReadCertificate(*pem);
  return info.ok() && info->not_after - kRenewBefore > clock_.Now();
}

absl::Status TlsFiles::MakePlaceholder() {
  const absl::Time now = clock_.Now();
  ASSIGN_OR_RETURN(const CertificateAndKey nobody,
                   MakeCa("keyturn before init", {now - kBackdate, now + absl::Hours(24 * 365)}));
  return Write(Path("client-ca.pem"), nobody.certificate_pem);
}

absl::Status TlsFiles::MakeOwn() {
  const absl::Time now = clock_.Now();
  CertificateAndKey ca;
  if (FileSystem::Posix().Exists(Path("ca.pem")) && FileSystem::Posix().Exists(Path("ca.key"))) {
    ASSIGN_OR_RETURN(ca.certificate_pem, FileSystem::Posix().Read(Path("ca.pem")));
    ASSIGN_OR_RETURN(ca.key_pem, ReadKey(Path("ca.key")));
  } else {
    ASSIGN_OR_RETURN(ca, MakeCa("keyturn server CA",
                                {now - kBackdate, now + absl::Seconds(limits::kCaTtlSeconds)}));
    RETURN_IF_ERROR(Write(Path("ca.key"), ca.key_pem.ExposeForWire()));
    RETURN_IF_ERROR(Write(Path("ca.pem"), ca.certificate_pem));
  }
  ASSIGN_OR_RETURN(const CertificateAndKey own,
                   MakeServerCertificate(
                       ca, options_.hosts,
                       {now - kBackdate, now + absl::Seconds(limits::kCertificateTtlSecondsMax)}));
  RETURN_IF_ERROR(Write(Path("server.key"), own.key_pem.ExposeForWire()));
  RETURN_IF_ERROR(Write(Path("server.pem"), own.certificate_pem));
  LogInfo("made a certificate for the listener", {{"file", Path("server.pem")}});
  return absl::OkStatus();
}

// A certificate out of date does not take the place of another. One that is in place, or that a
// server starts with, stays: a server that runs can be mended through its operator socket.
absl::Status TlsFiles::CheckDates(absl::string_view certificate) {
  ASSIGN_OR_RETURN(const CertificateInfo info, ReadCertificate(certificate));
  const absl::Time now = clock_.Now();
  if (info.not_before <= now && now < info.not_after) return absl::OkStatus();
  const std::string why =
      absl::StrCat("the certificate is valid from ", absl::FormatTime(info.not_before), " to ",
                   absl::FormatTime(info.not_after), ", not now");
  if (material_ != nullptr && material_->certificate != certificate) {
    return absl::FailedPreconditionError(why);
  }
  LogError("clients will refuse the listener's certificate", {{"error", why}});
  return absl::OkStatus();
}

absl::Status TlsFiles::PutInPlace() {
  FileSystem& files = FileSystem::Posix();
  const bool own = options_.certificate.empty();
  const std::string certificate_path = own ? Path("server.pem") : options_.certificate;
  const std::string key_path = own ? Path("server.key") : options_.key;
  auto material = std::make_shared<TlsMaterial>();
  ASSIGN_OR_RETURN(material->certificate, files.Read(certificate_path));
  ASSIGN_OR_RETURN(const SecretBytes key, ReadKey(key_path));
  RETURN_IF_ERROR(Named(certificate_path, CheckKeyPair(material->certificate, key)));
  RETURN_IF_ERROR(Named(certificate_path, CheckServerChain(material->certificate)));
  RETURN_IF_ERROR(Named(certificate_path, CheckDates(material->certificate)));
  ASSIGN_OR_RETURN(material->key, SecretBytes::Allocate(key.size() + 1));
  const absl::string_view bytes = key.ExposeForCrypto();
  std::copy(bytes.begin(), bytes.end(), material->key.Mutable().begin());
  ASSIGN_OR_RETURN(material->client_cas, files.Read(Path("client-ca.pem")));
  if (!options_.extra_client_ca.empty()) {
    ASSIGN_OR_RETURN(const std::string extra, files.Read(options_.extra_client_ca));
    RETURN_IF_ERROR(Named(options_.extra_client_ca, ReadCertificate(extra).status()));
    absl::StrAppend(&material->client_cas, absl::EndsWith(material->client_cas, "\n") ? "" : "\n",
                    extra);
  }
  material_ = std::move(material);
  return absl::OkStatus();
}

}  // namespace keyturn
