// `keyturn secret erase`, `operator purge` and `operator shred` against a server on disk: what is
// left in its files.
#include <filesystem>

#include "keyring/keyring.h"
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

TEST_F(EraseCliTest, ShreddingForgetsTheKeysThatWereInForce) {
  Ok("secret put a/b --value-file -", "hunter2");
  Ok("secret put keep/c --value-file -", "kept");
  Ok("secret destroy a/b --all --confirm a/b");
  CopyKeys("before");
  const std::string seal_before = *FileSystem::Posix().Read(server_.File("before/seal.ktn"));
  const ProcessResult shredded = Ok("operator shred");
  EXPECT_TRUE(absl::StrContains(shredded.err, "1 of 3: ")) << shredded.err;
  EXPECT_TRUE(absl::StrContains(shredded.err, "2 of 3: ")) << shredded.err;
  EXPECT_TRUE(absl::StrContains(shredded.err, "3 of 3, by you: ")) << shredded.err;
  Ok("operator rekey give --key-file");
  EXPECT_EQ(Ok("secret read keep/c").out, "kept");

  CopyKeys("after");
  EXPECT_EQ(TermsIn("after"), std::vector<uint64_t>{2});
  EXPECT_NE(*FileSystem::Posix().Read(server_.File("after/seal.ktn")), seal_before);
  // What the command says of copies is true.
  EXPECT_EQ(TermsIn("before"), std::vector<uint64_t>{1});
}

}  // namespace
}  // namespace keyturn
