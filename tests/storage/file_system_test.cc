#include "storage/file_system.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {
namespace {

// The same behaviour from the disk and from memory.
class FileSystemTest : public testing::TestWithParam<bool> {
 protected:
  FileSystemTest() : memory_(NewMemoryFileSystem()) {
    files_ = GetParam() ? memory_.get() : &FileSystem::Posix();
  }

  TempDir dir_;
  std::unique_ptr<FileSystem> memory_;
  FileSystem* files_;
};

TEST_P(FileSystemTest, AppendsAndReads) {
  const std::string path = dir_.File("f");
  {
    ASSERT_OK_AND_ASSIGN(const auto file, files_->OpenForAppend(path, 0600));
    ASSERT_OK(file->Append("hello "));
    ASSERT_OK(file->Sync());
    ASSERT_OK(file->Close());
  }
  ASSERT_OK_AND_ASSIGN(const auto file, files_->OpenForAppend(path, 0600));
  EXPECT_EQ(file->size(), 6u);
  ASSERT_OK(file->Append("world"));
  EXPECT_EQ(file->size(), 11u);
  EXPECT_EQ(files_->Read(path).value(), "hello world");
  EXPECT_EQ(files_->ReadAt(path, 6, 3).value(), "wor");
  EXPECT_EQ(files_->ReadAt(path, 9, 100).value(), "ld");
  EXPECT_EQ(files_->ReadAt(path, 100, 1).value(), "");
  EXPECT_EQ(files_->FileSize(path).value(), 11u);
  ASSERT_OK(files_->Truncate(path, 5));
  EXPECT_EQ(files_->Read(path).value(), "hello");
}

TEST_P(FileSystemTest, CreatingEmptiesAndRenamingReplaces) {
  const std::string path = dir_.File("f");
  ASSERT_OK(WriteFileAtomically(*files_, path, "old and longer", 0600));
  ASSERT_OK_AND_ASSIGN(const auto file, files_->Create(path, 0600));
  EXPECT_EQ(file->size(), 0u);
  ASSERT_OK(file->Append("new"));
  EXPECT_EQ(files_->Read(path).value(), "new");
  ASSERT_OK(WriteFileAtomically(*files_, path + "2", "other", 0600));
  ASSERT_OK(files_->Rename(path + "2", path));
  EXPECT_EQ(files_->Read(path).value(), "other");
  EXPECT_FALSE(files_->Exists(path + "2"));
  ASSERT_OK(files_->Remove(path));
  EXPECT_FALSE(files_->Exists(path));
}

TEST_P(FileSystemTest, AFileRenamedToItselfStays) {
  const std::string path = dir_.File("f");
  ASSERT_OK(WriteFileAtomically(*files_, path, "one", 0600));
  ASSERT_OK(files_->Rename(path, path));
  EXPECT_EQ(files_->Read(path).value(), "one");
}

TEST_P(FileSystemTest, NamesWhatIsAbsent) {
  const std::string path = dir_.File("none");
  EXPECT_CODE(files_->Read(path), kNotFound);
  EXPECT_CODE(files_->FileSize(path), kNotFound);
  EXPECT_CODE(files_->ReadAt(path, 0, 1), kNotFound);
  EXPECT_CODE(files_->Truncate(path, 0), kNotFound);
  EXPECT_CODE(files_->Remove(path), kNotFound);
  EXPECT_CODE(files_->Rename(path, path + "2"), kNotFound);
  EXPECT_CODE(files_->List(path), kNotFound);
  EXPECT_FALSE(files_->Exists(path));
  EXPECT_NE(files_->Read(path).status().message().find(path), std::string::npos);
}

TEST_P(FileSystemTest, ReplacesAtomically) {
  const std::string path = dir_.File("f");
  ASSERT_OK(WriteFileAtomically(*files_, path, "one", 0600));
  ASSERT_OK(WriteFileAtomically(*files_, path, "two", 0600));
  EXPECT_EQ(files_->Read(path).value(), "two");
  EXPECT_FALSE(files_->Exists(path + ".new"));
}

TEST_P(FileSystemTest, ListsNamesSorted) {
  const std::string directory = dir_.File("a/b");
  ASSERT_OK(files_->CreateDirectory(directory, 0700));
  ASSERT_OK(files_->CreateDirectory(directory, 0700));
  EXPECT_TRUE(files_->Exists(directory));
  for (const char* name : {"z", "x", "y"}) {
    ASSERT_OK(WriteFileAtomically(*files_, directory + "/" + name, "", 0600));
  }
  EXPECT_EQ(files_->List(directory).value(), (std::vector<std::string>{"x", "y", "z"}));
}

INSTANTIATE_TEST_SUITE_P(Kinds, FileSystemTest, testing::Values(false, true));

TEST(PosixFileSystem, AFileIsNoDirectory) {
  TempDir dir;
  ASSERT_OK(WriteFileAtomically(FileSystem::Posix(), dir.File("f"), "x", 0600));
  EXPECT_EQ(FileSystem::Posix().CreateDirectory(dir.File("f"), 0700).message(),
            "cannot make directory " + dir.File("f") + ": File exists");
}

TEST(PosixFileSystem, KeepsModesAndRefusesLinks) {
  TempDir dir;
  ASSERT_OK(WriteFileAtomically(FileSystem::Posix(), dir.File("f"), "x", 0600));
  struct stat info {};
  ASSERT_EQ(stat(dir.File("f").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(symlink(dir.File("f").c_str(), dir.File("link").c_str()), 0);
  EXPECT_CODE(FileSystem::Posix().OpenForAppend(dir.File("link"), 0600), kUnavailable);
}

}  // namespace
}  // namespace keyturn
