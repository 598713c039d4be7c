#include "crypto/x509.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include <climits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/coding.h"
#include "base/status_macros.h"
#include "crypto/mac.h"
#include "crypto/x509_types.h"

namespace keyturn {
namespace {

constexpr absl::string_view kSpiffe = "spiffe://";
constexpr size_t kSpiffeIdBytesMax = 2048;

absl::string_view ToView(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<size_t>(ASN1_STRING_length(text))};
}

// A negative one, which RFC 5280 forbids, as its amount: nobody need be told apart by it.
std::string SerialOf(const X509* certificate) {
  return HexEncode(ToView(X509_get0_serialNumber(certificate)));
}

// For PEM that is encrypted: without this, OpenSSL asks on the terminal or reads standard input,
// and waits there.
int NoPassphrase(char*, int, int, void*) { return -1; }

absl::StatusOr<absl::Time> ToTime(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) {
    return absl::InvalidArgumentError("the certificate has a malformed date");
  }
  return absl::FromTM(parts, absl::UTCTimeZone());
}

absl::StatusOr<X509Ptr> FirstCertificate(absl::string_view pem) {
  const BioPtr bio = ReadBio(pem);
  X509Ptr certificate = NextCertificate(bio.get());
  if (certificate == nullptr) {
    return absl::InvalidArgumentError("no certificate in PEM form was found");
  }
  return certificate;
}

// A name with a NUL is cut short by careless readers: an old way to look like someone else.
absl::StatusOr<std::string> CleanName(const ASN1_STRING* text) {
  const absl::string_view view = ToView(text);
  if (absl::StrContains(view, absl::string_view("\0", 1))) {
    return absl::InvalidArgumentError("a name of the certificate holds a NUL");
  }
  return std::string(view);
}

absl::Status ReadNames(X509* certificate, CertificateInfo* info) {
  const std::unique_ptr<GENERAL_NAMES, OpenSslFree<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::vector<std::string> uris;
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_URI) {
      ASSIGN_OR_RETURN(uris.emplace_back(), CleanName(name->d.uniformResourceIdentifier));
    } else if (name->type == GEN_DNS) {
      ASSIGN_OR_RETURN(info->dns_names.emplace_back(), CleanName(name->d.dNSName));
    }
  }
  if (uris.size() == 1 && ValidateSpiffeId(uris.front()).ok()) info->spiffe_id = uris.front();

  X509_NAME* const subject = X509_get_subject_name(certificate);
  const int position = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (position < 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(info->common_name,
                   CleanName(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, position))));
  return absl::OkStatus();
}

}  // namespace

BioPtr ReadBio(absl::string_view bytes) {
  const int size = bytes.size() > INT_MAX ? INT_MAX : static_cast<int>(bytes.size());
  return BioPtr(BIO_new_mem_buf(bytes.data(), size));
}

X509Ptr NextCertificate(BIO* bio) {
  X509Ptr certificate(PEM_read_bio_X509(bio, nullptr, NoPassphrase, nullptr));
  ERR_clear_error();
  return certificate;
}

