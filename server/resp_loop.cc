#include "server/resp_loop.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "server/socket_address.h"

namespace keyturn {
namespace {

constexpr int kEvents = 256;
constexpr int kTickMillis = 1000;
constexpr int64_t kTickNanos = int64_t{kTickMillis} * 1'000'000;
constexpr uint64_t kWakeId = 0;  // no connection's
// Redis's own words; some clients look for them.
constexpr absl::string_view kTooMany = "-ERR max number of clients reached\r\n";

absl::Status NoDescriptor() {
  return absl::UnavailableError(std::generic_category().message(errno));
}

absl::StatusOr<std::unique_ptr<TlsServerStream>> BeginTls(TlsContexts& tls, int fd) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const TlsServerContext> context, tls.Context());
  return TlsServerStream::Create(*context, fd);
}

}  // namespace

absl::StatusOr<std::unique_ptr<RespLoop>> RespLoop::Start(const Parts& parts) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  const int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::unique_ptr<RespLoop> loop(new RespLoop(parts, epoll, wake));
  epoll_event event = {.events = EPOLLIN, .data = {.u64 = kWakeId}};
  if (epoll < 0 || wake < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event) != 0) {
    return NoDescriptor();
  }
  try {
    loop->thread_ = std::thread([raw = loop.get()] { raw->Run(); });
  } catch (const std::system_error& refused) {
    errno = refused.code().value();
    return NoDescriptor();
  }
  return loop;
}

void RespLoop::End() {
  {
    const absl::MutexLock lock(&mu_);
    end_ = true;
  }
  if (thread_.joinable()) {
    Wake();
    thread_.join();
  }
  connections_.clear();
  const absl::MutexLock lock(&mu_);
  for (const Accepted& accepted : accepted_) close(accepted.fd);
  accepted_.clear();
}

RespLoop::~RespLoop() {
  End();
  if (epoll_ >= 0) close(epoll_);
  if (wake_ >= 0) close(wake_);
}

void RespLoop::Wake() {
  const uint64_t one = 1;
  // It fails only when the counter is full, and then the loop is awake.
  if (write(wake_, &one, sizeof(one)) < 0) return;
}

void RespLoop::Take(int fd, bool with_tls) {
  {
    const absl::MutexLock lock(&mu_);
    accepted_.push_back({fd, with_tls});
  }
  Wake();
}

void RespLoop::Kill(uint64_t id) {
  {
    const absl::MutexLock lock(&mu_);
    kills_.push_back(id);
  }
  Wake();
}

void RespLoop::OnMail(uint64_t id) {
  bool first = false;
  {
    const absl::MutexLock lock(&mu_);
    first = mail_.empty();
    mail_.push_back(id);
  }
  if (first) Wake();
}

void RespLoop::OnDurable() {
  // The list has moved on before; a loop that found it had not has said that it waits before it
  // looked (SettleWaiting). Of two threads that each store and then load, all in one order, one
  // sees the other's.
  if (any_waiting_.load(std::memory_order_seq_cst)) Wake();
}

void RespLoop::Stop(absl::Duration grace) {
  const absl::Time deadline = parts_.clock.Now() + grace;
  const absl::MutexLock lock(&mu_);
  stop_ = true;
  Wake();
  const auto none = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return open_ == 0; };
  parts_.clock.AwaitWithDeadline(&mu_, absl::Condition(&none), deadline);
}

void RespLoop::Run() {
  std::array<epoll_event, kEvents> events;
  for (;;) {
    const int count = epoll_wait(epoll_, events.data(), kEvents, kTickMillis);
    bool woken = false;
    for (int i = 0; i < count; ++i) {
      if (events[i].data.u64 == kWakeId) {
        woken = true;
        continue;
      }
      const auto found = connections_.find(events[i].data.u64);
      if (found != connections_.end()) Receive(*found->second, events[i].events);
    }
    if (woken) TakeMail();
    SettleAll();
    Tick();
    const absl::MutexLock lock(&mu_);
    open_ = connections_.size() + accepted_.size();
    if (end_) return;
  }
}

void RespLoop::TakeMail() {
  uint64_t count = 0;
  if (read(wake_, &count, sizeof(count)) < 0) count = 0;
  std::vector<Accepted> accepted;
  std::vector<uint64_t> kills, mail;
  {
    const absl::MutexLock lock(&mu_);
    accepted.swap(accepted_);
    kills.swap(kills_);
    mail.swap(mail_);
    stopping_ = stop_;
  }
  for (const Accepted& one : accepted) Open(one);
  for (const uint64_t id : kills) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) continue;
    found->second->End();
    touched_.insert(found->second.get());
  }
  for (const uint64_t id : mail) {
    const auto found = connections_.find(id);
    if (found != connections_.end()) touched_.insert(found->second.get());
  }
  touched_.insert(waiting_.begin(), waiting_.end());
  if (!stopping_) return;
  for (const auto& [id, connection] : connections_) touched_.insert(connection.get());
}

