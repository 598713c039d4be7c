// Whatever record is damaged, `keyturn operator verify` says so, and says what it is of.
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "storage/schema.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

class VerifyRecordsTest : public ServerFixture {
 protected:
  struct Stored {
    Family family;
    std::string key, sealed;
    int purpose() const { return static_cast<uint8_t>(sealed[1]); }
  };

  // One of each sort, as far as a server writes it by itself.
  void Fill();

  std::vector<Stored> All() {
    std::vector<Stored> out;
    for (const Family family :
         {Family::kRecords, Family::kDeks, Family::kIndex, Family::kChanges}) {
      EXPECT_OK(server_->rooms().store->GetSnapshot()->Scan(
          family, "", "", [&](absl::string_view key, absl::string_view sealed) {
            out.push_back({family, std::string(key), std::string(sealed)});
            return true;
          }));
    }
    return out;
  }
  void Write(const Stored& record, const std::string& value) {
    ASSERT_OK(server_->rooms().store->Update([&](const View&, Batch& batch) {
      batch.Put(record.family, record.key, value);
      return absl::OkStatus();
    }));
  }
  std::vector<std::string> Problems() {
    const auto found = server_->rooms().vault->Verify(NoProgress);
    EXPECT_OK(found);
    std::vector<std::string> out;
    for (const StoreProblem& problem : *found) out.push_back(problem.what);
    return out;
  }
};

void VerifyRecordsTest::Fill() {
  PutPolicy("reader", {{"secret:read", "app/*"}});
  v1::PutRoleRequest role;
  role.mutable_role()->set_name("r");
  role.mutable_role()->add_bound_spiffe_ids("spiffe://prod/*");
  v1::Role put_role;
  ASSERT_EQ(Text(stubs_->policies->PutRole(Ctx(root_), role, &put_role)), "OK");
  v1::PutPasswordPolicyRequest password;
  password.mutable_policy()->set_name("w");
  password.mutable_policy()->set_length(40);
  password.mutable_policy()->set_alphabet("alphanumeric");
  v1::PasswordPolicy put_password;
  ASSERT_EQ(Text(stubs_->policies->PutPasswordPolicy(Ctx(root_), password, &put_password)), "OK");
  NewToken({"reader"});
  v1::CreateTokenRequest stateless;
  stateless.add_policies("reader");
  stateless.set_stateless(true);
  v1::CreateTokenResponse token;
  ASSERT_EQ(Text(stubs_->tokens->Create(Ctx(root_), stateless, &token)), "OK");
  v1::RevokeTokenRequest revoke;
  revoke.set_id(token.info().id());
  v1::RevokeTokenResponse revoked;
  ASSERT_EQ(Text(stubs_->tokens->Revoke(Ctx(root_), revoke, &revoked)), "OK");
  v1::CreateApiKeyRequest api_key;
  api_key.set_path("partners/acme");
  v1::CreateApiKeyResponse made;
  ASSERT_EQ(Text(stubs_->api_keys->Create(Ctx(root_), api_key, &made)), "OK");
  v1::ImportApiKeysRequest elsewhere;
  elsewhere.add_entries()->set_sha256(std::string(32, 'h'));
  elsewhere.mutable_entries(0)->set_path("partners/old");
  v1::ImportApiKeysResponse imported;
  ASSERT_EQ(Text(stubs_->api_keys->Import(Ctx(root_), elsewhere, &imported)), "OK");
  v1::RollApiKeyRequest roll;
  roll.set_id(imported.ids(0));
  roll.set_grace_seconds(0);
  for (int i = 0; i < 3; ++i) {  // after which its secret is in no record
    v1::RollApiKeyResponse rolled;
    ASSERT_EQ(Text(stubs_->api_keys->Roll(Ctx(root_), roll, &rolled)), "OK");
  }
  v1::CreateJwtKeyRequest jwt;
  jwt.set_path("signs");
  jwt.mutable_settings()->set_algorithm("ES256");
  jwt.mutable_settings()->set_issuer("test");
  jwt.mutable_settings()->add_audiences("test");
  v1::JwtKey key;
  ASSERT_EQ(Text(stubs_->jwt->CreateKey(Ctx(root_), jwt, &key)), "OK");
  v1::SignJwtRequest sign;
  sign.set_path("signs");
  sign.set_subject("u");
  sign.set_with_refresh_token(true);
  v1::SignJwtResponse issued;
  ASSERT_EQ(Text(stubs_->jwt->Sign(Ctx(root_), sign, &issued)), "OK");
  v1::CreateWebhookRequest webhook;
  webhook.set_url("https://127.0.0.1:1/");  // which is not connected to
  v1::CreateWebhookResponse hook;
  ASSERT_EQ(Text(stubs_->webhooks->Create(Ctx(root_), webhook, &hook)), "OK");
  ASSERT_EQ(Text(Put("app/key", {{"value", "1"}}, root_)), "OK");
  v1::SetRotationPolicyRequest policy;
  policy.set_path("app/key");
  policy.mutable_policy()->mutable_source()->mutable_generate();
  v1::RotationStatus status;
  ASSERT_EQ(Text(stubs_->rotations->SetPolicy(Ctx(root_), policy, &status)), "OK");
  v1::RotateRequest rotate;
  rotate.set_path("app/key");
  ASSERT_EQ(Text(stubs_->rotations->Rotate(Ctx(root_), rotate, &status)), "OK");
  v1::AcknowledgeRequest used;
  used.set_path("app/key");
  used.set_version(2);
  v1::AcknowledgeResponse known;
  ASSERT_EQ(Text(stubs_->consumers->Acknowledge(Ctx(root_), used, &known)), "OK");
  ASSERT_OK(server_->rooms().usage->WriteAll());
}

