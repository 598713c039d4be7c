// Credentials that change while the server is killed: issued API keys that are rolled and revoked,
// tokens whose signing key is taken away in an emergency, refresh tokens that are used up, a secret
// that is rotated and rolled back. What was acknowledged holds after a restart: what was ended
// stays so, and what was given works. Not thread-safe.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/client.h"
#include "tests/crash/rotation_end.h"

namespace keyturn {

class CredentialsWorker {
 public:
  using Problems = std::vector<std::string>;

  absl::Status Begin(Client& client) {
    v1::CreateJwtKeyRequest key;
    key.set_path(kSigner);
    key.mutable_settings()->set_algorithm("ES256");
    key.mutable_settings()->set_issuer("crash");
    key.mutable_settings()->add_audiences("crash");
    RETURN_IF_ERROR(client.CreateJwtKey(key).status());
    v1::PutRequest put;
    put.set_path(kTurned);
    v1::Field* const field = put.mutable_data()->add_fields();
    field->set_name("value");
    field->set_value("the first");
    RETURN_IF_ERROR(client.Put(put).status());
    v1::SetRotationPolicyRequest policy;
    policy.set_path(kTurned);
    policy.mutable_policy()->mutable_source()->mutable_generate();
    return client.SetRotationPolicy(policy).status();
  }

  // One change after another until a call fails; its status.
  absl::Status Work(Client& client, uint64_t seed) {
    std::mt19937_64 random(seed);
    while (true) {
      switch (random() % 8) {
        case 0:
        case 1:
          RETURN_IF_ERROR(Issue(client));
          break;
        case 2:
          RETURN_IF_ERROR(Roll(client, random));
          break;
        case 3:
          RETURN_IF_ERROR(Revoke(client, random));
          break;
        case 4:
          RETURN_IF_ERROR(Sign(client));
          break;
        case 5:
          RETURN_IF_ERROR(Refresh(client));
          break;
        case 6:
          RETURN_IF_ERROR(TakeKeyAway(client));
          break;
        default:
          RETURN_IF_ERROR(TurnAndTurnBack(client));
      }
    }
  }

  // Holds the server against what is known, and goes on from what is there.
  void Check(Client& client, Problems* problems) {
    const auto add = [problems](absl::string_view what, const absl::Status& status) {
      if (!status.ok()) problems->push_back(absl::StrCat(what, ": ", status.message()));
    };
    // One that was begun would end what is signed now.
    add(kSigner, AwaitRotationEnd(client, kSigner).status());
    for (const Key& key : keys_) add(absl::StrCat("API key ", key.id), CheckKey(client, key));
    for (const Token& token : tokens_) add("a token", CheckToken(client, token));
    add("a refresh token", CheckRefresh(client));
    add(kTurned, CheckTurned(client));
  }

  uint64_t acknowledged() const { return acknowledged_; }
  // For a mutant: something that was ended is taken for good. REQUIRES: something was.
  bool ForgetAnEnd() {
    for (Key& key : keys_) {
      if (key.state != State::kEnded) continue;
      key.state = State::kWorks;
      return true;
    }
    return false;
  }

 private:
  static constexpr char kSigner[] = "signer";
  static constexpr char kTurned[] = "turned";
  static constexpr size_t kKept = 10;

  enum class State { kWorks, kEnded, kUnsure };
  struct Key {
    std::string id, text;
    bool current = true;  // of its id
    State state = State::kWorks;
  };
  struct Token {
    std::string text;
    State state = State::kWorks;
  };

  static absl::Status Wrong(bool works) {
    return absl::InternalError(works ? "works, although it was ended" : "does not work");
  }
  // Of the credentials of a sort, the newest are kept.
  template <typename One>
  static void Keep(One one, std::deque<One>* all) {
    all->push_back(std::move(one));
    if (all->size() > kKept) all->pop_front();
  }
  Key* AnyCurrent(std::mt19937_64& random) {
    std::vector<Key*> some;
    for (Key& key : keys_) {
      if (key.current && key.state == State::kWorks) some.push_back(&key);
    }
    return some.empty() ? nullptr : some[random() % some.size()];
  }

  absl::Status Issue(Client& client) {
    v1::CreateApiKeyRequest request;
    request.set_path("issued");
    ASSIGN_OR_RETURN(const v1::CreateApiKeyResponse made, client.CreateApiKey(request));
    Keep(Key{made.info().id(), made.key()}, &keys_);
    ++acknowledged_;
    return absl::OkStatus();
  }

  // The former secret ends with it.
  absl::Status Roll(Client& client, std::mt19937_64& random) {
    Key* const key = AnyCurrent(random);
    if (key == nullptr) return absl::OkStatus();
    v1::RollApiKeyRequest request;
    request.set_id(key->id);
    request.set_grace_seconds(0);
    key->state = State::kUnsure;
    ASSIGN_OR_RETURN(const v1::RollApiKeyResponse rolled, client.RollApiKey(request));
    key->state = State::kEnded;
    key->current = false;
    Keep(Key{key->id, rolled.key()}, &keys_);
    ++acknowledged_;
    return absl::OkStatus();
  }

  absl::Status Revoke(Client& client, std::mt19937_64& random) {
    Key* const key = AnyCurrent(random);
    if (key == nullptr) return absl::OkStatus();
    v1::RevokeApiKeyRequest request;
    request.set_id(key->id);
    request.set_reason("the test asks for it");
    key->state = State::kUnsure;
    RETURN_IF_ERROR(client.RevokeApiKey(request).status());
    key->state = State::kEnded;
    ++acknowledged_;
    return absl::OkStatus();
  }

