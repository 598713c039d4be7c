// Changes other than writes, for a server that is killed: one secret that is renamed, moved with
// its directory, deleted, brought back and destroyed, a policy that comes and goes, tokens that are
// made and revoked, and the key-encryption key, which is rotated. One after another, so that after
// a kill the vault is as after the last change that was acknowledged, or as after the one that was
// under way: nothing in between. Not thread-safe.
#pragma once

#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "client/client.h"

namespace keyturn {

class LifeWorker {
 public:
  // One change after another until one fails; its status.
  absl::Status Work(Client& client, uint64_t seed) {
    std::mt19937_64 random(seed);
    while (true) {
      pending_ = certain_;
      RETURN_IF_ERROR(Change(client, random() % 11, &*pending_));
      certain_ = *std::exchange(pending_, std::nullopt);
      ++acknowledged_;
    }
  }
  // One change whose result no earlier moment can have: a token, whose id is new. While nobody
  // works and nothing is under way.
  absl::Status ChangeForGood(Client& client) {
    if (certain_.tokens.size() >= kTokensMax) RETURN_IF_ERROR(RevokeToken(client, &certain_));
    return MakeToken(client, &certain_);
  }
  // Changes that were acknowledged. While nobody works.
  uint64_t acknowledged() const { return acknowledged_; }
  uint64_t kek_term() const { return certain_.kek_term; }

  // Holds the server against what is known, and goes on from what is there.
  void Check(Client& client, std::vector<std::string>* problems) {
    const absl::StatusOr<State> found = Observe(client);
    if (!found.ok()) {
      problems->push_back(absl::StrCat("life: ", found.status().ToString()));
      return;
    }
    const bool before = Fits(*found, certain_);
    const bool after = pending_.has_value() && Fits(*found, *pending_);
    if (!before && !after) {
      problems->push_back(absl::StrCat(
          "life: there is ", Text(*found), "; acknowledged was ", Text(certain_),
          pending_.has_value() ? absl::StrCat("; under way was ", Text(*pending_)) : ""));
    }
    certain_ = *found;
    pending_.reset();
  }

 private:
  static constexpr size_t kTokensMax = 4;
  static constexpr char kUnknownToken[] = "?";  // its id was to come with the answer

  struct State {
    std::string directory = "life/d0", name = "n0";
    uint64_t newest = 0;  // 0: there is no such secret
    bool deleted = false;
    uint64_t policy = 0;  // a number in its description; 0: there is none
    std::set<std::string> tokens;
    uint64_t kek_term = 1;

    std::string path() const { return absl::StrCat(directory, "/", name); }
  };

  static std::string Text(const State& state) {
    return absl::StrCat(state.newest == 0 ? "no secret"
                                          : absl::StrCat(state.path(), " version ", state.newest,
                                                         state.deleted ? " (deleted)" : ""),
                        ", policy ", state.policy, ", tokens ", absl::StrJoin(state.tokens, " "),
                        ", key term ", state.kek_term);
  }

  static bool Fits(const State& found, const State& wanted) {
    const bool secret = found.newest == wanted.newest && found.deleted == wanted.deleted &&
                        (found.newest == 0 || found.path() == wanted.path());
    std::set<std::string> tokens = found.tokens;
    std::set<std::string> expected = wanted.tokens;
    const size_t unknown = expected.erase(kUnknownToken);
    for (const std::string& id : expected) {
      if (tokens.erase(id) == 0) return false;
    }
    return secret && found.policy == wanted.policy && tokens.size() == unknown &&
           found.kek_term == wanted.kek_term;
  }

  // Does what `choice` says, or what is possible in its place; `*next` becomes the state after it.
  static absl::Status Change(Client& client, uint64_t choice, State* next) {
    if (choice == 0) return MakeToken(client, next);
    if (choice == 1 && !next->tokens.empty()) return RevokeToken(client, next);
    if (choice == 2) return PutPolicy(client, next);
    if (choice == 10) return RotateKek(client, next);
    if (choice == 3 && next->policy != 0) return DeletePolicy(client, next);
    if (next->newest == 0 || choice <= 4) return Put(client, next);
    if (choice == 5) return Destroy(client, next);
    if (choice == 6) return Rename(client, next);
    if (choice == 7) return RenameDirectory(client, next);
    return next->deleted ? Undelete(client, next) : Delete(client, next);
  }

