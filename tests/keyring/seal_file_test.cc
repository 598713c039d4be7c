#include "keyring/seal_file.h"

#include <gtest/gtest.h>

#include "tests/support/status.h"

namespace keyturn {
namespace {

class SealFileTest : public testing::Test {
 protected:
  SealFileTest() : files_(NewMemoryFileSystem()) {
    file_.set_format(kSealFormat);
    file_.set_vault_id(std::string(16, 'v'));
    file_.add_slots()->set_id("a slot");
  }

  std::unique_ptr<FileSystem> files_;
  record::v1::SealFile file_;
};

TEST_F(SealFileTest, ReadsBackWhatItWrote) {
  file_.add_next_slots()->set_id("another");
  ASSERT_OK(files_->CreateDirectory("/d", 0700));
  ASSERT_OK(WriteSealFile(*files_, "/d", file_));
  ASSERT_OK_AND_ASSIGN(const auto read, ReadSealFile(*files_, "/d"));
  EXPECT_EQ(read.SerializeAsString(), file_.SerializeAsString());
}

TEST_F(SealFileTest, NoFileHasNoSlots) {
  ASSERT_OK_AND_ASSIGN(const auto read, ReadSealFile(*files_, "/d"));
  EXPECT_TRUE(read.slots().empty());
}

TEST_F(SealFileTest, RefusesWhatIsNone) {
  ASSERT_OK(files_->CreateDirectory("/d", 0700));
  const auto refusal = [&](const std::string& bytes) {
    EXPECT_OK(WriteFileAtomically(*files_, SealFilePath("/d"), bytes, 0600));
    return ReadSealFile(*files_, "/d").status();
  };
  EXPECT_EQ(refusal("no message").message(), "/d/seal.ktn does not parse");
  EXPECT_CODE(refusal(""), kDataLoss);
  file_.set_format(2);
  EXPECT_EQ(refusal(file_.SerializeAsString()).message(),
            "/d/seal.ktn has format 2; this program reads 1");
  file_.set_format(kSealFormat);
  file_.set_vault_id("short");
  EXPECT_FALSE(refusal(file_.SerializeAsString()).ok());
}

}  // namespace
}  // namespace keyturn
