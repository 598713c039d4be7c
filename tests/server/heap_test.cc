// Nothing of a value stays in a server's memory once the calls are over: what gRPC, OpenSSL and
// protobuf held for a moment was overwritten when it was freed.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/coding.h"
#include "crypto/random.h"
#include "tests/server/server_fixture.h"
#include "tests/support/process.h"
#include "tests/support/seed.h"

namespace keyturn {
namespace {

// How often `text` is in what process `pid` may write.
int CopiesIn(pid_t pid, const std::string& text) {
  const int memory = open(absl::StrCat("/proc/", pid, "/mem").c_str(), O_RDONLY | O_CLOEXEC);
  EXPECT_GE(memory, 0);
  std::ifstream maps(absl::StrCat("/proc/", pid, "/maps"));
  int copies = 0;
  std::string line;
  while (std::getline(maps, line)) {
    // "begin-end rwxp …", proc(5).
    const std::vector<std::string> words = absl::StrSplit(line, absl::ByAnyChar("- "));
    uint64_t begin = 0, end = 0;
    if (words.size() < 3 || !absl::SimpleHexAtoi(words[0], &begin) ||
        !absl::SimpleHexAtoi(words[1], &end) || words[2].size() < 2 || words[2][1] != 'w') {
      continue;
    }
    std::string bytes(end - begin, '\0');
    const ssize_t got = pread(memory, bytes.data(), bytes.size(), static_cast<off_t>(begin));
    if (got <= 0) continue;
    bytes.resize(static_cast<size_t>(got));
    for (size_t at = 0; (at = bytes.find(text, at)) != std::string::npos; ++at) ++copies;
  }
  close(memory);
  return copies;
}

class HeapTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* const bin = std::getenv("KEYTURN_BIN");
    ASSERT_NE(bin, nullptr);
    std::ofstream(dir_.File("c.toml"))
        << "[listen]\ngrpc = \"127.0.0.1:0\"\nmetrics = \"127.0.0.1:0\"\n[limits]\n"
        << "require_memory_lock = false\n";
    pid_ = StartProcess({absl::StrCat(bin, "/keyturnd"), "--dev", "--config", dir_.File("c.toml"),
                         "--info-file", dir_.File("info.json")},
                        {}, dir_.File("log"));
    ASSERT_TRUE(AwaitFile(dir_.path(), "info.json", pid_));
    info_ = nlohmann::json::parse(*FileSystem::Posix().Read(dir_.File("info.json")));
    token_ = *FileSystem::Posix().Read(info_["root_token_file"]);
    while (absl::EndsWith(token_, "\n")) token_.pop_back();
  }
  void TearDown() override {
    if (pid_ <= 0) return;
    kill(pid_, SIGTERM);
    EXPECT_EQ(WaitFor(pid_), 0);
  }

  std::unique_ptr<Stubs> Connect() {
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = *FileSystem::Posix().Read(info_["ca_file"]);
    return std::make_unique<Stubs>(NewChannel(info_["grpc"], grpc::SslCredentials(tls)));
  }
  void Put(Stubs& stubs, const std::string& value) {
    v1::PutRequest put;
    put.set_path("app/key");
    v1::Field* const field = put.mutable_data()->add_fields();
    field->set_name("value");
    field->set_value(value);
    v1::PutResponse response;
    ASSERT_EQ(Text(stubs.secrets->Put(Ctx(token_), put, &response)), "OK");
  }
  void Read(Stubs& stubs, const std::string& value) {
    v1::GetRequest get;
    get.set_path("app/key");
    v1::GetResponse response;
    ASSERT_EQ(Text(stubs.secrets->Get(Ctx(token_), get, &response)), "OK");
    ASSERT_EQ(response.data().fields(0).value(), value);
  }

  const TempDir dir_;
  pid_t pid_ = -1;
  nlohmann::json info_;
  std::string token_;
};

TEST_F(HeapTest, NoCopyOfAValueIsLeft) {
  if (kSanitized) GTEST_SKIP() << "sanitizers have an allocator of their own";
  const std::string value = HexEncode(RandomBytes(24));
  {
    const std::unique_ptr<Stubs> stubs = Connect();
    Put(*stubs, value);
    for (int i = 0; i < 2000; ++i) Read(*stubs, value);
    // The search sees what is there: a name is kept as it is.
    EXPECT_GT(CopiesIn(pid_, "app/key"), 0);
  }
  // Other calls, so that what the last ones left in a connection's buffers goes.
  const std::unique_ptr<Stubs> stubs = Connect();
  for (int i = 0; i < 50; ++i) {
    v1::StatusResponse response;
    ASSERT_EQ(Text(stubs->system->Status(Ctx(token_), {}, &response)), "OK");
  }
  EXPECT_EQ(CopiesIn(pid_, value), 0);
}

}  // namespace
}  // namespace keyturn
