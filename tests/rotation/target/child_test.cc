#include "rotation/target/child.h"

#include <csignal>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/clock.h"
#include "base/limits.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

class ChildTest : public testing::Test {
 protected:
  ChildTest() { std::signal(SIGPIPE, SIG_IGN); }

  // Of a shell script, which is the test's own.
  absl::StatusOr<ChildEnd> Run(const std::string& script, const std::string& input = "",
                               absl::Duration timeout = absl::Seconds(20)) {
    const std::vector<std::string> words = {"/bin/sh", "-c", script, "sh", "first"};
    return RunChild({words, environment_, timeout, &interrupt_}, *SecretBytes::CopyOf(input));
  }
  static std::string Out(const ChildEnd& end) { return std::string(end.out.ExposeForCrypto()); }
  static std::string Err(const ChildEnd& end) { return std::string(end.err.ExposeForCrypto()); }

  std::vector<std::string> environment_ = {"PATH=/usr/bin:/bin", "ACCOUNT=acct 1"};
  Interrupt interrupt_;
};

using How = ChildEnd::How;

TEST_F(ChildTest, GetsItsInputAndGivesBothOutputs) {
  ASSERT_OK_AND_ASSIGN(const ChildEnd end, Run("cat; echo oops >&2; exit 3", "{\"a\":1}\n"));
  EXPECT_EQ(end.how, How::kExited);
  EXPECT_EQ(end.code, 3);
  EXPECT_EQ(Out(end), "{\"a\":1}\n");
  EXPECT_EQ(Err(end), "oops\n");
  EXPECT_FALSE(end.err_cut);
}

