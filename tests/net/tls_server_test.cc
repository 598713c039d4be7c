// Server and OpenSSL's client at the two ends of a socket pair, in one thread.
#include "net/tls_server.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "absl/strings/match.h"
#include "base/clock.h"
#include "crypto/x509_make.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

using Result = TlsServerStream::Result;

struct Made {
  CertificateAndKey ca, server, client_ca;
  std::string client, client_key;
};

std::string KeyText(const SecretBytes& key) { return std::string(key.ExposeForCrypto()); }

const Made& Certificates() {
  static const Made* const made = [] {
    const absl::Time now = Clock::Real().Now();
    const Validity validity{now - absl::Hours(1), now + absl::Hours(1)};
    auto* const out =
        new Made{*MakeCa("server CA", validity), {}, *MakeCa("client CA", validity), "", ""};
    const std::vector<std::string> hosts = {"localhost"};
    out->server = *MakeServerCertificate(out->ca, hosts, validity);
    const CertificateRequest request = *MakeCertificateRequest();
    out->client_key = KeyText(request.key_pem);
    out->client = *SignClientCertificate(out->client_ca, request.csr_der, "spiffe://a/b", validity);
    return out;
  }();
  return *made;
}

class TlsServerTest : public testing::Test {
 protected:
  TlsServerTest() {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends_.data()), 0);
    client_context_ = SSL_CTX_new(TLS_client_method());
  }
  ~TlsServerTest() override {
    stream_ = nullptr;
    SSL_free(client_);
    SSL_CTX_free(client_context_);
    for (const int end : ends_) close(end);
  }

  absl::StatusOr<std::shared_ptr<const TlsServerContext>> Context(bool require) {
    const Made& made = Certificates();
    return TlsServerContext::Create(made.server.certificate_pem, KeyText(made.server.key_pem),
                                    made.client_ca.certificate_pem, require);
  }

  void UseClientCertificate(const std::string& certificate, const std::string& key) {
    BIO* const reader = BIO_new_mem_buf(certificate.data(), static_cast<int>(certificate.size()));
    X509* const parsed = PEM_read_bio_X509(reader, nullptr, nullptr, nullptr);
    EXPECT_EQ(SSL_CTX_use_certificate(client_context_, parsed), 1);
    X509_free(parsed);
    BIO_free(reader);
    BIO* const key_reader = BIO_new_mem_buf(key.data(), static_cast<int>(key.size()));
    EVP_PKEY* const private_part = PEM_read_bio_PrivateKey(key_reader, nullptr, nullptr, nullptr);
    EXPECT_EQ(SSL_CTX_use_PrivateKey(client_context_, private_part), 1);
    EVP_PKEY_free(private_part);
    BIO_free(key_reader);
  }

  // What the server's side of the handshake came to.
  Result Shake(bool require) {
    auto context = Context(require);
    EXPECT_OK(context);
    auto stream = TlsServerStream::Create(**context, ends_[0]);
    EXPECT_OK(stream);
    stream_ = *std::move(stream);
    client_ = SSL_new(client_context_);
    SSL_set_fd(client_, ends_[1]);
    SSL_set_connect_state(client_);
    Result result = Result::kWantsRead;
    for (int i = 0; i < 20 && result != Result::kOk && result != Result::kClosed; ++i) {
      SSL_do_handshake(client_);
      result = stream_->Handshake();
    }
    SSL_do_handshake(client_);  // its last message
    return result;
  }

  std::array<int, 2> ends_{};
  SSL_CTX* client_context_;
  SSL* client_ = nullptr;
  std::unique_ptr<TlsServerStream> stream_;
};

