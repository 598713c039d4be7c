#include "server/server.h"

#include <unistd.h>

#include <algorithm>
#include <thread>

#include "absl/strings/match.h"
#include "auth/rate_limit.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "server/api_key_service.h"
#include "server/audit_service.h"
#include "server/auth_service.h"
#include "server/background.h"
#include "server/consumer_service.h"
#include "server/grpc_listener.h"
#include "server/http_listener.h"
#include "server/jwt_service.h"
#include "server/key_turner.h"
#include "server/metric_sources.h"
#include "server/pages.h"
#include "server/peer_certificates.h"
#include "server/policy_service.h"
#include "server/resp_listener.h"
#include "server/revocation_service.h"
#include "server/rotation_service.h"
#include "server/secret_service.h"
#include "server/system_service.h"
#include "server/tls_files.h"
#include "server/token_service.h"
#include "server/webhook_service.h"

namespace keyturn {
namespace {

// Names a certificate made here is good for.
std::vector<std::string> HostsOf(const HostPort& address) {
  std::vector<std::string> hosts = {"localhost", "127.0.0.1", "::1"};
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) == 0 && name[0] != '\0') hosts.emplace_back(name);
  const bool any = address.host == "0.0.0.0" || address.host == "::";
  if (!any && std::find(hosts.begin(), hosts.end(), address.host) == hosts.end()) {
    hosts.push_back(address.host);
  }
  return hosts;
}

int RespThreads(const Config& config) {
  if (config.resp_threads > 0) return config.resp_threads;
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1,
                    limits::kRespThreadsMax);
}

RateLimit PerSecond(double calls) { return {calls, 2 * calls}; }

class ServerImpl : public Server {
 public:
  ServerImpl(const Config& config, Clock& clock, MethodTable methods)
      : config_(config), clock_(clock), methods_(std::move(methods)) {}

  ~ServerImpl() override { Stop(absl::ZeroDuration()); }

  absl::Status Start() {
    ASSIGN_OR_RETURN(const HostPort grpc, ParseHostPort("listen.grpc", config_.grpc_address));
    ASSIGN_OR_RETURN(const HostPort http, ParseHostPort("listen.metrics", config_.metrics_address));
    ASSIGN_OR_RETURN(rooms_, Rooms::Open(config_, clock_, [this] { followers_->WakeAll(); }));
    ASSIGN_OR_RETURN(tls_, TlsFiles::Open({.directory = config_.data_directory + "/tls",
                                           .certificate = config_.tls_certificate,
                                           .key = config_.tls_key,
                                           .extra_client_ca = config_.tls_client_ca,
                                           .hosts = HostsOf(grpc)},
                                          clock_));
    peers_.SetCa(tls_->material()->client_cas);
    Wire();
    RETURN_IF_ERROR(Listen(grpc, http));
    RETURN_IF_ERROR(ListenResp());
    janitor_ = std::make_unique<Janitor>(
        BackgroundTasks({*rooms_, *lifecycle_, refusals_, *watchers_, clock_,
                         !config_.anchor_file.empty(), [this] { return Reload(); }}),
        clock_);
    // Apart from the others, which must not wait for it.
    integrity_janitor_ = std::make_unique<Janitor>(
        std::vector<Janitor::Task>{
            {"integrity pass", absl::Hours(24), [this] { return integrity_->Run(); }}},
        clock_);
    key_janitor_ = std::make_unique<Janitor>(
        std::vector<Janitor::Task>{
            {"key rotation", absl::Minutes(1), [this] { return key_turner_->RotateIfDue(); }},
            {"key rewrap", absl::Milliseconds(limits::kKeyTurnMilliseconds),
             [this] { return key_turner_->Turn(); }}},
        clock_);
    AutoUnseal();
    return absl::OkStatus();
  }

  ServerInfo info() const override {
    return {.grpc = listener_->address(),
            .metrics = http_->address(),
            .https = https_ == nullptr ? "" : https_->address(),
            .resp = resp_->plain_address(),
            .resp_tls = resp_->tls_address(),
            .resp_socket = config_.resp_socket,
            .operator_socket = socket_path(),
            .ca_file = tls_->ca_file(),
            .root_token_file = "",
            .data_directory = config_.data_directory};
  }

  absl::Status Reload() override { return UseClientCa(client_ca_.certificate_pem()); }

  void Stop(absl::Duration grace) override {
    if (stopped_.exchange(true)) return;
    draining_.store(true);
    if (integrity_ != nullptr) integrity_->Stop();
    if (key_turner_ != nullptr) key_turner_->Stop();
    if (integrity_janitor_ != nullptr) integrity_janitor_->Stop();
    if (key_janitor_ != nullptr) key_janitor_->Stop();
    if (janitor_ != nullptr) janitor_->Stop();
    watchers_->WakeAll();
    followers_->WakeAll();
    if (listener_ != nullptr) listener_->Shutdown(grace);
    http_ = nullptr;
    https_ = nullptr;
    if (resp_ != nullptr) resp_->Stop(grace);
    if (pool_ != nullptr) pool_->Stop();
    if (lifecycle_ == nullptr || !lifecycle_->unsealed().load()) return;
    const absl::Status anchored = rooms_->keyring->WriteAnchor(rooms_->store->LastRevision());
    if (!anchored.ok()) {
      LogWarning("the anchor was not written", {{"error", std::string(anchored.message())}});
    }
    lifecycle_->Seal();
  }

