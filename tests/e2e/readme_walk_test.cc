// The README's first vault, word for word: its commands are taken out of README.md and typed in
// order, on a clean directory, into a shell as a reader would.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/client.h"
#include "storage/file_system.h"
#include "tests/support/process.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {
namespace {

// The indented blocks below "## A first vault", in order.
std::vector<std::string> BlocksOfReadme(const std::string& readme) {
  std::vector<std::string> blocks;
  bool here = false, inside = false;
  for (const absl::string_view line : absl::StrSplit(readme, '\n')) {
    if (absl::StartsWith(line, "## ")) here = line == "## A first vault";
    const bool code = here && absl::StartsWith(line, "    ");
    if (code && !inside) blocks.emplace_back();
    if (code) absl::StrAppend(&blocks.back(), line.substr(4), "\n");
    inside = code;
  }
  return blocks;
}

class ReadmeWalk : public testing::Test {
 protected:
  void SetUp() override {
    const char* const source = std::getenv("KEYTURN_SOURCE");
    ASSERT_NE(source, nullptr) << "KEYTURN_SOURCE names the checkout; ctest sets it";
    // A checkout of its own, in which ./run is made: everything in it is the real one.
    checkout_ = dir_.File("keyturn");
    ASSERT_TRUE(std::filesystem::create_directory(checkout_));
    for (const auto& entry : std::filesystem::directory_iterator(source)) {
      const std::string name = entry.path().filename().string();
      if (name == "run" || name == ".env" || name == "dev") continue;
      std::filesystem::create_symlink(entry.path(), checkout_ + "/" + name);
    }
    // Not a link, as it goes to where it lies.
    std::filesystem::copy_file(absl::StrCat(source, "/dev"), checkout_ + "/dev");
    ASSERT_TRUE(std::filesystem::create_directory(dir_.File("home")));
    options_.directory = checkout_;
    options_.environment = {{"HOME", dir_.File("home")},
                            {"XDG_CONFIG_HOME", ""},
                            {"XDG_STATE_HOME", ""},
                            {"KEYTURN_INFO_FILE", ""},
                            {"KEYTURN_PROFILE", ""},
                            {"KEYTURN_ADDR", ""},
                            {"KEYTURN_RUN_DIR", ""},
                            {"KEYTURN_START_GRPC", "127.0.0.1:0"},
                            {"KEYTURN_START_RESP", "127.0.0.1:0"},
                            {"KEYTURN_START_HTTPS", "127.0.0.1:0"},
                            {"KEYTURN_START_METRICS", "127.0.0.1:0"}};
  }
  void TearDown() override {
    if (server_ > 0) {
      kill(server_, SIGTERM);
      WaitFor(server_);
    }
  }

  void StartServer() {
    if (server_ > 0) {
      // The README has killed it.
      ASSERT_EQ(WaitFor(server_), -SIGKILL);
      std::filesystem::remove(checkout_ + "/run/info.json");
    }
    std::filesystem::create_directory(checkout_ + "/run");
    server_ = StartProcess({"bash", "-c", "exec ./dev start"}, options_, dir_.File("server.log"));
    ASSERT_TRUE(AwaitFile(checkout_ + "/run", "info.json", server_)) << Log();
  }

  // What one block prints. The exports of earlier blocks hold, as in one terminal.
  ProcessResult Type(const std::string& block) {
    ProcessResult result = RunProcess({"bash", "-e"}, [&] {
      ProcessOptions options = options_;
      options.input = exports_ + block;
      return options;
    }());
    for (const absl::string_view line : absl::StrSplit(block, '\n')) {
      if (absl::StartsWith(line, "export ")) absl::StrAppend(&exports_, line, "\n");
    }
    EXPECT_EQ(result.code, 0) << block << result.out << result.err << Log();
    return result;
  }

  // PyJWT, with the published keys and 30 seconds of tolerance: 29 seconds after its end the token
  // is good, 31 seconds after it is not.
  void ExpectPyJwtAgrees() {
    const std::string verify = R"(
keyturn jwt jwks alcs/tokens > run/jwks.json
/usr/bin/python3 - <<'END'
import datetime, jwt, jwt.api_jwt
token = open('run/token').read().strip()
kid = jwt.get_unverified_header(token)['kid']
keys = jwt.PyJWKSet.from_json(open('run/jwks.json').read()).keys
key = next(k for k in keys if k.key_id == kid).key
def claims(shift):
    class Shifted(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.datetime.fromtimestamp(ends + shift, tz)
    jwt.api_jwt.datetime = Shifted
    return jwt.decode(token, key, algorithms=['ES256'], audience='alcs-api', issuer='alcs-auth',
                      leeway=30)
ends = jwt.decode(token, options={'verify_signature': False})['exp']
assert claims(29)['permissions'] == ['read']
try:
    claims(31)
    raise SystemExit('31 seconds too late, and good')
except jwt.ExpiredSignatureError:
    print('agreed')
END
)";
    EXPECT_EQ(Type(verify).out, "agreed\n");
  }

