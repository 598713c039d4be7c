#include "server/resp_listener.h"

#include <atomic>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "base/version.h"
#include "revocation/change_events.h"
#include "server/acceptor.h"
#include "server/resp_loop.h"

namespace keyturn {
namespace {

absl::Status Named(absl::string_view key, absl::string_view where, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat(key, ": cannot listen on ", where, ": ", status.message()));
}

class RespListenerImpl : public RespListener, public RespHost {
 public:
  RespListenerImpl(const RespListenerOptions& options, const Parts& parts)
      : options_(options),
        parts_(parts),
        started_(parts.clock.Now()),
        access_(parts.gate),
        tls_(parts.tls, options.require_client_certificate) {}

  ~RespListenerImpl() override { Stop(absl::ZeroDuration()); }

  absl::Status Listen() {
    RETURN_IF_ERROR(tls_.Context().status());
    const RespLoop::Parts loop = {
        {{parts_.list, *this, hub_, parts_.clock}, registry_, access_, parts_.certificates},
        tls_,
        parts_.clock};
    for (int i = 0; i < options_.threads; ++i) {
      ASSIGN_OR_RETURN(loops_.emplace_back(), RespLoop::Start(loop));
    }
    ASSIGN_OR_RETURN(const uint32_t classes, ParseEventClasses(options_.notify_keyspace_events));
    hub_.SetEventClasses(classes);
    parts_.list.SetChangeListener(&hub_);
    parts_.list.SetDurableListener([this] {
      for (const std::unique_ptr<RespLoop>& each : loops_) each->OnDurable();
    });
    std::vector<Acceptor::Door> doors;
    RETURN_IF_ERROR(AddTcp("listen.resp", options_.plain, false, &plain_address_, &doors));
    RETURN_IF_ERROR(AddTcp("listen.resp_tls", options_.tls, true, &tls_address_, &doors));
    if (!options_.socket_path.empty()) {
      absl::StatusOr<ListeningSocket> socket = ListeningSocket::Unix(options_.socket_path);
      if (!socket.ok()) return Named("listen.resp_socket", options_.socket_path, socket.status());
      doors.push_back({*std::move(socket), true, [this](int, int fd) { Deal(fd, false); }});
    }
    ASSIGN_OR_RETURN(acceptor_, Acceptor::Start(std::move(doors)));
    return absl::OkStatus();
  }

  std::string plain_address() const override { return plain_address_; }
  std::string tls_address() const override { return tls_address_; }

  void Stop(absl::Duration grace) override {
    if (stopped_.exchange(true)) return;
    acceptor_ = nullptr;
    const absl::Time deadline = parts_.clock.Now() + grace;
    for (const std::unique_ptr<RespLoop>& loop : loops_) {
      loop->Stop(std::max(absl::ZeroDuration(), deadline - parts_.clock.Now()));
    }
    // Not destroyed yet: the sessions of each ask for what all have done.
    for (const std::unique_ptr<RespLoop>& loop : loops_) loop->End();
  }

  Stats stats() const override {
    Stats out{.connections = registry_.size(), .connections_total = registry_.total()};
    for (const std::unique_ptr<RespLoop>& loop : loops_) out.commands_total += loop->commands();
    return out;
  }

  // RespHost.
  absl::StatusOr<RespAccess> Authenticate(const RespClient& client, absl::string_view user,
                                          absl::string_view password) override {
    const std::shared_ptr<RespRegistry::Entry> entry = registry_.Find(client.id);
    if (entry == nullptr) return absl::UnauthenticatedError("the connection has ended");
    return access_.ByToken(entry->peer(), user, password);
  }
  absl::StatusOr<RespAccess> Refresh(const RespAccess& access) override {
    return access_.Refresh(access);
  }
  uint64_t epoch() const override { return access_.epoch(); }
  std::vector<RespClient> Clients() override { return registry_.Clients(); }
  size_t Kill(absl::Span<const uint64_t> ids) override { return registry_.Kill(ids); }
  Info info() const override {
    const Stats now = stats();
    Info out;
    out.port = port_;
    out.started = started_;
    out.version = kVersion;
    out.connections_now = now.connections;
    out.connections_total = now.connections_total;
    out.connections_max = limits::kRespConnectionsMax;
    out.commands_total = now.commands_total;
    return out;
  }

 private:
  absl::Status AddTcp(absl::string_view key, const std::optional<HostPort>& address, bool with_tls,
                      std::string* shown, std::vector<Acceptor::Door>* doors) {
    if (!address.has_value()) return absl::OkStatus();
    absl::StatusOr<ListeningSocket> socket = ListeningSocket::Tcp(*address);
    if (!socket.ok()) return Named(key, ToText(*address), socket.status());
    *shown = ToText({address->host, socket->port()});
    if (port_ == 0) port_ = socket->port();
    doors->push_back(
        {*std::move(socket), false, [this, with_tls](int, int fd) { Deal(fd, with_tls); }});
    return absl::OkStatus();
  }

  // On the acceptor's thread.
  void Deal(int fd, bool with_tls) { loops_[next_loop_++ % loops_.size()]->Take(fd, with_tls); }

  const RespListenerOptions options_;
  const Parts parts_;
  const absl::Time started_;
  RespAccessControl access_;
  TlsContexts tls_;
  RespRegistry registry_;
  RespHub hub_;
  std::string plain_address_, tls_address_;
  uint16_t port_ = 0;
  std::vector<std::unique_ptr<RespLoop>> loops_;
  size_t next_loop_ = 0;
  std::unique_ptr<Acceptor> acceptor_;
  std::atomic<bool> stopped_{false};
};

}  // namespace

absl::StatusOr<std::unique_ptr<RespListener>> RespListener::Start(
    const RespListenerOptions& options, const Parts& parts) {
  auto listener = std::make_unique<RespListenerImpl>(options, parts);
  RETURN_IF_ERROR(listener->Listen());
  return listener;
}

}  // namespace keyturn
