// API keys over a store on disk, wired as the server wires them, with a clock that a test moves.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/limits.h"
#include "base/reason.h"
#include "crypto/mac.h"
#include "keyring/envelope.h"
#include "rotation/api_key/api_keys.h"
#include "storage/rocks_store.h"
#include "tests/support/keys.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {

// Dies at the n-th change from now on: before it is made, or after it is durable and before anyone
// is told.
class MortalUpdater : public Updater {
 public:
  explicit MortalUpdater(Updater& store) : store_(store) {}
  absl::StatusOr<Revision> Update(UpdateFn fn) override {
    if (die_at > 0 && --die_at == 0) {
      dead = true;
      if (die_after) EXPECT_OK(store_.Update(fn));
    }
    if (dead) return absl::UnavailableError("the server died here");
    return store_.Update(fn);
  }

  int die_at = 0;
  bool die_after = false;
  bool dead = false;

 private:
  Updater& store_;
};

class ApiKeyFixture : public testing::Test {
 protected:
  ApiKeyFixture() : files_(NewMemoryFileSystem()), keyring_(TestKeyring(*files_, clock_)) {
    Open();
  }
  ~ApiKeyFixture() override { Kill(); }

  // Also reopens: what is not on disk is gone, as after a kill.
  void Open() {
    Kill();
    auto store = OpenRocksStore({.directory = dir_.File("db")}, clock_);
    ASSERT_OK(store);
    store_ = *std::move(store);
    updater_ = std::make_unique<MortalUpdater>(*store_);
    keys_ = ApiKeys::Create({.store = *store_,
                             .keyring = *keyring_,
                             .clock = clock_,
                             .update =
                                 [this](absl::string_view event, UpdateFn fn) {
                                   events_.emplace_back(event);
                                   return updater_->Update(fn);
                                 },
                             .revoked = [this](absl::string_view id) -> absl::StatusOr<bool> {
                               if (!list_loaded_) return absl::FailedPreconditionError("sealed");
                               return listed_.count(std::string(id)) > 0;
                             }});
    store_->SetCommitListener(
        [this](absl::Span<const CommittedUpdate> group) { keys_->OnCommitted(group); });
    store_->SetRecordHasher(NewRecordHasher(**keyring_->Snapshot()));
    ASSERT_OK(keys_->OnUnsealed());
  }
  void Kill() {
    if (store_ != nullptr) store_->SetCommitListener(nullptr);
    keys_.reset();
    updater_.reset();
    store_.reset();
  }

  struct Key {
    std::string id, text;
  };
  Key Make(const std::string& path, std::vector<std::string> scopes = {},
           absl::Duration ttl = absl::ZeroDuration()) {
    v1::CreateApiKeyRequest request;
    request.set_path(path);
    *request.mutable_scopes() = {scopes.begin(), scopes.end()};
    request.set_ttl_seconds(absl::ToInt64Seconds(ttl));
    const absl::StatusOr<IssuedApiKey> made = keys_->Make(*updater_, request, "alice");
    EXPECT_OK(made);
    if (!made.ok()) return {};
    return {made->info.id(), std::string(made->key.ExposeForWire())};
  }
  // The new text, or the reason there is none. `grace` < 0: the default.
  std::string Roll(const std::string& id, absl::Duration grace = absl::Seconds(-1),
                   bool force = false) {
    v1::RollApiKeyRequest request;
    request.set_id(id);
    request.set_force(force);
    if (grace >= absl::ZeroDuration()) request.set_grace_seconds(absl::ToInt64Seconds(grace));
    const absl::StatusOr<IssuedApiKey> rolled = keys_->Roll(*updater_, request);
    return rolled.ok() ? std::string(rolled->key.ExposeForWire()) : ReasonOf(rolled.status());
  }
  absl::StatusOr<v1::ApiKeyInfo> SetGrace(const std::string& id, absl::Time end,
                                          uint64_t generation = 0) {
    v1::SetApiKeyGraceRequest request;
    request.set_id(id);
    request.set_generation(generation);
    request.mutable_end_time()->set_seconds(absl::ToUnixSeconds(end));
    request.set_reason("somebody is late");
    return keys_->SetGrace(*updater_, request);
  }
  absl::StatusOr<v1::ApiKeyInfo> Revoke(const std::string& id) {
    v1::RevokeApiKeyRequest request;
    request.set_id(id);
    request.set_reason("it leaked");
    return keys_->Revoke(*updater_, request);
  }
  v1::ApiKeyInfo Info(const std::string& id) {
    const absl::StatusOr<v1::ApiKeyInfo> info = keys_->Get(id);
    EXPECT_OK(info);
    return info.value_or(v1::ApiKeyInfo());
  }
  // "3 CURRENT, 2 GRACE, 1 ENDED".
  std::string States(const std::string& id) {
    std::vector<std::string> out;
    const v1::ApiKeyInfo info = Info(id);
    for (const v1::ApiKeySecretInfo& secret : info.secrets()) {
      out.push_back(
          absl::StrCat(secret.generation(), " ", v1::ApiKeySecretInfo::State_Name(secret.state())));
    }
    return absl::StrJoin(out, ", ");
  }

  absl::StatusOr<v1::VerifyApiKeyResponse> Asked(absl::string_view text,
                                                 const std::vector<std::string>& scopes = {},
                                                 const std::string& source = "192.0.2.1",
                                                 absl::string_view caller = "gateway",
                                                 const std::string& may = "") {
    google::protobuf::RepeatedPtrField<std::string> required(scopes.begin(), scopes.end());
    const ApiKeyAttempt attempt = {.key = text,
                                   .caller = caller,
                                   .source = *IpAddress::Parse(source),
                                   .required_scopes = &required};
    return keys_->Verify(attempt,
                         [&may](absl::string_view path) { return may.empty() || path == may; });
  }
  // "VALID", or the word of the reason, or the code of an error.
  std::string Said(const absl::StatusOr<v1::VerifyApiKeyResponse>& answer) {
    if (!answer.ok()) return absl::StatusCodeToString(answer.status().code());
    EXPECT_EQ(answer->valid(), answer->reason() == v1::VerifyApiKeyResponse::NONE);
    return answer->valid() ? "VALID" : v1::VerifyApiKeyResponse::Reason_Name(answer->reason());
  }
  std::string Verify(absl::string_view text, const std::vector<std::string>& scopes = {}) {
    return Said(Asked(text, scopes));
  }

  static absl::Duration Days(int days) { return absl::Hours(24 * days); }

  TempDir dir_;
  SimulatedClock clock_;
  std::unique_ptr<FileSystem> files_;
  std::unique_ptr<Keyring> keyring_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<MortalUpdater> updater_;
  std::unique_ptr<ApiKeys> keys_;
  std::set<std::string> listed_;  // in the revocation list
  bool list_loaded_ = true;
  std::vector<std::string> events_;
};

}  // namespace keyturn
