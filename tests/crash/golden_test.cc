// Data directories as earlier versions of the program left them, in tests/golden, one for each data
// format: this program opens them, reads everything, and goes on. What it cannot open it refuses
// without writing. After a change of the format, write the next one (docs/HACKING.md):
//   KEYTURN_GOLDEN_OUT=DIRECTORY crash_test --gtest_also_run_disabled_tests
//       --gtest_filter='*WriteADirectory'
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "audit/segments.h"
#include "audit/server_event.h"
#include "base/coding.h"
#include "base/log.h"
#include "client/cli/offline_formats.h"
#include "crypto/mac.h"
#include "keyring/key_file.h"
#include "keyring/keyring_codec.h"
#include "keyring/seal_file.h"
#include "storage/data_format.h"
#include "storage/rocks_db.h"
#include "storage/schema.h"
#include "tests/crash/machine.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"
#include "vault/fields.h"

namespace keyturn {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

std::string GoldenRoot() { return absl::StrCat(std::getenv("KEYTURN_SOURCE"), "/tests/golden"); }

std::string BytesOf(const std::string& path) {
  std::stringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}
void WriteBytes(const std::string& path, absl::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

class GoldenTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { SetLogFd(-1); }
  void TearDown() override { SetLogFd(2); }

  // The directory named by the parameter, as it was on the machine that wrote it.
  void Restore(const std::string& name) {
    fs::copy(GoldenRoot() + "/" + name, dir_.path(), fs::copy_options::recursive);
    chmod(dir_.File("unseal.key").c_str(), 0400);
  }
  KeyringOptions Options() const {
    KeyringOptions options;
    options.directory = dir_.File("data");
    options.key_file = dir_.File("unseal.key");
    options.anchor_file = dir_.File("anchor.ktn");
    options.argon2 = {1, 64 * 1024};
    return options;
  }

  // What a read says: the value, or for a long one its digest, or the name of the error.
  static std::string Read(Machine& machine, const std::string& path, uint64_t version) {
    v1::GetRequest get;
    get.set_path(path);
    get.mutable_version()->set_number(version);
    const auto read = machine.vault->Get(get, absl::InfiniteFuture());
    if (!read.ok()) return absl::StatusCodeToString(read.status().code());
    std::string out;
    EXPECT_OK(ForEachField(read->data.ExposeForCrypto(), [&](const FieldView& field) {
      const bool is_long = field.value.size() > 100;
      absl::StrAppend(&out, out.empty() ? "" : "\n", field.name, "=",
                      is_long ? HexEncode(Sha256(field.value)) : std::string(field.value));
      return true;
    }));
    return out;
  }
  static absl::Status Put(Machine& machine, const std::string& path, const std::string& value,
                          const std::map<std::string, std::string>& metadata = {}) {
    PutParams params;
    params.path = *SecretPath::Parse(path);
    params.custom_metadata = metadata;
    params.principal = "golden";
    const AuditEvent event = ServerEvent("secret_written", Clock::Real());
    AuditedUpdater updater(*machine.store, *machine.audit, event);
    return machine.vault->Put(updater, params, *EncodeFields({{"value", 1, value}})).status();
  }
  static json Contents(Machine& machine) {
    json out;
    for (const char* const path : {"app/api-key", "app/deleted", "app/destroyed", "app/long",
                                   "moved/deep/er/secret", "old/deep/er/secret"}) {
      for (uint64_t version = 1; version <= 4; ++version) {
        out["reads"][path][version - 1] = Read(machine, path, version);
      }
    }
    const auto info = machine.vault->Describe(*SecretPath::Parse("app/api-key"));
    EXPECT_OK(info);
    for (const auto& [name, value] : info->custom_metadata()) out["metadata"][name] = value;
    out["tokens"] = machine.tokens->List("", 100).size();
    out["policy"] = machine.policies->GetPolicy("app").ok();
    out["operator"] = machine.policies->GetRole(kOperatorRole).ok();
    out["client_ca"] = machine.ca.certificate_pem();
    return out;
  }
  static uint64_t Entries(Machine& machine) { return machine.audit->Verify()->entries; }

  TempDir dir_;
};

// What a vault of some age has: versions, deleted and destroyed ones, names that moved, records
// under two keys and of both suites, a policy, a token, several audit segments.
void FillGolden(Machine& machine,
                const std::function<absl::Status(const std::string&, const std::string&)>& put) {
  for (const char* const value : {"first", "second", "third"}) {
    ASSERT_OK(put("app/api-key", value));
  }
  ASSERT_OK(put("app/deleted", "deleted"));
  ASSERT_OK(put("app/destroyed", "one"));
  ASSERT_OK(put("app/destroyed", "two"));
  ASSERT_OK(put("app/long", std::string(5000, 'l')));
  ASSERT_OK(put("old/deep/er/secret", "moved"));
  const AuditEvent event = ServerEvent("golden", Clock::Real());
  AuditedUpdater updater(*machine.store, *machine.audit, event);
  v1::DeleteRequest soft;
  soft.set_path("app/deleted");
  ASSERT_OK(machine.vault->Delete(updater, soft));
  v1::DestroyRequest destroy;
  destroy.set_path("app/destroyed");
  destroy.add_versions(1);
  ASSERT_OK(machine.vault->Destroy(updater, destroy));
  v1::RenameRequest rename;
  rename.set_path("old");
  rename.set_new_path("moved");
  rename.set_directory(true);
  ASSERT_OK(machine.vault->Rename(updater, rename));
  v1::Policy policy;
  policy.set_name("app");
  v1::Grant* const grant = policy.add_grants();
  grant->add_permissions("secret:read");
  grant->set_path("app/*");
  ASSERT_OK(machine.policies->PutPolicy(updater, policy));
  TokenParams token;
  token.principal = "token:golden";
  token.policies = {"app"};
  token.never_expires = true;
  ASSERT_OK(machine.tokens->CreateStored(updater, token));
}

TEST_F(GoldenTest, DISABLED_WriteADirectory) {
  const char* const out = std::getenv("KEYTURN_GOLDEN_OUT");
  ASSERT_NE(out, nullptr);
  json expected;
  {
    Machine machine(Options());
    machine.audit_options.segment_bytes_max = 2048;
    ASSERT_OK(machine.Start());
    ASSERT_OK(machine.Init(""));
    FillGolden(machine, [&](const std::string& path, const std::string& value) {
      return Put(machine, path, value, {{"env", "API_KEY"}});
    });
    // The older key stays: part of the records are under it.
    ASSERT_OK(machine.store->Purge(Family::kRecords));
    ASSERT_OK(machine.lifecycle->RotateKek(AeadSuite::kXChaCha20Poly1305, false));
    // In RocksDB's log only.
    ASSERT_OK(Put(machine, "app/api-key", "fourth"));
    ASSERT_OK(machine.keyring->WriteAnchor(machine.store->LastRevision()));
    expected = Contents(machine);
    expected["entries"] = Entries(machine);
    expected["format"] = kDataFormat;
  }
  for (const auto& file : fs::directory_iterator(dir_.File("data/store"))) {
    const std::string name = file.path().filename();
    // What names the machine, and what RocksDB makes anew.
    if (name.rfind("LOG", 0) == 0 || name.rfind("OPTIONS", 0) == 0) fs::remove(file.path());
  }
  fs::create_directories(out);
  fs::copy(dir_.path(), out, fs::copy_options::recursive);
  WriteBytes(absl::StrCat(out, "/expected.json"), expected.dump(1) + "\n");
}

std::vector<std::string> GoldenNames() {
  std::vector<std::string> names;
  if (std::getenv("KEYTURN_SOURCE") == nullptr) return names;
  for (const auto& entry : fs::directory_iterator(GoldenRoot())) {
    if (entry.is_directory()) names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}
INSTANTIATE_TEST_SUITE_P(All, GoldenTest, testing::ValuesIn(GoldenNames()));

TEST_P(GoldenTest, OpensReadsAndGoesOn) {
  Restore(GetParam());
  const json expected = json::parse(BytesOf(dir_.File("expected.json")));
  const auto checks = cli::CheckFormats(dir_.File("data"));
  ASSERT_OK(checks);
  for (const cli::FormatCheck& check : *checks) {
    EXPECT_EQ(check.problem, "") << check.part;
    EXPECT_TRUE(check.found.has_value()) << check.part;
  }
  {
    Machine machine(Options());
    ASSERT_OK(machine.Start());
    ASSERT_OK(machine.Unseal());
    json contents = Contents(machine);
    EXPECT_EQ(contents["reads"], expected["reads"]);
    EXPECT_EQ(contents["metadata"], expected["metadata"]);
    for (const char* const name : {"tokens", "policy", "operator", "client_ca"}) {
      EXPECT_EQ(contents[name], expected[name]) << name;
    }
    EXPECT_GE(Entries(machine), expected["entries"].get<uint64_t>());
    EXPECT_EQ(machine.Problems(), std::vector<std::string>());
    ASSERT_OK(Put(machine, "app/new", "new"));
    ASSERT_OK(machine.Turn());
    ASSERT_OK(machine.lifecycle->RotateKek(AeadSuite::kAes256Gcm, true));
    ASSERT_OK(machine.Turn());
    EXPECT_EQ(Contents(machine)["reads"], expected["reads"]);
  }
  Machine machine(Options());
  ASSERT_OK(machine.Start());
  ASSERT_OK(machine.Unseal());
  EXPECT_EQ(Read(machine, "app/new", 1), "value=new");
  EXPECT_EQ(Contents(machine)["reads"], expected["reads"]);
  EXPECT_EQ(machine.Problems(), std::vector<std::string>());
}

// The newest of them, changed as a newer program might: refused, and nothing is written.
class DowngradeTest : public GoldenTest {
 protected:
  void SetUp() override {
    GoldenTest::SetUp();
    Restore(GoldenNames().back());
  }
  absl::Status Open() const {
    Machine machine(Options());
    RETURN_IF_ERROR(machine.Start());
    return machine.Unseal();
  }
  template <typename Message>
  void SetFormat(const std::string& file, uint32_t format) {
    Message message;
    ASSERT_TRUE(message.ParseFromString(BytesOf(file)));
    message.set_format(format);
    WriteBytes(file, message.SerializeAsString());
  }
  std::string ProblemsFound() const {
    std::string out;
    const auto checks = cli::CheckFormats(dir_.File("data"));
    EXPECT_OK(checks);
    for (const cli::FormatCheck& check : *checks) {
      if (!check.problem.empty()) absl::StrAppend(&out, check.path, ": ", check.problem, "; ");
    }
    return out;
  }
};

TEST_F(DowngradeTest, AStoreOfANewerFormatIsRefused) {
  {
    const auto db = RocksDb::Open({.directory = dir_.File("data/store")});
    ASSERT_OK(db);
    rocksdb::WriteOptions sync;
    sync.sync = true;
    ASSERT_OK(FromRocks((*db)->db().Put(sync, (*db)->family(Family::kMeta),
                                        ToSlice(schema::kFormatKey), BigEndian64(2))));
  }
  const absl::Status opened = Open();
  EXPECT_CODE(opened, kFailedPrecondition);
  EXPECT_THAT(std::string(opened.message()), testing::HasSubstr("has data format 2"));
  EXPECT_EQ(ProblemsFound(), "store: written by a newer keyturnd; ");
}

TEST_F(DowngradeTest, AStoreWithAFamilyMoreIsRefusedBeforeItIsOpened) {
  {
    const auto db = RocksDb::Open({.directory = dir_.File("data/store")});
    ASSERT_OK(db);
    rocksdb::ColumnFamilyHandle* more = nullptr;
    ASSERT_OK(FromRocks((*db)->db().CreateColumnFamily({}, "leases", &more)));
    (*db)->db().DestroyColumnFamilyHandle(more);
  }
  const auto names = FileSystem::Posix().List(dir_.File("data/store"));
  const absl::Status opened = Open();
  EXPECT_CODE(opened, kFailedPrecondition);
  EXPECT_THAT(std::string(opened.message()), testing::HasSubstr("(leases) that this program"));
  EXPECT_EQ(*FileSystem::Posix().List(dir_.File("data/store")), *names);
}

TEST_F(DowngradeTest, ASealFileOfANewerFormatIsRefused) {
  SetFormat<record::v1::SealFile>(dir_.File("data/seal.ktn"), 2);
  EXPECT_CODE(Open(), kFailedPrecondition);
  EXPECT_EQ(ProblemsFound(), "seal.ktn: written by a newer keyturnd; ");
}

// Also when one copy only is: the other may be what the newer program left from before. (A number
// that is damaged, on what opens as before, is mended: FlipTest.)
TEST_F(DowngradeTest, AKeyringOfANewerFormatIsRefusedAndNotWrittenOver) {
  for (const absl::string_view name : kKeyringCopies) {
    const std::string path = dir_.File(absl::StrCat("data/", name));
    const std::string before = BytesOf(path);
    record::v1::KeyringFile newer_file;
    ASSERT_TRUE(newer_file.ParseFromString(before));
    newer_file.set_format(2);
    newer_file.set_sealed(std::string(newer_file.sealed().size(), 'n'));
    WriteBytes(path, newer_file.SerializeAsString());
    const std::string newer = BytesOf(path);
    const absl::Status opened = Open();
    EXPECT_CODE(opened, kFailedPrecondition);
    EXPECT_THAT(std::string(opened.message()), testing::HasSubstr("has format 2"));
    EXPECT_EQ(BytesOf(path), newer);
    EXPECT_EQ(ProblemsFound(), absl::StrCat(name, ": written by a newer keyturnd; "));
    WriteBytes(path, before);
  }
  EXPECT_OK(Open());
}

TEST_F(DowngradeTest, AnAuditEntryOfANewerFormatIsRefused) {
  const auto segments = ListSegments(FileSystem::Posix(), dir_.File("data/audit"));
  ASSERT_OK(segments);
  const std::string path = segments->back().path;
  uint64_t at = 0;
  ASSERT_OK(ForEachFrame(FileSystem::Posix(), path, 0, [&](const Frame& frame, uint64_t end) {
    if (frame.type == FrameType::kEntry) at = end - 32 - frame.body.size() + 8;
    return true;
  }));
  ASSERT_NE(at, 0u);
  std::string bytes = BytesOf(path);
  bytes[at] = 2;
  WriteBytes(path, bytes);
  EXPECT_CODE(Open(), kDataLoss);
  EXPECT_EQ(BytesOf(path), bytes);
  EXPECT_EQ(ProblemsFound(), "audit: written by a newer keyturnd; ");
}

TEST_F(DowngradeTest, WhatIsNoDataDirectoryIsSaidToBeNone) {
  EXPECT_CODE(cli::CheckFormats(dir_.File("nowhere")).status(), kNotFound);
  EXPECT_CODE(cli::CheckFormats(dir_.path()).status(), kNotFound);
}

}  // namespace
}  // namespace keyturn
