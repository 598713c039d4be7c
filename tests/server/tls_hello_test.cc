// Which versions and cipher suites each listener agrees to, asked with hellos of our own making:
// what the machine's OpenSSL can still speak does not matter. RFC 5246 7.4.1.2 has the form, the
// IANA registry of TLS cipher suites the numbers.
#include <grpc/support/log.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "net/tls_policy.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

std::string Be16(size_t n) {
  return {static_cast<char>(n >> 8 & 0xFF), static_cast<char>(n & 0xFF)};
}
std::string With16(const std::string& body) { return Be16(body.size()) + body; }
std::string Extension(uint16_t type, const std::string& body) { return Be16(type) + With16(body); }

// A hello for `version` (0x0303 is TLS 1.2) that offers one suite, P-256 and every usual signature.
std::string Hello(uint16_t version, uint16_t suite) {
  const std::string signatures =
      With16(std::string("\x04\x03\x05\x03\x08\x04\x08\x05\x04\x01"
                         "\x05\x01\x02\x01\x02\x03",
                         16));
  const std::string extensions =
      Extension(10, With16(Be16(23))) + Extension(11, std::string("\x01\x00", 2)) +
      Extension(13, signatures) + Extension(16, With16(std::string("\x02h2")));
  const std::string body = Be16(version) + std::string(32, 'r') + std::string(1, '\0') +
                           With16(Be16(suite)) + std::string("\x01\x00", 2) + With16(extensions);
  const std::string handshake = std::string("\x01\x00", 2) + With16(body);
  return std::string("\x16\x03\x01", 3) + With16(handshake);
}

// gRPC ends a connection without an alert; why, it tells its log alone, before that.
class GrpcSays {
 public:
  static void Append(gpr_log_func_args* args) {
    absl::MutexLock lock(&mu_);
    absl::StrAppend(&text_, args->message, "\n");
  }
  static std::string Take() {
    absl::MutexLock lock(&mu_);
    return std::exchange(text_, "");
  }

 private:
  static inline absl::Mutex mu_{absl::kConstInit};
  static inline std::string text_;
};

enum class Answer { kAgreed, kRefused, kNothing };

class TlsHelloTest : public ServerFixture {
 protected:
  void SetUp() override { setenv("GRPC_SSL_CIPHER_SUITES", GrpcCipherSuites(), 1); }

  // A self-signed RSA certificate, made by openssl, in the place of the server's own.
  void StartWithRsa() {
    const std::string certificate = dir_.File("rsa.pem"), key = dir_.File("rsa.key");
    const std::string command = absl::StrCat(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
        "-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout ",
        key, " -out ", certificate, " 2>/dev/null");
    ASSERT_EQ(std::system(command.c_str()), 0);
    Config config = WithEveryDoor();
    config.tls_certificate = certificate;
    config.tls_key = key;
    ASSERT_OK_AND_ASSIGN(server_, Server::Start(config, Clock::Real()));
  }
  void StartWithEcdsa() {
    ASSERT_OK_AND_ASSIGN(server_, Server::Start(WithEveryDoor(), Clock::Real()));
  }
  Config WithEveryDoor() {
    Config config = BaseConfig();
    config.key_file = dir_.File("key");
    config.https_address = "127.0.0.1:0";
    config.resp_tls_address = "127.0.0.1:0";
    return config;
  }
  std::vector<std::string> Doors() const {
    const ServerInfo& info = server_->info();
    std::vector<std::string> doors = {info.grpc, info.https, info.resp_tls};
    for (const std::string& door : doors) EXPECT_NE(door, "");
    return doors;
  }

  // What the server at `address` does; `alert`, if not null, is set to that which it sends.
  static Answer Ask(const std::string& address, const std::string& hello, int* alert = nullptr) {
    int port = 0;
    EXPECT_TRUE(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port)) << address;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience = {10, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)), 0);
    EXPECT_EQ(send(fd, hello.data(), hello.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(hello.size()));
    uint8_t record[7] = {};
    const ssize_t got = recv(fd, record, sizeof(record), MSG_WAITALL);
    const bool closed = got == 0 || (got < 0 && errno == ECONNRESET);
    close(fd);
    if (closed) return Answer::kRefused;  // gRPC ends the connection without the alert
    if (got < static_cast<ssize_t>(sizeof(record))) return Answer::kNothing;
    constexpr uint8_t kAlert = 21, kHandshake = 22;
    if (record[0] == kAlert && alert != nullptr) *alert = record[6];
    if (record[0] == kAlert) return Answer::kRefused;
    return record[0] == kHandshake ? Answer::kAgreed : Answer::kNothing;
  }

  void Agrees(uint16_t suite) {
    for (const std::string& door : Doors()) {
      EXPECT_TRUE(Ask(door, Hello(0x0303, suite)) == Answer::kAgreed)
          << door << absl::StrCat(" ", absl::Hex(suite));
    }
  }
  void Refuses(uint16_t version, uint16_t suite) {
    for (const std::string& door : Doors()) {
      EXPECT_TRUE(Ask(door, Hello(version, suite)) == Answer::kRefused)
          << door << absl::StrCat(" ", absl::Hex(version), " ", absl::Hex(suite));
    }
  }
};

