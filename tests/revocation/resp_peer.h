// Who talks to a RespSession in tests: hosts with users, and clients that write commands as people
// do and read replies as bytes.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "revocation/resp_session.h"
#include "tests/revocation/fake_list.h"

namespace keyturn {

// Users are named by what they may do: "cwa" may check, write and administer. "gone" was removed.
class FakeRespHost : public RespHost {
 public:
  uint64_t now_epoch = 1;
  std::map<std::string, std::string> passwords;  // by user
  absl::Status authenticate_status, refresh_status;
  std::vector<RespClient> clients;
  std::vector<uint64_t> killed;
  std::string refreshed_to;  // what Refresh finds that the caller may do now, "" for as before
  int refreshed = 0;
  std::vector<std::string> seen;  // "user address" of each that was asked for

  RespAccess AccessOf(absl::string_view rights) const {
    RespAccess access;
    auto writer = std::make_shared<RevocationWriter>();
    writer->principal = std::string(rights);
    access.writer = writer;
    for (const char right : rights) {
      access.check |= right == 'c';
      access.write |= right == 'w';
      access.admin |= right == 'a';
    }
    access.epoch = now_epoch;
    return access;
  }

  absl::StatusOr<RespAccess> Authenticate(const RespClient& client, absl::string_view user,
                                          absl::string_view password) override {
    seen.push_back(absl::StrCat(user, " ", client.address));
    if (!authenticate_status.ok()) return authenticate_status;
    const auto found = passwords.find(std::string(user));
    if (found == passwords.end() || found->second != password) {
      return absl::UnauthenticatedError("no");
    }
    return AccessOf(user == "default" ? "cwa" : user);
  }
  absl::StatusOr<RespAccess> Refresh(const RespAccess& access) override {
    ++refreshed;
    if (!refresh_status.ok()) return refresh_status;
    return AccessOf(refreshed_to.empty() ? access.writer->principal : refreshed_to);
  }
  uint64_t epoch() const override { return now_epoch; }
  std::vector<RespClient> Clients() override { return clients; }
  size_t Kill(absl::Span<const uint64_t> ids) override {
    killed.insert(killed.end(), ids.begin(), ids.end());
    return ids.size();
  }
  Info info() const override {
    Info info;
    info.port = 6379;
    info.started = absl::FromUnixSeconds(1'767'225'600);
    info.version = "9.8.7";
    info.connections_max = 10'000;
    info.connections_now = 2;
    info.commands_total = 17;
    return info;
  }
};

inline std::string RespArray(const std::vector<std::string>& words) {
  std::string request = absl::StrCat("*", words.size(), "\r\n");
  for (const std::string& word : words) {
    absl::StrAppend(&request, "$", word.size(), "\r\n", word, "\r\n");
  }
  return request;
}

// "SET k v" as a request.
inline std::string RespRequest(absl::string_view words) {
  return RespArray(absl::StrSplit(words, ' '));
}

struct RespWorld {
  SimulatedClock clock;
  FakeList list{clock};
  FakeRespHost host;
  RespHub hub;
};

class RespPeer {
 public:
  // `rights`: of the user that it is from the start; "-" for a stranger.
  explicit RespPeer(RespWorld& world, absl::string_view rights = "cwa", uint64_t id = 3)
      : RespPeer({world.list, world.host, world.hub, world.clock}, world.host, rights, id) {}
  RespPeer(const RespSession::Parts& parts, const FakeRespHost& host, absl::string_view rights,
           uint64_t id) {
    RespClient client;
    client.id = id;
    client.address = "127.0.0.1:5000";
    client.local_address = "127.0.0.1:6379";
    client.connected = client.last_used = parts.clock.Now();
    session_ = RespSession::Create(parts, client, nullptr);
    if (rights != "-") session_->SetAccess(host.AccessOf(rights));
  }

  RespSession& session() { return *session_; }

  // As they arrive: at most `piece` at once.
  void Send(absl::string_view bytes, size_t piece = SIZE_MAX) {
    while (!bytes.empty() && !session_->closing() && !session_->broken()) {
      const absl::string_view part = bytes.substr(0, piece);
      const absl::Span<char> room = session_->Space(part.size());
      std::copy(part.begin(), part.end(), room.begin());
      session_->Added(part.size());
      session_->Run();
      bytes.remove_prefix(part.size());
    }
  }
  // What can be read now.
  std::string Receive() {
    std::string all;
    session_->ReceiveMail();
    while (true) {
      const absl::string_view some = session_->Sendable();
      all.append(some.data(), some.size());
      session_->Sent(some.size());
      if (session_->wants_run()) {
        session_->Run();
      } else if (some.empty()) {
        return all;
      }
    }
  }
  std::string Ask(absl::string_view words) { return AskRaw(RespRequest(words)); }
  std::string AskRaw(absl::string_view bytes, size_t piece = SIZE_MAX) {
    Send(bytes, piece);
    return Receive();
  }

 private:
  std::unique_ptr<RespSession> session_;
};

}  // namespace keyturn
