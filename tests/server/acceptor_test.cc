#include "server/acceptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/cleanup/cleanup.h"
#include "absl/synchronization/mutex.h"
#include "base/log.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

class AcceptorTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(ListeningSocket socket, ListeningSocket::Tcp({"127.0.0.1", 0}));
    port_ = socket.port();
    std::vector<Acceptor::Door> doors;
    doors.push_back({std::move(socket), false, [this](int, int fd) {
                       const absl::MutexLock lock(&mu_);
                       taken_.push_back(fd);
                     }});
    ASSERT_OK_AND_ASSIGN(acceptor_, Acceptor::Start(std::move(doors)));
  }
  ~AcceptorTest() override {
    acceptor_ = nullptr;
    for (const int fd : taken_) close(fd);
    for (const int fd : connected_) close(fd);
  }

  int NewSocket() {
    connected_.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return connected_.back();
  }
  bool Connect(int fd) const {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    return connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  int Connect() {
    const int fd = NewSocket();
    EXPECT_TRUE(Connect(fd));
    return fd;
  }
  // Waits for its end; false when it is served instead, which here means that it says nothing.
  static bool IsClosed(int fd) {
    const timeval patience = {0, 300'000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    char byte = 0;
    const ssize_t got = read(fd, &byte, 1);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
  }
  size_t AwaitTaken(size_t count) {
    const absl::MutexLock lock(&mu_);
    const auto there = [&] { return taken_.size() >= count; };
    mu_.AwaitWithTimeout(absl::Condition(&there), absl::Seconds(10));
    return taken_.size();
  }

  uint16_t port_ = 0, local_port_ = 0;
  absl::Mutex mu_;
  std::vector<int> taken_;
  std::vector<int> connected_;
  std::unique_ptr<Acceptor> acceptor_;
};

// As long as it lives, the process may have no descriptors from `count` on.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t count) {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit now = before_;
    now.rlim_cur = count;
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &now), 0);
    SetLogFd(-1);
  }
  ~DescriptorLimit() {
    setrlimit(RLIMIT_NOFILE, &before_);
    SetLogFd(2);
  }

 private:
  rlimit before_;
};

TEST_F(AcceptorTest, HandsOnWhatConnects) {
  const int first = Connect();
  Connect();
  ASSERT_EQ(AwaitTaken(2), 2u);
  ASSERT_EQ(write(taken_[0], "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(read(first, &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
  EXPECT_NE(fcntl(taken_[0], F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(fcntl(taken_[0], F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(AcceptorTest, ClosesThoseThatWouldTakeWhatIsReserved) {
  const int next = Connect();
  ASSERT_EQ(AwaitTaken(1), 1u);
  {
    // Half are for connections, and those numbers are taken.
    const DescriptorLimit limit(static_cast<rlim_t>(next) + 8);
    EXPECT_TRUE(IsClosed(Connect()));
    EXPECT_TRUE(IsClosed(Connect()));
  }
  EXPECT_FALSE(IsClosed(Connect()));
  EXPECT_EQ(AwaitTaken(2), 2u);
}

// What strangers may not have is there for those of this machine.
TEST_F(AcceptorTest, ALocalDoorIsOpenLonger) {
  acceptor_ = nullptr;
  std::vector<Acceptor::Door> doors;
  for (const bool local : {false, true}) {
    ASSERT_OK_AND_ASSIGN(ListeningSocket socket, ListeningSocket::Tcp({"127.0.0.1", 0}));
    (local ? local_port_ : port_) = socket.port();
    doors.push_back({std::move(socket), local, [this](int, int fd) {
                       const absl::MutexLock lock(&mu_);
                       taken_.push_back(fd);
                     }});
  }
  ASSERT_OK_AND_ASSIGN(acceptor_, Acceptor::Start(std::move(doors)));
  for (int i = 0; i < 40; ++i) connected_.push_back(dup(STDIN_FILENO));
  const int next = Connect();
  ASSERT_EQ(AwaitTaken(1), 1u);
  // Strangers may have half, and those numbers are taken; the machine's own three quarters.
  const DescriptorLimit limit(static_cast<rlim_t>(next) * 2 - 2);
  EXPECT_TRUE(IsClosed(Connect()));
  port_ = local_port_;
  EXPECT_FALSE(IsClosed(Connect()));
  EXPECT_EQ(AwaitTaken(2), 2u);
}

TEST_F(AcceptorTest, WithoutAnyDescriptorItClosesThemAndGoesOn) {
  std::vector<int> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(NewSocket());
  {
    const int lowest = dup(waiting[0]);  // the lowest number that is free
    close(lowest);
    const DescriptorLimit limit(static_cast<rlim_t>(lowest));
    for (const int fd : waiting) {
      ASSERT_TRUE(Connect(fd));
      EXPECT_TRUE(IsClosed(fd));
    }
  }
  EXPECT_FALSE(IsClosed(Connect()));
  EXPECT_EQ(AwaitTaken(1), 1u);
}

TEST_F(AcceptorTest, WhoeverConnectsAfterItsEndIsRefused) {
  acceptor_ = nullptr;
  EXPECT_FALSE(Connect(NewSocket()));
  EXPECT_EQ(errno, ECONNREFUSED);
}

}  // namespace
}  // namespace keyturn
