#include "server/resp_socket.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/limits.h"

namespace keyturn {
namespace {

constexpr size_t kReadBytes = 16 * limits::kKiB;
constexpr int64_t kSecond = 1'000'000'000;
// So long without a request, and memory is given back.
constexpr int64_t kQuietNanos = 10 * kSecond;

RespClient ClientOf(const RespSocket::Parts& parts, uint64_t id,
                    const RespAccessControl::Peer& peer, std::string local_address) {
  RespClient client;
  client.id = id;
  client.address = peer.address;
  client.local_address = std::move(local_address);
  client.connected = client.last_used = parts.session.clock.Now();
  return client;
}

}  // namespace

RespSocket::RespSocket(const Parts& parts, int fd, std::unique_ptr<TlsServerStream> tls,
                       RespAccessControl::Peer peer, std::string local_address,
                       std::function<void()> kill, RespMailbox::Owner* owner, int64_t now_nanos)
    : parts_(parts),
      fd_(fd),
      id_(parts.registry.NewId()),
      tls_(std::move(tls)),
      started_nanos_(now_nanos),
      used_nanos_(now_nanos),
      shaken_(tls_ == nullptr) {
  RespClient client = ClientOf(parts_, id_, peer, std::move(local_address));
  entry_ = std::make_shared<RespRegistry::Entry>(std::move(peer), std::move(kill), client);
  parts_.registry.Add(id_, entry_);
  session_ = RespSession::Create(parts_.session, std::move(client), owner);
}

RespSocket::~RespSocket() {
  parts_.registry.Remove(id_);
  if (tls_ != nullptr) tls_->Close();
  close(fd_);
}

void RespSocket::Receive(int64_t now_nanos) {
  if (over_ || ended_ || (!shaken_ && !Shake())) return;
  if (!session_->wants_bytes()) return;
  used_nanos_ = now_nanos;
  tls_ == nullptr ? ReadPlain() : ReadTls();
}

bool RespSocket::Shake() {
  const TlsServerStream::Result result = tls_->Handshake();
  tls_wants_write_ = result == TlsServerStream::Result::kWantsWrite;
  over_ = result == TlsServerStream::Result::kClosed;
  if (result != TlsServerStream::Result::kOk) return false;
  shaken_ = true;
  Introduce();
  return true;
}

// A certificate that nobody is bound to gives no access; the client may still send AUTH.
void RespSocket::Introduce() {
  const std::string pem = tls_->PeerCertificate();
  if (pem.empty()) return;
  RespAccessControl::Peer peer = entry_->peer();
  peer.certificate = parts_.certificates.Find(pem);
  if (peer.certificate == nullptr) return;
  entry_->SetPeer(peer);
  absl::StatusOr<RespAccess> access = parts_.access.ByCertificate(peer);
  if (access.ok()) session_->SetAccess(*std::move(access));
}

// Once: more is told of again, and others have their turn before.
void RespSocket::ReadPlain() {
  const absl::Span<char> space = session_->Space(kReadBytes);
  const ssize_t got = recv(fd_, space.data(), space.size(), 0);
  if (got < 0) {
    over_ = errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR;
    return;
  }
  ended_ = got == 0;
  if (ended_) return;
  session_->Added(static_cast<size_t>(got));
  session_->Run();
}

// What is left in TLS's own buffer the socket does not tell of.
void RespSocket::ReadTls() {
  do {
    const absl::Span<char> space = session_->Space(kReadBytes);
    size_t got = 0;
    const TlsServerStream::Result result = tls_->Read(space, &got);
    tls_wants_write_ = result == TlsServerStream::Result::kWantsWrite;
    ended_ = result == TlsServerStream::Result::kClosed;
    if (result != TlsServerStream::Result::kOk) return;
    session_->Added(got);
    session_->Run();
  } while (tls_->pending() && session_->wants_bytes());
}

size_t RespSocket::Write(absl::string_view bytes) {
  if (tls_ == nullptr) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) return static_cast<size_t>(sent);
    full_ = errno == EAGAIN || errno == EWOULDBLOCK;
    over_ = !full_ && errno != EINTR;
    return 0;
  }
  size_t sent = 0;
  const TlsServerStream::Result result = tls_->Write(bytes, &sent);
  full_ = result == TlsServerStream::Result::kWantsWrite;
  over_ = result == TlsServerStream::Result::kClosed;
  return sent;
}

void RespSocket::Send(int64_t now_nanos) {
  if (over_ || !shaken_) return;
  full_ = false;
  session_->ReceiveMail();
  Publish();  // before anyone can know by a reply what CLIENT LIST must show
  // Whoever asks for what can be sent must send it: a change that has become durable by then does
  // not wait any more, so nobody tells of it again. So the last answer is kept, and not asked for.
  bool left = true;
  while (left) {
    const absl::string_view bytes = session_->Sendable();
    if (!bytes.empty()) {
      const size_t sent = Write(bytes);
      if (sent == 0) break;
      session_->Sent(sent);
    } else if (session_->wants_run()) {
      used_nanos_ = now_nanos;
      session_->Run();
      Publish();
      left = !session_->Sendable().empty();
    } else {
      left = false;
    }
  }
  const bool done = !left && !session_->waits_for_disk();
  // Who closes its end after a change still learns whether that is durable.
  if (session_->broken() || ((session_->closing() || ended_) && done)) over_ = true;
}

void RespSocket::Publish() { entry_->Update(session_->client()); }

uint32_t RespSocket::wanted() const {
  uint32_t wanted = 0;
  if (!ended_ && (!shaken_ || session_->wants_bytes())) wanted |= EPOLLIN;
  if (full_ || tls_wants_write_) wanted |= EPOLLOUT;
  return wanted;
}

void RespSocket::Tick(int64_t now_nanos) {
  const int64_t limit = shaken_ ? limits::kRespStrangerSeconds : limits::kRespTlsHandshakeSeconds;
  if (!session_->authenticated() && now_nanos - started_nanos_ > limit * kSecond) over_ = true;
  session_->CheckReader(now_nanos);
  if (session_->broken()) over_ = true;
  if (now_nanos - used_nanos_ > kQuietNanos) session_->ReleaseMemory();
}

uint64_t RespSocket::TakeCommands() {
  const uint64_t now = session_->commands();
  return now - std::exchange(counted_, now);
}

}  // namespace keyturn
