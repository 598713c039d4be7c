// Nothing of a value stays in a server's memory once the calls are over: what gRPC, OpenSSL and
// protobuf held for a moment was overwritten when it was freed.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/coding.h"
#include "crypto/random.h"
#include "keyring/key_file.h"
#include "keyring/seal_file.h"
#include "keyring/seal_slot.h"
#include "tests/server/server_process.h"
#include "tests/support/process.h"
#include "tests/support/seed.h"

namespace keyturn {
namespace {

struct Range {
  uint64_t begin = 0, end = 0;
};

// What of `range` process `pid` really has, in memory or in swap: of the gigabytes that it has
// reserved, little. proc_pid_pagemap(5).
std::vector<Range> PagesOf(int pagemap, Range range) {
  const uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  std::vector<Range> out;
  std::vector<uint64_t> entries(1 << 16);
  for (uint64_t at = range.begin; at < range.end;) {
    const size_t wanted = std::min<size_t>(entries.size(), (range.end - at) / page);
    const ssize_t got = pread(pagemap, entries.data(), wanted * sizeof(uint64_t),
                              static_cast<off_t>(at / page * sizeof(uint64_t)));
    if (got <= 0) break;
    for (size_t i = 0; i < static_cast<size_t>(got) / sizeof(uint64_t); ++i, at += page) {
      if (entries[i] >> 62 == 0) continue;  // neither "present" nor "swapped"
      if (out.empty() || out.back().end != at) out.push_back({at, at});
      out.back().end += page;
    }
  }
  return out;
}

// How often each of `texts` is in what process `pid` may write. Says where, if `show`.
std::vector<int> CopiesIn(pid_t pid, const std::vector<std::string>& texts, bool show = false) {
  const int memory = open(absl::StrCat("/proc/", pid, "/mem").c_str(), O_RDONLY | O_CLOEXEC);
  const int pagemap = open(absl::StrCat("/proc/", pid, "/pagemap").c_str(), O_RDONLY | O_CLOEXEC);
  EXPECT_GE(memory, 0);
  EXPECT_GE(pagemap, 0);
  std::ifstream maps(absl::StrCat("/proc/", pid, "/maps"));
  std::vector<int> copies(texts.size());
  std::string line;
  while (std::getline(maps, line)) {
    // "begin-end rwxp …", proc(5).
    const std::vector<std::string> words = absl::StrSplit(line, absl::ByAnyChar("- "));
    Range mapped;
    if (words.size() < 3 || !absl::SimpleHexAtoi(words[0], &mapped.begin) ||
        !absl::SimpleHexAtoi(words[1], &mapped.end) || words[2].size() < 2 || words[2][1] != 'w') {
      continue;
    }
    for (const Range& range : PagesOf(pagemap, mapped)) {
      std::string bytes(range.end - range.begin, '\0');
      const ssize_t got =
          pread(memory, bytes.data(), bytes.size(), static_cast<off_t>(range.begin));
      if (got <= 0) continue;
      bytes.resize(static_cast<size_t>(got));
      for (size_t i = 0; i < texts.size(); ++i) {
        for (size_t at = 0; (at = bytes.find(texts[i], at)) != std::string::npos; ++at) {
          ++copies[i];
          if (!show) continue;
          const size_t from = at - std::min<size_t>(at, 64);
          std::printf("at %lx of %s:\n%s\n", range.begin + at, line.c_str(),
                      absl::CHexEscape(bytes.substr(from, 256)).c_str());
        }
      }
    }
  }
  close(pagemap);
  close(memory);
  return copies;
}
int CopiesIn(pid_t pid, const std::string& text) {
  return CopiesIn(pid, std::vector<std::string>{text})[0];
}

class HeapTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* const bin = std::getenv("KEYTURN_BIN");
    ASSERT_NE(bin, nullptr);
    std::ofstream(dir_.File("c.toml"))
        << "[listen]\ngrpc = \"127.0.0.1:0\"\nhttps = \"127.0.0.1:0\"\nmetrics = "
           "\"127.0.0.1:0\"\nresp = \"127.0.0.1:0\"\n[limits]\n"
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

