// A whole server in this process, on free ports, and clients for it.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "crypto/x509_make.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "keyturn/v1/api_key_service.grpc.pb.h"
#include "keyturn/v1/audit_service.grpc.pb.h"
#include "keyturn/v1/auth_service.grpc.pb.h"
#include "keyturn/v1/consumer_service.grpc.pb.h"
#include "keyturn/v1/jwt_service.grpc.pb.h"
#include "keyturn/v1/policy_service.grpc.pb.h"
#include "keyturn/v1/revocation_service.grpc.pb.h"
#include "keyturn/v1/rotation_service.grpc.pb.h"
#include "keyturn/v1/secret_service.grpc.pb.h"
#include "keyturn/v1/system_service.grpc.pb.h"
#include "keyturn/v1/token_service.grpc.pb.h"
#include "keyturn/v1/webhook_service.grpc.pb.h"
#include "server/dev_mode.h"
#include "server/server.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {

inline std::string ReadFile(const std::string& path) { return *FileSystem::Posix().Read(path); }

// A call's client side: a deadline, and a bearer token if one is given.
class Ctx {
 public:
  explicit Ctx(const std::string& token = "", int seconds = 10) {
    if (seconds > 0) {
      context_.set_deadline(
          gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_seconds(seconds, GPR_TIMESPAN)));
    }
    if (!token.empty()) context_.AddMetadata("authorization", "Bearer " + token);
  }
  operator grpc::ClientContext*() { return &context_; }  // NOLINT(google-explicit-constructor)
  grpc::ClientContext* operator->() { return &context_; }

 private:
  grpc::ClientContext context_;
};

// "OK", or "CODE: message".
inline std::string Text(const grpc::Status& status) {
  if (status.ok()) return "OK";
  return absl::StrCat(absl::StatusCodeToString(static_cast<absl::StatusCode>(status.error_code())),
                      ": ", status.error_message());
}

// The reason of the one ErrorInfo; "" when there is none or it is not Keyturn's.
inline std::string ReasonIn(const grpc::Status& status) {
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return "";
  for (const auto& any : details.details()) {
    google::rpc::ErrorInfo info;
    if (any.UnpackTo(&info) && info.domain() == "keyturn") return info.reason();
  }
  return "";
}

struct Stubs {
  explicit Stubs(std::shared_ptr<grpc::Channel> c)
      : channel(std::move(c)),
        secrets(v1::SecretService::NewStub(channel)),
        system(v1::SystemService::NewStub(channel)),
        auth(v1::AuthService::NewStub(channel)),
        tokens(v1::TokenService::NewStub(channel)),
        policies(v1::PolicyService::NewStub(channel)),
        audit(v1::AuditService::NewStub(channel)),
        revocations(v1::RevocationService::NewStub(channel)),
        rotations(v1::RotationService::NewStub(channel)),
        jwt(v1::JwtService::NewStub(channel)),
        api_keys(v1::ApiKeyService::NewStub(channel)),
        consumers(v1::ConsumerService::NewStub(channel)),
        webhooks(v1::WebhookService::NewStub(channel)) {}

  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::SecretService::Stub> secrets;
  std::unique_ptr<v1::SystemService::Stub> system;
  std::unique_ptr<v1::AuthService::Stub> auth;
  std::unique_ptr<v1::TokenService::Stub> tokens;
  std::unique_ptr<v1::PolicyService::Stub> policies;
  std::unique_ptr<v1::AuditService::Stub> audit;
  std::unique_ptr<v1::RevocationService::Stub> revocations;
  std::unique_ptr<v1::RotationService::Stub> rotations;
  std::unique_ptr<v1::JwtService::Stub> jwt;
  std::unique_ptr<v1::ApiKeyService::Stub> api_keys;
  std::unique_ptr<v1::ConsumerService::Stub> consumers;
  std::unique_ptr<v1::WebhookService::Stub> webhooks;
};

// Reads the stream to its last message.
inline grpc::Status VerifyAudit(Stubs& stubs, v1::VerifyAuditResponse* last) {
  Ctx context("", 0);
  const auto reader = stubs.audit->Verify(context, {});
  while (reader->Read(last)) {
  }
  return reader->Finish();
}

// Channels of one process are shared by target and credentials unless told otherwise.
inline std::shared_ptr<grpc::Channel> NewChannel(
    const std::string& target, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
    const std::string& user_agent = "") {
  grpc::ChannelArguments arguments;
  if (!user_agent.empty()) arguments.SetUserAgentPrefix(user_agent);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(target, credentials, arguments);
}

// What a shell command prints.
inline std::string OutputOf(const std::string& command) {
  std::string out;
  FILE* const pipe = popen(command.c_str(), "r");
  char buffer[4096];
  while (const size_t got = fread(buffer, 1, sizeof(buffer), pipe)) out.append(buffer, got);
  pclose(pipe);
  return out;
}

// A page of the HTTP listener at `address`.
inline std::string FetchPage(const std::string& address, const std::string& path) {
  return OutputOf(absl::StrCat("curl -s http://", address, path));
}

class ServerFixture : public testing::Test {
 protected:
  // A dev server, initialised and unsealed, before each test.
  void SetUp() override { StartDev(); }