// Neither kind of certificate gets these.
constexpr uint16_t kRefusedSuites[] = {
    0x0005,  // RSA, RC4
    0x000A,  // RSA, 3DES
    0x002F,  // RSA, AES-128-CBC
    0x003C,  // RSA, AES-128-CBC, SHA-256
    0x009C,  // RSA, AES-128-GCM: no forward secrecy
    0x009D,  // RSA, AES-256-GCM
    0x0001,  // RSA, no encryption
    0x0003,  // export RC4
    0x009E,  // DHE, AES-128-GCM
    0xC008,  // ECDHE-ECDSA, 3DES
    0xC012,  // ECDHE-RSA, 3DES
    0xC007,  // ECDHE-ECDSA, RC4
    0xC011,  // ECDHE-RSA, RC4
    0xC009,  // ECDHE-ECDSA, AES-128-CBC
    0xC013,  // ECDHE-RSA, AES-128-CBC
    0xC023,  // ECDHE-ECDSA, AES-128-CBC, SHA-256
    0xC027,  // ECDHE-RSA, AES-128-CBC, SHA-256
    0xC024,  // ECDHE-ECDSA, AES-256-CBC, SHA-384
    0xC028,  // ECDHE-RSA, AES-256-CBC, SHA-384
    0xC0AC,  // ECDHE-ECDSA, AES-128-CCM
    0xCCA9,  // ECDHE-ECDSA, ChaCha20-Poly1305
    0xCCA8,  // ECDHE-RSA, ChaCha20-Poly1305
    0xC018,  // anonymous
};

TEST_F(TlsHelloTest, AnEcdsaCertificateGetsGcmWithEcdheOnly) {
  StartWithEcdsa();
  Agrees(0xC02B);
  Agrees(0xC02C);
  for (const uint16_t suite : kRefusedSuites) Refuses(0x0303, suite);
}

TEST_F(TlsHelloTest, AnRsaCertificateGetsGcmWithEcdheOnly) {
  StartWithRsa();
  Agrees(0xC02F);
  Agrees(0xC030);
  for (const uint16_t suite : kRefusedSuites) Refuses(0x0303, suite);
}

// The cipher list refuses these hellos too, so it is the reason that tells whether old versions
// are: OpenSSL looks at the version first.
TEST_F(TlsHelloTest, OldVersionsAreRefused) {
  StartWithEcdsa();
  gpr_set_log_function(&GrpcSays::Append);
  const absl::Cleanup stop = [] { gpr_set_log_function(nullptr); };
  const std::map<uint16_t, const char*> reasons = {
      {0x0300, "version too low"},       // SSL 3.0, which this OpenSSL does not have
      {0x0301, "unsupported protocol"},  // TLS 1.0
      {0x0302, "unsupported protocol"},  // TLS 1.1
  };
  for (const auto& [version, reason] : reasons) {
    for (const uint16_t suite : {0xC009, 0xC00A, 0xC02B, 0x002F}) {
      GrpcSays::Take();
      Refuses(version, suite);
      const std::string why = GrpcSays::Take();
      EXPECT_TRUE(absl::StrContains(why, reason)) << version << ": " << why;
    }
  }
  Refuses(0x0303, 0xC009);
  const std::string why = GrpcSays::Take();
  EXPECT_TRUE(absl::StrContains(why, "no shared cipher")) << why;
}

// The other doors send the reason.
TEST_F(TlsHelloTest, OldVersionsAreRefusedForBeingOld) {
  constexpr int kHandshakeFailure = 40, kProtocolVersion = 70;
  StartWithEcdsa();
  for (const std::string& door : {server_->info().https, server_->info().resp_tls}) {
    const auto alert = [&door](uint16_t version, uint16_t suite) {
      int sent = 0;
      EXPECT_TRUE(Ask(door, Hello(version, suite), &sent) == Answer::kRefused) << door;
      return sent;
    };
    for (const uint16_t old : {0x0301, 0x0302}) {
      for (const uint16_t suite : {0xC009, 0xC00A, 0xC02B, 0x002F}) {
        EXPECT_EQ(alert(old, suite), kProtocolVersion) << old << " " << suite;
      }
    }
    EXPECT_EQ(alert(0x0303, 0xC009), kHandshakeFailure);
  }
}

}  // namespace
}  // namespace keyturn
