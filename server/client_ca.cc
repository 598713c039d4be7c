#include "server/client_ca.h"

#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "keyring/envelope.h"
#include "storage/schema.h"
#include "vault/wire.h"

namespace keyturn {
namespace {

// keyturn.record.v1.ClientCa, written and read by hand: the private key must not pass through a
// protobuf object.
constexpr uint32_t kCertificateField = 1;
constexpr uint32_t kPrivateKeyField = 2;
constexpr absl::Duration kBackdate = absl::Minutes(5);

std::string RecordKey(const KeyringSnapshot& keys) {
  return schema::NamedRecordKey(IndexMac(keys, "client-ca", ""),
                                static_cast<uint8_t>(Purpose::kClientCa));
}

absl::StatusOr<SecretBytes> Encode(const CertificateAndKey& ca) {
  const absl::string_view key = ca.key_pem.ExposeForCrypto();
  ASSIGN_OR_RETURN(SecretBytes out,
                   SecretBytes::Allocate(wire::DelimitedSize(ca.certificate_pem.size()) +
                                         wire::DelimitedSize(key.size())));
  absl::Span<char> left = out.Mutable();
  wire::WriteTag(kCertificateField, wire::kLengthDelimited, &left);
  wire::WriteBytes(ca.certificate_pem, &left);
  wire::WriteTag(kPrivateKeyField, wire::kLengthDelimited, &left);
  wire::WriteBytes(key, &left);
  return out;
}

absl::StatusOr<CertificateAndKey> Decode(absl::string_view bytes) {
  CertificateAndKey ca;
  while (!bytes.empty()) {
    const std::optional<wire::Tag> tag = wire::ReadTag(&bytes);
    const std::optional<absl::string_view> field =
        tag.has_value() ? wire::ReadDelimited(&bytes) : std::nullopt;
    if (!field.has_value()) return absl::DataLossError("the record of the client CA is malformed");
    if (tag->field == kCertificateField) ca.certificate_pem = std::string(*field);
    if (tag->field == kPrivateKeyField) {
      ASSIGN_OR_RETURN(ca.key_pem, SecretBytes::CopyOf(*field));
    }
  }
  return ca;
}

}  // namespace

absl::Status ClientCa::Make(Updater& updater, const KeyringSnapshot& keys) {
  const absl::Time now = clock_.Now();
  ASSIGN_OR_RETURN(CertificateAndKey ca,
                   MakeCa(absl::StrCat("keyturn clients ", keys.vault_id().ToString()),
                          {now - kBackdate, now + absl::Seconds(limits::kCaTtlSeconds)}));
  ASSIGN_OR_RETURN(const SecretBytes encoded, Encode(ca));
  const std::string key = RecordKey(keys);
  ASSIGN_OR_RETURN(const std::string sealed,
                   SealRecord(keys, {Purpose::kClientCa, key, 0}, encoded.ExposeForCrypto()));
  RETURN_IF_ERROR(updater
                      .Update([&](const View&, Batch& batch) {
                        batch.Put(Family::kRecords, key, sealed);
                        batch.Note("made", "client CA");
                        return absl::OkStatus();
                      })
                      .status());
  absl::MutexLock lock(&mu_);
  ca_ = std::make_shared<const CertificateAndKey>(std::move(ca));
  return absl::OkStatus();
}

absl::Status ClientCa::Load(const View& view, const KeyringSnapshot& keys) {
  const std::string key = RecordKey(keys);
  ASSIGN_OR_RETURN(const std::optional<std::string> sealed, view.Get(Family::kRecords, key));
  if (!sealed.has_value()) return absl::NotFoundError("the vault has no client CA");
  ASSIGN_OR_RETURN(const OpenedRecord opened, OpenRecord(keys, Purpose::kClientCa, key, *sealed));
  ASSIGN_OR_RETURN(CertificateAndKey ca, Decode(opened.plaintext.ExposeForCrypto()));
  absl::MutexLock lock(&mu_);
  ca_ = std::make_shared<const CertificateAndKey>(std::move(ca));
  return absl::OkStatus();
}

void ClientCa::Clear() {
  absl::MutexLock lock(&mu_);
  ca_ = nullptr;
}

absl::StatusOr<ClientCa::Issued> ClientCa::Sign(absl::string_view csr, absl::string_view spiffe_id,
                                                absl::Duration ttl) {
  std::shared_ptr<const CertificateAndKey> ca;
  {
    absl::MutexLock lock(&mu_);
    ca = ca_;
  }
  if (ca == nullptr) return absl::FailedPreconditionError("the vault is sealed");
  if (csr.empty() || csr.size() > limits::kCsrBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the certificate request must be 1 to ", limits::kCsrBytesMax, " bytes of PKCS#10 (DER)"));
  }
  if (ttl == absl::ZeroDuration()) ttl = absl::Seconds(limits::kCertificateTtlSecondsDefault);
  if (ttl < absl::Seconds(limits::kCertificateTtlSecondsMin) ||
      ttl > absl::Seconds(limits::kCertificateTtlSecondsMax)) {
    return absl::InvalidArgumentError(absl::StrCat("ttl_seconds must be 0 (90 days) or ",
                                                   limits::kCertificateTtlSecondsMin, " to ",
                                                   limits::kCertificateTtlSecondsMax));
  }
  const absl::Time now = clock_.Now();
  Issued issued;
  issued.expire_time = now + ttl;
  ASSIGN_OR_RETURN(issued.certificate_pem,
                   SignClientCertificate(*ca, csr, spiffe_id, {now - kBackdate, now + ttl}));
  return issued;
}

std::string ClientCa::certificate_pem() const {
  absl::MutexLock lock(&mu_);
  return ca_ == nullptr ? "" : ca_->certificate_pem;
}

}  // namespace keyturn
