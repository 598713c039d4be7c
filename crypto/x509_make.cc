#include "crypto/x509_make.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/random.h"
#include "crypto/x509.h"
#include "crypto/x509_types.h"

namespace keyturn {
namespace {

absl::Status Failed(absl::string_view what) {
  ERR_clear_error();
  return absl::InternalError(absl::StrCat("OpenSSL could not ", what));
}

absl::StatusOr<EvpKeyPtr> NewKey() {
  EvpKeyPtr key(EVP_EC_gen("P-256"));
  if (key == nullptr) return Failed("make a key");
  return key;
}

absl::StatusOr<SecretBytes> KeyToPem(EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  if (PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return Failed("write a key");
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return SecretBytes::CopyOf({data, static_cast<size_t>(size)});
}

// What differs between the certificates made here.
struct Profile {
  std::string common_name;
  std::string basic_constraints;
  std::string key_usage;
  std::string extended_key_usage;  // "" for none
  std::string alternative_names;   // "" for none
};

absl::Status AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  if (value.empty()) return absl::OkStatus();
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, OpenSslFree<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  if (extension == nullptr || X509_add_ext(certificate, extension.get(), -1) != 1) {
    return Failed("add an extension to a certificate");
  }
  return absl::OkStatus();
}

absl::Status SetSerial(X509* certificate) {
  std::string serial = RandomBytes(16);
  serial[0] = static_cast<char>((static_cast<unsigned char>(serial[0]) & 0x7F) | 0x40);
  const std::unique_ptr<BIGNUM, OpenSslFree<BN_free>> number(
      BN_bin2bn(reinterpret_cast<const unsigned char*>(serial.data()),
                static_cast<int>(serial.size()), nullptr));
  if (number == nullptr ||
      BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) == nullptr) {
    return Failed("set a serial number");
  }
  return absl::OkStatus();
}

// A certificate for `key`, signed with `issuer_key`; `issuer` is null for a self-signed one.
absl::StatusOr<X509Ptr> Make(EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key,
                             const Profile& profile, const Validity& validity) {
  X509Ptr certificate(X509_new());
  X509* const raw = certificate.get();
  if (raw == nullptr || X509_set_version(raw, X509_VERSION_3) != 1) return Failed("begin");
  RETURN_IF_ERROR(SetSerial(raw));
  X509_NAME* const subject = X509_get_subject_name(raw);
  const bool ok =
      ASN1_TIME_set(X509_getm_notBefore(raw), absl::ToTimeT(validity.not_before)) != nullptr &&
      ASN1_TIME_set(X509_getm_notAfter(raw), absl::ToTimeT(validity.not_after)) != nullptr &&
      X509_set_pubkey(raw, key) == 1 &&
      X509_NAME_add_entry_by_txt(
          subject, "CN", MBSTRING_UTF8,
          reinterpret_cast<const unsigned char*>(profile.common_name.c_str()), -1, -1, 0) == 1 &&
      X509_set_issuer_name(raw, issuer == nullptr ? subject : X509_get_subject_name(issuer)) == 1;
  if (!ok) return Failed("fill a certificate");
  X509* const parent = issuer == nullptr ? raw : issuer;
  RETURN_IF_ERROR(AddExtension(raw, parent, NID_basic_constraints, profile.basic_constraints));
  RETURN_IF_ERROR(AddExtension(raw, parent, NID_key_usage, profile.key_usage));
  RETURN_IF_ERROR(AddExtension(raw, parent, NID_ext_key_usage, profile.extended_key_usage));
  RETURN_IF_ERROR(AddExtension(raw, parent, NID_subject_alt_name, profile.alternative_names));
  RETURN_IF_ERROR(AddExtension(raw, parent, NID_subject_key_identifier, "hash"));
  if (issuer != nullptr) {
    RETURN_IF_ERROR(AddExtension(raw, parent, NID_authority_key_identifier, "keyid:always"));
  }
  if (X509_sign(raw, issuer_key, EVP_sha256()) == 0) return Failed("sign a certificate");
  return certificate;
}

struct OpenCa {
  X509Ptr certificate;
  EvpKeyPtr key;
};

absl::StatusOr<OpenCa> Open(const CertificateAndKey& ca) {
  OpenCa open;
  const BioPtr bio = ReadBio(ca.certificate_pem);
  open.certificate = NextCertificate(bio.get());
  if (open.certificate == nullptr) {
    return absl::InvalidArgumentError("the CA's certificate does not parse");
  }
  ASSIGN_OR_RETURN(open.key, KeyFromPem(ca.key_pem));
  return open;
}

absl::Status CheckRequestKey(EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_ED25519:
      return absl::OkStatus();
    case EVP_PKEY_EC: {
      const int bits = EVP_PKEY_get_bits(key);
      if (bits == 256 || bits == 384) return absl::OkStatus();
      break;
    }
    case EVP_PKEY_RSA:
      if (EVP_PKEY_get_bits(key) >= 2048) return absl::OkStatus();
      break;
    default:
      break;
  }
  return absl::InvalidArgumentError(
      "the request's key must be ECDSA P-256 or P-384, Ed25519, or RSA of at least 2048 bits");
}

