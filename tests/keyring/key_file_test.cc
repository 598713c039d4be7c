#include "keyring/key_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "storage/file_system.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {
namespace {

class KeyFileTest : public testing::Test {
 protected:
  void Write(const std::string& bytes, mode_t mode) {
    std::filesystem::remove(path_);
    std::ofstream(path_) << bytes;
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
  }
  // The refusal without the name that starts it.
  std::string Refusal() {
    const absl::Status status = ReadKeyFile(path_).status();
    EXPECT_CODE(status, kFailedPrecondition);
    const std::string start = "key file " + path_ + ": ";
    const std::string message(status.message());
    EXPECT_EQ(message.substr(0, start.size()), start);
    return message.substr(start.size());
  }

  const TempDir dir_;
  const std::string path_ = dir_.File("unseal.key");
};

TEST_F(KeyFileTest, IsMadeForItsOwnerOnlyAndReadsBack) {
  ASSERT_OK_AND_ASSIGN(const SecretBytes made, CreateKeyFile(path_));
  EXPECT_EQ(made.size(), 32u);
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0400u);
  ASSERT_OK_AND_ASSIGN(const SecretBytes read, ReadKeyFile(path_));
  EXPECT_TRUE(made == read);
  EXPECT_EQ(*FileSystem::Posix().List(dir_.path()), std::vector<std::string>{"unseal.key"});
  ASSERT_OK_AND_ASSIGN(const SecretBytes another, CreateKeyFile(dir_.File("another.key")));
  EXPECT_FALSE(made == another);
}

// The file that is there may be all that opens a vault.
TEST_F(KeyFileTest, ReplacesNothing) {
  const std::string old(32, 'o');
  ASSERT_NO_FATAL_FAILURE(Write(old, 0400));
  EXPECT_EQ(CreateKeyFile(path_).status(),
            absl::AlreadyExistsError("cannot make key file " + path_ + ": File exists"));
  EXPECT_EQ(ReadKeyFile(path_)->ExposeForCrypto(), old);
  EXPECT_EQ(*FileSystem::Posix().List(dir_.path()), std::vector<std::string>{"unseal.key"});
}

TEST_F(KeyFileTest, AttemptsThatWereCutShortAreNotInTheWay) {
  std::ofstream(path_ + ".new") << "half";
  ASSERT_OK(CreateKeyFile(path_));
  EXPECT_OK(ReadKeyFile(path_));
  EXPECT_EQ(*FileSystem::Posix().List(dir_.path()), std::vector<std::string>{"unseal.key"});
}

TEST_F(KeyFileTest, NamesTheDirectoryThatIsNotThere) {
  const std::string path = dir_.File("none/unseal.key");
  EXPECT_EQ(ReadKeyFile(path).status(), absl::NotFoundError("no key file at " + path));
  EXPECT_EQ(CreateKeyFile(path).status(),
            absl::UnavailableError("cannot make key file " + path + ": No such file or directory"));
}

TEST_F(KeyFileTest, ReadsWhatOnlyItsOwnerMayRead) {
  for (const mode_t mode : {0400, 0600, 0700}) {
    ASSERT_NO_FATAL_FAILURE(Write(std::string(32, 'k'), mode));
    EXPECT_OK(ReadKeyFile(path_));
  }
  for (const mode_t bit : {040, 020, 010, 04, 02, 01}) {
    ASSERT_NO_FATAL_FAILURE(Write(std::string(32, 'k'), 0400 | bit));
    EXPECT_EQ(Refusal(), "others may read or write it; run: chmod 0400 " + path_) << bit;
  }
}

TEST_F(KeyFileTest, HasThirtyTwoBytesAndNoOtherNumber) {
  for (const size_t size : {0, 31, 33, 64}) {
    ASSERT_NO_FATAL_FAILURE(Write(std::string(size, 'k'), 0400));
    EXPECT_EQ(Refusal(), absl::StrCat("has ", size, " bytes; it must have 32"));
  }
}

TEST_F(KeyFileTest, IsAFileOfItsOwn) {
  const std::string real = dir_.File("real.key");
  ASSERT_OK(CreateKeyFile(real));
  ASSERT_EQ(symlink(real.c_str(), path_.c_str()), 0);
  EXPECT_EQ(Refusal(), "is a symbolic link; name the file itself");
  EXPECT_CODE(CreateKeyFile(path_), kAlreadyExists);
  ASSERT_EQ(unlink(path_.c_str()), 0);
  ASSERT_EQ(mkdir(path_.c_str(), 0700), 0);
  EXPECT_EQ(Refusal(), "must be a file");
  ASSERT_EQ(rmdir(path_.c_str()), 0);
  ASSERT_EQ(mkfifo(path_.c_str(), 0400), 0);
  EXPECT_EQ(Refusal(), "must be a file");  // and does not wait for who writes
}

TEST_F(KeyFileTest, BelongsToWhoRunsTheServer) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  ASSERT_NO_FATAL_FAILURE(Write(std::string(32, 'k'), 0400));
  ASSERT_EQ(chown(path_.c_str(), 1234, 1234), 0);
  EXPECT_EQ(Refusal(), "belongs to user 1234; it must belong to the user that runs keyturnd (0)");
}

}  // namespace
}  // namespace keyturn