  Lifecycle& lifecycle() override { return *lifecycle_; }
  Rooms& rooms() override { return *rooms_; }

 private:
  std::string socket_path() const { return config_.data_directory + "/operator.sock"; }

  // What is made from the rooms, in the order of what needs what.
  void Wire() {
    metrics_ = Metrics::Create(methods_);
    AddTargetMetrics(*rooms_->targets, clock_, *metrics_);
    source_limit_ = RateLimiter::Create(PerSecond(config_.source_calls_per_second),
                                        limits::kRateBucketsMax, clock_);
    identity_limit_ = RateLimiter::Create(PerSecond(config_.identity_calls_per_second),
                                          limits::kRateBucketsMax, clock_);
    lifecycle_ = std::make_unique<Lifecycle>(Lifecycle::Parts{
        *rooms_->store, *rooms_->keyring, *rooms_->audit, *rooms_->policies, *rooms_->tokens,
        *rooms_->vault, *rooms_->revocations, *rooms_->rotation, *rooms_->jwt, *rooms_->api_keys,
        *rooms_->usage, *rooms_->webhooks, client_ca_, clock_, config_.accept_rollback,
        [this](const std::string& pem) { return UseClientCa(pem); },
        [this](bool unsealed) { OnSealChange(unsealed); }});
    gate_ = std::make_unique<GateParts>(
        GateParts{*rooms_->store, *rooms_->policies, *rooms_->tokens, *rooms_->authenticator,
                  *rooms_->audit, *metrics_, clock_, *source_limit_, *identity_limit_, refusals_,
                  lifecycle_->unsealed(), draining_, [this] { followers_->WakeAll(); }});
    integrity_ = std::make_unique<IntegrityPass>(
        IntegrityPass::Parts{*rooms_->store, *rooms_->vault, *rooms_->rotation, *rooms_->audit,
                             lifecycle_->unsealed(), clock_});
    key_turner_ = std::make_unique<KeyTurner>(KeyTurner::Parts{
        *rooms_->store, *rooms_->keyring, *rooms_->vault, *rooms_->audit, *lifecycle_, clock_});
    pool_ = std::make_unique<WorkerPool>(config_.worker_threads, limits::kWorkerQueueMax);
    door_ = std::make_unique<GrpcDoor>(
        GrpcDoor::Parts{*gate_, *pool_, peers_, config_.audit_sync_reads});
    services_.push_back(std::make_unique<SecretServiceImpl>(
        SecretServiceImpl::Parts{*door_, methods_, *rooms_->vault, *rooms_->usage, *rooms_->jwt,
                                 *rooms_->policies, *rooms_->store, *watchers_}));
    services_.push_back(std::make_unique<SystemServiceImpl>(
        SystemServiceImpl::Parts{*door_, methods_, *lifecycle_, *rooms_->keyring, *rooms_->store,
                                 *rooms_->vault, client_ca_, *key_turner_, clock_, config_.dev}));
    services_.push_back(std::make_unique<AuthServiceImpl>(
        AuthServiceImpl::Parts{*door_, methods_, *rooms_->policies, *rooms_->tokens,
                               *rooms_->authenticator, *rooms_->credentials}));
    services_.push_back(std::make_unique<TokenServiceImpl>(*door_, methods_, *rooms_->policies,
                                                           *rooms_->tokens, *rooms_->credentials));
    services_.push_back(std::make_unique<PolicyServiceImpl>(*door_, methods_, *rooms_->policies,
                                                            *rooms_->credentials));
    services_.push_back(
        std::make_unique<RevocationServiceImpl>(*door_, methods_, *rooms_->credentials));
    services_.push_back(std::make_unique<RotationServiceImpl>(*door_, methods_, *rooms_->rotation));
    services_.push_back(
        std::make_unique<JwtServiceImpl>(*door_, methods_, *rooms_->jwt, *rooms_->usage));
    services_.push_back(std::make_unique<ApiKeyServiceImpl>(*door_, methods_, *rooms_->api_keys,
                                                            *rooms_->credentials));
    services_.push_back(std::make_unique<ConsumerServiceImpl>(*door_, methods_, *rooms_->usage));
    services_.push_back(std::make_unique<WebhookServiceImpl>(*door_, methods_, *rooms_->webhooks));
    services_.push_back(
        std::make_unique<AuditServiceImpl>(*door_, methods_, *rooms_->audit, *followers_));
  }

