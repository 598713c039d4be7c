#include "server/http_listener.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <thread>

#include "base/limits.h"
#include "base/log.h"

namespace keyturn {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

// One connection: reads a request, answers it, and so on until the peer closes or is too slow.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, const HttpListener::Routes& routes, std::shared_ptr<void> slot)
      : stream_(std::move(socket)), routes_(routes), slot_(std::move(slot)) {}

  void Read() {
    parser_.emplace();
    parser_->header_limit(limits::kHttpHeaderBytesMax);
    parser_->body_limit(limits::kHttpBodyBytesMax);
    stream_.expires_after(std::chrono::seconds(limits::kHttpSeconds));
    http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](beast::error_code error, size_t) { self->OnRead(error); });
  }

 private:
  void OnRead(beast::error_code error) {
    if (error == http::error::header_limit)
      return Answer({431, "text/plain", "headers too large\n"});
    if (error == http::error::body_limit) return Answer({413, "text/plain", "body too large\n"});
    if (error) return Close();
    const http::request<http::string_body>& request = parser_->get();
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
      return Answer({405, "text/plain", "only GET is answered here\n"});
    }
    const std::string target(request.target().substr(0, request.target().find('?')));
    const auto route = routes_.find(target);
    if (route == routes_.end()) return Answer({404, "text/plain", "no such page\n"});
    Answer(route->second());
  }

  void Answer(HttpReply reply) {
    const bool parsed = parser_->is_done();
    response_ = {};
    response_.result(static_cast<unsigned>(reply.status));
    response_.version(11);
    response_.set(http::field::content_type, reply.content_type);
    response_.set(http::field::cache_control, "no-store");
    response_.set("X-Content-Type-Options", "nosniff");
    if (reply.status == 405) response_.set(http::field::allow, "GET, HEAD");
    response_.keep_alive(parsed && parser_->get().keep_alive());
    const bool head = parsed && parser_->get().method() == http::verb::head;
    const size_t size = reply.body.size();
    if (!head) response_.body() = std::move(reply.body);
    response_.prepare_payload();
    if (head) response_.content_length(size);
    serializer_.emplace(response_);
    serializer_->split(false);
    stream_.expires_after(std::chrono::seconds(limits::kHttpSeconds));
    http::async_write(stream_, *serializer_,
                      [self = shared_from_this()](beast::error_code error, size_t) {
                        if (error || !self->response_.keep_alive()) return self->Close();
                        self->Read();
                      });
  }

  void Close() {
    beast::error_code ignored;
    ignored = stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{limits::kHttpHeaderBytesMax + limits::kHttpBodyBytesMax};
  const HttpListener::Routes& routes_;
  const std::shared_ptr<void> slot_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
};

class HttpListenerImpl : public HttpListener {
 public:
  explicit HttpListenerImpl(Routes routes) : routes_(std::move(routes)), acceptor_(context_) {}

  absl::Status Listen(const HostPort& address) {
    beast::error_code error;
    const auto host = asio::ip::make_address(address.host, error);
    const tcp::endpoint endpoint(host, address.port);
    if (!error) acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(limits::kHttpConnectionsMax, error);
    if (error) {
      return absl::UnavailableError(absl::StrCat("listen.metrics: cannot listen on ", address.host,
                                                 ":", address.port, ": ", error.message()));
    }
    Accept();
    thread_ = std::thread([this] { context_.run(); });
    return absl::OkStatus();
  }

  ~HttpListenerImpl() override {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }

  std::string address() const override {
    beast::error_code ignored;
    const tcp::endpoint endpoint = acceptor_.local_endpoint(ignored);
    const std::string host = endpoint.address().to_string();
    return endpoint.address().is_v6() ? absl::StrCat("[", host, "]:", endpoint.port())
                                      : absl::StrCat(host, ":", endpoint.port());
  }

 private:
  void Accept() {
    acceptor_.async_accept([this](beast::error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      // A failed accept (no descriptors left) must not end the loop, nor make it spin.
      if (error) {
        pause_.expires_after(std::chrono::milliseconds(limits::kHttpAcceptPauseMillis));
        pause_.async_wait([this](beast::error_code stopped) {
          if (!stopped) Accept();
        });
        return;
      }
      if (open_.use_count() <= limits::kHttpConnectionsMax) {
        std::make_shared<Connection>(std::move(socket), routes_, open_)->Read();
      }
      Accept();
    });
  }

  const Routes routes_;
  // Each connection holds a copy: the count says how many there are.
  const std::shared_ptr<void> open_ = std::make_shared<int>(0);
  asio::io_context context_{1};
  tcp::acceptor acceptor_;
  asio::steady_timer pause_{context_};
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpListener>> HttpListener::Start(const HostPort& address,
                                                                  Routes routes) {
  auto listener = std::make_unique<HttpListenerImpl>(std::move(routes));
  const absl::Status status = listener->Listen(address);
  if (!status.ok()) return status;
  return listener;
}

}  // namespace keyturn
