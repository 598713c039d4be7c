// One connection of the RESP listener: a socket, TLS if it is that kind, and the session behind.
// Not thread-safe: one loop has it.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "net/tls_server.h"
#include "revocation/resp_session.h"
#include "server/peer_certificates.h"
#include "server/resp_registry.h"

namespace keyturn {

class RespSocket {
 public:
  struct Parts {
    RespSession::Parts session;
    RespRegistry& registry;
    RespAccessControl& access;
    PeerCertificates& certificates;
  };

  // Takes over `fd`, non-blocking. `tls` is null for a plain one. `now_nanos`: of the monotonic
  // clock. `owner` is told when Send() is to be called, since others have something for it.
  RespSocket(const Parts& parts, int fd, std::unique_ptr<TlsServerStream> tls,
             RespAccessControl::Peer peer, std::string local_address, std::function<void()> kill,
             RespMailbox::Owner* owner, int64_t now_nanos);
  ~RespSocket();
  RespSocket(const RespSocket&) = delete;
  RespSocket& operator=(const RespSocket&) = delete;

  // The socket has bytes, or room: reads once, and runs what is whole. Send() comes after.
  void Receive(int64_t now_nanos);
  // Sends what may be sent now, and runs what waited for that.
  void Send(int64_t now_nanos);

  // To be closed and dropped now.
  bool over() const { return over_; }
  // Send() is to be called although nothing came.
  bool has_mail() const { return session_->has_mail(); }
  void End() { over_ = true; }
  // Waits for the list's log: Send() is to be called when that moves on.
  bool waits_for_disk() const { return session_->waits_for_disk(); }
  // What to wait for (EPOLLIN, EPOLLOUT), and what is waited for already, which is the loop's.
  uint32_t wanted() const;
  uint32_t waited_for = 0;

  // Once a second: ends who is too slow to show who it is, and gives back what a quiet one holds.
  void Tick(int64_t now_nanos);
  uint64_t id() const { return id_; }
  int fd() const { return fd_; }
  // Requests answered since this was asked last.
  uint64_t TakeCommands();

 private:
  // False when it has to wait, or is over.
  bool Shake();
  void Introduce();
  void ReadPlain();
  void ReadTls();
  // How many bytes went out; 0 when it has to wait, or is over.
  size_t Write(absl::string_view bytes);
  void Publish();

  const Parts parts_;
  const int fd_;
  const uint64_t id_;
  const std::unique_ptr<TlsServerStream> tls_;
  const int64_t started_nanos_;
  std::shared_ptr<RespRegistry::Entry> entry_;
  std::unique_ptr<RespSession> session_;
  int64_t used_nanos_;
  uint64_t counted_ = 0;
  bool shaken_;
  bool tls_wants_write_ = false;  // a read or a handshake does
  bool full_ = false;             // the socket's buffer
  bool ended_ = false;            // nothing more will come
  bool over_ = false;
};

}  // namespace keyturn
