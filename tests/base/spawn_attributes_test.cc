#include "base/spawn_attributes.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

#include "absl/strings/match.h"

namespace keyturn {
namespace {

// What a program says of itself that is started so: its masks, and whether it leads its group.
std::string Started(bool own_group) {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe(ends.data()), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::string shell = "/bin/sh", flag = "-c";
  std::string script =
      "cat /proc/self/status; read pid comm state parent group rest "
      "< /proc/$$/stat; test $pid = $group && echo leads";
  std::array<char*, 4> argv = {shell.data(), flag.data(), script.data(), nullptr};
  std::array<char*, 1> envp = {nullptr};
  pid_t pid = 0;
  {
    const SpawnAttributes attributes(own_group);
    EXPECT_EQ(
        posix_spawn(&pid, shell.c_str(), &actions, attributes.get(), argv.data(), envp.data()), 0);
  }
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string said;
  std::array<char, 4096> bytes{};
  for (ssize_t got = 0; (got = read(ends[0], bytes.data(), bytes.size())) > 0;) {
    said.append(bytes.data(), static_cast<size_t>(got));
  }
  close(ends[0]);
  EXPECT_EQ(waitpid(pid, nullptr, 0), pid);
  return said;
}

TEST(SpawnAttributes, NoSignalIsBlockedOrIgnoredThere) {
  sigset_t one, before;
  sigemptyset(&one);
  sigaddset(&one, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &one, &before);
  const auto ignored = std::signal(SIGUSR2, SIG_IGN);
  const std::string said = Started(false);
  std::signal(SIGUSR2, ignored);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_TRUE(absl::StrContains(said, "SigBlk:\t0000000000000000\n")) << said;
  // Those that belong to the C library may be ignored: nobody can tell it otherwise.
  const std::string mark = "SigIgn:\t";
  const size_t at = said.find(mark);
  ASSERT_NE(at, std::string::npos) << said;
  const uint64_t ignored_there = std::stoull(said.substr(at + mark.size(), 16), nullptr, 16);
  EXPECT_EQ(ignored_there & 0x7fffffff, 0u) << said;
}

TEST(SpawnAttributes, AGroupOfItsOwnIfItIsToHaveOne) {
  EXPECT_TRUE(absl::StrContains(Started(true), "leads\n"));
  EXPECT_FALSE(absl::StrContains(Started(false), "leads\n"));
}

}  // namespace
}  // namespace keyturn