  std::string Log() {
    const absl::StatusOr<std::string> log = FileSystem::Posix().Read(dir_.File("server.log"));
    return log.ok() ? *log : "";
  }

  absl::StatusOr<std::string> ReadByClient(const std::string& path) {
    const nlohmann::json info =
        nlohmann::json::parse(*FileSystem::Posix().Read(checkout_ + "/run/info.json"));
    const std::string profile = dir_.File("home/.config/keyturn/profiles/default/");
    ClientOptions options;
    options.address = info["grpc"];
    options.ca_file = info["ca_file"];
    options.client_cert_file = profile + "client.pem";
    options.client_key_file = profile + "client.key";
    const absl::StatusOr<std::unique_ptr<Client>> client = Client::Connect(options);
    if (!client.ok()) return client.status();
    v1::GetRequest request;
    request.set_path(path);
    request.add_fields("value");
    const absl::StatusOr<v1::GetResponse> got = (*client)->Get(request);
    if (!got.ok()) return got.status();
    return got->data().fields(0).value();
  }

  const TempDir dir_;
  std::string checkout_, exports_;
  ProcessOptions options_;
  pid_t server_ = -1;
};

constexpr char kApiKey[] = "kt_example_4f9c1e7ab2d8";
constexpr char kJwtSecret[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY0123456789abcdef";
constexpr char kDatabaseUrl[] = "postgres://alcs:correct-horse@db.internal/alcs?sslmode=require";

TEST_F(ReadmeWalk, EverythingItSaysIsSo) {
  const std::vector<std::string> blocks =
      BlocksOfReadme(*FileSystem::Posix().Read(checkout_ + "/README.md"));
  std::map<std::string, std::string> printed;  // by the first line of the block
  std::vector<std::string> order;
  int starts = 0;
  for (const std::string& block : blocks) {
    if (block == "./dev start\n") {
      ASSERT_NO_FATAL_FAILURE(StartServer());
      ++starts;
      continue;
    }
    const ProcessResult result = Type(block);
    ASSERT_EQ(result.code, 0);
    const std::string key = absl::StrCat(starts, " ", block.substr(0, block.find('\n')));
    printed[key] = result.out;
    order.push_back(key);
    if (absl::StartsWith(block, "keyturn run")) {
      // A service reads them too, in both lives of the server.
      EXPECT_EQ(*ReadByClient("alcs/production/api-key"), kApiKey);
    }
  }
  ASSERT_EQ(starts, 2) << absl::StrJoin(order, "\n");
  const std::string verified = printed
      ["1 keyturn jwt create alcs/tokens --algorithm ES256 --issuer alcs-auth "
       "--audience alcs-api"];
  EXPECT_TRUE(absl::StrContains(verified, "valid        yes")) << verified;
  ExpectPyJwtAgrees();
  EXPECT_EQ(*ReadByClient("alcs/production/api-key"), kApiKey);
  EXPECT_EQ(*ReadByClient("alcs/production/jwt-secret"), kJwtSecret);
  EXPECT_EQ(*ReadByClient("alcs/production/database-url"), kDatabaseUrl);

  const std::string ran = printed["1 keyturn run --path alcs/production -- env"];
  for (const std::string& line :
       {absl::StrCat("API_KEY=", kApiKey, "\n"), absl::StrCat("JWT_SECRET=", kJwtSecret, "\n"),
        absl::StrCat("DATABASE_URL=", kDatabaseUrl, "\n")}) {
    EXPECT_TRUE(absl::StrContains(ran, line)) << ran;
  }
  const std::string checked = printed["2 keyturn secret read alcs/production/api-key"];
  EXPECT_TRUE(absl::StartsWith(checked, kApiKey)) << checked;
  const std::vector<std::string> lines = absl::StrSplit(checked, '\n');
  int clean = 0, reads = 0, signed_up_to = 0;
  for (const std::string& line : lines) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words == std::vector<std::string>{"problems", "0"}) ++clean;
    if (words.size() == 4 && words[0] == "signed") signed_up_to = std::atoi(words[3].c_str());
    if (absl::StrContains(line, "  secret_read  ok  spiffe://keyturn/operator  ")) ++reads;
  }
  EXPECT_EQ(clean, 2) << checked;
  EXPECT_GE(reads, 5) << checked;         // before the kill and after it
  EXPECT_GT(signed_up_to, 0) << checked;  // what the kill left unsigned, at the next unseal
}

TEST_F(ReadmeWalk, TheTerminalSaysTheSameAsTheReadme) {
  ASSERT_NO_FATAL_FAILURE(StartServer());
  const std::string log = Log();
  EXPECT_TRUE(absl::StrContains(log, "keyturn operator init --seal key-file")) << log;
  EXPECT_TRUE(
      absl::StrContains(log, absl::StrCat("KEYTURN_INFO_FILE=\"", checkout_, "/run/info.json\"")))
      << log;
}

}  // namespace
}  // namespace keyturn
