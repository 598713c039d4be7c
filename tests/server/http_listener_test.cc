#include "server/http_listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "base/limits.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

class HttpListenerTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(listener_,
                         HttpListener::Start("listen.metrics", {"127.0.0.1", 0},
                                             {{"/page",
                                               [] {
                                                 return HttpReply{200, "text/plain", "hello\n"};
                                               }},
                                              {"/down", [] {
                                                 return HttpReply{503, "application/json", "{}"};
                                               }}}));
  }

  // A connection from an address of this machine.
  int Connect(const char* from = "127.0.0.1") {
    const std::string address = listener_->address();
    uint32_t port = 0;
    EXPECT_TRUE(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    EXPECT_EQ(inet_pton(AF_INET, from, &at.sin_addr), 1);
    EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof(at)), 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)), 0);
    return fd;
  }
  // Sends bytes as they are, and reads until the peer closes; "" when it does so at once.
  std::string Send(const std::string& bytes, const char* from = "127.0.0.1") {
    const int fd = Connect(from);
    EXPECT_EQ(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    std::string out;
    char buffer[4096];
    for (ssize_t got = 0; (got = recv(fd, buffer, sizeof(buffer), 0)) > 0;) {
      out.append(buffer, static_cast<size_t>(got));
    }
    close(fd);
    return out;
  }
  std::string Get(const std::string& path, const char* from = "127.0.0.1") {
    return Send("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", from);
  }

  std::unique_ptr<HttpListener> listener_;
};

TEST_F(HttpListenerTest, AnswersItsRoutes) {
  const std::string page = Get("/page");
  EXPECT_TRUE(absl::StartsWith(page, "HTTP/1.1 200 OK\r\n")) << page;
  EXPECT_TRUE(absl::EndsWith(page, "\r\n\r\nhello\n")) << page;
  EXPECT_TRUE(absl::StrContains(page, "Cache-Control: no-store\r\n"));
  EXPECT_TRUE(absl::StartsWith(Get("/page?x=1"), "HTTP/1.1 200"));
  EXPECT_TRUE(absl::StartsWith(Get("/down"), "HTTP/1.1 503"));
  EXPECT_TRUE(absl::StartsWith(Get("/other"), "HTTP/1.1 404"));
  EXPECT_TRUE(absl::StartsWith(Get("/page/"), "HTTP/1.1 404"));
}

TEST_F(HttpListenerTest, HeadHasTheLengthAndNoBody) {
  const std::string out = Send("HEAD /page HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(absl::StrContains(out, "Content-Length: 6\r\n")) << out;
  EXPECT_TRUE(absl::EndsWith(out, "\r\n\r\n"));
}

TEST_F(HttpListenerTest, OneConnectionCarriesSeveralRequests) {
  const std::string out = Send(
      "GET /page HTTP/1.1\r\nHost: x\r\n\r\n"
      "GET /page HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_NE(out.find("hello"), out.rfind("hello")) << out;
}

TEST_F(HttpListenerTest, RefusesOtherMethods) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS"}) {
    const std::string out = Send(absl::StrCat(
        method, " /page HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    EXPECT_TRUE(absl::StartsWith(out, "HTTP/1.1 405")) << out;
  }
}

TEST_F(HttpListenerTest, BoundsHeadersAndBodies) {
  const std::string large(limits::kHttpHeaderBytesMax + 1, 'h');
  EXPECT_TRUE(
      absl::StartsWith(Send("GET /page HTTP/1.1\r\nX: " + large + "\r\n\r\n"), "HTTP/1.1 431"));
  const std::string body(limits::kHttpBodyBytesMax + 1, 'b');
  EXPECT_TRUE(absl::StartsWith(
      Send(absl::StrCat("POST /page HTTP/1.1\r\nHost: x\r\nContent-Length: ", body.size(),
                        "\r\n\r\n", body)),
      "HTTP/1.1 413"));
}

TEST_F(HttpListenerTest, RubbishEndsTheConnectionNotTheListener) {
  for (const std::string& rubbish :
       {std::string("\x16\x03\x01\x00\x05hello", 10), std::string("\0\0\0\0\r\n\r\n", 8),
        std::string("GET\r\n\r\n")}) {
    EXPECT_FALSE(absl::StartsWith(Send(rubbish), "HTTP/1.1 200"));
  }
  EXPECT_TRUE(absl::StartsWith(Get("/page"), "HTTP/1.1 200"));
}

TEST_F(HttpListenerTest, OneSourceLeavesPlacesForOthers) {
  std::vector<int> held;
  for (int i = 0; i < limits::kHttpConnectionsOfSourceMax; ++i) held.push_back(Connect());
  EXPECT_EQ(Get("/page"), "");
  EXPECT_EQ(Get("/page", "127.0.0.2"), "");  // of the same /24
  EXPECT_TRUE(absl::StartsWith(Get("/page", "127.0.1.1"), "HTTP/1.1 200"));
  close(held.back());
  held.pop_back();
  // The listener sees the end a moment later.
  while (Get("/page").empty()) {
  }
  for (const char* from : {"127.1.0.1", "127.2.0.1", "127.3.0.1"}) {
    for (int i = 0; i < limits::kHttpConnectionsOfSourceMax; ++i) held.push_back(Connect(from));
  }
  EXPECT_TRUE(absl::StartsWith(Get("/page", "127.4.0.1"), "HTTP/1.1 200"));  // the last place
  held.push_back(Connect());
  EXPECT_EQ(Get("/page", "127.4.0.1"), "");
  for (const int fd : held) close(fd);
}

TEST_F(HttpListenerTest, AnAddressInUseIsNamed) {
  const std::string address = listener_->address();
  uint32_t port = 0;
  ASSERT_TRUE(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
  const absl::Status status =
      HttpListener::Start("listen.metrics", {"127.0.0.1", static_cast<uint16_t>(port)}, {})
          .status();
  EXPECT_CODE(status, kUnavailable);
  EXPECT_TRUE(absl::StrContains(status.message(), address)) << status.message();
}

}  // namespace
}  // namespace keyturn