  absl::Status Sign(Client& client) {
    v1::SignJwtRequest request;
    request.set_path(kSigner);
    request.set_subject("somebody");
    request.set_with_refresh_token(true);
    request.set_ttl_seconds(3600);
    ASSIGN_OR_RETURN(const v1::SignJwtResponse signed_token, client.SignJwt(request));
    return Take(signed_token);
  }
  absl::Status Take(const v1::SignJwtResponse& signed_token) {
    Keep(Token{signed_token.token()}, &tokens_);
    refresh_ = signed_token.refresh_token();
    ++acknowledged_;
    return absl::OkStatus();
  }

  absl::Status Refresh(Client& client) {
    if (!refresh_.has_value()) return absl::OkStatus();
    v1::RefreshJwtRequest request;
    request.set_path(kSigner);
    request.set_refresh_token(*std::exchange(refresh_, std::nullopt));
    ASSIGN_OR_RETURN(const v1::SignJwtResponse next, client.RefreshJwt(request));
    return Take(next);
  }

  absl::Status TakeKeyAway(Client& client) {
    v1::RotateRequest request;
    request.set_path(kSigner);
    request.set_emergency(true);
    request.set_reason("the test asks for it");
    for (Token& token : tokens_) {
      if (token.state == State::kWorks) token.state = State::kUnsure;
    }
    RETURN_IF_ERROR(client.Rotate(request).status());
    RETURN_IF_ERROR(AwaitRotationEnd(client, kSigner).status());
    for (Token& token : tokens_) token.state = State::kEnded;
    ++acknowledged_;
    return absl::OkStatus();
  }

  absl::Status TurnAndTurnBack(Client& client) {
    const uint64_t former = turned_.current;
    v1::RotateRequest rotate;
    rotate.set_path(kTurned);
    rotate.set_force(true);
    turned_.may_be = {former, 0};
    RETURN_IF_ERROR(client.Rotate(rotate).status());
    RETURN_IF_ERROR(CheckTurned(client));
    if (turned_.current == former) return absl::InternalError("it was not rotated");
    v1::RollbackRequest back;
    back.set_path(kTurned);
    back.set_reason("the test asks for it");
    turned_.may_be = {turned_.current, former};
    RETURN_IF_ERROR(client.Rollback(back).status());
    turned_.may_be = {former};
    RETURN_IF_ERROR(CheckTurned(client));
    ++acknowledged_;
    return absl::OkStatus();
  }

  // Each of another source: nobody is to be locked out by what is refused.
  absl::Status CheckKey(Client& client, const Key& key) {
    v1::VerifyApiKeyRequest request;
    request.set_key(key.text);
    const uint64_t source = ++sources_;
    request.set_source_address(
        absl::StrCat("10.", source >> 16 & 255, ".", source >> 8 & 255, ".", source & 255));
    ASSIGN_OR_RETURN(const v1::VerifyApiKeyResponse found, client.VerifyApiKey(request));
    if (found.reason() == v1::VerifyApiKeyResponse::LIMITED) {
      return absl::InternalError("is limited, so nothing was found out");
    }
    const bool wrong =
        key.state == State::kUnsure ? false : found.valid() != (key.state == State::kWorks);
    return wrong ? Wrong(found.valid()) : absl::OkStatus();
  }

  static absl::Status CheckToken(Client& client, const Token& token) {
    v1::VerifyJwtRequest request;
    request.set_path(kSigner);
    request.set_token(token.text);
    ASSIGN_OR_RETURN(const v1::VerifyJwtResponse found, client.VerifyJwt(request));
    if (token.state == State::kUnsure) return absl::OkStatus();
    return found.valid() == (token.state == State::kWorks) ? absl::OkStatus()
                                                           : Wrong(found.valid());
  }

  // The newest one that was given, and not sent since, is good for another.
  absl::Status CheckRefresh(Client& client) {
    return refresh_.has_value() ? Refresh(client) : absl::OkStatus();
  }

  absl::Status CheckTurned(Client& client) {
    ASSIGN_OR_RETURN(const v1::RotationStatus status, AwaitRotationEnd(client, kTurned));
    const uint64_t current = status.current_version();
    const bool expected =
        std::any_of(turned_.may_be.begin(), turned_.may_be.end(), [&](uint64_t version) {
          return version == 0 ? current > turned_.newest : current == version;
        });
    if (!expected) return absl::InternalError(absl::StrCat("version ", current, " is current"));
    v1::GetRequest get;
    get.set_path(kTurned);
    ASSIGN_OR_RETURN(const v1::GetResponse read, client.Get(get));
    if (read.data().fields_size() != 1) return absl::InternalError("it has another field");
    const auto [known, fresh] = turned_.values.emplace(current, read.data().fields(0).value());
    if (!fresh && known->second != read.data().fields(0).value()) {
      return absl::InternalError(absl::StrCat("version ", current, " has a wrong value"));
    }
    turned_.current = current;
    turned_.newest = std::max(turned_.newest, current);
    turned_.may_be = {current};
    return absl::OkStatus();
  }

  struct Turned {
    uint64_t current = 1, newest = 1;
    std::vector<uint64_t> may_be = {1};      // current; 0: one that is not known yet
    std::map<uint64_t, std::string> values;  // of versions that were seen as current
  };

  std::deque<Key> keys_;
  std::deque<Token> tokens_;
  std::optional<std::string> refresh_;  // the newest one
  Turned turned_;
  uint64_t sources_ = 0;
  uint64_t acknowledged_ = 0;
};

}  // namespace keyturn