TEST_F(ChildTest, TakesAnInputThatNoPipeHolds) {
  const std::string big(400'000, 'x');
  ASSERT_OK_AND_ASSIGN(const ChildEnd end, Run("wc -c", big));
  EXPECT_EQ(Out(end), "400000\n");
}

TEST_F(ChildTest, MayLeaveItsInputAlone) {
  const std::string big(400'000, 'x');
  ASSERT_OK_AND_ASSIGN(const ChildEnd end, Run("exec <&-; echo done", big));
  EXPECT_EQ(end.how, How::kExited);
  EXPECT_EQ(end.code, 0);
  EXPECT_EQ(Out(end), "done\n");
}

TEST_F(ChildTest, HasOnlyTheEnvironmentAndDescriptorsItIsGiven) {
  setenv("KEYTURN_SURROUNDING", "x", 1);
  int leaked[2];
  ASSERT_EQ(pipe(leaked), 0);  // without O_CLOEXEC
  ASSERT_OK_AND_ASSIGN(const ChildEnd end, Run("/usr/bin/env | sort; ls /proc/$$/fd; pwd"));
  close(leaked[0]);
  close(leaked[1]);
  std::vector<std::string> lines = absl::StrSplit(Out(end), '\n', absl::SkipEmpty());
  lines.erase(std::remove_if(lines.begin(), lines.end(),  // the shell's own
                             [](const std::string& line) {
                               return absl::StartsWith(line, "PWD=") ||
                                      absl::StartsWith(line, "_=") ||
                                      absl::StartsWith(line, "SHLVL=") ||
                                      absl::StartsWith(line, "OLDPWD=");
                             }),
              lines.end());
  EXPECT_EQ(lines,
            (std::vector<std::string>{"ACCOUNT=acct 1", "PATH=/usr/bin:/bin", "0", "1", "2", "/"}));
}

TEST_F(ChildTest, ItsSignalsAreTheDefaults) {
  ASSERT_OK_AND_ASSIGN(const ChildEnd end,
                       Run("grep -E 'Sig(Blk|Ign)' /proc/self/status; kill -TERM $$"));
  for (const absl::string_view line : absl::StrSplit(Out(end), '\n', absl::SkipEmpty())) {
    const std::string mask(line.substr(line.find('\t') + 1));
    // Beyond 31 are those that the C library keeps for itself.
    EXPECT_EQ(std::stoull(mask, nullptr, 16) & 0x7fff'ffff, 0u) << line;
  }
  EXPECT_EQ(end.how, How::kSignalled);
  EXPECT_EQ(end.code, SIGTERM);
}

TEST_F(ChildTest, OneThatTakesTooLongIsEnded) {
  const absl::Time begin = Clock::Real().Now();
  ASSERT_OK_AND_ASSIGN(const ChildEnd end,
                       Run("echo begun; sleep 600", "", absl::Milliseconds(200)));
  EXPECT_EQ(end.how, How::kTimedOut);
  EXPECT_EQ(Out(end), "begun\n");
  EXPECT_LT(Clock::Real().Now() - begin, absl::Seconds(60));
}

TEST_F(ChildTest, OneThatDoesNotListenIsKilledWithItsChildren) {
  ASSERT_OK_AND_ASSIGN(const ChildEnd end, Run("trap '' TERM; (trap '' TERM; echo $$; exec sleep "
                                               "600) & echo $!; while :; do sleep 1; done",
                                               "", absl::Milliseconds(300)));
  EXPECT_EQ(end.how, How::kTimedOut);
  EXPECT_EQ(end.code, SIGKILL);
  const std::vector<std::string> lines = absl::StrSplit(Out(end), '\n', absl::SkipEmpty());
  ASSERT_FALSE(lines.empty());
  // Its child is gone, or about to be, and nobody's.
  const pid_t left = std::stoi(lines[0]);
  for (int i = 0; i < 1000 && kill(left, 0) == 0; ++i) {
    ASSERT_OK(Run("sleep 0.01"));
  }
  EXPECT_NE(kill(left, 0), 0);
}

TEST_F(ChildTest, WhoInheritsItsOutputIsNotWaitedFor) {
  const absl::Time begin = Clock::Real().Now();
  ASSERT_OK_AND_ASSIGN(const ChildEnd end, Run("setsid sleep 30 & echo said; exit 0"));
  EXPECT_EQ(end.how, How::kExited);
  EXPECT_EQ(Out(end), "said\n");
  EXPECT_LT(Clock::Real().Now() - begin, absl::Seconds(20));
}

TEST_F(ChildTest, AnInterruptEndsIt) {
  absl::StatusOr<ChildEnd> end = absl::UnknownError("none");
  std::thread runs([&] { end = Run("echo begun; sleep 600"); });
  interrupt_.Set();
  runs.join();
  ASSERT_OK(end);
  EXPECT_EQ(end->how, How::kInterrupted);
  interrupt_.Clear();
  ASSERT_OK_AND_ASSIGN(const ChildEnd next, Run("exit 0"));
  EXPECT_EQ(next.how, How::kExited);
}

TEST_F(ChildTest, OneThatSaysTooMuchIsEnded) {
  ASSERT_OK_AND_ASSIGN(const ChildEnd end, Run("while :; do echo much; done"));
  EXPECT_EQ(end.how, How::kSaidTooMuch);
  EXPECT_LE(end.out.size(), limits::kTargetAnswerBytesMax);
}

TEST_F(ChildTest, OfManyComplaintsTheFirstAreKept) {
  ASSERT_OK_AND_ASSIGN(const ChildEnd end,
                       Run("i=0; while [ $i -lt 2000 ]; do echo complaint >&2; i=$((i+1)); done"));
  EXPECT_EQ(end.how, How::kExited);
  EXPECT_EQ(end.err.size(), limits::kTargetErrorBytesMax);
  EXPECT_TRUE(end.err_cut);
}

TEST_F(ChildTest, WhatIsNoProgramIsNotStarted) {
  const std::vector<std::string> absent = {"/nowhere/rotate"}, directory = {"/tmp"};
  const absl::Status status =
      RunChild({absent, environment_, absl::Seconds(5)}, *SecretBytes::CopyOf("x")).status();
  EXPECT_CODE(status, kFailedPrecondition);
  EXPECT_EQ(status.message(), "cannot run /nowhere/rotate: No such file or directory");
  EXPECT_CODE(RunChild({directory, environment_, absl::Seconds(5)}, *SecretBytes::CopyOf("x")),
              kFailedPrecondition);
}

}  // namespace
}  // namespace keyturn
