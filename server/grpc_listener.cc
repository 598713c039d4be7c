#include "server/grpc_listener.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/status_macros.h"
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

absl::Status CannotListen(absl::string_view where, const absl::Status& why) {
  if (absl::IsInvalidArgument(why)) return why;
  return absl::UnavailableError(absl::StrCat(where, ": ", why.message()));
}

// What to do when another program, such as a server started before, listens there.
std::string OtherPort(const absl::Status& why) {
  return absl::StrContains(why.message(), "Address already in use")
             ? "; set listen.grpc to another port, or to port 0 for any that is free"
             : "";
}

// Hands connections to the server that is built, with these credentials.
std::function<void(int, int)> Into(grpc::ServerBuilder* builder,
                                   std::shared_ptr<grpc::ServerCredentials> credentials) {
  using grpc::experimental::ExternalConnectionAcceptor;
  const std::shared_ptr<ExternalConnectionAcceptor> door =
      builder->experimental().AddExternalConnectionAcceptor(
          grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
          std::move(credentials));
  return [door](int listener_fd, int fd) {
    ExternalConnectionAcceptor::NewConnectionParameters connection;
    connection.listener_fd = listener_fd;
    connection.fd = fd;
    door->HandleNewConnection(&connection);
  };
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
  std::unique_ptr<GrpcListener> listener(new GrpcListener());
  listener->credentials_ = MakeTlsCredentials(tls, options.require_client_certificate);
  std::vector<Acceptor::Door> doors;
  absl::StatusOr<ListeningSocket> tcp = ListeningSocket::Tcp(options.address);
  if (!tcp.ok()) {
    const absl::Status failed = CannotListen(
        absl::StrCat("listen.grpc: cannot listen on ", ToText(options.address)), tcp.status());
    return absl::Status(failed.code(), absl::StrCat(failed.message(), OtherPort(failed)));
  }
  listener->address_ = ToText({options.address.host, tcp->port()});
  doors.push_back({*std::move(tcp), false, Into(&builder, listener->credentials_)});
  if (!options.operator_socket.empty()) {
    absl::StatusOr<ListeningSocket> local = ListeningSocket::Unix(options.operator_socket);
    if (!local.ok()) {
      return CannotListen(
          absl::StrCat("cannot listen on the operator socket ", options.operator_socket),
          local.status());
    }
    listener->socket_ = options.operator_socket;
    doors.push_back({*std::move(local), true, Into(&builder, grpc::InsecureServerCredentials())});
  }
  for (grpc::Service* service : services) builder.RegisterService(service);
  listener->server_ = builder.BuildAndStart();
  if (listener->server_ == nullptr) return absl::UnavailableError("gRPC does not start");
  ASSIGN_OR_RETURN(listener->acceptor_, Acceptor::Start(std::move(doors)));
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
  acceptor_ = nullptr;
  const gpr_timespec span = {absl::ToInt64Seconds(grace), 0, GPR_TIMESPAN};
  server_->Shutdown(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), span));
  server_->Wait();
  server_ = nullptr;
  if (!socket_.empty()) unlink(socket_.c_str());
}

}  // namespace keyturn
