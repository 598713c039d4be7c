// An HTTPS server of a test's own, on a port of loopback: what it was sent, and the answer that the
// test gives, byte by byte. One connection after the other, on a thread of its own.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "net/tls_server.h"
#include "storage/file_system.h"
#include "tests/support/certificates.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {

class HttpsServer {
 public:
  struct Seen {
    std::string head, body;
    // Of a header, by its name in lower case.
    std::string Header(const std::string& name) const {
      const std::string lower = absl::AsciiStrToLower(head);
      const size_t at = lower.find(absl::StrCat("\r\n", name, ": "));
      if (at == std::string::npos) return "";
      const size_t begin = at + name.size() + 4;
      return head.substr(begin, head.find("\r\n", begin) - begin);
    }
  };
  // The bytes of the answer; "": none.
  using Handler = std::function<std::string(const Seen& seen)>;

  // Answers as Say() says.
  HttpsServer() : HttpsServer([this](const Seen&) { return Said(); }) {}
  explicit HttpsServer(Handler handler) : ca_(dir_.path()), handler_(std::move(handler)) {
    ca_.Server("server");
    const auto read = [this](const std::string& name) {
      return FileSystem::Posix().Read(dir_.File(name)).value_or("");
    };
    auto context =
        TlsServerContext::Create(read("server.pem"), read("server.key"), read("ca.pem"), false);
    EXPECT_OK(context);
    context_ = *std::move(context);
    listening_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(listening_, generic, sizeof(address)), 0);
    EXPECT_EQ(listen(listening_, 8), 0);
    socklen_t size = sizeof(address);
    EXPECT_EQ(getsockname(listening_, generic, &size), 0);
    port_ = ntohs(address.sin_port);
    EXPECT_EQ(pipe2(stop_.data(), O_CLOEXEC), 0);
    thread_ = std::thread([this] { Run(); });
  }
  ~HttpsServer() {
    close(stop_[1]);
    thread_.join();
    close(stop_[0]);
    close(listening_);
  }

  // The bytes of each answer from now on.
  void Say(std::string answer) {
    const absl::MutexLock lock(&mu_);
    answer_ = std::move(answer);
  }

  int port() const { return port_; }
  std::string ca_file() const { return ca_.file(); }
  std::string url(const std::string& path = "/rotate") const {
    return absl::StrCat("https://127.0.0.1:", port_, path);
  }
  std::vector<Seen> seen() {
    const absl::MutexLock lock(&mu_);
    return seen_;
  }

 private:
  std::string Said() {
    const absl::MutexLock lock(&mu_);
    return answer_;
  }
  void Run() {
    for (;;) {
      std::array<pollfd, 2> fds = {{{listening_, POLLIN, 0}, {stop_[0], POLLIN, 0}}};
      poll(fds.data(), fds.size(), -1);
      if (fds[1].revents != 0) return;
      const int fd = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      SSL* const ssl = SSL_new(context_->native());
      SSL_set_fd(ssl, fd);
      if (SSL_accept(ssl) == 1) Serve(ssl);
      SSL_shutdown(ssl);
      SSL_free(ssl);
      close(fd);
    }
  }
  void Serve(SSL* ssl) {
    std::string text;
    size_t end = std::string::npos, length = 0;
    for (;;) {
      std::array<char, 4096> bytes{};
      const int got = SSL_read(ssl, bytes.data(), static_cast<int>(bytes.size()));
      if (got <= 0) return;
      text.append(bytes.data(), static_cast<size_t>(got));
      end = text.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      const Seen head{text.substr(0, end + 2), ""};
      EXPECT_TRUE(absl::SimpleAtoi(head.Header("content-length"), &length));
      if (text.size() >= end + 4 + length) break;
    }
    const Seen seen{text.substr(0, end + 2), text.substr(end + 4)};
    {
      const absl::MutexLock lock(&mu_);
      seen_.push_back(seen);
    }
    const std::string answer = handler_(seen);
    size_t written = 0;  // the context writes in parts
    while (written < answer.size()) {
      const int wrote =
          SSL_write(ssl, answer.data() + written, static_cast<int>(answer.size() - written));
      if (wrote <= 0) return;
      written += static_cast<size_t>(wrote);
    }
  }

  const TempDir dir_;
  TestCa ca_;
  const Handler handler_;
  std::shared_ptr<const TlsServerContext> context_;
  int listening_ = -1, port_ = 0;
  std::array<int, 2> stop_{};
  absl::Mutex mu_;
  std::vector<Seen> seen_ ABSL_GUARDED_BY(mu_);
  std::string answer_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

// An answer of HTTP with this status and body.
inline std::string HttpAnswer(int status, const std::string& body, const std::string& more = "") {
  return absl::StrCat("HTTP/1.1 ", status, " Said\r\nContent-Length: ", body.size(), "\r\n", more,
                      "\r\n", body);
}

}  // namespace keyturn
