// What a server writes and hands out, taken apart by the words of docs/FORMAT.md: the parts that
// its worked example, which has one secret and no server, does not show. Keys and frames are put
// together here once more, without the code that writes them.
#include <map>

#include "base/coding.h"
#include "crypto/kdf.h"
#include "crypto/mac.h"
#include "crypto/signature.h"
#include "keyring/committed_seal.h"
#include "keyturn/record/v1/api_key.pb.h"
#include "keyturn/record/v1/auth.pb.h"
#include "keyturn/record/v1/webhook.pb.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

class FormatRecordsTest : public ServerFixture {
 protected:
  void SetUp() override {
    ServerFixture::SetUp();
    keys_ = *server_->rooms().keyring->Snapshot();
  }

  std::string Stored(Family family, const std::string& key) {
    const auto value = server_->rooms().store->GetSnapshot()->Get(family, key);
    return value.ok() ? value->value_or("(absent)") : value.status().ToString();
  }
  std::map<std::string, std::string> All(Family family) {
    std::map<std::string, std::string> out;
    EXPECT_OK(server_->rooms().store->GetSnapshot()->Scan(
        family, "", "", [&out](absl::string_view key, absl::string_view value) {
          out.emplace(key, value);
          return true;
        }));
    return out;
  }

  // MAC16(domain, bytes).
  std::string Mac(const std::string& domain, const std::string& bytes) {
    std::string text;
    AppendLengthPrefixed(domain, &text);
    return HmacSha256(keys_->index_key().ExposeForCrypto(), text + bytes).substr(0, 16);
  }
  // Where the auth record of this purpose and name is.
  std::string AuthKey(uint8_t purpose, const std::string& name) {
    return Mac("auth-table", std::string(1, static_cast<char>(purpose))) + Mac("auth-name", name);
  }

  // Holds the frame of a sealed record against the table, and opens it.
  std::string Open(const SecretBytes& key, uint8_t purpose, uint32_t term, uint64_t generation,
                   const std::string& place, const std::string& sealed) {
    std::string header = {1, static_cast<char>(purpose)};
    AppendBigEndian32(term, &header);
    header += BigEndian64(generation);
    EXPECT_EQ(HexEncode(sealed.substr(0, 14)), HexEncode(header));
    if (sealed.size() < 106) return "(too short)";
    const auto material = HkdfSha256(key.ExposeForCrypto(), sealed.substr(14, 32),
                                     header.substr(1, 1).insert(0, "keyturn/seal/v1"), 64);
    EXPECT_OK(material);
    EXPECT_EQ(material->ExposeForCrypto().substr(32), sealed.substr(46, 32));
    const auto opened =
        OpenCommitted(key, static_cast<Purpose>(purpose), keys_->vault_id(), place, sealed);
    EXPECT_OK(opened);
    if (!opened.ok()) return "(does not open)";
    EXPECT_EQ(opened->size() + 106, sealed.size());
    return std::string(opened->ExposeForCrypto());
  }
  std::string OpenStored(uint8_t purpose, uint64_t generation, const std::string& key,
                         Family family = Family::kIndex) {
    return Open(keys_->active_kek().key, purpose, 1, generation, key, Stored(family, key));
  }

  std::shared_ptr<const KeyringSnapshot> keys_;
};

TEST_F(FormatRecordsTest, APolicyAndARole) {
  PutPolicy("reader", {{"secret:read", "app/*"}});
  const std::string key = AuthKey(6, "reader");
  EXPECT_EQ(OpenStored(6, 1, key).substr(0, 9), "\n\x06reader\x12");
  PutPolicy("reader", {{"secret:list", "app/*"}});
  v1::Policy policy;
  ASSERT_TRUE(policy.ParseFromString(OpenStored(6, 2, key)));
  ASSERT_EQ(policy.grants_size(), 1);
  EXPECT_EQ(policy.grants(0).permissions(0), "secret:list");

  v1::PutRoleRequest request;
  request.mutable_role()->set_name("api");
  request.mutable_role()->add_policies("reader");
  request.mutable_role()->add_bound_spiffe_ids("spiffe://prod/api");
  v1::Role role;
  ASSERT_EQ(Text(stubs_->policies->PutRole(Ctx(root_), request, &role)), "OK");
  EXPECT_EQ(OpenStored(7, 1, AuthKey(7, "api")).substr(0, 32),
            "\n\x03"
            "api"
            "\x12\x06reader\x1a\x11spiffe://prod/api");
}

