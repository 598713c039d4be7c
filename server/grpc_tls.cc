#include "server/grpc_tls.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include "base/log.h"

namespace keyturn {
namespace {

class TlsCredentials final : public grpc::ServerCredentials {
 public:
  TlsCredentials(const TlsFiles& files, bool require)
      : files_(files),
        credentials_(grpc_ssl_server_credentials_create_with_options(
            grpc_ssl_server_credentials_create_options_using_config_fetcher(
                require ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                        : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY,
                &TlsCredentials::Fetch, this))) {}
  ~TlsCredentials() override { grpc_server_credentials_release(credentials_); }

  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {
    LogError("TLS credentials take no metadata processor: identities are Call's work");
  }

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  // Called by gRPC before each handshake, one at a time.
  static grpc_ssl_certificate_config_reload_status Fetch(
      void* self, grpc_ssl_server_certificate_config** config) {
    auto* const credentials = static_cast<TlsCredentials*>(self);
    const std::shared_ptr<const TlsMaterial> now = credentials->files_.material();
    if (now == credentials->given_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    // The key was stored with a NUL after it (tls_files.cc), as this C interface needs.
    grpc_ssl_pem_key_cert_pair pair = {now->key.ExposeForCrypto().data(), now->certificate.c_str()};
    *config = grpc_ssl_server_certificate_config_create(now->client_cas.c_str(), &pair, 1);
    credentials->given_ = now;
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  const TlsFiles& files_;
  grpc_server_credentials* const credentials_;
  std::shared_ptr<const TlsMaterial> given_;
};

}  // namespace

std::shared_ptr<grpc::ServerCredentials> MakeTlsCredentials(const TlsFiles& files,
                                                            bool require_client_certificate) {
  return std::make_shared<TlsCredentials>(files, require_client_certificate);
}

}  // namespace keyturn
