// Tokens, policies and roles over a store in memory, wired as the server wires them.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "auth/auth_store.h"
#include "auth/token_store.h"
#include "keyring/envelope.h"
#include "storage/rocks_store.h"
#include "tests/support/keys.h"
#include "tests/support/status.h"

namespace keyturn {

// Lets something else happen just before or just after an update is committed.
class Interrupted : public Updater {
 public:
  Interrupted(Updater& store, bool before, std::function<void()> interruption)
      : store_(store), before_(before), interruption_(std::move(interruption)) {}
  absl::StatusOr<Revision> Update(UpdateFn fn) override {
    if (before_) interruption_();
    absl::StatusOr<Revision> revision = store_.Update(fn);
    if (!before_) interruption_();
    return revision;
  }

 private:
  Updater& store_;
  const bool before_;
  const std::function<void()> interruption_;
};

class AuthFixture : public testing::Test {
 protected:
  AuthFixture() : keys_(TestKeys()) {
    auto store = OpenRocksStore({.directory = "/t", .in_memory = true}, clock_);
    EXPECT_OK(store);
    store_ = *std::move(store);
    store_->SetRecordHasher(NewRecordHasher(*keys_));
    Open();
  }

  // As after a seal and unseal: only records remain.
  void Open() {
    tokens_ = TokenStore::Create(*store_, clock_);
    policies_ = AuthStore::Create(*store_, clock_);
    ASSERT_OK(tokens_->Load(keys_));
    ASSERT_OK(policies_->Load(keys_));
  }

  // A token's holder, for ten minutes.
  static TokenParams Ci() {
    TokenParams params;
    params.principal = "token:ci";
    params.policies = {"app", "other"};
    params.ttl = absl::Minutes(10);
    return params;
  }
  CreatedToken Make(const TokenParams& params, bool stateless = false) {
    absl::StatusOr<CreatedToken> made =
        stateless ? tokens_->CreateStateless(params) : tokens_->CreateStored(*store_, params);
    EXPECT_OK(made);
    return *std::move(made);
  }

  absl::StatusOr<VerifiedToken> Verify(absl::string_view text, const std::string& source = "",
                                       absl::string_view certificate = "") {
    const IpAddress address = source.empty() ? IpAddress() : *IpAddress::Parse(source);
    return tokens_->Verify(*store_, text, address, certificate);
  }
  absl::StatusOr<VerifiedToken> Verify(const CreatedToken& token) {
    return Verify(token.token.ExposeForWire());
  }

  // A grant of "secret:*" on a path, or a deny of it.
  static v1::Grant Grant(const std::string& path, bool deny = false) {
    v1::Grant grant;
    grant.add_permissions("secret:*");
    grant.set_path(path);
    grant.set_deny(deny);
    return grant;
  }
  static v1::Policy Policy(const std::string& name, const std::vector<v1::Grant>& grants) {
    v1::Policy policy;
    policy.set_name(name);
    for (const v1::Grant& grant : grants) *policy.add_grants() = grant;
    return policy;
  }
  static v1::Role Role(const std::string& name, const std::string& spiffe_id,
                       const std::vector<std::string>& policies) {
    v1::Role role;
    role.set_name(name);
    role.add_bound_spiffe_ids(spiffe_id);
    for (const std::string& policy : policies) role.add_policies(policy);
    return role;
  }
  void Put(const v1::Policy& policy) { ASSERT_OK(policies_->PutPolicy(*store_, policy)); }
  void Put(const v1::Role& role) { ASSERT_OK(policies_->PutRole(*store_, role)); }

  SimulatedClock clock_;
  std::shared_ptr<const KeyringSnapshot> keys_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<TokenStore> tokens_;
  std::unique_ptr<AuthStore> policies_;
};

}  // namespace keyturn