TEST_F(FormatRecordsTest, AWebhookItsKeyAndAnEventForIt) {
  v1::CreateWebhookRequest create;
  create.set_url("https://127.0.0.1:1/");  // which is not connected to
  create.add_types("rotation.started");
  v1::CreateWebhookResponse made;
  ASSERT_EQ(Text(stubs_->webhooks->Create(Ctx(root_), create, &made)), "OK");
  const Uuid id = *Uuid::FromString(made.info().id());
  record::v1::Webhooks webhooks;
  const std::string all = Mac("webhooks", "") + "n" + std::string(1, 24);
  ASSERT_TRUE(webhooks.ParseFromString(OpenStored(24, 1, all, Family::kRecords)));
  ASSERT_EQ(webhooks.webhooks_size(), 1);
  EXPECT_EQ(webhooks.webhooks(0).id(), id.bytes());
  const std::string bytes(id.bytes());
  const std::string seed = OpenStored(25, 1, bytes + "k", Family::kRecords);
  EXPECT_EQ(*Ed25519PublicKey(*SecretBytes::CopyOf(seed)),
            webhooks.webhooks(0).keys(0).public_key());

  ASSERT_EQ(Text(Put("app/key", {{"value", "1"}}, root_)), "OK");
  v1::SetRotationPolicyRequest policy;
  policy.set_path("app/key");
  policy.mutable_policy()->mutable_source()->mutable_generate();
  v1::RotationStatus status;
  ASSERT_EQ(Text(stubs_->rotations->SetPolicy(Ctx(root_), policy, &status)), "OK");
  v1::RotateRequest rotate;
  rotate.set_path("app/key");
  ASSERT_EQ(Text(stubs_->rotations->Rotate(Ctx(root_), rotate, &status)), "OK");
  for (const auto& [key, sealed] : All(Family::kRecords)) {
    if (key.size() != 25 || key.substr(0, 17) != bytes + "w") continue;
    const std::string revision = key.substr(17);
    record::v1::WebhookDelivery event;
    // An attempt may have been noted.
    const auto opened = OpenCommitted(keys_->active_kek().key, static_cast<Purpose>(26),
                                      keys_->vault_id(), key, sealed);
    ASSERT_OK(opened);
    ASSERT_TRUE(event.ParseFromString(std::string(opened->ExposeForCrypto())));
    EXPECT_EQ(event.id(), "msg_" + HexEncode(revision) +
                              HexEncode(Mac("webhook-message", revision).substr(0, 8)));
    return;
  }
  FAIL() << "there is no event";
}

TEST_F(FormatRecordsTest, AStoredToken) {
  PutPolicy("reader", {{"secret:read", "app/*"}});
  const std::string text = NewToken({"reader"});
  ASSERT_EQ(text.substr(0, 4), "kts.");
  const std::string bytes = Base64UrlDecode(text.substr(4)).value_or("");
  ASSERT_EQ(bytes.size(), 48u);
  const std::string id = "kts-" + HexEncode(bytes.substr(0, 16));
  record::v1::StoredToken token;
  ASSERT_TRUE(token.ParseFromString(OpenStored(9, 1, AuthKey(9, id))));
  EXPECT_EQ(token.id(), id);
  EXPECT_EQ(HexEncode(token.secret_hash()), HexEncode(Sha256(bytes.substr(16))));
  EXPECT_EQ(token.policies(0), "reader");
}

