#include "client/cli/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "client/cli/exit_codes.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn::cli {
namespace {

class FilesTest : public testing::Test {
 protected:
  std::string Contents(const std::string& name) const {
    std::ifstream in(dir_.File(name));
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  mode_t ModeOf(const std::string& name) const {
    struct stat info = {};
    EXPECT_EQ(lstat(dir_.File(name).c_str(), &info), 0);
    return info.st_mode;
  }
  // What is left in the directory.
  int Files() const {
    return static_cast<int>(std::distance(std::filesystem::directory_iterator(dir_.path()),
                                          std::filesystem::directory_iterator()));
  }

  const TempDir dir_;
};

TEST_F(FilesTest, ANewFileIsPrivateUnlessToldOtherwise) {
  ASSERT_OK(WriteFileWhole(dir_.File("a"), "one", std::nullopt));
  EXPECT_EQ(ModeOf("a") & 07777, 0600u);
  ASSERT_OK(WriteFileWhole(dir_.File("b"), "two", 0644));
  EXPECT_EQ(ModeOf("b") & 07777, 0644u);
  EXPECT_EQ(Contents("a") + Contents("b"), "onetwo");
  EXPECT_EQ(Files(), 2);
}

TEST_F(FilesTest, AFileThatIsReplacedKeepsItsModeUnlessToldOtherwise) {
  std::ofstream(dir_.File("a")) << "before";
  std::filesystem::permissions(dir_.File("a"), std::filesystem::perms(0640));
  ASSERT_OK(WriteFileWhole(dir_.File("a"), "after", std::nullopt));
  EXPECT_EQ(ModeOf("a") & 07777, 0640u);
  EXPECT_EQ(Contents("a"), "after");
  ASSERT_OK(WriteFileWhole(dir_.File("a"), "last", 0600));
  EXPECT_EQ(ModeOf("a") & 07777, 0600u);
}

TEST_F(FilesTest, ALinkStaysAndItsFileIsReplaced) {
  std::filesystem::create_directory(dir_.File("d"));
  std::ofstream(dir_.File("d/real")) << "before";
  std::filesystem::create_symlink("d/real", dir_.File("link"));
  ASSERT_OK(WriteFileWhole(dir_.File("link"), "after", std::nullopt));
  EXPECT_TRUE(S_ISLNK(ModeOf("link")));
  EXPECT_EQ(Contents("d/real"), "after");
}

// Renamed over, a device would be gone for everybody.
TEST_F(FilesTest, WhatIsNoFileIsNotReplaced) {
  ASSERT_EQ(mkfifo(dir_.File("pipe").c_str(), 0600), 0);
  std::filesystem::create_directory(dir_.File("directory"));
  std::filesystem::create_symlink("pipe", dir_.File("link"));
  for (const std::string name : {"pipe", "directory", "link"}) {
    const mode_t before = ModeOf(name);
    const absl::Status refused = WriteFileWhole(dir_.File(name), "secret", 0600);
    EXPECT_EQ(refused.message(), dir_.File(name) +
                                     " is not a regular file; name one, or leave it out for "
                                     "standard output");
    EXPECT_EQ(ExitCodeOf(refused), kExitUsage);
    EXPECT_EQ(ModeOf(name), before);
  }
  EXPECT_EQ(Files(), 3);
}

TEST_F(FilesTest, AFileThatCannotBeReadIsNoMissingSecret) {
  const absl::Status absent = ReadSecretFile(dir_.File("none"), 10).status();
  EXPECT_CODE(absent, kNotFound);
  EXPECT_EQ(ExitCodeOf(absent), kExitError);
  const absl::Status directory = ReadSecretFile(dir_.path(), 10).status();
  EXPECT_EQ(directory.message(), "cannot read " + dir_.path() + ": Is a directory");
  EXPECT_EQ(ExitCodeOf(directory), kExitError);
}

TEST_F(FilesTest, ReadsNoMoreThanTheBound) {
  std::ofstream(dir_.File("a")) << "0123456789";
  EXPECT_EQ(ReadPublicFile(dir_.File("a"), 10).value(), "0123456789");
  EXPECT_EQ(ReadSecretFile(dir_.File("a"), 9).status().message(),
            dir_.File("a") + " is too large: at most 9 bytes");
}

}  // namespace
}  // namespace keyturn::cli