  static absl::Status Put(Client& client, State* next) {
    next->newest += 1;
    next->deleted = false;
    v1::PutRequest put;
    put.set_path(next->path());
    v1::Field* const field = put.mutable_data()->add_fields();
    field->set_name("value");
    field->set_value(absl::StrCat(next->newest));
    return client.Put(put).status();
  }
  static absl::Status Rename(Client& client, State* next) {
    v1::RenameRequest rename;
    rename.set_path(next->path());
    next->name = next->name == "n0" ? "n1" : "n0";
    rename.set_new_path(next->path());
    return client.Rename(rename).status();
  }
  static absl::Status RenameDirectory(Client& client, State* next) {
    v1::RenameRequest rename;
    rename.set_directory(true);
    rename.set_path(next->directory);
    next->directory = next->directory == "life/d0" ? "life/d1" : "life/d0";
    rename.set_new_path(next->directory);
    return client.Rename(rename).status();
  }
  static absl::Status Delete(Client& client, State* next) {
    next->deleted = true;
    v1::DeleteRequest remove;
    remove.set_path(next->path());
    return client.Delete(remove).status();
  }
  static absl::Status Undelete(Client& client, State* next) {
    next->deleted = false;
    v1::UndeleteRequest undelete;
    undelete.set_path(next->path());
    return client.Undelete(undelete).status();
  }
  static absl::Status Destroy(Client& client, State* next) {
    v1::DestroyRequest destroy;
    destroy.set_path(next->path());
    destroy.set_all(true);
    next->newest = 0;
    next->deleted = false;
    return client.Destroy(destroy).status();
  }
  static absl::Status PutPolicy(Client& client, State* next) {
    next->policy += 1;
    v1::PutPolicyRequest put;
    put.mutable_policy()->set_name("life");
    put.mutable_policy()->set_description(absl::StrCat(next->policy));
    return client.PutPolicy(put).status();
  }
  static absl::Status DeletePolicy(Client& client, State* next) {
    next->policy = 0;
    v1::DeletePolicyRequest remove;
    remove.set_name("life");
    return client.DeletePolicy(remove).status();
  }
  static absl::Status MakeToken(Client& client, State* next) {
    if (next->tokens.size() >= kTokensMax) return RevokeToken(client, next);
    next->tokens.insert(kUnknownToken);
    v1::CreateTokenRequest create;
    create.set_display_name("life");
    create.add_policies("writer");
    create.set_ttl_seconds(24 * 3600);
    ASSIGN_OR_RETURN(const v1::CreateTokenResponse made, client.CreateToken(create));
    next->tokens.erase(kUnknownToken);
    next->tokens.insert(made.info().id());
    return absl::OkStatus();
  }
  static absl::Status RevokeToken(Client& client, State* next) {
    v1::RevokeTokenRequest revoke;
    revoke.set_id(*next->tokens.begin());
    next->tokens.erase(next->tokens.begin());
    return client.RevokeToken(revoke).status();
  }

  // Once the last turn of the keys has come to its end; else a put. Every other time as after a
  // compromise, with the other cipher.
  static absl::Status RotateKek(Client& client, State* next) {
    ASSIGN_OR_RETURN(const v1::RewrapStatusResponse status, client.RewrapStatus({}));
    for (const v1::KekInfo& kek : status.keks()) {
      if (kek.state() == v1::KekInfo::DECRYPT_ONLY) return Put(client, next);
    }
    next->kek_term += 1;
    const bool odd = next->kek_term % 2 == 1;
    v1::RotateKekRequest rotate;
    rotate.set_compromised(odd);
    rotate.set_suite(odd ? "aes-256-gcm" : "xchacha20-poly1305");
    return client.RotateKek(rotate).status();
  }

  // INTERNAL when the secret has two names or another value than its version's.
  absl::StatusOr<State> Observe(Client& client) const {
    State found;
    found.directory = certain_.directory;
    for (const char* const directory : {"life/d0", "life/d1"}) {
      for (const char* const name : {"n0", "n1"}) {
        RETURN_IF_ERROR(ObserveSecret(client, directory, name, &found));
      }
    }
    v1::GetPolicyRequest get;
    get.set_name("life");
    const absl::StatusOr<v1::Policy> policy = client.GetPolicy(get);
    if (policy.ok()) {
      if (!absl::SimpleAtoi(policy->description(), &found.policy)) {
        return absl::InternalError("the policy has another description");
      }
    } else if (!absl::IsNotFound(policy.status())) {
      return policy.status();
    }
    ASSIGN_OR_RETURN(const v1::StatusResponse status, client.Status({}));
    found.kek_term = status.kek_term();
    ASSIGN_OR_RETURN(const v1::ListTokensResponse tokens, client.ListTokens({}));
    for (const v1::TokenInfo& token : tokens.tokens()) {
      if (token.display_name() == "life") found.tokens.insert(token.id());
    }
    return found;
  }

  static absl::Status ObserveSecret(Client& client, const std::string& directory,
                                    const std::string& name, State* found) {
    State here;
    here.directory = directory;
    here.name = name;
    v1::DescribeRequest describe;
    describe.set_path(here.path());
    const absl::StatusOr<v1::SecretInfo> info = client.Describe(describe);
    if (absl::IsNotFound(info.status())) return absl::OkStatus();
    RETURN_IF_ERROR(info.status());
    if (found->newest != 0) return absl::InternalError("the secret has two names");
    found->directory = directory;
    found->name = name;
    found->newest = info->newest_version();
    v1::GetRequest get;
    get.set_path(here.path());
    get.mutable_version()->set_number(found->newest);
    const absl::StatusOr<v1::GetResponse> read = client.Get(get);
    found->deleted = absl::IsFailedPrecondition(read.status());
    if (found->deleted) return absl::OkStatus();
    RETURN_IF_ERROR(read.status());
    const bool right = read->data().fields_size() == 1 &&
                       read->data().fields(0).value() == absl::StrCat(found->newest);
    return right ? absl::OkStatus() : absl::InternalError("the secret has another value");
  }

  State certain_;
  std::optional<State> pending_;  // after the change that is under way
  uint64_t acknowledged_ = 0;
};

}  // namespace keyturn