absl::StatusOr<std::string> ToPem(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(bio.get(), certificate) != 1) {
    return absl::InternalError("a certificate cannot be written");
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

absl::StatusOr<std::string> ToDer(X509* certificate) {
  unsigned char* data = nullptr;
  const int size = i2d_X509(certificate, &data);
  if (size < 0) return absl::InternalError("a certificate cannot be written");
  std::string der(reinterpret_cast<char*>(data), static_cast<size_t>(size));
  OPENSSL_free(data);
  return der;
}

absl::StatusOr<EvpKeyPtr> KeyFromPem(const SecretBytes& pem) {
  const BioPtr bio = ReadBio(pem.ExposeForCrypto());
  EvpKeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  ERR_clear_error();
  if (key == nullptr) {
    return absl::InvalidArgumentError("no unencrypted private key in PEM form was found");
  }
  return key;
}

absl::StatusOr<CertificateInfo> ReadCertificate(absl::string_view pem) {
  ASSIGN_OR_RETURN(const X509Ptr certificate, FirstCertificate(pem));
  CertificateInfo info;
  ASSIGN_OR_RETURN(const std::string der, ToDer(certificate.get()));
  info.sha256 = HexEncode(Sha256(der));
  RETURN_IF_ERROR(ReadNames(certificate.get(), &info));
  ASSIGN_OR_RETURN(info.not_before, ToTime(X509_get0_notBefore(certificate.get())));
  ASSIGN_OR_RETURN(info.not_after, ToTime(X509_get0_notAfter(certificate.get())));
  info.serial = SerialOf(certificate.get());
  info.is_ca = X509_check_ca(certificate.get()) == 1;
  return info;
}

absl::Status VerifyClientCertificate(absl::string_view pem, absl::string_view ca_pem,
                                     absl::Time now) {
  const BioPtr bio = ReadBio(pem);
  const X509Ptr leaf = NextCertificate(bio.get());
  if (leaf == nullptr) {
    return absl::InvalidArgumentError("no certificate in PEM form was found");
  }
  const std::unique_ptr<STACK_OF(X509), void (*)(STACK_OF(X509)*)> between(
      sk_X509_new_null(), [](STACK_OF(X509) * stack) { sk_X509_pop_free(stack, X509_free); });
  while (X509Ptr next = NextCertificate(bio.get())) sk_X509_push(between.get(), next.release());

  const std::unique_ptr<X509_STORE, OpenSslFree<X509_STORE_free>> store(X509_STORE_new());
  const BioPtr ca_bio = ReadBio(ca_pem);
  while (const X509Ptr ca = NextCertificate(ca_bio.get()))
    X509_STORE_add_cert(store.get(), ca.get());
  const std::unique_ptr<X509_STORE_CTX, OpenSslFree<X509_STORE_CTX_free>> context(
      X509_STORE_CTX_new());
  if (X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), between.get()) != 1) {
    return absl::InternalError("certificate verification cannot be set up");
  }
  X509_VERIFY_PARAM* const param = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(param, absl::ToTimeT(now));
  X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT);
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
  if (X509_verify_cert(context.get()) == 1) return absl::OkStatus();
  const int error = X509_STORE_CTX_get_error(context.get());
  ERR_clear_error();
  return absl::UnauthenticatedError(
      absl::StrCat("the client certificate was refused: ", X509_verify_cert_error_string(error)));
}

absl::Status CheckKeyPair(absl::string_view pem, const SecretBytes& key_pem) {
  ASSIGN_OR_RETURN(const X509Ptr certificate, FirstCertificate(pem));
  ASSIGN_OR_RETURN(const EvpKeyPtr key, KeyFromPem(key_pem));
  if (X509_check_private_key(certificate.get(), key.get()) == 1) return absl::OkStatus();
  ERR_clear_error();
  return absl::InvalidArgumentError("the certificate is not for this private key");
}

absl::Status CheckServerChain(absl::string_view pem) {
  const BioPtr bio = ReadBio(pem);
  X509Ptr last = NextCertificate(bio.get());
  if (last == nullptr) {
    return absl::InvalidArgumentError("no certificate in PEM form was found");
  }
  // 0: not for this purpose; with the third argument 0, for a certificate at the end of a chain.
  if (X509_check_purpose(last.get(), X509_PURPOSE_SSL_SERVER, 0) != 1) {
    return absl::InvalidArgumentError(
        "the certificate is not for servers: its extended key usage must have serverAuth");
  }
  while (X509Ptr issuer = NextCertificate(bio.get())) {
    if (X509_check_issued(issuer.get(), last.get()) != X509_V_OK ||
        X509_verify(last.get(), X509_get0_pubkey(issuer.get())) != 1) {
      ERR_clear_error();
      return absl::InvalidArgumentError(
          "the chain is broken: each certificate must be signed by the next one in the file");
    }
    last = std::move(issuer);
  }
  ERR_clear_error();
  return absl::OkStatus();
}

absl::Status ValidateSpiffeId(absl::string_view id) {
  const absl::Status bad = absl::InvalidArgumentError(
      "a SPIFFE id is \"spiffe://domain/path\": a domain of [a-z0-9._-], then segments of "
      "[A-Za-z0-9._-] that are not \".\" or \"..\", at most 2048 bytes");
  if (!absl::StartsWith(id, kSpiffe) || id.size() > kSpiffeIdBytesMax) return bad;
  const std::vector<absl::string_view> parts = absl::StrSplit(id.substr(kSpiffe.size()), '/');
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty() || parts[i] == "." || parts[i] == "..") return bad;
    for (const char c : parts[i]) {
      const auto u = static_cast<unsigned char>(c);
      const bool allowed = absl::ascii_isdigit(u) || absl::ascii_islower(u) ||
                           (i > 0 && absl::ascii_isupper(u)) || c == '.' || c == '_' || c == '-';
      if (!allowed) return bad;
    }
  }
  return absl::OkStatus();
}

}  // namespace keyturn
