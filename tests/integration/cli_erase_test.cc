// `keyturn secret erase`, `operator purge` and `operator shred` against a server on disk: what is
// left in its files.
#include <filesystem>

#include "keyring/keyring.h"
#include "storage/rocks_db.h"
#include "tests/integration/cli_fixture.h"

namespace keyturn {
namespace {

class EraseCliTest : public OwnServerTest {
 protected:
  EraseCliTest() : OwnServerTest(/*init=*/true) {}

  // A copy of the files that hold keys.
  void CopyKeys(const std::string& name) {
    std::filesystem::create_directory(server_.File(name));
    std::filesystem::permissions(server_.File(name), std::filesystem::perms::owner_all);
    for (const char* const file : {"seal.ktn", "keyring.ktn", "keyring.ktn.2"}) {
      std::filesystem::copy(server_.File(absl::StrCat("data/", file)),
                            server_.File(absl::StrCat(name, "/", file)));
    }
  }
  // Which terms of the key-encryption key the files in directory `name` open, with the key file.
  std::vector<uint64_t> TermsIn(const std::string& name) {
    SimulatedClock clock;
    KeyringOptions options;
    options.directory = server_.File(name);
    options.key_file = server_.File("key");
    const auto keyring = Keyring::Open(options, FileSystem::Posix(), clock);
    EXPECT_OK(keyring);
    EXPECT_OK((*keyring)->UnsealWithKeyFile(Revision(0)));
    std::vector<uint64_t> terms;
    if ((*keyring)->status().sealed) return terms;
    const auto keys = *(*keyring)->Snapshot();
    for (const auto& kek : keys->keks()) terms.push_back(kek->term.value());
    return terms;
  }
  // Every wrapped data key as it stands in the store of the server, which is stopped.
  std::vector<std::string> WrappedKeys() {
    std::vector<std::string> out;
    const auto db = RocksDb::Open({.directory = server_.File("data/store")});
    EXPECT_OK(db);
    if (!db.ok()) return out;
    const std::unique_ptr<rocksdb::Iterator> each(
        (*db)->db().NewIterator({}, (*db)->family(Family::kDeks)));
    for (each->SeekToFirst(); each->Valid(); each->Next()) {
      out.push_back(each->value().ToString());
    }
    return out;
  }
  // How many files of the data directory hold `bytes`.
  int FilesWith(const std::string& bytes) {
    int files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(server_.File("data"))) {
      if (!entry.is_regular_file()) continue;
      const absl::StatusOr<std::string> read = FileSystem::Posix().Read(entry.path());
      // The running server may have removed it meanwhile.
      files += read.ok() && absl::StrContains(*read, bytes) ? 1 : 0;
    }
    return files;
  }
  // The server is on another port then.
  void Restart() {
    server_.Restart();
    there_ = absl::StrCat(" --address ", std::string(server_.Info()["grpc"]));
  }

