#include "server/grpc_listener.h"

#include <arpa/inet.h>
#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/log.h"
#include "server/grpc_tls.h"

namespace keyturn {
namespace {

void SetArguments(grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(static_cast<int>(limits::kRequestBytesMax));
  builder->SetMaxSendMessageSize(static_cast<int>(limits::kReplyBytesMax));
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, limits::kMetadataBytesMax);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, limits::kConcurrentStreamsMax);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, 16384);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_HPACK_TABLE_SIZE_DECODER, 4096);
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, limits::kHandshakeMillis);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, limits::kKeepaliveMillis);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, limits::kKeepaliveTimeoutMillis);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              limits::kKeepaliveMillis);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, limits::kPingStrikesMax);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, limits::kConnectionIdleMillis);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, limits::kConnectionAgeMillis);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, limits::kConnectionGraceMillis);
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder->AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  grpc::ResourceQuota quota("keyturn");
  quota.Resize(limits::kGrpcBufferBytesMax);
  quota.SetMaxThreads(limits::kGrpcThreadsMax);
  builder->SetResourceQuota(quota);
}

// gRPC's reflection library adds itself to every server of a program that is linked to it.
class NoReflection : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    plugins->erase(std::remove_if(plugins->begin(), plugins->end(),
                                  [](const std::unique_ptr<grpc::ServerBuilderPlugin>& plugin) {
                                    return plugin->name() == "proto_server_reflection";
                                  }),
                   plugins->end());
  }
};

absl::Status PrepareSocket(const std::string& path) {
  if (path.size() >= sizeof(sockaddr_un{}.sun_path)) {
    return absl::InvalidArgumentError(
        absl::StrCat("data_directory is too long: ", path, " must be under ",
                     sizeof(sockaddr_un{}.sun_path), " bytes, the system's bound for sockets"));
  }
  // Left by a server that was killed; the store's lock already says that none is running.
  unlink(path.c_str());
  return absl::OkStatus();
}

// gRPC says that it could not bind, not why: the system is asked once more.
std::string BindError(const sockaddr* address, socklen_t size) {
  const int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::generic_category().message(errno);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const bool bound = bind(fd, address, size) == 0 && listen(fd, 1) == 0;
  const int error = errno;
  close(fd);
  return bound ? "" : std::generic_category().message(error);
}

std::string WhyNotBound(const HostPort& address) {
  sockaddr_in v4 = {};
  if (inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    return BindError(reinterpret_cast<const sockaddr*>(&v4), sizeof(v4));
  }
  sockaddr_in6 v6 = {};
  if (inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr) != 1) return "";
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(address.port);
  return BindError(reinterpret_cast<const sockaddr*>(&v6), sizeof(v6));
}

std::string WhyNotBound(const std::string& socket_path) {
  sockaddr_un local = {};
  local.sun_family = AF_UNIX;
  socket_path.copy(local.sun_path, sizeof(local.sun_path) - 1);
  std::string why = BindError(reinterpret_cast<const sockaddr*>(&local), sizeof(local));
  if (why.empty()) unlink(socket_path.c_str());
  return why;
}

absl::Status CannotListen(absl::string_view where, absl::string_view why) {
  return absl::UnavailableError(absl::StrCat(where, why.empty() ? "" : ": ", why));
}

void LogFromGrpc(gpr_log_func_args* args) {
  if (args->severity != GPR_LOG_SEVERITY_ERROR) return;
  Log(LogLevel::kDebug, "gRPC says", {{"message", Redact(args->message)}});
}

}  // namespace

void RouteGrpcLog() {
  gpr_set_log_function(&LogFromGrpc);
  google::protobuf::SetLogHandler(nullptr);
}

absl::StatusOr<std::unique_ptr<GrpcListener>> GrpcListener::Start(
    const Options& options, const TlsFiles& tls, const std::vector<grpc::Service*>& services) {
  grpc::EnableDefaultHealthCheckService(true);
  if (options.reflection) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  SetArguments(&builder);
  if (!options.reflection) builder.SetOption(std::make_unique<NoReflection>());
  const bool v6 = absl::StrContains(options.address.host, ':');
  const std::string host = v6 ? absl::StrCat("[", options.address.host, "]") : options.address.host;
  std::unique_ptr<GrpcListener> listener(new GrpcListener());
  listener->credentials_ = MakeTlsCredentials(tls, options.require_client_certificate);
  int port = 0;
  builder.AddListeningPort(absl::StrCat(host, ":", options.address.port), listener->credentials_,
                           &port);
  int socket_port = options.operator_socket.empty() ? 1 : 0;
  if (!options.operator_socket.empty()) {
    const absl::Status prepared = PrepareSocket(options.operator_socket);
    if (!prepared.ok()) return prepared;
    builder.AddListeningPort(absl::StrCat("unix:", options.operator_socket),
                             grpc::InsecureServerCredentials(), &socket_port);
  }
  for (grpc::Service* service : services) builder.RegisterService(service);

  listener->server_ = builder.BuildAndStart();
  if (port <= 0) {
    return CannotListen(
        absl::StrCat("listen.grpc: cannot listen on ", host, ":", options.address.port),
        WhyNotBound(options.address));
  }
  if (socket_port <= 0) {
    return CannotListen(
        absl::StrCat("cannot listen on the operator socket ", options.operator_socket),
        WhyNotBound(options.operator_socket));
  }
  if (listener->server_ == nullptr) return absl::UnavailableError("gRPC does not start");
  listener->address_ = absl::StrCat(host, ":", port);
  listener->socket_ = options.operator_socket;
  if (!options.operator_socket.empty()) chmod(options.operator_socket.c_str(), 0600);
  return listener;
}

GrpcListener::~GrpcListener() {
  if (server_ != nullptr) Shutdown(absl::ZeroDuration());
}

void GrpcListener::SetServing(bool serving) {
  server_->GetHealthCheckService()->SetServingStatus(serving);
}

void GrpcListener::Shutdown(absl::Duration grace) {
  if (server_ == nullptr) return;
  const gpr_timespec span = {absl::ToInt64Seconds(grace), 0, GPR_TIMESPAN};
  server_->Shutdown(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), span));
  server_->Wait();
  server_ = nullptr;
  if (!socket_.empty()) unlink(socket_.c_str());
}

}  // namespace keyturn