  absl::Status Listen(const HostPort& grpc, const HostPort& http) {
    std::vector<grpc::Service*> services;
    for (const std::unique_ptr<grpc::Service>& service : services_) {
      services.push_back(service.get());
    }
    ASSIGN_OR_RETURN(listener_, GrpcListener::Start({.address = grpc,
                                                     .operator_socket = socket_path(),
                                                     .require_client_certificate = !config_.dev,
                                                     .reflection = config_.dev},
                                                    *tls_, services));
    listener_->SetServing(false);
    AddMetricSources({*rooms_, *lifecycle_, *watchers_, *followers_, *integrity_, *key_turner_},
                     *metrics_);
    ASSIGN_OR_RETURN(
        http_, HttpListener::Start("listen.metrics", http, Pages(*rooms_, *lifecycle_, *metrics_)));
    if (config_.https_address.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const HostPort https, ParseHostPort("listen.https", config_.https_address));
    https_tls_ = std::make_unique<TlsContexts>(*tls_, /*require_client_certificate=*/false);
    ASSIGN_OR_RETURN(
        https_, HttpListener::Start("listen.https", https, PublicPages(*rooms_), https_tls_.get()));
    return absl::OkStatus();
  }

  absl::Status ListenResp() {
    RespListenerOptions options{
        .plain = std::nullopt,
        .tls = std::nullopt,
        .socket_path = config_.resp_socket,
        .require_client_certificate = config_.resp_require_client_certificate,
        .threads = RespThreads(config_),
        .notify_keyspace_events = config_.resp_notify_keyspace_events};
    if (!config_.resp_address.empty()) {
      ASSIGN_OR_RETURN(options.plain, ParseHostPort("listen.resp", config_.resp_address));
    }
    if (!config_.resp_tls_address.empty()) {
      ASSIGN_OR_RETURN(options.tls, ParseHostPort("listen.resp_tls", config_.resp_tls_address));
    }
    ASSIGN_OR_RETURN(
        resp_, RespListener::Start(options, {*rooms_->revocations, *gate_, *tls_, peers_, clock_}));
    AddRespMetrics(*rooms_->revocations, *resp_, *metrics_);
    return absl::OkStatus();
  }

  // A server that cannot open its vault still starts: probes say so, and an operator can unseal it.
  void AutoUnseal() {
    if (!config_.auto_unseal || !rooms_->keyring->status().initialized) return;
    const absl::Status status = lifecycle_->Unseal([this](Keyring& keyring) {
      return keyring.UnsealWithKeyFile(rooms_->store->LastRevision());
    });
    if (!status.ok()) {
      LogError("the vault was not unsealed at start", {{"error", std::string(status.message())}});
    }
  }

  absl::Status UseClientCa(const std::string& pem) {
    RETURN_IF_ERROR(tls_->Reload(pem));
    peers_.SetCa(tls_->material()->client_cas);
    return absl::OkStatus();
  }

  void OnSealChange(bool unsealed) {
    if (listener_ != nullptr && !stopped_) listener_->SetServing(unsealed);
    watchers_->WakeAll();
    followers_->WakeAll();
  }

  const Config config_;
  Clock& clock_;
  const MethodTable methods_;
  const std::shared_ptr<StreamRegistry> watchers_ = std::make_shared<StreamRegistry>();
  const std::shared_ptr<StreamRegistry> followers_ = std::make_shared<StreamRegistry>();
  std::atomic<bool> draining_{false};
  std::atomic<bool> stopped_{false};  // Stop's, and asked when the vault opens or closes
  RefusalLimiter refusals_;
  ClientCa client_ca_{clock_};
  PeerCertificates peers_{clock_};
  std::unique_ptr<Rooms> rooms_;
  std::unique_ptr<TlsFiles> tls_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<RateLimiter> source_limit_, identity_limit_;
  std::unique_ptr<Lifecycle> lifecycle_;
  std::unique_ptr<GateParts> gate_;
  std::unique_ptr<WorkerPool> pool_;
  std::unique_ptr<GrpcDoor> door_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<GrpcListener> listener_;
  std::unique_ptr<RespListener> resp_;
  std::unique_ptr<HttpListener> http_;
  std::unique_ptr<TlsContexts> https_tls_;
  std::unique_ptr<HttpListener> https_;
  std::unique_ptr<IntegrityPass> integrity_;
  std::unique_ptr<KeyTurner> key_turner_;
  std::unique_ptr<Janitor> janitor_, integrity_janitor_, key_janitor_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Config& config, Clock& clock) {
  ASSIGN_OR_RETURN(MethodTable methods, MethodTable::Create(MethodTable::Services()));
  auto server = std::make_unique<ServerImpl>(config, clock, std::move(methods));
  RETURN_IF_ERROR(server->Start());
  return server;
}

}  // namespace keyturn
