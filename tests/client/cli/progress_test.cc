#include "client/cli/progress.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <cstdio>

#include "tests/support/status.h"

namespace keyturn::cli {
namespace {

// Standard error of this process goes to the other end of a terminal or a pipe meanwhile.
class StandardError {
 public:
  explicit StandardError(bool terminal) {
    int ends[2] = {-1, -1};
    const int made = terminal ? openpty(&ends[0], &ends[1], nullptr, nullptr, nullptr) : pipe(ends);
    EXPECT_EQ(made, 0);
    reader_ = ends[0];
    fcntl(reader_, F_SETFL, O_NONBLOCK);
    std::fflush(stderr);
    before_ = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
  }
  ~StandardError() {
    std::fflush(stderr);
    dup2(before_, STDERR_FILENO);
    close(before_);
    close(reader_);
  }
  // What was written since it was asked last.
  std::string Written() {
    std::fflush(stderr);
    char bytes[4096];
    const ssize_t got = read(reader_, bytes, sizeof(bytes));
    return std::string(bytes, got < 0 ? 0 : static_cast<size_t>(got));
  }

 private:
  int reader_ = -1, before_ = -1;
};

TEST(Progress, ShowsABarOrACount) {
  EXPECT_EQ(Progress::Bar(50, 100, "records checked", 79),
            "[##########..........] 50 of 100 records checked");
  EXPECT_EQ(Progress::Bar(7, 0, "records checked", 79), "7 records checked");
  EXPECT_EQ(Progress::Bar(200, 100, "x", 25), "[####################] 20");
}

TEST(Progress, IsABarOnATerminalOnceItTakesLong) {
  StandardError standard_error(/*terminal=*/true);
  SimulatedClock clock;
  const Terminal terminal(Terminal::Options{});
  Progress progress("entries checked", terminal, clock);
  clock.AdvanceTime(absl::Milliseconds(499));
  progress.Update(10, 100);
  EXPECT_EQ(standard_error.Written(), "");
  clock.AdvanceTime(absl::Milliseconds(1));
  progress.Update(25, 100);
  EXPECT_EQ(standard_error.Written(), "\r\033[K[#####...............] 25 of 100 entries checked");
  // Ten times a second at the most.
  clock.AdvanceTime(absl::Milliseconds(99));
  progress.Update(26, 100);
  EXPECT_EQ(standard_error.Written(), "");
  clock.AdvanceTime(absl::Milliseconds(1));
  progress.Update(50, 100);
  EXPECT_EQ(standard_error.Written(), "\r\033[K[##########..........] 50 of 100 entries checked");
  progress.Finish();
  EXPECT_EQ(standard_error.Written(), "\r\033[K");
  progress.Finish();
  EXPECT_EQ(standard_error.Written(), "");
}

TEST(Progress, ThatIsOverSoonLeavesNothingOnATerminal) {
  StandardError standard_error(/*terminal=*/true);
  SimulatedClock clock;
  const Terminal terminal(Terminal::Options{});
  {
    Progress progress("entries checked", terminal, clock);
    clock.AdvanceTime(absl::Milliseconds(400));
    progress.Update(100, 100);
  }
  EXPECT_EQ(standard_error.Written(), "");
}

TEST(Progress, IsACountEveryTenSecondsInALog) {
  StandardError standard_error(/*terminal=*/false);
  SimulatedClock clock;
  const Terminal terminal(Terminal::Options{});
  Progress progress("entries checked", terminal, clock);
  clock.AdvanceTime(absl::Seconds(9));
  progress.Update(10, 100);
  EXPECT_EQ(standard_error.Written(), "");
  clock.AdvanceTime(absl::Seconds(1));
  progress.Update(25, 100);
  EXPECT_EQ(standard_error.Written(), "25 of 100 entries checked\n");
  clock.AdvanceTime(absl::Seconds(1));
  progress.Update(26, 100);
  EXPECT_EQ(standard_error.Written(), "");
  clock.AdvanceTime(absl::Seconds(9));
  progress.Update(50, 0);
  EXPECT_EQ(standard_error.Written(), "50 entries checked\n");
  progress.Finish();
  EXPECT_EQ(standard_error.Written(), "");
}

}  // namespace
}  // namespace keyturn::cli
