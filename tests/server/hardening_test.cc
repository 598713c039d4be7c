#include "server/hardening.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {
namespace {

// What `fn` returns in a process of its own: hardening cannot be undone.
std::string InChild(const std::function<std::string()>& fn) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    const std::string text = fn();
    _exit(write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  close(ends[1]);
  std::string out;
  char buffer[512];
  for (ssize_t got; (got = read(ends[0], buffer, sizeof(buffer))) > 0;) out.append(buffer, got);
  close(ends[0]);
  int status = 0;
  if (waitpid(child, &status, 0) != child || status != 0) absl::StrAppend(&out, " (died)");
  return out;
}

std::string State() {
  rlimit core{};
  getrlimit(RLIMIT_CORE, &core);
  return absl::StrCat("umask ", umask(077), ", core ", core.rlim_cur, "/", core.rlim_max,
                      ", dumpable ", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), ", no new privileges ",
                      prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

std::string Harden(bool dev) {
  return InChild([dev] {
    umask(022);
    const rlimit core = {4096, 4096};
    if (setrlimit(RLIMIT_CORE, &core) != 0) return std::string("no limit to take away");
    const absl::Status status = HardenProcess(dev);
    return status.ok() ? State() : status.ToString();
  });
}

TEST(HardenProcess, LeavesNoCoreNoDebuggerAndNoFileForOthers) {
  EXPECT_EQ(Harden(false), "umask 63, core 0/0, dumpable 0, no new privileges 1");
}

TEST(HardenProcess, DevelopersKeepCoresAndDebuggers) {
  EXPECT_EQ(Harden(true), "umask 63, core 4096/4096, dumpable 1, no new privileges 1");
}

// The marker says that the program was started again; somebody may have set it, or dropped the
// allocator's settings on the way.
TEST(ReexecWithSettings, ReturnsOnlyWithTheSettingsInForce) {
  const auto with = [](const char* allocator, const char* loader) {
    return InChild([allocator, loader] {
      setenv("KEYTURN_SETTINGS_APPLIED", "1", 1);
      unsetenv("MALLOC_CONF");
      unsetenv("LD_BIND_NOW");
      if (allocator != nullptr) setenv("MALLOC_CONF", allocator, 1);
      if (loader != nullptr) setenv("LD_BIND_NOW", loader, 1);
      return ReexecWithSettings(nullptr).ToString();
    });
  };
  EXPECT_EQ(with("junk:free", "1"), "OK");
  EXPECT_EQ(with("narenas:1,junk:free", "yes"), "OK");
  const std::string refused =
      "FAILED_PRECONDITION: the environment has KEYTURN_SETTINGS_APPLIED but not ";
  const std::string unset = "; unset KEYTURN_SETTINGS_APPLIED";
  const std::string allocator = absl::StrCat(refused, "MALLOC_CONF=junk:free", unset);
  EXPECT_EQ(with(nullptr, "1"), allocator);
  EXPECT_EQ(with("narenas:1", "1"), allocator);
  EXPECT_EQ(with("junk:free,junk:false", "1"), allocator);
  const std::string loader = absl::StrCat(refused, "LD_BIND_NOW=1", unset);
  EXPECT_EQ(with("junk:free", nullptr), loader);
  EXPECT_EQ(with("junk:free", ""), loader);
}

class CheckDataDirectoryTest : public testing::Test {
 protected:
  const TempDir dir_;
  const std::string path_ = dir_.File("data");
};

TEST_F(CheckDataDirectoryTest, AnAbsentOneIsMadeForItsOwnerOnly) {
  ASSERT_OK(CheckDataDirectory(path_));
  struct stat info {};
  ASSERT_EQ(lstat(path_.c_str(), &info), 0);
  EXPECT_TRUE(S_ISDIR(info.st_mode));
  EXPECT_EQ(info.st_mode & 07777, 0700u);
  EXPECT_OK(CheckDataDirectory(path_));
}

TEST_F(CheckDataDirectoryTest, NobodyElseMayEnterOrReadIt) {
  ASSERT_EQ(mkdir(path_.c_str(), 0700), 0);
  for (const mode_t bit : {040, 020, 010, 04, 02, 01}) {
    ASSERT_EQ(chmod(path_.c_str(), 0700 | bit), 0);
    EXPECT_EQ(CheckDataDirectory(path_),
              absl::FailedPreconditionError(absl::StrCat(
                  path_, " may be entered by other users; run `chmod 0700 ", path_, "`")))
        << bit;
  }
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  ASSERT_EQ(chmod(path_.c_str(), 0700), 0);
  ASSERT_EQ(chown(path_.c_str(), 1234, 1234), 0);
  EXPECT_EQ(CheckDataDirectory(path_),
            absl::FailedPreconditionError(path_ + " belongs to another user (uid 1234)"));
}

TEST_F(CheckDataDirectoryTest, IsADirectoryAndNotALinkToOne) {
  const absl::Status refused = absl::FailedPreconditionError(path_ + " is not a directory");
  ASSERT_EQ(symlink(dir_.path().c_str(), path_.c_str()), 0);
  EXPECT_EQ(CheckDataDirectory(path_), refused);
  ASSERT_EQ(unlink(path_.c_str()), 0);
  std::ofstream(path_) << "a file";
  EXPECT_EQ(CheckDataDirectory(path_), refused);
  EXPECT_EQ(CheckDataDirectory(path_ + "/below"),
            absl::UnavailableError("reading " + path_ + "/below failed: Not a directory"));
}

}  // namespace
}  // namespace keyturn
