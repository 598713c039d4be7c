#include "net/tls_server.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "net/tls_policy.h"

namespace keyturn {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

Bio Reader(absl::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free);
}

Certificate NextCertificate(BIO* reader) {
  return Certificate(PEM_read_bio_X509(reader, nullptr, nullptr, nullptr), &X509_free);
}

absl::Status Failed(absl::string_view what) {
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return absl::InvalidArgumentError(
      absl::StrCat(what, ": ", reason == nullptr ? "malformed" : reason));
}

absl::Status UseCertificate(SSL_CTX* context, absl::string_view pem) {
  const Bio reader = Reader(pem);
  const Certificate own = NextCertificate(reader.get());
  if (own == nullptr || SSL_CTX_use_certificate(context, own.get()) != 1) {
    return Failed("the server's certificate");
  }
  while (const Certificate issuer = NextCertificate(reader.get())) {
    if (SSL_CTX_add1_chain_cert(context, issuer.get()) != 1) {
      return Failed("the issuers of the server's certificate");
    }
  }
  ERR_clear_error();  // the end of the text is one
  return absl::OkStatus();
}

absl::Status UseKey(SSL_CTX* context, absl::string_view pem) {
  if (!pem.empty() && pem.back() == '\0') pem.remove_suffix(1);
  const Bio reader = Reader(pem);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> parsed(
      PEM_read_bio_PrivateKey(reader.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  if (parsed == nullptr || SSL_CTX_use_PrivateKey(context, parsed.get()) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return Failed("the server's key");
  }
  return absl::OkStatus();
}

absl::Status TrustClients(SSL_CTX* context, absl::string_view pem) {
  const Bio reader = Reader(pem);
  X509_STORE* const trusted = SSL_CTX_get_cert_store(context);
  while (const Certificate ca = NextCertificate(reader.get())) {
    if (X509_STORE_add_cert(trusted, ca.get()) != 1 ||
        SSL_CTX_add_client_CA(context, ca.get()) != 1) {
      return Failed("the CAs of clients");
    }
  }
  ERR_clear_error();
  return absl::OkStatus();
}

void SetPolicy(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   // Clients that just close have said all that they had to.
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  // An idle connection holds no buffers; there may be thousands.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const TlsServerContext>> TlsServerContext::Create(
    absl::string_view certificate, absl::string_view key, absl::string_view client_cas,
    bool require_client_certificate) {
  SSL_CTX* const raw = SSL_CTX_new(TLS_server_method());
  if (raw == nullptr) return Failed("TLS");
  std::shared_ptr<const TlsServerContext> context(new TlsServerContext(raw));
  SetPolicy(raw);
  if (SSL_CTX_set_cipher_list(raw, GrpcCipherSuites()) != 1) return Failed("the cipher suites");
  RETURN_IF_ERROR(UseCertificate(raw, certificate));
  RETURN_IF_ERROR(UseKey(raw, key));
  RETURN_IF_ERROR(TrustClients(raw, client_cas));
  SSL_CTX_set_verify(
      raw, SSL_VERIFY_PEER | (require_client_certificate ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
      nullptr);
  return context;
}

TlsServerContext::~TlsServerContext() { SSL_CTX_free(context_); }

absl::StatusOr<std::unique_ptr<TlsServerStream>> TlsServerStream::Create(
    const TlsServerContext& context, int fd) {
  SSL* const raw = SSL_new(context.context_);
  if (raw == nullptr) return absl::ResourceExhaustedError("no memory for a TLS connection");
  std::unique_ptr<TlsServerStream> stream(new TlsServerStream(raw));
  if (SSL_set_fd(raw, fd) != 1) return absl::ResourceExhaustedError("no memory for a socket's BIO");
  SSL_set_accept_state(raw);
  return stream;
}

TlsServerStream::~TlsServerStream() { SSL_free(stream_); }

TlsServerStream::Result TlsServerStream::After(int returned) {
  if (returned > 0) return Result::kOk;
  const int error = SSL_get_error(stream_, returned);
  // Whatever is left in the thread's queue would be taken for the next connection's.
  ERR_clear_error();
  if (error == SSL_ERROR_WANT_READ) return Result::kWantsRead;
  if (error == SSL_ERROR_WANT_WRITE) return Result::kWantsWrite;
  return Result::kClosed;
}

TlsServerStream::Result TlsServerStream::Handshake() { return After(SSL_do_handshake(stream_)); }

TlsServerStream::Result TlsServerStream::Read(absl::Span<char> into, size_t* size) {
  *size = 0;
  return After(SSL_read_ex(stream_, into.data(), into.size(), size));
}

TlsServerStream::Result TlsServerStream::Write(absl::string_view bytes, size_t* size) {
  *size = 0;
  return After(SSL_write_ex(stream_, bytes.data(), bytes.size(), size));
}

bool TlsServerStream::pending() const { return SSL_has_pending(stream_) == 1; }

void TlsServerStream::Close() {
  if (SSL_is_init_finished(stream_) == 1) SSL_shutdown(stream_);
  ERR_clear_error();
}

std::string TlsServerStream::PeerCertificate() const {
  STACK_OF(X509)* const chain = SSL_get_peer_cert_chain(stream_);
  const Certificate own(SSL_get1_peer_certificate(stream_), &X509_free);
  if (own == nullptr) return "";
  const Bio out(BIO_new(BIO_s_mem()), &BIO_free);
  PEM_write_bio_X509(out.get(), own.get());
  for (int i = 0; i < sk_X509_num(chain); ++i)
    PEM_write_bio_X509(out.get(), sk_X509_value(chain, i));
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);  // NOLINT(google-runtime-int)
  return std::string(text, static_cast<size_t>(std::max(0L, size)));
}

}  // namespace keyturn
