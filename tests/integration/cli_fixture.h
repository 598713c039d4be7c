// `keyturn` as a process, against a real keyturnd that one test program starts once: initialised
// by a key file, with an operator's profile in a home directory of its own. Not thread-safe.
#pragma once

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "storage/file_system.h"
#include "tests/support/process.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {

inline std::string BinFile(const std::string& name) {
  const char* const bin = std::getenv("KEYTURN_BIN");
  return absl::StrCat(bin == nullptr ? "" : bin, "/", name);
}

class RunningServer {
 public:
  // `more` goes below the rest of the configuration: sections of its own.
  explicit RunningServer(bool init, const std::string& more = "") {
    std::ofstream(dir_.File("keyturn.toml"))
        << "data_directory = \"" << dir_.File("data") << "\"\nkey_file = \"" << dir_.File("key")
        << "\"\nauto_unseal = true\n[listen]\ngrpc = \"127.0.0.1:0\"\nhttps = "
           "\"127.0.0.1:0\"\nmetrics = "
           "\"127.0.0.1:0\"\nresp = \"127.0.0.1:0\"\n"
        << "[limits]\nrequire_memory_lock = false\n"
        << more;
    std::filesystem::create_directory(dir_.File("home"));
    Start();
    if (pid_ < 0 || !init) return;
    const ProcessResult made =
        Keyturn({"operator", "init", "--seal", "key-file", "--root-token-file", root_token_file(),
                 "--info-file", info_file()});
    EXPECT_EQ(made.code, 0) << made.err;
  }
  ~RunningServer() { Stop(); }

  void Stop() {
    if (pid_ < 0) return;
    kill(pid_, SIGTERM);
    EXPECT_EQ(WaitFor(pid_), 0);
    pid_ = -1;
  }
  // It keeps its connections and takes new ones, and says nothing until it goes on.
  void Pause() {
    if (pid_ > 0) kill(pid_, SIGSTOP);
  }
  void GoOn() {
    if (pid_ > 0) kill(pid_, SIGCONT);
  }
  // On another port.
  void Restart() {
    Stop();
    std::filesystem::remove(info_file());
    Start();
  }

  std::string info_file() const { return dir_.File("info.json"); }
  std::string root_token_file() const { return dir_.File("root-token"); }
  std::string File(const std::string& name) const { return dir_.File(name); }
  nlohmann::json Info() const {
    return nlohmann::json::parse(*FileSystem::Posix().Read(info_file()));
  }

  ProcessResult Keyturn(std::vector<std::string> arguments, const std::string& input = "",
                        std::map<std::string, std::string> environment = {}) {
    arguments.insert(arguments.begin(), BinFile("keyturn"));
    ProcessOptions options = Options(std::move(environment));
    options.input = input;
    return RunProcess(std::move(arguments), options);
  }
  // What goes on until it is ended; its output goes to the file. The caller waits for it.
  pid_t StartKeyturn(std::vector<std::string> arguments, const std::string& log_file) {
    arguments.insert(arguments.begin(), BinFile("keyturn"));
    return StartProcess(std::move(arguments), Options({}), log_file);
  }
  // As a person would, at a terminal.
  ProcessResult KeyturnOnTerminal(std::vector<std::string> arguments,
                                  const std::vector<Typed>& typed,
                                  std::map<std::string, std::string> environment = {}) {
    arguments.insert(arguments.begin(), BinFile("keyturn"));
    environment.insert({"TERM", "xterm"});
    environment.insert({"NO_COLOR", ""});
    return RunOnTerminal(std::move(arguments), Options(std::move(environment)), typed);
  }

 private:
  ProcessOptions Options(std::map<std::string, std::string> environment) {
    ProcessOptions options;
    options.directory = dir_.path();
    options.environment = std::move(environment);
    options.environment.insert({"HOME", dir_.File("home")});
    for (const char* const name : {"XDG_CONFIG_HOME", "XDG_STATE_HOME", "KEYTURN_INFO_FILE",
                                   "KEYTURN_PROFILE", "KEYTURN_ADDR", "KEYTURN_CACERT",
                                   "KEYTURN_TOKEN", "KEYTURN_TOKEN_FILE", "KEYTURN_DATA_DIR"}) {
      options.environment.insert({name, ""});
    }
    return options;
  }