TEST_F(TlsServerTest, CarriesBytesBothWays) {
  ASSERT_EQ(Shake(false), Result::kOk);
  EXPECT_EQ(stream_->PeerCertificate(), "");
  std::array<char, 8> bytes{};
  size_t got = 0;
  EXPECT_EQ(stream_->Read(absl::MakeSpan(bytes), &got), Result::kWantsRead);
  EXPECT_EQ(SSL_write(client_, "0123456789", 10), 10);
  ASSERT_EQ(stream_->Read(absl::MakeSpan(bytes), &got), Result::kOk);
  EXPECT_EQ(absl::string_view(bytes.data(), got), "01234567");
  EXPECT_TRUE(stream_->pending());
  ASSERT_EQ(stream_->Read(absl::MakeSpan(bytes), &got), Result::kOk);
  EXPECT_EQ(absl::string_view(bytes.data(), got), "89");
  EXPECT_FALSE(stream_->pending());
  EXPECT_EQ(stream_->Write("hello", &got), Result::kOk);
  EXPECT_EQ(got, 5u);
  EXPECT_EQ(SSL_read(client_, bytes.data(), 8), 5);
}

TEST_F(TlsServerTest, WritesWhatThereIsRoomForAndGoesOnFromElsewhere) {
  ASSERT_EQ(Shake(false), Result::kOk);
  std::string left(4 << 20, 'x');
  std::string read;
  std::array<char, 65536> bytes{};
  bool waited = false;
  while (!left.empty()) {
    size_t sent = 0;
    const Result result = stream_->Write(left, &sent);
    ASSERT_NE(result, Result::kClosed);
    if (result == Result::kWantsWrite) {
      waited = true;
      const int got = SSL_read(client_, bytes.data(), static_cast<int>(bytes.size()));
      ASSERT_GT(got, 0);
      read.append(bytes.data(), static_cast<size_t>(got));
      left = std::string(left);  // at another address
      continue;
    }
    left.erase(0, sent);
  }
  EXPECT_TRUE(waited);
  int got = 0;
  while ((got = SSL_read(client_, bytes.data(), static_cast<int>(bytes.size()))) > 0) {
    read.append(bytes.data(), static_cast<size_t>(got));
  }
  EXPECT_EQ(read, std::string(4 << 20, 'x'));
}

TEST_F(TlsServerTest, ShowsTheCertificateOfAClient) {
  UseClientCertificate(Certificates().client, Certificates().client_key);
  ASSERT_EQ(Shake(true), Result::kOk);
  EXPECT_TRUE(absl::StartsWith(stream_->PeerCertificate(), Certificates().client));
}

TEST_F(TlsServerTest, RefusesAClientThatNobodyVouchesFor) {
  const absl::Time now = Clock::Real().Now();
  const Validity validity{now - absl::Hours(1), now + absl::Hours(1)};
  const CertificateAndKey other = *MakeCa("client CA", validity);
  const CertificateRequest request = *MakeCertificateRequest();
  UseClientCertificate(*SignClientCertificate(other, request.csr_der, "spiffe://a/b", validity),
                       KeyText(request.key_pem));
  EXPECT_EQ(Shake(false), Result::kClosed);
}

TEST_F(TlsServerTest, RefusesAClientWithoutCertificateIfOneIsRequired) {
  EXPECT_EQ(Shake(true), Result::kClosed);
}

TEST_F(TlsServerTest, TheEndIsTheEndAnnouncedOrNot) {
  ASSERT_EQ(Shake(false), Result::kOk);
  close(ends_[1]);
  std::array<char, 8> bytes{};
  size_t got = 0;
  EXPECT_EQ(stream_->Read(absl::MakeSpan(bytes), &got), Result::kClosed);
  ends_[1] = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

TEST_F(TlsServerTest, SaysWhatIsWrongWithItsFiles) {
  const Made& made = Certificates();
  const std::string key = KeyText(made.server.key_pem);
  const auto message = [](const auto& context) { return std::string(context.status().message()); };
  EXPECT_TRUE(absl::StartsWith(
      message(TlsServerContext::Create("nonsense", key, made.client_ca.certificate_pem, false)),
      "the server's certificate: "));
  EXPECT_TRUE(
      absl::StartsWith(message(TlsServerContext::Create(made.server.certificate_pem, "nonsense",
                                                        made.client_ca.certificate_pem, false)),
                       "the server's key: "));
  EXPECT_TRUE(absl::StartsWith(
      message(TlsServerContext::Create(made.server.certificate_pem, made.client_key,
                                       made.client_ca.certificate_pem, false)),
      "the server's key: "));
}

}  // namespace
}  // namespace keyturn