TEST_F(FormatRecordsTest, AStatelessTokenAndItsRevocation) {
  PutPolicy("reader", {{"secret:read", "app/*"}});
  const std::string text =
      NewToken({"reader"}, [](v1::CreateTokenRequest& r) { r.set_stateless(true); });
  ASSERT_EQ(text.substr(0, 4), "ktb.");
  record::v1::StatelessToken token;
  ASSERT_TRUE(token.ParseFromString(Open(keys_->token_key(), 12, 0, 0, "stateless token",
                                         Base64UrlDecode(text.substr(4)).value_or(""))));
  ASSERT_EQ(token.id().substr(0, 4), "ktb-");
  EXPECT_EQ(HexDecode(token.id().substr(4)).value_or("").size(), 16u);
  EXPECT_EQ(token.principal(), "token:test");

  v1::RevokeTokenRequest revoke;
  revoke.set_id(token.id());
  v1::RevokeTokenResponse response;
  ASSERT_EQ(Text(stubs_->tokens->Revoke(Ctx(root_), revoke, &response)), "OK");
  record::v1::RevokedToken revoked;
  ASSERT_TRUE(revoked.ParseFromString(OpenStored(10, 1, AuthKey(10, token.id()))));
  EXPECT_EQ(revoked.id(), token.id());
}

TEST_F(FormatRecordsTest, AnApiKey) {
  v1::CreateApiKeyRequest request;
  request.set_path("partners/acme");
  v1::CreateApiKeyResponse made;
  ASSERT_EQ(Text(stubs_->api_keys->Create(Ctx(root_), request, &made)), "OK");
  const std::string id = made.key().substr(4, 16), secret = made.key().substr(21, 43);
  EXPECT_EQ(id, made.info().id());
  record::v1::ApiKey key;
  ASSERT_TRUE(key.ParseFromString(OpenStored(20, 1, AuthKey(20, id))));
  EXPECT_EQ(key.id(), id);
  ASSERT_EQ(key.secrets_size(), 1);
  EXPECT_EQ(key.secrets(0).pepper_version(), 1u);
  EXPECT_EQ(HexEncode(key.secrets(0).mac()),
            HexEncode(HmacSha256(keys_->api_key_pepper().ExposeForCrypto(), secret)));
  EXPECT_EQ(key.secrets(0).last_characters(), made.key().substr(67));

  v1::ImportApiKeysRequest import;
  import.add_entries()->set_sha256(Sha256("made elsewhere"));
  import.mutable_entries(0)->set_path("partners/old");
  v1::ImportApiKeysResponse imported;
  ASSERT_EQ(Text(stubs_->api_keys->Import(Ctx(root_), import, &imported)), "OK");
  ASSERT_TRUE(key.ParseFromString(OpenStored(20, 1, AuthKey(20, imported.ids(0)))));
  EXPECT_TRUE(key.secrets(0).legacy());
  EXPECT_EQ(
      HexEncode(key.secrets(0).mac()),
      HexEncode(HmacSha256(keys_->api_key_pepper().ExposeForCrypto(), Sha256("made elsewhere"))));

  const std::string mark = AuthKey(27, key.secrets(0).mac());
  EXPECT_EQ(Stored(Family::kIndex, mark), "(absent)");
  v1::RollApiKeyRequest roll;
  roll.set_id(imported.ids(0));
  roll.set_grace_seconds(0);
  for (int i = 0; i < 3; ++i) {
    v1::RollApiKeyResponse rolled;
    ASSERT_EQ(Text(stubs_->api_keys->Roll(Ctx(root_), roll, &rolled)), "OK");
  }
  record::v1::EndedLegacyKey ended;
  ASSERT_TRUE(ended.ParseFromString(OpenStored(27, 1, mark)));
  EXPECT_EQ(ended.id(), imported.ids(0));
}

