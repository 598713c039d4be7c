// keyturnd as a process: flags, exit codes, hardening, signals.
#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "storage/file_system.h"
#include "tests/support/certificates.h"
#include "tests/support/seed.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {
namespace {

class ProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* const bin = std::getenv("KEYTURN_BIN");
    program_ = absl::StrCat(bin == nullptr ? "" : bin, "/keyturnd");
    ASSERT_EQ(access(program_.c_str(), X_OK), 0) << "KEYTURN_BIN must name keyturnd's directory";
  }

  using Environment = std::map<std::string, std::string>;

  // `environment` comes over this process's own; `become` is run in the child.
  pid_t Spawn(
      std::vector<std::string> arguments, const Environment& environment = {},
      const std::function<void()>& become = [] {}) {
    arguments.insert(arguments.begin(), program_);
    // A user that `become` becomes may not be able to go where the program lies.
    const int program = open(program_.c_str(), O_PATH | O_CLOEXEC);
    const pid_t pid = fork();
    if (pid != 0) {
      close(program);
      return pid;
    }
    for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    if (freopen(dir_.File("out").c_str(), "w", stdout) == nullptr ||
        freopen(dir_.File("err").c_str(), "w", stderr) == nullptr) {
      _exit(126);
    }
    become();
    fexecve(program, argv.data(), environ);
    _exit(127);
  }
  static int Wait(pid_t pid) {
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  int Run(std::vector<std::string> arguments) { return Wait(Spawn(std::move(arguments))); }
  std::string Out(const std::string& name) { return *FileSystem::Posix().Read(dir_.File(name)); }

  // A configuration that listens on free ports of this machine, with `more` before it.
  void WriteConfig(const std::string& name, const std::string& more) {
    std::ofstream(dir_.File(name))
        << more
        << "[listen]\ngrpc = \"127.0.0.1:0\"\nhttps = \"127.0.0.1:0\"\nmetrics = "
           "\"127.0.0.1:0\"\nresp = \"127.0.0.1:0\"\n";
  }
  std::string RealConfig() {
    return absl::StrCat("data_directory = \"", dir_.File("data"),
                        "\"\n[limits]\nrequire_memory_lock = false\n");
  }

  // Returns when `name` exists in the directory.
  void Await(const std::string& name) {
    const int notify = inotify_init1(IN_CLOEXEC);
    inotify_add_watch(notify, dir_.path().c_str(), IN_MOVED_TO | IN_CREATE);
    while (!FileSystem::Posix().Exists(dir_.File(name))) {
      char events[4096];
      ASSERT_GT(read(notify, events, sizeof(events)), 0);
    }
    close(notify);
  }

  // Returns when `text` is in what the server wrote to standard error.
  void AwaitLog(const std::string& text) {
    const int notify = inotify_init1(IN_CLOEXEC);
    inotify_add_watch(notify, dir_.File("err").c_str(), IN_MODIFY);
    while (!absl::StrContains(Out("err"), text)) {
      char events[4096];
      ASSERT_GT(read(notify, events, sizeof(events)), 0);
    }
    close(notify);
  }

  const TempDir dir_;
  std::string program_;
};

TEST_F(ProcessTest, SaysItsVersionAndHelp) {
  EXPECT_EQ(Run({"--version"}), 0);
  EXPECT_EQ(Out("out"), "keyturnd 0.1.0\n");
  EXPECT_EQ(Run({"--help"}), 0);
  EXPECT_TRUE(absl::StrContains(Out("out"), "--info-file"));
}

TEST_F(ProcessTest, BadFlagsAndConfigurationEndWithTwo) {
  EXPECT_EQ(Run({"--no-such-flag"}), 2);
  EXPECT_EQ(Run({"--check-config"}), 2);  // needs --config
  std::ofstream(dir_.File("bad.toml")) << "[listen]\ngprc = \"127.0.0.1:0\"\n";
  EXPECT_EQ(Run({"--config", dir_.File("bad.toml"), "--check-config"}), 2);
  EXPECT_EQ(Out("err"),
            absl::StrCat("keyturnd: ", dir_.File("bad.toml"),
                         ": unknown key listen.gprc; the nearest one is listen.grpc\n"));
  std::ofstream(dir_.File("good.toml")) << "[listen]\ngrpc = \"127.0.0.1:0\"\n";
  EXPECT_EQ(Run({"--config", dir_.File("good.toml"), "--check-config"}), 0);
}

