// Files in memory. Each test that gives up rights does so in a process of its own.
#include "client/cli/memory_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <functional>
#include <sstream>

#include "tests/support/process.h"
#include "tests/support/status.h"

namespace keyturn::cli {
namespace {

std::string ContentOf(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return in ? text.str() : "cannot be read";
}

MemoryFile Make(const std::string& content) {
  return std::move(MemoryFile::Make(*SecretBytes::CopyOf(content))).value();
}

// Whether `check` holds in a process of its own, which it may change as it likes.
bool HoldsElsewhere(const std::function<bool()>& check) {
  const pid_t pid = fork();
  if (pid == 0) _exit(check() ? 0 : 1);
  return WaitFor(pid) == 0;
}

TEST(MemoryFile, HoldsItsContentEachTimeItIsOpened) {
  const std::string all("a\0b\nc", 5);
  const MemoryFile file = Make(all);
  EXPECT_EQ(ContentOf(file.path()), all);
  EXPECT_EQ(ContentOf(file.path()), all);
  EXPECT_EQ(ContentOf(absl::StrCat("/dev/fd/", file.fd())), all);
  EXPECT_EQ(ContentOf(Make("").path()), "");
  const std::string large(1024 * 1024, 'x');
  EXPECT_EQ(ContentOf(Make(large).path()), large);
  // By the descriptor too, once.
  char buffer[8];
  EXPECT_EQ(read(file.fd(), buffer, sizeof(buffer)), 5);
}

TEST(MemoryFile, NobodyCanChangeIt) {
  const MemoryFile file = Make("hunter2");
  errno = 0;
  EXPECT_EQ(pwrite(file.fd(), "x", 1, 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(ftruncate(file.fd(), 0), -1);
  EXPECT_EQ(ftruncate(file.fd(), 100), -1);
  EXPECT_EQ(mmap(nullptr, 7, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd(), 0), MAP_FAILED);
  EXPECT_EQ(fcntl(file.fd(), F_ADD_SEALS, 0), -1);
  const int opened = open(file.path().c_str(), O_RDWR | O_TRUNC | O_CLOEXEC);
  EXPECT_TRUE(opened < 0 || write(opened, "x", 1) < 0);
  if (opened >= 0) close(opened);
  struct stat info;
  ASSERT_EQ(fstat(file.fd(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0444u);
  EXPECT_EQ(ContentOf(file.path()), "hunter2");
}

TEST(MemoryFile, CanBeOpenedByAProcessThatGaveUpItsRights) {
  const MemoryFile file = Make("hunter2");
  EXPECT_TRUE(HoldsElsewhere([&] {
    prctl(PR_SET_DUMPABLE, 0);
    return ContentOf(file.path()) == "hunter2";
  }));
  if (getuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  constexpr uid_t kNobody = 65534;
  EXPECT_TRUE(HoldsElsewhere([&] {
    if (setresgid(kNobody, kNobody, kNobody) != 0 || setresuid(kNobody, kNobody, kNobody) != 0) {
      return false;
    }
    prctl(PR_SET_DUMPABLE, 0);
    const bool readable =
        ContentOf(file.path()) == "hunter2" && ContentOf(file.path()) == "hunter2";
    return readable && open(file.path().c_str(), O_RDWR) < 0;
  }));
}

TEST(MemoryFile, IsNotInheritedUnaskedAndGoesWithItsOwner) {
  int fd = -1;
  {
    MemoryFile file = Make("hunter2");
    fd = file.fd();
    EXPECT_GE(fd, 10);
    EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    MemoryFile other = std::move(file);
    file = Make("hunter3");
    EXPECT_EQ(ContentOf(other.path()), "hunter2");
    EXPECT_EQ(ContentOf(file.path()), "hunter3");
  }
  EXPECT_EQ(fcntl(fd, F_GETFD), -1);
}

}  // namespace
}  // namespace keyturn::cli
