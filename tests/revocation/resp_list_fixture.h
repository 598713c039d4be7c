// Connections of the Redis protocol on a revocation list over a store in memory.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "revocation/resp_hub.h"
#include "tests/revocation/list_fixture.h"
#include "tests/revocation/resp_peer.h"

namespace keyturn {

class RespListFixture : public ListFixture {
 protected:
  RespListFixture() { Open({}); }
  // Before the list goes, as in a server.
  ~RespListFixture() override {
    if (list_ != nullptr) EXPECT_OK(list_->Load(nullptr));
  }

  // A new list, loaded.
  void Open(const RevocationList::Options& options) {
    NewList(options);
    list_->SetChangeListener(&hub_);
    Load();
  }
  RespPeer NewPeer(uint64_t id, absl::string_view rights = "cwa") {
    return RespPeer({*list_, host_, hub_, clock_}, host_, rights, id);
  }
  // What comes once all of its changes are durable.
  std::string Answer(RespPeer& peer, absl::string_view words) {
    peer.Send(RespRequest(words));
    return Settled(peer);
  }
  std::string Settled(RespPeer& peer) {
    auto transaction = list_->Begin(writer_, list_->Now());
    if (transaction.ok()) EXPECT_OK(list_->WaitFor((*transaction)->Commit()));
    return peer.Receive();
  }

  RespHub hub_;
  FakeRespHost host_;
};

inline std::string RespBulk(absl::string_view text) {
  return absl::StrCat("$", text.size(), "\r\n", text, "\r\n");
}

// "invalidate" of these keys.
inline std::string RespInvalidation(const std::vector<std::string>& keys) {
  std::string out = absl::StrCat(">2\r\n", RespBulk("invalidate"), "*", keys.size(), "\r\n");
  for (const std::string& key : keys) out += RespBulk(key);
  return out;
}

}  // namespace keyturn
