// A client of the Redis protocol over a plain socket, that reads as many replies as it is told to.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace keyturn {

class RespTestClient {
 public:
  // "127.0.0.1:port", or the path of a unix socket.
  explicit RespTestClient(const std::string& where) {
    if (where.front() == '/') {
      sockaddr_un address = {};
      address.sun_family = AF_UNIX;
      where.copy(address.sun_path, sizeof(address.sun_path) - 1);
      fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    } else {
      sockaddr_in address = {};
      address.sin_family = AF_INET;
      address.sin_port =
          htons(static_cast<uint16_t>(std::stoi(where.substr(where.rfind(':') + 1))));
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    }
    const timeval patience = {.tv_sec = 20, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  }
  ~RespTestClient() { close(fd_); }
  RespTestClient(const RespTestClient&) = delete;
  RespTestClient& operator=(const RespTestClient&) = delete;

  bool connected() const { return connected_; }
  void Send(absl::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  void CloseSending() { shutdown(fd_, SHUT_WR); }

  // A command as an array of bulks.
  static std::string Request(const std::vector<std::string>& words) {
    std::string out = absl::StrCat("*", words.size(), "\r\n");
    for (const std::string& word : words) {
      absl::StrAppend(&out, "$", word.size(), "\r\n", word, "\r\n");
    }
    return out;
  }
  // The next reply as it came, aggregates with all that is in them; "<end>" when there is none.
  std::string Reply() {
    const std::string line = Line();
    if (line.empty()) return "<end>";
    int64_t count = 0;
    const bool sized = absl::SimpleAtoi(line.substr(1, line.size() - 3), &count);
    if ((line[0] == '$' || line[0] == '=') && sized && count >= 0) {
      return line + Bytes(static_cast<size_t>(count) + 2);
    }
    std::string out = line;
    if (absl::StrContains("*~>%", line.substr(0, 1)) && sized) {
      for (int64_t i = 0; i < count * (line[0] == '%' ? 2 : 1); ++i) out += Reply();
    }
    return out;
  }
  std::string Call(const std::vector<std::string>& words) {
    Send(Request(words));
    return Reply();
  }
  // Until the peer closes.
  std::string Rest() {
    while (Fill()) {
    }
    return std::move(buffer_);
  }

 private:
  bool Fill() {
    char bytes[16384];
    const ssize_t got = recv(fd_, bytes, sizeof(bytes), 0);
    if (got <= 0) return false;
    buffer_.append(bytes, static_cast<size_t>(got));
    return true;
  }
  std::string Bytes(size_t size) {
    while (buffer_.size() < size) {
      if (!Fill()) return "<end>";
    }
    std::string out = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return out;
  }
  std::string Line() {
    size_t end = 0;
    while ((end = buffer_.find("\r\n")) == std::string::npos) {
      if (!Fill()) return "";
    }
    return Bytes(end + 2);
  }

  int fd_ = -1;
  bool connected_ = false;
  std::string buffer_;
};

}  // namespace keyturn