  void Start() {
    pid_ = StartProcess(
        {BinFile("keyturnd"), "--config", dir_.File("keyturn.toml"), "--info-file", info_file()},
        {}, dir_.File("log"));
    if (AwaitFile(dir_.path(), "info.json", pid_)) return;
    ADD_FAILURE() << *FileSystem::Posix().Read(dir_.File("log"));
    pid_ = -1;
  }

  const TempDir dir_;
  pid_t pid_ = -1;
};

// The words of a line, as none of them has a space in it.
inline std::vector<std::string> Words(const std::string& line) {
  return absl::StrSplit(line, ' ', absl::SkipEmpty());
}

// What the next program that opens the pipe writes, up to a newline. Read to its end: the one after
// would find that program's end of the pipe otherwise.
inline std::string NextWritten(const std::string& fifo) {
  std::ifstream pipe(fifo);
  std::string line, rest;
  std::getline(pipe, line);
  while (std::getline(pipe, rest)) continue;
  return line;
}

// For tests that need a server each.
class OwnServerTest : public testing::Test {
 protected:
  explicit OwnServerTest(bool init) : server_(init) {}

  ProcessResult Run(const std::string& line, const std::string& input = "") {
    return server_.Keyturn(Words(line), input);
  }
  ProcessResult Ok(const std::string& line, const std::string& input = "") {
    ProcessResult result = Run(line, input);
    EXPECT_EQ(result.code, 0) << line << "\n" << result.err;
    return result;
  }

  RunningServer server_;
};

// A vault with a passphrase and shares, any 2 of 3, which are in the file "shares".
class TwoSealsTest : public OwnServerTest {
 protected:
  TwoSealsTest() : OwnServerTest(/*init=*/false) {}
  void SetUp() override {
    const ProcessResult made =
        Run("operator init --seal passphrase --seal shamir --shares 3 --threshold 2 "
            "--passphrase-file - --shares-file shares --info-file " +
                server_.info_file(),
            kPassphrase);
    ASSERT_EQ(made.code, 0) << made.err;
    EXPECT_FALSE(absl::StrContains(made.err, "--keep-newline")) << made.err;
  }
  // Of a file of shares.
  std::vector<std::string> SharesIn(const std::string& file) {
    return absl::StrSplit(*FileSystem::Posix().Read(server_.File(file)), '\n', absl::SkipEmpty());
  }

  // The tab is one more control character before the newline at the end.
  static constexpr char kPassphrase[] = "correct horse\tbattery staple\n";
};

class CliTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = new RunningServer(/*init=*/true); }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }

  ProcessResult Run(const std::string& line, const std::string& input = "",
                    std::map<std::string, std::string> environment = {}) {
    return server_->Keyturn(Words(line), input, std::move(environment));
  }
  // Must succeed; what it printed.
  std::string Ok(const std::string& line, const std::string& input = "") {
    const ProcessResult result = Run(line, input);
    EXPECT_EQ(result.code, 0) << line << "\n" << result.out << result.err;
    return result.out;
  }
  // Must fail so, saying `message` and nothing on standard output.
  void Fails(const std::string& line, int code, const std::string& message,
             const std::string& input = "") {
    const ProcessResult result = Run(line, input);
    EXPECT_EQ(result.code, code) << line << "\n" << result.out << result.err;
    EXPECT_TRUE(absl::StrContains(result.err, message)) << line << "\n" << result.err;
    EXPECT_EQ(result.out, "") << line;
  }
  nlohmann::json Json(const std::string& line) {
    const std::string out = Ok(line);
    nlohmann::json json = nlohmann::json::parse(out, nullptr, false);
    EXPECT_FALSE(json.is_discarded()) << line << "\n" << out;
    return json;
  }

  static RunningServer* server_;
};

inline RunningServer* CliTest::server_ = nullptr;

}  // namespace keyturn
