#include "server/http_listener.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <thread>

#include "auth/cidr.h"
#include "base/limits.h"
#include "base/log.h"

namespace keyturn {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

using TlsStream = asio::ssl::stream<beast::tcp_stream>;

// The connection below TLS, or the connection itself.
beast::tcp_stream& Lowest(beast::tcp_stream& stream) { return stream; }
beast::tcp_stream& Lowest(TlsStream& stream) { return stream.next_layer(); }

std::string SourceOf(asio::ip::address peer) {
  // Without its zone, which is a name of this machine's.
  if (peer.is_v6()) peer = asio::ip::address_v6(peer.to_v6().to_bytes());
  return std::string(IpAddress::Parse(peer.to_string()).value_or(IpAddress()).network());
}

// Places for connections, in all and of each source, so that nobody has all of them. Of the
// listener's thread, and of whoever ends it.
class Places : public std::enable_shared_from_this<Places> {
 public:
  // The place is free again when the last copy of it is gone; nullptr when there is none.
  std::shared_ptr<void> Take(const std::string& source) {
    if (taken_ >= limits::kHttpConnectionsMax) return nullptr;
    int& of_source = of_sources_[source];
    if (of_source >= limits::kHttpConnectionsOfSourceMax) return nullptr;
    ++of_source;
    ++taken_;
    return std::shared_ptr<void>(this, [self = shared_from_this(), source](void*) {
      --self->taken_;
      const auto found = self->of_sources_.find(source);
      if (--found->second == 0) self->of_sources_.erase(found);
    });
  }

 private:
  int taken_ = 0;
  absl::flat_hash_map<std::string, int> of_sources_;  // of those that have any
};

// One connection: reads a request, answers it, and so on until the peer closes or is too slow.
template <typename Stream>
class Connection : public std::enable_shared_from_this<Connection<Stream>> {
 public:
  // `parts` are what the stream is made of.
  template <typename... Parts>
  Connection(const HttpListener::Routes& routes, std::shared_ptr<void> slot, Parts&&... parts)
      : stream_(std::forward<Parts>(parts)...), routes_(routes), slot_(std::move(slot)) {}

  void Begin() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      Bound();
      stream_.async_handshake(asio::ssl::stream_base::server,
                              [self = this->shared_from_this()](beast::error_code error) {
                                if (!error) self->Read();
                              });
    } else {
      Read();
    }
  }

 private:
  void Bound() { Lowest(stream_).expires_after(std::chrono::seconds(limits::kHttpSeconds)); }

  void Read() {
    parser_.emplace();
    parser_->header_limit(limits::kHttpHeaderBytesMax);
    parser_->body_limit(limits::kHttpBodyBytesMax);
    Bound();
    http::async_read(stream_, buffer_, *parser_,
                     [self = this->shared_from_this()](beast::error_code error, size_t) {
                       self->OnRead(error);
                     });
  }

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
    response_.set(http::field::cache_control, reply.cache_control);
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
    Bound();
    http::async_write(stream_, *serializer_,
                      [self = this->shared_from_this()](beast::error_code error, size_t) {
                        if (error || !self->response_.keep_alive()) return self->Close();
                        self->Read();
                      });
  }

  void Close() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      Bound();
      stream_.async_shutdown([self = this->shared_from_this()](beast::error_code) {});
    } else {
      beast::error_code ignored;
      ignored = stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    }
  }

  Stream stream_;
  beast::flat_buffer buffer_{limits::kHttpHeaderBytesMax + limits::kHttpBodyBytesMax};
  const HttpListener::Routes& routes_;
  const std::shared_ptr<void> slot_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
};

// asio's cover of a context that was made elsewhere.
asio::ssl::context CoverOf(const TlsServerContext& context) {
  SSL_CTX_up_ref(context.native());
  return asio::ssl::context(context.native());
}

class HttpListenerImpl : public HttpListener {
 public:
  HttpListenerImpl(Routes routes, TlsContexts* tls)
      : routes_(std::move(routes)), tls_(tls), acceptor_(context_) {}

  absl::Status Listen(absl::string_view key, const HostPort& address) {
    beast::error_code error;
    const auto host = asio::ip::make_address(address.host, error);
    const tcp::endpoint endpoint(host, address.port);
    if (!error) acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(limits::kHttpConnectionsMax, error);
    if (error) {
      return absl::UnavailableError(
          absl::StrCat(key, ": cannot listen on ", ToText(address), ": ", error.message()));
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
      beast::error_code gone;
      const tcp::endpoint peer = socket.remote_endpoint(gone);
      if (!gone) {
        std::shared_ptr<void> place = places_->Take(SourceOf(peer.address()));
        if (place != nullptr) Serve(std::move(socket), std::move(place));
      }
      Accept();
    });
  }

  void Serve(tcp::socket socket, std::shared_ptr<void> place) {
    if (tls_ == nullptr) {
      std::make_shared<Connection<beast::tcp_stream>>(routes_, std::move(place), std::move(socket))
          ->Begin();
      return;
    }
    const absl::StatusOr<std::shared_ptr<const TlsServerContext>> context = tls_->Context();
    if (!context.ok()) return;
    asio::ssl::context cover = CoverOf(**context);
    std::make_shared<Connection<TlsStream>>(routes_, std::move(place),
                                            beast::tcp_stream(std::move(socket)), cover)
        ->Begin();
  }

  const Routes routes_;
  TlsContexts* const tls_;
  const std::shared_ptr<Places> places_ = std::make_shared<Places>();
  asio::io_context context_{1};
  tcp::acceptor acceptor_;
  asio::steady_timer pause_{context_};
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpListener>> HttpListener::Start(absl::string_view key,
                                                                  const HostPort& address,
                                                                  Routes routes, TlsContexts* tls) {
  auto listener = std::make_unique<HttpListenerImpl>(std::move(routes), tls);
  const absl::Status status = listener->Listen(key, address);
  if (!status.ok()) return status;
  return listener;
}

}  // namespace keyturn
