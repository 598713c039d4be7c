// What the gRPC listener grants a connection: the arguments it is built with, as a plugin of gRPC's
// own sees them, and what of them shows on the wire (RFC 9113), asked by a client of our own
// making.
#include <grpcpp/impl/server_builder_plugin.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <map>
#include <optional>

#include "absl/strings/match.h"
#include "base/coding.h"
#include "base/limits.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

// Notes the arguments of the newest server that this process built. Values that are no integers
// are noted as their kind.
class ArgumentSpy final : public grpc::ServerBuilderPlugin {
 public:
  static void Install() {
    static const bool once = [] {
      grpc::ServerBuilder::InternalAddPluginFactory(
          []() -> std::unique_ptr<grpc::ServerBuilderPlugin> {
            return std::make_unique<ArgumentSpy>();
          });
      return true;
    }();
    static_cast<void>(once);
  }
  static std::map<std::string, std::string>& seen() {
    static auto& seen = *new std::map<std::string, std::string>;
    return seen;
  }

  std::string name() override { return "keyturn_argument_spy"; }
  void InitServer(grpc::ServerInitializer*) override {}
  void Finish(grpc::ServerInitializer*) override {}
  void ChangeArguments(const std::string&, void*) override {}
  void UpdateChannelArguments(grpc::ChannelArguments* arguments) override {
    seen().clear();
    const grpc_channel_args all = arguments->c_channel_args();
    for (size_t i = 0; i < all.num_args; ++i) {
      const grpc_arg& arg = all.args[i];
      seen()[arg.key] = arg.type == GRPC_ARG_INTEGER  ? absl::StrCat(arg.value.integer)
                        : arg.type == GRPC_ARG_STRING ? "text"
                                                      : "pointer";
    }
  }
};

struct Frame {
  uint8_t type = 0, flags = 0;
  std::string payload;
};
constexpr uint8_t kSettings = 4, kPing = 6, kGoAway = 7;

std::string FrameText(uint8_t type, const std::string& payload) {
  std::string size;
  AppendBigEndian32(static_cast<uint32_t>(payload.size()), &size);
  return absl::StrCat(size.substr(1), std::string(1, static_cast<char>(type)), std::string(5, '\0'),
                      payload);
}

// A connection by TLS with a client certificate that has said hello in HTTP/2. `certificate` and
// `key` are files.
class Http2Client {
 public:
  Http2Client(const std::string& address, const std::string& certificate, const std::string& key)
      : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free), bio_(nullptr, BIO_free_all) {
    EXPECT_EQ(SSL_CTX_use_certificate_chain_file(context_.get(), certificate.c_str()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context_.get(), key.c_str(), SSL_FILETYPE_PEM), 1);
    bio_.reset(BIO_new_ssl_connect(context_.get()));
    SSL* ssl = nullptr;
    BIO_get_ssl(bio_.get(), &ssl);
    constexpr uint8_t kH2[] = {2, 'h', '2'};
    SSL_set_alpn_protos(ssl, kH2, sizeof(kH2));
    BIO_set_conn_hostname(bio_.get(), address.c_str());
    EXPECT_EQ(BIO_do_connect(bio_.get()), 1) << address;
    const timeval patience = {20, 0};
    setsockopt(static_cast<int>(BIO_get_fd(bio_.get(), nullptr)), SOL_SOCKET, SO_RCVTIMEO,
               &patience, sizeof(patience));
    Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + FrameText(kSettings, ""));
  }

  void Send(const std::string& bytes) {
    EXPECT_EQ(BIO_write(bio_.get(), bytes.data(), static_cast<int>(bytes.size())),
              static_cast<int>(bytes.size()));
  }
  // The next frame of `type`; none when the connection ends before it.
  std::optional<Frame> Next(uint8_t type) {
    while (true) {
      const std::string header = Read(9);
      if (header.size() < 9) return std::nullopt;
      absl::string_view size = header;
      const uint32_t bytes = ReadBigEndian32(&size).value_or(0) >> 8;
      Frame frame{static_cast<uint8_t>(header[3]), static_cast<uint8_t>(header[4]), Read(bytes)};
      if (frame.type == type) return frame;
    }
  }

 private:
  std::string Read(size_t n) {
    std::string out;
    while (out.size() < n) {
      char buffer[4096];
      const int got =
          BIO_read(bio_.get(), buffer, static_cast<int>(std::min(sizeof(buffer), n - out.size())));
      if (got <= 0) break;
      out.append(buffer, static_cast<size_t>(got));
    }
    return out;
  }

  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
  std::unique_ptr<BIO, void (*)(BIO*)> bio_;
};

class GrpcArgumentsTest : public ServerFixture {
 protected:
  void SetUp() override {
    ArgumentSpy::Install();
    StartReal();
  }

  Http2Client Connect() {
    InitReal();
    const std::string certificate = dir_.File("op.pem"), key = dir_.File("op.key");
    EXPECT_OK(WriteFileAtomically(FileSystem::Posix(), certificate, operator_certificate_, 0600));
    EXPECT_OK(WriteFileAtomically(FileSystem::Posix(), key, operator_key_, 0600));
    return Http2Client(server_->info().grpc, certificate, key);
  }
};