  void StartDev(const std::function<void(Config&)>& adjust = nullptr,
                Clock& clock = Clock::Real()) {
    Config config = BaseConfig();
    config.dev = true;
    if (adjust) adjust(config);
    Start(config, clock);
    ASSERT_OK(InitDev(*server_, dir_.File("root-token")));
    root_ = ReadFile(dir_.File("root-token"));
  }

  // A server on disk, as in production: client certificates required, sealed by a key file.
  void StartReal(const std::function<void(Config&)>& adjust = nullptr) {
    Config config = BaseConfig();
    config.key_file = dir_.File("key");
    if (adjust) adjust(config);
    Start(config, Clock::Real());
  }

  void Start(const Config& config, Clock& clock) {
    server_.reset();
    absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(config, clock);
    ASSERT_OK(server);
    server_ = *std::move(server);
    stubs_ = std::make_unique<Stubs>(TlsChannel(""));
  }

  Config BaseConfig() {
    Config config;
    config.data_directory = dir_.path();
    config.grpc_address = "127.0.0.1:0";
    config.https_address = "127.0.0.1:0";
    config.metrics_address = "127.0.0.1:0";
    config.resp_address = "127.0.0.1:0";
    config.require_memory_lock = false;
    config.worker_threads = 16;
    return config;
  }

  // Through the operator socket, with a key-file seal; makes an operator certificate.
  v1::InitResponse InitReal() {
    absl::StatusOr<CertificateRequest> request = MakeCertificateRequest();
    operator_key_ = std::string(request->key_pem.ExposeForCrypto());
    v1::InitRequest init;
    init.add_seals()->mutable_key_file();
    init.set_operator_csr(request->csr_der);
    v1::InitResponse response;
    const grpc::Status status = Local().system->Init(Ctx("", 30), init, &response);
    EXPECT_EQ(Text(status), "OK");
    root_ = response.root_token();
    operator_certificate_ = response.operator_certificate_pem();
    return response;
  }

  Stubs Local() {
    return Stubs(
        NewChannel("unix:" + server_->info().operator_socket, grpc::InsecureChannelCredentials()));
  }

  std::shared_ptr<grpc::Channel> TlsChannel(const std::string& certificate,
                                            const std::string& key = "") {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = ReadFile(server_->info().ca_file);
    options.pem_cert_chain = certificate;
    options.pem_private_key = key;
    return NewChannel(server_->info().grpc, grpc::SslCredentials(options));
  }
  Stubs Operator() { return Stubs(TlsChannel(operator_certificate_, operator_key_)); }

  // As root, in the dev server.
  grpc::Status Put(const std::string& path, const std::map<std::string, std::string>& fields,
                   const std::string& token, v1::PutResponse* response = nullptr) {
    v1::PutRequest request;
    request.set_path(path);
    for (const auto& [name, value] : fields) {
      v1::Field* const field = request.mutable_data()->add_fields();
      field->set_name(name);
      field->set_value(value);
    }
    v1::PutResponse ignored;
    return stubs_->secrets->Put(Ctx(token), request, response == nullptr ? &ignored : response);
  }

  // "a=1,b=2", or the status.
  std::string Get(const std::string& path, const std::string& token) {
    v1::GetRequest request;
    request.set_path(path);
    v1::GetResponse response;
    const grpc::Status status = stubs_->secrets->Get(Ctx(token), request, &response);
    if (!status.ok()) return Text(status);
    std::string out;
    for (const v1::Field& field : response.data().fields()) {
      absl::StrAppend(&out, out.empty() ? "" : ",", field.name(), "=", field.value());
    }
    return out;
  }

  // A policy of grants "permission path" or "deny permission path", written by root.
  void PutPolicy(const std::string& name, const std::vector<std::vector<std::string>>& grants) {
    v1::PutPolicyRequest request;
    request.mutable_policy()->set_name(name);
    for (const std::vector<std::string>& words : grants) {
      v1::Grant* const grant = request.mutable_policy()->add_grants();
      const size_t at = words[0] == "deny" ? 1 : 0;
      grant->set_deny(at == 1);
      grant->add_permissions(words[at]);
      grant->set_path(words[at + 1]);
    }
    v1::Policy response;
    ASSERT_EQ(Text(stubs_->policies->PutPolicy(Ctx(root_), request, &response)), "OK");
  }

  std::string NewToken(const std::vector<std::string>& policies,
                       const std::function<void(v1::CreateTokenRequest&)>& adjust = nullptr) {
    v1::CreateTokenRequest request;
    request.set_display_name("test");
    for (const std::string& policy : policies) request.add_policies(policy);
    if (adjust) adjust(request);
    v1::CreateTokenResponse response;
    const grpc::Status status = stubs_->tokens->Create(Ctx(root_), request, &response);
    EXPECT_EQ(Text(status), "OK");
    return response.token();
  }

  // A page of the HTTP listener.
  std::string Fetch(const std::string& path) { return FetchPage(server_->info().metrics, path); }

  // Every entry of the audit log.
  std::vector<AuditRecord> Entries() {
    std::vector<AuditRecord> records;
    EXPECT_OK(server_->rooms().audit->Read(1, [&](const AuditRecord& record) {
      records.push_back(record);
      return true;
    }));
    return records;
  }

  TempDir dir_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Stubs> stubs_;
  std::string root_;
  std::string operator_certificate_, operator_key_;
};

}  // namespace keyturn