TEST_F(ProcessTest, CheckConfigReadsTheCertificatesToo) {
  TestCa ca(dir_.path());
  ca.Server("server");
  ca.Server("other");
  ca.Client("client", "spiffe://x/y", absl::Hours(1));
  ca.Client("late", "spiffe://x/y", -absl::Hours(1));
  const auto check = [this](const std::string& certificate, const std::string& key,
                            const std::string& client_ca) {
    std::ofstream(dir_.File("c.toml"))
        << "[tls]\ncertificate = \"" << dir_.File(certificate) << "\"\nkey = \"" << dir_.File(key)
        << "\"\nclient_ca = \"" << dir_.File(client_ca) << "\"\n";
    const int code = Run({"--config", dir_.File("c.toml"), "--check-config"});
    return absl::StrCat(code, " ", Out("err"));
  };
  const std::string said = absl::StrCat("2 keyturnd: ", dir_.File("c.toml"), ": ");
  EXPECT_EQ(check("server.pem", "server.key", "ca.pem"), "0 ");
  for (const auto& [answer, start] : std::vector<std::pair<std::string, std::string>>{
           {check("none.pem", "server.key", "ca.pem"), "tls.certificate: "},
           {check("server.pem", "none.key", "ca.pem"), "tls.key: "},
           {check("server.pem", "server.key", "none.pem"), "tls.client_ca: "},
           {check("server.pem", "server.key", "late.pem"),
            absl::StrCat("tls.client_ca: ", dir_.File("late.pem"), ": is valid from ")},
           {check("server.key", "server.key", "ca.pem"),
            absl::StrCat("tls.certificate: ", dir_.File("server.key"), ": no certificate")},
           {check("server.pem", "other.key", "ca.pem"),
            absl::StrCat("tls.key: ", dir_.File("other.key"), ": the certificate is not for this")},
           {check("client.pem", "client.key", "ca.pem"),
            absl::StrCat("tls.certificate: ", dir_.File("client.pem"),
                         ": the certificate is not for servers")}}) {
    EXPECT_TRUE(absl::StartsWith(answer, said + start)) << answer << "\n" << start;
  }
}

