// `keyturn operator upgrade check` beside a running server, and on what a newer one left.
#include <fstream>

#include "keyturn/record/v1/keyring.pb.h"
#include "storage/file_system.h"
#include "tests/integration/cli_fixture.h"

namespace keyturn {
namespace {

class UpgradeCliTest : public OwnServerTest {
 protected:
  UpgradeCliTest() : OwnServerTest(/*init=*/true) {}
};

TEST_F(UpgradeCliTest, SaysWhatIsThereWhileTheServerRuns) {
  Ok("secret put a/b --value-file -", "hunter2");
  const std::string command = "operator upgrade check " + server_.File("data");
  const ProcessResult fine = Ok(command);
  EXPECT_TRUE(absl::StrContains(fine.out, "keyring.ktn.2")) << fine.out;
  EXPECT_TRUE(absl::StrContains(fine.err, "can open it")) << fine.err;
  const nlohmann::json items = nlohmann::json::parse(Ok(command + " -o json").out)["items"];
  ASSERT_EQ(items.size(), 5u);
  for (const nlohmann::json& item : items) {
    EXPECT_EQ(item["result"], "ok") << item;
    EXPECT_EQ(item["format"], item["reads"]) << item;
  }
  EXPECT_EQ(Ok("secret read a/b").out, "hunter2");
}

TEST_F(UpgradeCliTest, RefusesWhatANewerOneWrote) {
  const std::string path = server_.File("data/seal.ktn");
  record::v1::SealFile seal;
  ASSERT_TRUE(seal.ParseFromString(*FileSystem::Posix().Read(path)));
  seal.set_format(seal.format() + 1);
  std::ofstream(path, std::ios::binary) << seal.SerializeAsString();
  const ProcessResult refused = Run("operator upgrade check " + server_.File("data"));
  EXPECT_EQ(refused.code, 8);
  EXPECT_TRUE(absl::StrContains(refused.out, "written by a newer keyturnd")) << refused.out;
  EXPECT_TRUE(absl::StrContains(refused.err, "nothing was changed")) << refused.err;
}

// A restored directory that lacks a part must not be said to open.
TEST_F(UpgradeCliTest, MissesWhatIsNotThere) {
  server_.Stop();
  const std::string data = server_.File("data");
  const std::string command = "operator upgrade check " + data;
  const auto refuses = [&](const std::string& line, const std::string& row) {
    const ProcessResult refused = Run(line);
    EXPECT_EQ(refused.code, 8) << line << "\n" << refused.out;
    EXPECT_TRUE(absl::StrContains(refused.out, row)) << line << "\n" << refused.out;
    EXPECT_TRUE(absl::StrContains(refused.err, "missing")) << refused.err;
    EXPECT_FALSE(absl::StrContains(refused.err, "can open it")) << refused.err;
  };
  refuses(command + " --audit /nonexistent", "there is none");
  std::filesystem::rename(data + "/audit", server_.File("audit"));
  refuses(command, "there is none; if the configuration has audit.directory, give --audit");
  Ok(command + " --audit " + server_.File("audit"));
  std::filesystem::rename(server_.File("audit"), data + "/audit");

  std::filesystem::remove(data + "/keyring.ktn");
  Ok(command);  // the other copy opens it
  std::filesystem::remove(data + "/keyring.ktn.2");
  refuses(command, "there is none");
  EXPECT_TRUE(absl::StrContains(Run(command).err, "2 parts are missing")) << Run(command).err;
  // Before init nothing of it is there, and nothing is missed.
  std::filesystem::remove(data + "/seal.ktn");
  Ok(command + " --audit " + data + "/audit");
}

TEST_F(UpgradeCliTest, SaysWhatIsNoDataDirectory) {
  const ProcessResult nothing = Run("operator upgrade check " + server_.File("key"));
  EXPECT_EQ(nothing.code, 3);
  EXPECT_TRUE(absl::StrContains(nothing.err, "is not a data directory")) << nothing.err;
  EXPECT_EQ(Run("operator upgrade check").code, 2);
}

}  // namespace
}  // namespace keyturn
