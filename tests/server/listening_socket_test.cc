#include "server/listening_socket.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {
namespace {

bool CanConnect(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const bool connected = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return connected;
}

TEST(ListeningSocketTest, ListensOnAFreePortUntilItDies) {
  uint16_t port = 0;
  {
    ASSERT_OK_AND_ASSIGN(const ListeningSocket socket, ListeningSocket::Tcp({"127.0.0.1", 0}));
    port = socket.port();
    EXPECT_NE(port, 0);
    EXPECT_TRUE(CanConnect(port));
  }
  EXPECT_FALSE(CanConnect(port));
}

TEST(ListeningSocketTest, EveryAddressIsThoseOfIpv4AsWell) {
  for (const char* const every : {"0.0.0.0", "::"}) {
    ASSERT_OK_AND_ASSIGN(const ListeningSocket socket, ListeningSocket::Tcp({every, 0}));
    EXPECT_TRUE(CanConnect(socket.port())) << every;
  }
}

TEST(ListeningSocketTest, APortThatIsTakenIsRefusedWithTheSystemsWords) {
  ASSERT_OK_AND_ASSIGN(const ListeningSocket first, ListeningSocket::Tcp({"127.0.0.1", 0}));
  const auto second = ListeningSocket::Tcp({"127.0.0.1", first.port()});
  EXPECT_CODE(second.status(), kUnavailable);
  EXPECT_EQ(second.status().message(), "Address already in use");
  EXPECT_CODE(ListeningSocket::Tcp({"192.0.2.1", 0}).status(), kUnavailable);
  EXPECT_CODE(ListeningSocket::Tcp({"localhost", 0}).status(), kInvalidArgument);
}

TEST(ListeningSocketTest, AUnixSocketIsItsOwnersAndTakesThePlaceOfAnOldOne) {
  const TempDir dir;
  const std::string path = dir.File("socket");
  std::ofstream(path) << "left behind";
  ASSERT_OK_AND_ASSIGN(const ListeningSocket socket, ListeningSocket::Unix(path));
  struct stat info {};
  ASSERT_EQ(lstat(path.c_str(), &info), 0);
  EXPECT_TRUE(S_ISSOCK(info.st_mode));
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(ListeningSocketTest, APathThatIsTooLongIsNamed) {
  const auto made = ListeningSocket::Unix("/" + std::string(200, 'x'));
  EXPECT_CODE(made.status(), kInvalidArgument);
  EXPECT_THAT(std::string(made.status().message()), testing::HasSubstr("must be under 108 bytes"));
  EXPECT_CODE(ListeningSocket::Unix("/no/such/directory/socket").status(), kUnavailable);
}

}  // namespace
}  // namespace keyturn