void RespLoop::Open(const Accepted& accepted) {
  if (parts_.connections.registry.size() >= limits::kRespConnectionsMax) {
    if (!accepted.with_tls) send(accepted.fd, kTooMany.data(), kTooMany.size(), MSG_NOSIGNAL);
    close(accepted.fd);
    return;
  }
  std::unique_ptr<RespSocket> connection = Connect(accepted);
  if (connection == nullptr) return;
  RespSocket* const raw = connection.get();
  epoll_event event = {.events = raw->wanted(), .data = {.u64 = raw->id()}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, raw->fd(), &event) != 0) return;
  raw->waited_for = event.events;
  connections_.emplace(raw->id(), std::move(connection));
}

std::unique_ptr<RespSocket> RespLoop::Connect(const Accepted& accepted) {
  const int on = 1;
  setsockopt(accepted.fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  std::unique_ptr<TlsServerStream> tls;
  if (accepted.with_tls) {
    absl::StatusOr<std::unique_ptr<TlsServerStream>> begun = BeginTls(parts_.tls, accepted.fd);
    if (!begun.ok()) {
      LogError("a TLS connection could not be begun",
               {{"error", std::string(begun.status().message())}});
      close(accepted.fd);
      return nullptr;
    }
    tls = *std::move(begun);
  }
  const SocketAddresses addresses = AddressesOf(accepted.fd);
  RespAccessControl::Peer peer{
      .address = addresses.peer, .source = addresses.source, .certificate = nullptr};
  // The id is known once it is made; who kills it looks it up by then.
  auto id = std::make_shared<std::atomic<uint64_t>>(0);
  auto connection = std::make_unique<RespSocket>(
      parts_.connections, accepted.fd, std::move(tls), std::move(peer), addresses.local,
      [this, id] { Kill(id->load()); }, this, parts_.clock.MonotonicNanos());
  id->store(connection->id());
  return connection;
}

void RespLoop::Receive(RespSocket& connection, uint32_t events) {
  touched_.insert(&connection);
  // Who sent something and went away has still sent it.
  const bool ended = (events & (EPOLLERR | EPOLLHUP)) != 0;
  if (ended && (events & EPOLLIN) == 0) return connection.End();
  if (!stopping_) connection.Receive(parts_.clock.MonotonicNanos());
}

void RespLoop::SettleAll() {
  // Settling drops connections from the set that is walked.
  std::vector<RespSocket*> touched(touched_.begin(), touched_.end());
  touched_.clear();
  for (RespSocket* const connection : touched) Settle(*connection);
  SettleWaiting();
}

void RespLoop::Settle(RespSocket& connection) {
  connection.Send(parts_.clock.MonotonicNanos());
  commands_.fetch_add(connection.TakeCommands(), std::memory_order_relaxed);
  if (stopping_ && !connection.waits_for_disk()) connection.End();
  if (connection.over()) {
    waiting_.erase(&connection);
    connections_.erase(connection.id());
    return;
  }
  if (connection.waits_for_disk()) {
    waiting_.insert(&connection);
  } else {
    waiting_.erase(&connection);
  }
  Watch(connection);
}

// Says that it waits, then looks once more: what became durable in between is not told of again.
void RespLoop::SettleWaiting() {
  if (waiting_.empty()) {
    any_waiting_.store(false, std::memory_order_relaxed);
    return;
  }
  if (any_waiting_.exchange(true, std::memory_order_seq_cst)) return;
  std::vector<RespSocket*> waiting(waiting_.begin(), waiting_.end());
  for (RespSocket* const connection : waiting) Settle(*connection);
}

void RespLoop::Watch(RespSocket& connection) {
  const uint32_t wanted =
      stopping_ ? connection.wanted() & ~uint32_t{EPOLLIN} : connection.wanted();
  if (wanted == connection.waited_for) return;
  epoll_event event = {.events = wanted, .data = {.u64 = connection.id()}};
  epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd(), &event);
  connection.waited_for = wanted;
}

void RespLoop::Tick() {
  const int64_t now = parts_.clock.MonotonicNanos();
  if (now - ticked_nanos_ < kTickNanos) return;
  ticked_nanos_ = now;
  for (const auto& [id, connection] : connections_) {
    connection->Tick(now);
    if (connection->over() || connection->has_mail()) touched_.insert(connection.get());
  }
  SettleAll();
}

}  // namespace keyturn