TEST_F(VerifyRecordsTest, WhateverIsDamagedIsNamed) {
  Fill();
  EXPECT_EQ(Problems(), std::vector<std::string>());
  std::set<int> purposes;
  std::set<std::string> told;
  for (const Stored& record : All()) {
    std::string damaged = record.sealed;
    damaged.back() = static_cast<char>(damaged.back() ^ 1);
    Write(record, damaged);
    const std::vector<std::string> problems = Problems();
    EXPECT_FALSE(problems.empty())
        << absl::BytesToHexString(record.key) << " of purpose " << record.purpose();
    for (const std::string& what : problems) {
      EXPECT_FALSE(absl::StrContains(what, "no known sort")) << what;
      told.insert(what.substr(what.find(": ") == std::string::npos ? 0 : what.find(": ") + 2));
    }
    Write(record, record.sealed);
    purposes.insert(schema::IsPayloadKey(record.key) ? 3 : record.purpose());
  }
  EXPECT_EQ(Problems(), std::vector<std::string>());
  EXPECT_EQ(purposes, (std::set<int>{1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                     15, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27}));
  for (const char* const what :
       {"the record of all webhooks does not open", "its keys do not open",
        "an event for it does not open", "a policy does not open", "a role does not open",
        "a password policy does not open", "a token does not open", "an API key does not open",
        "the mark of a revoked token does not open", "the CA of clients does not open",
        "an entry of the published keys does not open",
        "the mark of an ended API key of elsewhere does not open",
        "the record of its rotation run 1 does not open", "an index entry does not open",
        "the record of who uses it does not open", "its metadata does not open",
        "its record does not open"}) {
    EXPECT_TRUE(told.contains(what)) << what;
  }
}

TEST_F(VerifyRecordsTest, OfNoSortAndOfNoDirectory) {
  Write({Family::kRecords, std::string(16, 'x') + "z", ""}, "x");
  Write({Family::kIndex, std::string(32, 'x'), ""}, "x");
  EXPECT_EQ(Problems(), (std::vector<std::string>{"a record of no known sort",
                                                  "an index entry belongs to no directory"}));
}

}  // namespace
}  // namespace keyturn