absl::StatusOr<X509ReqPtr> ReadRequest(absl::string_view der) {
  const auto* data = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* const end = data + der.size();
  X509ReqPtr request(d2i_X509_REQ(nullptr, &data, static_cast<long>(der.size())));
  ERR_clear_error();
  if (request == nullptr || data != end) {
    return absl::InvalidArgumentError("the certificate request is not PKCS#10 in DER form");
  }
  if (X509_REQ_verify(request.get(), X509_REQ_get0_pubkey(request.get())) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError("the certificate request is not signed by its own key");
  }
  return request;
}

}  // namespace

absl::StatusOr<CertificateAndKey> MakeCa(absl::string_view common_name, const Validity& validity) {
  ASSIGN_OR_RETURN(const EvpKeyPtr key, NewKey());
  const Profile profile = {std::string(common_name), "critical,CA:TRUE,pathlen:0",
                           "critical,keyCertSign,cRLSign", "", ""};
  ASSIGN_OR_RETURN(const X509Ptr made, Make(key.get(), nullptr, key.get(), profile, validity));
  CertificateAndKey out;
  ASSIGN_OR_RETURN(out.certificate_pem, ToPem(made.get()));
  ASSIGN_OR_RETURN(out.key_pem, KeyToPem(key.get()));
  return out;
}

absl::Status CheckCertificateRequest(absl::string_view csr_der) {
  ASSIGN_OR_RETURN(const X509ReqPtr request, ReadRequest(csr_der));
  return CheckRequestKey(X509_REQ_get0_pubkey(request.get()));
}

absl::StatusOr<std::string> SignClientCertificate(const CertificateAndKey& ca,
                                                  absl::string_view csr_der,
                                                  absl::string_view spiffe_id,
                                                  const Validity& validity) {
  RETURN_IF_ERROR(ValidateSpiffeId(spiffe_id));
  ASSIGN_OR_RETURN(const X509ReqPtr request, ReadRequest(csr_der));
  EVP_PKEY* const key = X509_REQ_get0_pubkey(request.get());
  RETURN_IF_ERROR(CheckRequestKey(key));
  ASSIGN_OR_RETURN(const OpenCa open, Open(ca));
  const Profile profile = {"keyturn client", "critical,CA:FALSE", "critical,digitalSignature",
                           "clientAuth", absl::StrCat("URI:", std::string(spiffe_id))};
  ASSIGN_OR_RETURN(const X509Ptr made,
                   Make(key, open.certificate.get(), open.key.get(), profile, validity));
  return ToPem(made.get());
}

absl::StatusOr<CertificateAndKey> MakeServerCertificate(const CertificateAndKey& ca,
                                                        absl::Span<const std::string> hosts,
                                                        const Validity& validity) {
  ASSIGN_OR_RETURN(const OpenCa open, Open(ca));
  ASSIGN_OR_RETURN(const EvpKeyPtr key, NewKey());
  std::string names;
  for (const std::string& host : hosts) {
    const std::unique_ptr<ASN1_OCTET_STRING, OpenSslFree<ASN1_OCTET_STRING_free>> address(
        a2i_IPADDRESS(host.c_str()));
    absl::StrAppend(&names, names.empty() ? "" : ",", address != nullptr ? "IP:" : "DNS:", host);
  }
  ERR_clear_error();
  const Profile profile = {"keyturn server", "critical,CA:FALSE", "critical,digitalSignature",
                           "serverAuth", names};
  ASSIGN_OR_RETURN(const X509Ptr made,
                   Make(key.get(), open.certificate.get(), open.key.get(), profile, validity));
  CertificateAndKey out;
  ASSIGN_OR_RETURN(out.certificate_pem, ToPem(made.get()));
  ASSIGN_OR_RETURN(out.key_pem, KeyToPem(key.get()));
  return out;
}

absl::StatusOr<CertificateRequest> MakeCertificateRequest() {
  ASSIGN_OR_RETURN(const EvpKeyPtr key, NewKey());
  const X509ReqPtr request(X509_REQ_new());
  if (request == nullptr || X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) == 0) {
    return Failed("sign a certificate request");
  }
  unsigned char* data = nullptr;
  const int size = i2d_X509_REQ(request.get(), &data);
  if (size < 0) return Failed("write a certificate request");
  CertificateRequest out;
  out.csr_der.assign(reinterpret_cast<char*>(data), static_cast<size_t>(size));
  OPENSSL_free(data);
  ASSIGN_OR_RETURN(out.key_pem, KeyToPem(key.get()));
  return out;
}

}  // namespace keyturn