// The numbers stand here a second time on purpose: a listener without one of them is not one that
// answers differently, until somebody abuses it.
TEST_F(GrpcArgumentsTest, TheListenerIsBuiltWithEveryBound) {
  const std::map<std::string, std::string> bounds = {
      {GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, "1048576"},
      {GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, "4194304"},
      {GRPC_ARG_MAX_METADATA_SIZE, "8192"},
      {GRPC_ARG_MAX_CONCURRENT_STREAMS, "100"},
      {GRPC_ARG_HTTP2_MAX_FRAME_SIZE, "16384"},
      {GRPC_ARG_HTTP2_HPACK_TABLE_SIZE_DECODER, "4096"},
      {GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, "10000"},
      {GRPC_ARG_KEEPALIVE_TIME_MS, "60000"},
      {GRPC_ARG_KEEPALIVE_TIMEOUT_MS, "10000"},
      {GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, "0"},
      {GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, "60000"},
      {GRPC_ARG_HTTP2_MAX_PING_STRIKES, "2"},
      {GRPC_ARG_MAX_CONNECTION_IDLE_MS, "300000"},
      {GRPC_ARG_MAX_CONNECTION_AGE_MS, "1800000"},
      {GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, "30000"},
      {GRPC_ARG_ALLOW_REUSEPORT, "0"},
      {GRPC_ARG_ENABLE_CHANNELZ, "0"},
      {GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, "1"},  // identity alone
      {GRPC_ARG_RESOURCE_QUOTA, "pointer"},
  };
  std::map<std::string, std::string> seen = ArgumentSpy::seen();
  seen.erase(GRPC_ARG_PRIMARY_USER_AGENT_STRING);  // gRPC's own
  EXPECT_EQ(seen, bounds);
  // What the quota holds is not to be read back from gRPC.
  EXPECT_EQ(limits::kGrpcBufferBytesMax, 512u << 20);
  EXPECT_EQ(limits::kGrpcThreadsMax, 64);
}

// With SO_REUSEPORT, another process of the same user could take half of the connections.
TEST_F(GrpcArgumentsTest, APortHasOneListener) {
  const TempDir other;
  Config config = BaseConfig();
  config.data_directory = other.path();
  config.key_file = other.File("key");
  config.grpc_address = server_->info().grpc;
  const absl::StatusOr<std::unique_ptr<Server>> second = Server::Start(config, Clock::Real());
  EXPECT_CODE(second, kUnavailable);
  EXPECT_TRUE(absl::StrContains(second.status().message(), "Address already in use"))
      << second.status();
}

TEST_F(GrpcArgumentsTest, AConnectionIsToldItsBounds) {
  Http2Client client = Connect();
  const std::optional<Frame> settings = client.Next(kSettings);
  ASSERT_TRUE(settings.has_value());
  std::map<uint32_t, uint32_t> told;
  absl::string_view rest = settings->payload;
  while (rest.size() >= 6) {
    const uint32_t id = static_cast<uint8_t>(rest[0]) << 8 | static_cast<uint8_t>(rest[1]);
    rest.remove_prefix(2);
    told[id] = ReadBigEndian32(&rest).value_or(0);
  }
  constexpr uint32_t kMaxConcurrentStreams = 3, kMaxHeaderListSize = 6;
  EXPECT_EQ(told[kMaxConcurrentStreams], 100u);
  EXPECT_EQ(told[kMaxHeaderListSize], 8192u);
  // Not told, and so the protocol's default: 4096.
  constexpr uint32_t kHeaderTableSize = 1;
  EXPECT_EQ(told.count(kHeaderTableSize), 0u);
}

TEST_F(GrpcArgumentsTest, AFloodOfPingsEndsTheConnection) {
  Http2Client client = Connect();
  std::string pings;
  for (int i = 0; i < 10; ++i) pings += FrameText(kPing, "keyturn!");
  client.Send(pings);
  const std::optional<Frame> end = client.Next(kGoAway);
  ASSERT_TRUE(end.has_value());
  absl::string_view body = end->payload;
  ReadBigEndian32(&body);  // the last stream
  constexpr uint32_t kEnhanceYourCalm = 11;
  EXPECT_EQ(ReadBigEndian32(&body), kEnhanceYourCalm);
  EXPECT_EQ(body, "too_many_pings");
}

// A few bytes could unfold to many, and a compressed answer's length tells of its content.
TEST_F(GrpcArgumentsTest, CompressionIsRefused) {
  InitReal();
  for (const grpc_compression_algorithm algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    Ctx context("", 20);
    context->set_compression_algorithm(algorithm);
    v1::CanIRequest request;
    request.set_path(
        std::string(1000, 'a'));  // shorter when it is compressed: else it is sent as is
    v1::CanIResponse response;
    const grpc::Status status = Operator().auth->CanI(context, request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED) << Text(status);
    EXPECT_TRUE(absl::StrContains(status.error_message(), "Compression algorithm")) << Text(status);
  }
}

}  // namespace
}  // namespace keyturn
