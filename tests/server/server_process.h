// A real keyturnd on disk as a process of its own, initialised with a key file, and an operator's
// connection to it: for tests that look at what a process leaves in its memory, files and output.
#pragma once

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "tests/server/server_fixture.h"
#include "tests/support/process.h"

namespace keyturn {

class ServerProcess {
 public:
  // `more`: sections of the configuration.
  explicit ServerProcess(const std::string& more = "") {
    const char* const bin = std::getenv("KEYTURN_BIN");
    std::ofstream(dir_.File("c.toml"))
        << "data_directory = \"" << dir_.File("data") << "\"\nkey_file = \"" << dir_.File("key")
        << "\"\n[listen]\ngrpc = \"127.0.0.1:0\"\nmetrics = \"127.0.0.1:0\"\n"
        << "[limits]\nrequire_memory_lock = false\n"
        << more;
    pid_ = StartProcess({absl::StrCat(bin == nullptr ? "" : bin, "/keyturnd"), "--config",
                         dir_.File("c.toml"), "--info-file", dir_.File("info.json")},
                        {}, log_file());
    if (!AwaitFile(dir_.path(), "info.json", pid_)) {
      ADD_FAILURE() << ReadFile(log_file());
      pid_ = -1;
      return;
    }
    info_ = nlohmann::json::parse(ReadFile(dir_.File("info.json")));
    Init();
  }
  ~ServerProcess() { Stop(); }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  bool running() const { return pid_ > 0; }
  pid_t pid() const { return pid_; }
  const TempDir& dir() const { return dir_; }
  std::string data_directory() const { return dir_.File("data"); }
  std::string key_file() const { return dir_.File("key"); }
  std::string log_file() const { return dir_.File("log"); }
  const std::string& root_token() const { return root_token_; }
  std::string metrics_address() const { return info_["metrics"]; }

  // Over the operator socket, and over TLS with the operator's certificate.
  Stubs Local() const {
    return Stubs(NewChannel(absl::StrCat("unix:", std::string(info_["operator_socket"])),
                            grpc::InsecureChannelCredentials()));
  }
  Stubs Operator() const {
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = ReadFile(info_["ca_file"]);
    tls.pem_cert_chain = certificate_;
    tls.pem_private_key = key_;
    return Stubs(NewChannel(info_["grpc"], grpc::SslCredentials(tls)));
  }
  // SIGTERM, and its end.
  void Stop() {
    if (pid_ <= 0) return;
    kill(pid_, SIGTERM);
    EXPECT_EQ(WaitFor(pid_), 0);
    pid_ = -1;
  }

 private:
  void Init() {
    const absl::StatusOr<CertificateRequest> request = MakeCertificateRequest();
    key_ = std::string(request->key_pem.ExposeForCrypto());
    v1::InitRequest init;
    init.add_seals()->mutable_key_file();
    init.set_operator_csr(request->csr_der);
    v1::InitResponse made;
    EXPECT_EQ(Text(Local().system->Init(Ctx("", 30), init, &made)), "OK");
    certificate_ = made.operator_certificate_pem();
    root_token_ = made.root_token();
  }

  const TempDir dir_;
  pid_t pid_ = -1;
  nlohmann::json info_;
  std::string certificate_, key_, root_token_;
};

}  // namespace keyturn
