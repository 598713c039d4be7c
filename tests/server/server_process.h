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
  // `more`: sections of the configuration. `seals`: those of `init`; none: a key file.
  explicit ServerProcess(const std::string& more = "", const v1::InitRequest& init = {}) {
    const char* const bin = std::getenv("KEYTURN_BIN");
    std::ofstream(dir_.File("c.toml"))
        << "data_directory = \"" << dir_.File("data") << "\"\nkey_file = \"" << dir_.File("key")
        << "\"\n[listen]\ngrpc = \"127.0.0.1:0\"\nhttps = \"127.0.0.1:0\"\nmetrics = "
           "\"127.0.0.1:0\"\nresp = "
           "\"127.0.0.1:0\"\n"
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
    Init(init);
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
  const std::string& root_token() const { return made_.root_token(); }
  const v1::InitResponse& made() const { return made_; }
  std::string metrics_address() const { return info_["metrics"]; }

  // Over the operator socket, and over TLS with the operator's certificate.
  Stubs Local() const {
    return Stubs(NewChannel(absl::StrCat("unix:", std::string(info_["operator_socket"])),
                            grpc::InsecureChannelCredentials()));
  }
  Stubs Operator() const { return As(made_.operator_certificate_pem(), key_); }
  // As who has this certificate and its key.
  Stubs As(const std::string& certificate_pem, const std::string& key_pem,
           const std::string& user_agent = "") const {
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = ReadFile(info_["ca_file"]);
    tls.pem_cert_chain = certificate_pem;
    tls.pem_private_key = key_pem;
    return Stubs(NewChannel(info_["grpc"], grpc::SslCredentials(tls), user_agent));
  }
  const std::string& operator_key_pem() const { return key_; }
  // SIGTERM, and its end.
  void Stop() {
    if (pid_ <= 0) return;
    kill(pid_, SIGTERM);
    EXPECT_EQ(WaitFor(pid_), 0);
    pid_ = -1;
  }

 private:
  void Init(v1::InitRequest init) {
    const absl::StatusOr<CertificateRequest> request = MakeCertificateRequest();
    key_ = std::string(request->key_pem.ExposeForCrypto());
    if (init.seals().empty()) init.add_seals()->mutable_key_file();
    init.set_operator_csr(request->csr_der);
    EXPECT_EQ(Text(Local().system->Init(Ctx("", 30), init, &made_)), "OK");
  }

  const TempDir dir_;
  pid_t pid_ = -1;
  nlohmann::json info_;
  v1::InitResponse made_;
  std::string key_;
};

}  // namespace keyturn