TEST_F(ProcessTest, SaysWhichListenerFailsAndWhy) {
  const int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(taken, reinterpret_cast<const sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(taken, 1), 0);
  ASSERT_EQ(getsockname(taken, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string where = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
  std::ofstream(dir_.File("c.toml"))
      << RealConfig() << "[listen]\ngrpc = \"" << where
      << "\"\nhttps = \"127.0.0.1:0\"\nmetrics = \"127.0.0.1:0\"\nresp = \"127.0.0.1:0\"\n";
  EXPECT_EQ(Run({"--config", dir_.File("c.toml")}), 1);
  EXPECT_TRUE(absl::StrContains(
      Out("err"), "listen.grpc: cannot listen on " + where +
                      ": Address already in use; set listen.grpc to another port, or to port 0 for "
                      "any that is free\""))
      << Out("err");
  std::ofstream(dir_.File("dev.toml"))
      << "[listen]\ngrpc = \"" << where
      << "\"\nhttps = \"127.0.0.1:0\"\nmetrics = \"127.0.0.1:0\"\nresp = \"127.0.0.1:0\"\n";
  // Still taken: to a person in words, with the line to type.
  EXPECT_EQ(Run({"--dev", "--config", dir_.File("dev.toml")}), 1);
  EXPECT_TRUE(absl::StrContains(Out("err"), "keyturnd: listen.grpc: cannot listen on " + where))
      << Out("err");
  EXPECT_TRUE(absl::StrContains(Out("err"), "\nnext: printf ")) << Out("err");
  EXPECT_TRUE(absl::StrContains(Out("err"), " >dev.toml && keyturnd --dev --config dev.toml\n"))
      << Out("err");
  close(taken);
  // What is in the way of the socket is no socket that a killed server left.
  ASSERT_EQ(mkdir(dir_.File("data/operator.sock").c_str(), 0700), 0);
  EXPECT_EQ(Run({"--config", dir_.File("c.toml")}), 1);
  EXPECT_TRUE(absl::StrContains(
      Out("err"), absl::StrCat("cannot listen on the operator socket ",
                               dir_.File("data/operator.sock"), ": Address already in use\"")))
      << Out("err");
}

// Root may lock what it likes, so it becomes nobody.
TEST_F(ProcessTest, RefusesMemoryThatCannotBeLocked) {
  if (kSanitized) GTEST_SKIP() << "sanitizers lock no memory, and say that they did";
  WriteConfig("c.toml", absl::StrCat("data_directory = \"", dir_.File("data"), "\"\n"));
  ASSERT_EQ(chmod(dir_.path().c_str(), 0711), 0);
  const pid_t pid = Spawn({"--config", dir_.File("c.toml")}, {}, [] {
    const rlimit none = {0, 0};
    if (setrlimit(RLIMIT_MEMLOCK, &none) != 0) _exit(125);
    if (geteuid() != 0) return;
    constexpr uid_t kNobody = 65534;
    if (setgroups(0, nullptr) != 0 || setgid(kNobody) != 0 || setuid(kNobody) != 0) _exit(125);
  });
  EXPECT_EQ(Wait(pid), 1);
  EXPECT_TRUE(absl::StrContains(
      Out("err"),
      "cannot lock 4194304 bytes for the arena of secrets: RLIMIT_MEMLOCK is 0; raise it (systemd: "
      "LimitMEMLOCK=infinity, shell: ulimit -l)"))
      << Out("err");
  EXPECT_FALSE(FileSystem::Posix().Exists(dir_.File("data")));
}

TEST_F(ProcessTest, RefusesADirectoryThatOthersMayEnter) {
  ASSERT_EQ(mkdir(dir_.File("data").c_str(), 0755), 0);
  ASSERT_EQ(chmod(dir_.File("data").c_str(), 0755), 0);
  WriteConfig("c.toml", RealConfig());
  EXPECT_EQ(Run({"--config", dir_.File("c.toml")}), 1);
  EXPECT_TRUE(absl::StrContains(Out("err"), "may be entered by other users; run `chmod 0700 "))
      << Out("err");
}

// What an empty reflection stream ends with.
grpc::StatusCode Reflect(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  const auto call = stub.PrepareCall(
      &context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
  grpc::Status status;
  void* tag = nullptr;
  bool ok = false;
  call->StartCall(nullptr);
  queue.Next(&tag, &ok);
  call->WritesDone(nullptr);
  queue.Next(&tag, &ok);
  call->Finish(&status, nullptr);
  queue.Next(&tag, &ok);
  return status.error_code();
}

TEST_F(ProcessTest, OnlyDevModeTellsItsInterface) {
  WriteConfig("dev.toml", "");
  const pid_t dev =
      Spawn({"--dev", "--config", dir_.File("dev.toml"), "--info-file", dir_.File("dev.json")});
  Await("dev.json");
  nlohmann::json info = nlohmann::json::parse(Out("dev.json"));
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = *FileSystem::Posix().Read(info["ca_file"]);
  EXPECT_EQ(Reflect(grpc::CreateChannel(info["grpc"], grpc::SslCredentials(tls))), grpc::OK);
  kill(dev, SIGTERM);
  EXPECT_EQ(Wait(dev), 0);

  WriteConfig("c.toml", RealConfig());
  const pid_t real =
      Spawn({"--config", dir_.File("c.toml"), "--info-file", dir_.File("real.json")});
  Await("real.json");
  info = nlohmann::json::parse(Out("real.json"));
  const std::string socket = info["operator_socket"];
  EXPECT_EQ(Reflect(grpc::CreateChannel("unix:" + socket, grpc::InsecureChannelCredentials())),
            grpc::UNIMPLEMENTED);
  kill(real, SIGTERM);
  EXPECT_EQ(Wait(real), 0);
}

// Whether a client that speaks TLS 1.2 with `suites` only gets a connection.
bool AgreesOn(const nlohmann::json& info, const std::string& suites) {
  const std::string command =
      absl::StrCat("echo | timeout 20 openssl s_client -alpn h2 -tls1_2 -cipher ", suites,
                   "@SECLEVEL=0 -connect ", std::string(info["grpc"]), " -CAfile ",
                   std::string(info["ca_file"]), " 2>&1 | grep -q 'Cipher is ECDHE'");
  return std::system(command.c_str()) == 0;
}

// gRPC reads its suites from the environment, and the marker of the second start may be there from
// the first.
TEST_F(ProcessTest, NoEnvironmentWeakensTls) {
  const std::string weak = "ECDHE-ECDSA-AES128-SHA:AES128-GCM-SHA256";
  const Environment hostile = {{"GRPC_SSL_CIPHER_SUITES", weak}};
  Environment marked = hostile;
  marked["KEYTURN_SETTINGS_APPLIED"] = "1";
  marked["MALLOC_CONF"] = "junk:free";
  marked["LD_BIND_NOW"] = "1";
  WriteConfig("c.toml", "");
  for (const Environment& environment : {Environment(), hostile, marked}) {
    const std::string name = absl::StrCat("info", environment.size(), ".json");
    const pid_t pid = Spawn(
        {"--dev", "--config", dir_.File("c.toml"), "--info-file", dir_.File(name)}, environment);
    Await(name);
    const nlohmann::json info = nlohmann::json::parse(Out(name));
    EXPECT_TRUE(AgreesOn(info, "ECDHE-ECDSA-AES128-GCM-SHA256")) << name;
    EXPECT_FALSE(AgreesOn(info, "ECDHE-ECDSA-AES128-SHA")) << name;
    kill(pid, SIGTERM);
    EXPECT_EQ(Wait(pid), 0);
  }
}

TEST_F(ProcessTest, DevModeServesUntilItIsTold) {
  WriteConfig("c.toml", "");
  const pid_t pid =
      Spawn({"--dev", "--config", dir_.File("c.toml"), "--info-file", dir_.File("info.json")});
  Await("info.json");
  const nlohmann::json info = nlohmann::json::parse(Out("info.json"));
  EXPECT_EQ(info["pid"], pid);
  const std::string token_file = info["root_token_file"];
  struct stat file;
  ASSERT_EQ(stat(token_file.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  EXPECT_TRUE(absl::StartsWith(*FileSystem::Posix().Read(token_file), "kts."));
  EXPECT_TRUE(absl::StrContains(Out("err"), "NOT FOR REAL SECRETS"));
  kill(pid, SIGTERM);
  EXPECT_EQ(Wait(pid), 0);
  EXPECT_FALSE(FileSystem::Posix().Exists(token_file));
}

// The serial number of the certificate that a new connection is shown.
std::string ServedSerial(const nlohmann::json& info) {
  const std::string command =
      absl::StrCat("echo | timeout 20 openssl s_client -alpn h2 -connect ",
                   std::string(info["grpc"]), " 2>/dev/null | openssl x509 -noout -serial");
  FILE* const pipe = popen(command.c_str(), "r");
  char line[256] = "";
  EXPECT_NE(fgets(line, sizeof(line), pipe), nullptr);
  pclose(pipe);
  return line;
}

TEST_F(ProcessTest, ASighupTakesTheNewCertificateAndKeepsTheOldOneFromABadFile) {
  TestCa ca(dir_.path());
  ca.Server("server");
  WriteConfig("c.toml",
              absl::StrCat(RealConfig(), "[tls]\ncertificate = \"", dir_.File("server.pem"),
                           "\"\nkey = \"", dir_.File("server.key"), "\"\n"));
  const pid_t pid = Spawn({"--config", dir_.File("c.toml"), "--info-file", dir_.File("info.json")});
  Await("info.json");
  const nlohmann::json info = nlohmann::json::parse(Out("info.json"));
  const std::string first = ServedSerial(info);
  EXPECT_TRUE(absl::StartsWith(first, "serial=")) << first;
  ca.Server("server");
  EXPECT_EQ(ServedSerial(info), first);
  kill(pid, SIGHUP);
  AwaitLog("\"certificates were read again\"");
  const std::string second = ServedSerial(info);
  EXPECT_TRUE(absl::StartsWith(second, "serial=")) << second;
  EXPECT_NE(second, first);
  std::ofstream(dir_.File("server.pem")) << "no certificate\n";
  kill(pid, SIGHUP);
  AwaitLog("\"certificates were not read; the old ones stay\"");
  EXPECT_EQ(ServedSerial(info), second);
  kill(pid, SIGTERM);
  EXPECT_EQ(Wait(pid), 0);
}

TEST_F(ProcessTest, ARealServerLeavesNoCoreAndNoFilesToOthers) {
  WriteConfig("c.toml", RealConfig());
  umask(0);
  const pid_t pid = Spawn({"--config", dir_.File("c.toml"), "--info-file", dir_.File("info.json")});
  umask(022);
  Await("info.json");
  EXPECT_FALSE(nlohmann::json::parse(Out("info.json")).contains("root_token_file"));
  std::string name;  // as `ps` and `pgrep` have it
  std::ifstream(absl::StrCat("/proc/", pid, "/comm")) >> name;
  EXPECT_EQ(name, "keyturnd");
  std::ifstream status(absl::StrCat("/proc/", pid, "/limits"));
  const std::string limits((std::istreambuf_iterator<char>(status)),
                           std::istreambuf_iterator<char>());
  EXPECT_TRUE(absl::StrContains(limits, "Max core file size        0                    0"))
      << limits;
  std::string wide;
  for (const char* name : {"", "/operator.sock", "/tls", "/tls/server.key", "/tls/ca.key",
                           "/tls/client-ca.pem", "/audit", "/store"}) {
    struct stat file;
    const std::string path = dir_.File("data") + name;
    ASSERT_EQ(stat(path.c_str(), &file), 0) << path;
    if ((file.st_mode & 077) != 0) absl::StrAppend(&wide, path, " ");
  }
  EXPECT_EQ(wide, "");
  kill(pid, SIGABRT);
  EXPECT_EQ(Wait(pid), -SIGABRT);
}

}  // namespace
}  // namespace keyturn