  std::string there_;
};

TEST_F(EraseCliTest, ErasesAndSaysWhatItSearched) {
  Ok("secret put a/b --value-file -", "hunter2");
  Ok("secret put a/b --value-file -", "hunter3");
  const ProcessResult plan = Ok("secret erase a/b --versions 1 --dry-run");
  EXPECT_TRUE(absl::StrContains(plan.out, "erase version 1 of a/b")) << plan.out;
  EXPECT_EQ(Run("secret erase a/b --versions 1").code, 2) << "nobody confirmed";
  EXPECT_EQ(Run("secret erase a/b").code, 2);
  const ProcessResult one = Ok("secret erase a/b --versions 1 --confirm a/b");
  EXPECT_TRUE(absl::StrContains(one.out, "none of 1 keys is left")) << one.out;
  EXPECT_TRUE(absl::StrContains(one.err, "copies of the data directory keep what they have"));
  EXPECT_EQ(Run("secret read a/b --version 1").code, 3);
  EXPECT_EQ(Ok("secret read a/b").out, "hunter3");
  const nlohmann::json all =
      nlohmann::json::parse(Ok("secret erase a/b --all --confirm a/b -o json").out);
  EXPECT_EQ(all["keysSearched"], "1");
  EXPECT_EQ(Run("secret read a/b").code, 3);
  EXPECT_EQ(Run("secret erase a/b --all --confirm a/b").code, 3);
  Ok("operator purge");
  EXPECT_TRUE(nlohmann::json::parse(Ok("operator verify -o json").out)["problems"].empty());
}

TEST_F(EraseCliTest, ShreddingDoesNotBeginDuringAChangeOfTheRootKey) {
  Ok("operator rotate-root-key");
  const ProcessResult refused = Run("operator shred");
  EXPECT_EQ(refused.code, 6) << refused.err;
  EXPECT_TRUE(absl::StrContains(refused.err, "nothing was shredded")) << refused.err;
  EXPECT_TRUE(absl::StrContains(refused.err, "next: keyturn operator rekey status")) << refused.err;
  EXPECT_EQ(nlohmann::json::parse(Ok("operator status -o json").out)["kekTerm"], 1);
}

TEST_F(EraseCliTest, ShreddingForgetsTheKeysThatWereInForce) {
  Ok("secret put a/b --value-file -", "hunter2");
  server_.Stop();
  const std::vector<std::string> wrapped = WrappedKeys();
  ASSERT_EQ(wrapped.size(), 1u);
  Restart();
  Ok("secret put keep/c --value-file -" + there_, "kept");
  Ok("secret destroy a/b --all --confirm a/b" + there_);
  CopyKeys("before");
  const std::string seal_before = *FileSystem::Posix().Read(server_.File("before/seal.ktn"));
  EXPECT_GT(FilesWith(wrapped[0]), 0) << "or this test shows nothing";
  const ProcessResult shredded = Ok("operator shred" + there_);
  EXPECT_TRUE(absl::StrContains(shredded.err, "1 of 3: ")) << shredded.err;
  EXPECT_TRUE(absl::StrContains(shredded.err, "2 of 3: ")) << shredded.err;
  EXPECT_TRUE(absl::StrContains(shredded.err, "3 of 3, by you: ")) << shredded.err;
  Ok("operator rekey give --key-file" + there_);
  EXPECT_EQ(Ok("secret read keep/c" + there_).out, "kept");
  EXPECT_EQ(FilesWith(wrapped[0]), 0) << "the wrapped key of what was destroyed";

  CopyKeys("after");
  EXPECT_EQ(TermsIn("after"), std::vector<uint64_t>{2});
  EXPECT_NE(*FileSystem::Posix().Read(server_.File("after/seal.ktn")), seal_before);
  // What the command says of copies is true.
  EXPECT_EQ(TermsIn("before"), std::vector<uint64_t>{1});
}

// The root key of before opens nothing of today, with the same key file.
TEST_F(EraseCliTest, AfterShreddingTheOldSealOpensNothing) {
  Ok("secret put keep/c --value-file -", "kept");
  CopyKeys("before");
  Ok("operator shred");
  Ok("operator rekey give --key-file");
  server_.Stop();
  CopyKeys("after");
  const auto use_seal_of = [this](const std::string& name) {
    server_.Stop();
    std::filesystem::copy(server_.File(name + "/seal.ktn"), server_.File("data/seal.ktn"),
                          std::filesystem::copy_options::overwrite_existing);
    Restart();
  };
  use_seal_of("before");
  const ProcessResult refused = Run("operator unseal --key-file" + there_);
  EXPECT_EQ(refused.code, 1) << refused.out;
  EXPECT_TRUE(absl::StrContains(refused.err, "no copy of the keyring opens")) << refused.err;
  EXPECT_EQ(Run("operator status --fail-on sealed" + there_).code, 8);
  EXPECT_NE(Run("secret read keep/c" + there_).code, 0);
  use_seal_of("after");
  EXPECT_EQ(Ok("secret read keep/c" + there_).out, "kept");
}

}  // namespace
}  // namespace keyturn