TEST_F(FormatRecordsTest, TheClientCa) {
  const std::string key = Mac("client-ca", "") + "n\x0b";
  const std::string plain = OpenStored(11, 0, key, Family::kRecords);
  absl::string_view rest = plain;
  const auto take = [&rest](char tag, absl::string_view begins) {
    ASSERT_GE(rest.size(), 3u);
    EXPECT_EQ(rest[0], tag);
    // A varint of two bytes: both texts are of 128 to 16383.
    const size_t size = (rest[1] & 0x7F) | static_cast<uint8_t>(rest[2]) << 7;
    EXPECT_EQ(rest[1] & 0x80, 0x80);
    ASSERT_GE(rest.size(), 3 + size);
    EXPECT_EQ(rest.substr(3, begins.size()), begins);
    rest.remove_prefix(3 + size);
  };
  take('\x0a', "-----BEGIN CERTIFICATE-----\n");
  take('\x12', "-----BEGIN PRIVATE KEY-----\n");
  EXPECT_TRUE(rest.empty());
}

TEST_F(FormatRecordsTest, DueKeys) {
  v1::PutRequest put;
  put.set_path("app/db");
  put.set_ttl_seconds(3600);
  put.mutable_data()->add_fields()->set_name("value");
  v1::PutResponse response;
  ASSERT_EQ(Text(stubs_->secrets->Put(Ctx(root_), put, &response)), "OK");
  std::map<std::string, std::string> due = All(Family::kDue);
  ASSERT_EQ(due.size(), 1u);
  const std::string key = due.begin()->first;
  ASSERT_EQ(key.size(), 25u);
  EXPECT_EQ(due.begin()->second, "");
  absl::string_view seconds = absl::string_view(key).substr(16);
  // Whole seconds, not before the version ends.
  const int64_t expires = response.create_time().seconds() + 3600;
  EXPECT_LE(ReadBigEndian64(&seconds).value_or(0) - static_cast<uint64_t>(expires), 1u);
  EXPECT_EQ(seconds, "\x01");
  EXPECT_NE(Stored(Family::kRecords, key.substr(0, 16) + "m"), "(absent)");

  v1::DeleteRequest remove;
  remove.set_path("app/db");
  v1::SecretInfo info;
  ASSERT_EQ(Text(stubs_->secrets->Delete(Ctx(root_), remove, &info)), "OK");
  std::string classes;
  for (const auto& [each, value] : All(Family::kDue)) classes += each.substr(24);
  EXPECT_TRUE(classes == "\x02" || classes == "\x01\x02") << HexEncode(classes);
}

TEST_F(FormatRecordsTest, Meta) {
  ASSERT_EQ(Text(Put("app/one", {{"value", "v"}}, root_)), "OK");
  v1::RenameRequest rename;
  rename.set_path("app/one");
  rename.set_new_path("app/two");
  v1::RenameResponse moved;
  ASSERT_EQ(Text(stubs_->secrets->Rename(Ctx(root_), rename, &moved)), "OK");
  EXPECT_EQ(Stored(Family::kMeta, "vault/moves"), BigEndian64(moved.revision()));
  EXPECT_EQ(Stored(Family::kMeta, "revision"), BigEndian64(moved.revision()));
  EXPECT_EQ(Stored(Family::kMeta, "format"), BigEndian64(1));
  EXPECT_EQ(Stored(Family::kMeta, "audit/synced").size(), 8u);
  for (const auto& [key, value] : All(Family::kMeta)) {
    const bool accumulator = key.size() == 5 && key.substr(0, 4) == "acc/";
    EXPECT_EQ(value.size(), accumulator ? 32u : 8u) << key;
  }
}

TEST_F(FormatRecordsTest, APageToken) {
  for (const char* path : {"app/one", "app/two"})
    ASSERT_EQ(Text(Put(path, {{"v", ""}}, root_)), "OK");
  v1::ListRequest list;
  list.set_path("app");
  list.set_page_size(1);
  v1::ListResponse page;
  ASSERT_EQ(Text(stubs_->secrets->List(Ctx(root_), list, &page)), "OK");
  const std::string sealed = Base64UrlDecode(page.next_page_token()).value_or("");
  EXPECT_EQ(HexEncode(sealed.substr(0, 14)), "0110000000000000000000000000");
  // One level of the walk: u8 0, and the name's length and the name.
  EXPECT_EQ(sealed.size(), 106u + 1 + 4 + 3);
}

}  // namespace
}  // namespace keyturn