  // Once a connection is closed. Other calls, so that what the last ones left in its buffers goes:
  // a busy server may still be about to close the one before. What stays is a copy.
  int CopiesLeft(const std::string& value) {
    const std::unique_ptr<Stubs> stubs = Connect();
    int copies = -1;
    for (int round = 0; round < 10 && copies != 0; ++round) {
      for (int i = 0; i < 50; ++i) {
        v1::StatusResponse response;
        EXPECT_EQ(Text(stubs->system->Status(Ctx(token_), {}, &response)), "OK");
      }
      copies = CopiesIn(pid_, value);
    }
    if (copies != 0) CopiesIn(pid_, {value}, true);
    return copies;
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
    for (int i = 0; i < 10'000; ++i) Read(*stubs, value);
    // The search sees what is there: a name is kept as it is.
    EXPECT_GT(CopiesIn(pid_, "app/key"), 0);
  }
  EXPECT_EQ(CopiesLeft(value), 0);
}

// Neither of one that was made nor of one that was presented, in its protobuf messages.
TEST_F(HeapTest, NoCopyOfAnApiKeyIsLeft) {
  if (kSanitized) GTEST_SKIP() << "sanitizers have an allocator of their own";
  v1::CreateApiKeyResponse made;
  {
    const std::unique_ptr<Stubs> stubs = Connect();
    v1::CreateApiKeyRequest create;
    create.set_path("app/key");
    ASSERT_EQ(Text(stubs->api_keys->Create(Ctx(token_), create, &made)), "OK");
    v1::VerifyApiKeyRequest verify;
    verify.set_key(made.key());
    for (int i = 0; i < 2000; ++i) {
      v1::VerifyApiKeyResponse answer;
      ASSERT_EQ(Text(stubs->api_keys->Verify(Ctx(token_), verify, &answer)), "OK");
      ASSERT_TRUE(answer.valid());
    }
    EXPECT_GT(CopiesIn(pid_, made.info().id()), 0);
  }
  EXPECT_EQ(CopiesLeft(made.key().substr(21, 43)), 0);
}

std::string Bytes(const SecretBytes& key) { return std::string(key.ExposeForCrypto()); }

// Every key that the files of a vault hold, by name.
std::map<std::string, std::string> KeysOf(const ServerProcess& server, const std::string& copy) {
  std::filesystem::create_directory(copy);
  std::filesystem::permissions(copy, std::filesystem::perms::owner_all);
  for (const char* const name : {"seal.ktn", "keyring.ktn", "keyring.ktn.2"}) {
    std::filesystem::copy(server.data_directory() + "/" + name, copy + "/" + name);
  }
  SimulatedClock clock;
  KeyringOptions options;
  options.directory = copy;
  options.key_file = server.key_file();
  const auto keyring = Keyring::Open(options, FileSystem::Posix(), clock);
  EXPECT_OK((*keyring)->UnsealWithKeyFile(Revision(0)));
  const auto keys = *(*keyring)->Snapshot();
  const SecretBytes unseal_key = *ReadKeyFile(server.key_file());
  const auto seal = *ReadSealFile(FileSystem::Posix(), copy);
  return {{"unseal key", Bytes(unseal_key)},
          {"root key", Bytes(*OpenSlot(seal.slots(0), keys->vault_id(), unseal_key))},
          {"older key-encryption key", Bytes(keys->keks().front()->key)},
          {"key-encryption key", Bytes(keys->active_kek().key)},
          {"index key", Bytes(keys->index_key())},
          {"record hash key", Bytes(keys->record_hash_key())},
          {"token key", Bytes(keys->token_key())},
          {"audit MAC key", Bytes(keys->audit_mac_key())},
          {"audit signing seed", Bytes(keys->audit_signing_seed())},
          {"API key pepper", Bytes(keys->api_key_pepper())},
          {"revocation hash key", Bytes(keys->revocation_hash_key())}};
}

// What opens the vault is forgotten when it is sealed, wherever it was.
TEST(SealedHeapTest, NoKeyIsLeftAfterSeal) {
  if (kSanitized) GTEST_SKIP() << "sanitizers have an allocator of their own";
  ServerProcess server;
  ASSERT_TRUE(server.running());
  std::optional<Stubs> connection = server.Operator();
  const Stubs& op = *connection;
  const std::string value = HexEncode(RandomBytes(24));
  v1::PutRequest put;
  put.set_path("app/key");
  v1::Field* const field = put.mutable_data()->add_fields();
  field->set_name("value");
  field->set_value(value);
  for (int i = 0; i < 100; ++i) {
    v1::PutResponse written;
    ASSERT_EQ(Text(op.secrets->Put(Ctx(), put, &written)), "OK");
    v1::GetRequest get;
    get.set_path("app/key");
    v1::GetResponse read;
    ASSERT_EQ(Text(op.secrets->Get(Ctx(), get, &read)), "OK");
  }
  const std::string old_root = KeysOf(server, server.dir().File("before"))["root key"];
  v1::StartRekeyResponse started;
  ASSERT_EQ(Text(op.system->StartRekey(Ctx(), {}, &started)), "OK");
  v1::GiveRekeyKeyRequest give;
  give.set_nonce(started.rekey().nonce());
  give.set_key_file(true);
  v1::GiveRekeyKeyResponse given;
  ASSERT_EQ(Text(op.system->GiveRekeyKey(Ctx(), give, &given)), "OK");
  ASSERT_TRUE(given.finished());
  EXPECT_EQ(CopiesIn(server.pid(), old_root), 0) << "the old root key";
  v1::RotateKekResponse rotated;
  ASSERT_EQ(Text(op.system->RotateKek(Ctx(), {}, &rotated)), "OK");

  const std::map<std::string, std::string> keys = KeysOf(server, server.dir().File("copy"));
  std::vector<std::string> texts;
  for (const auto& [name, key] : keys) texts.push_back(key);
  const std::vector<int> before = CopiesIn(server.pid(), texts);
  v1::StatusResponse status;
  ASSERT_EQ(Text(op.system->Seal(Ctx(), {}, &status)), "OK");
  ASSERT_TRUE(status.sealed());
  const std::vector<int> after = CopiesIn(server.pid(), texts);
  size_t i = 0;
  for (const auto& [name, key] : keys) {
    // The unseal key is let go as soon as it has opened the root key, the older key-encryption key
    // when nothing is left under it, perhaps by now.
    EXPECT_TRUE(before[i] > 0 || name == "unseal key" || name == "older key-encryption key")
        << name;
    EXPECT_TRUE(before[i] == 0 || name != "unseal key");
    EXPECT_EQ(after[i], 0) << name << ": " << before[i] << " before";
    ++i;
  }
  // What gRPC and OpenSSL hold for a connection goes with it.
  std::printf("%d copies of a value while its connection is open\n", CopiesIn(server.pid(), value));
  connection.reset();
  for (int calls = 0; calls < 50; ++calls) {
    const Stubs other = server.Operator();
    ASSERT_EQ(Text(other.system->Status(Ctx(), {}, &status)), "OK");
  }
  EXPECT_EQ(CopiesIn(server.pid(), value), 0);
}

}  // namespace
}  // namespace keyturn
