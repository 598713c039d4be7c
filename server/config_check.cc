#include "server/config_check.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/secret_bytes.h"
#include "crypto/x509.h"
#include "rotation/target/targets.h"
#include "storage/file_system.h"

namespace keyturn {
namespace {

absl::Status Named(absl::string_view key, const std::string& file, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(key, ": ", file, ": ", status.message()));
}

absl::StatusOr<std::string> Read(absl::string_view key, const std::string& file) {
  absl::StatusOr<std::string> text = FileSystem::Posix().Read(file);
  if (text.ok()) return text;
  return absl::Status(text.status().code(), absl::StrCat(key, ": ", text.status().message()));
}

absl::Status CheckDates(const CertificateInfo& certificate, absl::Time now) {
  if (certificate.not_before <= now && now < certificate.not_after) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("is valid from ", absl::FormatTime(certificate.not_before), " to ",
                   absl::FormatTime(certificate.not_after), ", not now"));
}

absl::Status CheckListener(const Config& config, absl::Time now) {
  ASSIGN_OR_RETURN(const std::string pem, Read("tls.certificate", config.tls_certificate));
  ASSIGN_OR_RETURN(std::string text, Read("tls.key", config.tls_key));
  const absl::StatusOr<SecretBytes> key = SecretBytes::CopyOf(text);
  WipeString(&text);
  RETURN_IF_ERROR(key.status());
  const auto named = [&config](const absl::Status& status) {
    return Named("tls.certificate", config.tls_certificate, status);
  };
  const absl::StatusOr<CertificateInfo> certificate = ReadCertificate(pem);
  RETURN_IF_ERROR(named(certificate.status()));
  RETURN_IF_ERROR(Named("tls.key", config.tls_key, CheckKeyPair(pem, *key)));
  RETURN_IF_ERROR(named(CheckServerChain(pem)));
  return named(CheckDates(*certificate, now));
}

absl::Status CheckClientCa(const Config& config, absl::Time now) {
  ASSIGN_OR_RETURN(const std::string pem, Read("tls.client_ca", config.tls_client_ca));
  const absl::StatusOr<CertificateInfo> certificate = ReadCertificate(pem);
  return Named("tls.client_ca", config.tls_client_ca,
               certificate.ok() ? CheckDates(*certificate, now) : certificate.status());
}

}  // namespace

absl::Status CheckConfigFiles(const Config& config, Clock& clock) {
  if (!config.tls_certificate.empty()) RETURN_IF_ERROR(CheckListener(config, clock.Now()));
  if (!config.tls_client_ca.empty()) RETURN_IF_ERROR(CheckClientCa(config, clock.Now()));
  if (!config.webhooks_ca_file.empty()) {
    RETURN_IF_ERROR(Read("webhooks.ca_file", config.webhooks_ca_file).status());
  }
  for (const TargetSpec& target : config.targets) {
    if (const absl::Status good = CheckTargetFiles(target); !good.ok()) {
      return absl::Status(good.code(), absl::StrCat("rotation.targets: ", target.name, ": ",
                                                    std::string(good.message())));
    }
  }
  return absl::OkStatus();
}

}  // namespace keyturn
