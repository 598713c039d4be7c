// A life of a server in which every method succeeds, with a canary in every text of every request
// that can carry one, and with the secrets that the server makes itself. Nothing of them is in log,
// errors and metrics, in the audit log only what docs/AUDIT.md has a place for; in the files of the
// store nothing at all once `audit_tail` is trimmed.
#include <gmock/gmock.h>

#include "absl/strings/str_join.h"
#include "crypto/x509_make.h"
#include "tests/server/canary_life.h"

namespace keyturn {
namespace {

using testing::Contains;
using testing::HasSubstr;

// Texts of requests that no canary fits, and why.
const std::map<std::string, std::string>& WithoutCanary() {
  static const auto* const fields = new std::map<std::string, std::string>{
      {"CanIRequest.permission", "one of a fixed list"},
      {"Grant.permissions", "of the same list"},
      {"RotateKekRequest.suite", "one of two"},
      {"InitRequest.operator_csr", "a public key, signed; nothing else of it is taken over"},
      {"IssueCertificateRequest.csr", "likewise"},
      {"SearchAuditRequest.event", "one of a fixed list"},
      {"SearchAuditRequest.outcome", "likewise"},
      {"SearchAuditRequest.page_token", "a number of an entry"},
      {"JwtKeySettings.algorithm", "one of four"},
      {"VerifyApiKeyRequest.source_address", "an IP address"},
      {"GetApiKeyRequest.id", "an id that the server made, and public"},
      {"RevokeApiKeyRequest.id", "likewise"},
      {"RollApiKeyRequest.id", "likewise"},
      {"SetApiKeyGraceRequest.id", "likewise"},
      {"UpdateApiKeyRequest.id", "likewise"},
      {"ForgetConsumerRequest.name", "a principal, which the audit log has with each call"},
      {"RotationWindow.cron", "numbers, and names of a fixed list"},
      {"RotationWindow.time_zone", "one of tzdata's names"},
      {"CreateWebhookRequest.types", "patterns of a fixed list"},
      {"GetWebhookRequest.id", "an id that the server made, and public"},
      {"DeleteWebhookRequest.id", "likewise"},
      {"EnableWebhookRequest.id", "likewise"},
      {"TestWebhookRequest.id", "likewise"},
      {"ListWebhookDeliveriesRequest.id", "likewise"},
      {"ListWebhookDeliveriesRequest.page_token", "the id of an event"},
      {"ReplayWebhookRequest.id", "an id that the server made, and public"},
      {"ReplayWebhookRequest.delivery_id", "likewise"},
      {"RollWebhookKeyRequest.id", "likewise"},
      {"RotationPolicy.target", "a name of the configuration; others are refused"},
  };
  return *fields;
}

std::string Shuffled(std::string characters) {
  for (size_t i = characters.size(); i > 1; --i) {
    std::swap(characters[i - 1], characters[RandomBelow(i)]);
  }
  return characters;
}

class CanaryLifeTest : public CanaryLife {
 protected:
  void Put(const std::string& path) {
    v1::PutRequest put;
    put.set_path(path);
    (*put.mutable_custom_metadata())[key_] = Plant("PutRequest.CustomMetadataEntry.value", true);
    for (const v1::Encoding encoding :
         {v1::ENCODING_TEXT, v1::ENCODING_JSON, v1::ENCODING_BINARY}) {
      v1::Field* const field = put.mutable_data()->add_fields();
      field->set_name(Plant("Field.name", true));
      field->set_encoding(encoding);
      const std::string text = Plant("Field.value", true);
      field->set_value(encoding == v1::ENCODING_JSON     ? absl::StrCat("{\"a\":\"", text, "\"}")
                       : encoding == v1::ENCODING_BINARY ? absl::StrCat("\xff\x01", text, "\xfe")
                                                         : text);
    }
    Do<v1::PutResponse>("SecretService/Put", put);
  }
  // What is there, with what the server made of it kept as a canary.
  void Generate(const std::string& path, const v1::GenerateSpec& spec) {
    v1::GenerateRequest generate;
    generate.set_path(path);
    generate.set_field(Plant("GenerateRequest.field", true));
    *generate.mutable_spec() = spec;
    (*generate.mutable_custom_metadata())[Plant("GenerateRequest.CustomMetadataEntry.key", true)] =
        Plant("GenerateRequest.CustomMetadataEntry.value", true);
    Do<v1::PutResponse>("SecretService/Generate", generate);
    v1::GetRequest get;
    get.set_path(path);
    get.add_fields(generate.field());
    const auto got = Do<v1::GetResponse>("SecretService/Get", get);
    ASSERT_EQ(got.data().fields_size(), 1);
    canaries_.Keep("SecretService/Generate", "generated value", got.data().fields(0).value(), true);
  }

  void KeepRoles();
  void KeepTokens();
  void KeepRevocations();
  void KeepSecrets();
  void TurnSecrets();
  void SignTokens();
  void IssueKeys();
  void KeepWebhooks();
  void EndWebhooks();
  std::string KeepKey(const std::string& where, const std::string& text);
  void MoveSecrets();
  void ReadAudit();
  void TurnKeys();
  void Paste();
  void TakeOut();
  void SealAndUnseal();
  void TrimTail();
  void ExpectAllMethodsAndTexts();
  void ExpectFindsWhatThereIs(const Remains& remains);

  std::vector<std::string> shares_;
  std::string key_ = Plant("PutRequest.CustomMetadataEntry.key", true);
  std::string path_ = Plant("PutRequest.path", false);
  std::string webhook_;  // the id of one
  std::string policy_ = Plant("Policy.name", false), role_ = Plant("Role.name", false),
              recipe_ = Plant("PasswordPolicy.name", false);
  std::string metrics_;
};

std::string Network() {
  std::string text = "fd00";
  for (int i = 0; i < 7; ++i) absl::StrAppend(&text, ":", absl::Hex(0x1000 + RandomBelow(0xe000)));
  return text + "/128";
}

void CanaryLifeTest::KeepRoles() {
  v1::PutPasswordPolicyRequest recipe;
  recipe.mutable_policy()->set_name(recipe_);
  recipe.mutable_policy()->set_length(40);
  const std::string alphabet =
      Shuffled("abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789");
  recipe.mutable_policy()->set_alphabet(
      canaries_.Keep("life", "PasswordPolicy.alphabet", alphabet, true));
  auto* const rule = recipe.mutable_policy()->add_rules();
  rule->set_characters(canaries_.Keep("life", "PasswordPolicy.Rule.characters",
                                      Shuffled("ABCDEFGHJKLMNPQRSTUVWXYZ"), true));
  rule->set_at_least(2);
  Do<v1::PasswordPolicy>("PolicyService/PutPasswordPolicy", recipe);
  Do<v1::ListPasswordPoliciesResponse>("PolicyService/ListPasswordPolicies",
                                       v1::ListPasswordPoliciesRequest());

  v1::PutPolicyRequest policy;
  policy.mutable_policy()->set_name(policy_);
  policy.mutable_policy()->set_description(Plant("Policy.description", true));
  v1::Grant* const grant = policy.mutable_policy()->add_grants();
  grant->add_permissions("secret:read");
  grant->set_path(Plant("Grant.path", true) + "/*");
  grant->add_bound_cidrs("127.0.0.0/8");
  grant->add_bound_cidrs(canaries_.Keep("life", "Grant.bound_cidrs", Network(), true));
  Do<v1::Policy>("PolicyService/PutPolicy", policy);
  v1::GetPolicyRequest get_policy;
  get_policy.set_name(policy_);
  Do<v1::Policy>("PolicyService/GetPolicy", get_policy);
  Do<v1::ListPoliciesResponse>("PolicyService/ListPolicies", v1::ListPoliciesRequest());

  v1::IssueCertificateRequest issue;
  issue.set_spiffe_id("spiffe://keyturn.test/" + Plant("IssueCertificateRequest.spiffe_id", false));
  const auto request = MakeCertificateRequest();
  issue.set_csr(request->csr_der);
  const auto issued = Do<v1::IssueCertificateResponse>("SystemService/IssueCertificate", issue);

  v1::PutRoleRequest put;
  v1::Role& role = *put.mutable_role();
  role.set_name(role_);
  role.add_policies(policy_);
  role.set_description(Plant("Role.description", true));
  role.add_bound_spiffe_ids(issue.spiffe_id());
  role.add_bound_spiffe_ids("spiffe://keyturn.test/" + Plant("Role.bound_spiffe_ids", true));
  role.add_bound_fingerprints(
      canaries_.Keep("life", "Role.bound_fingerprints", HexEncode(RandomBytes(32)), true));
  role.add_bound_cidrs("127.0.0.0/8");
  role.add_bound_cidrs(canaries_.Keep("life", "Role.bound_cidrs", Network(), true));
  Do<v1::Role>("PolicyService/PutRole", put);
  v1::GetRoleRequest get_role;
  get_role.set_name(role_);
  Do<v1::Role>("PolicyService/GetRole", get_role);
  Do<v1::ListRolesResponse>("PolicyService/ListRoles", v1::ListRolesRequest());

  const Stubs client =
      server_->As(issued.certificate_pem(), std::string(request->key_pem.ExposeForCrypto()));
  v1::LoginRequest login;
  login.set_role(role_);
  const auto session = Do<v1::LoginResponse>("AuthService/Login", login, "", client.channel.get());
  canaries_.KeepCredential("AuthService/Login", session.token());
  Do<v1::WhoAmIResponse>("AuthService/WhoAmI", v1::WhoAmIRequest(), session.token(),
                         client.channel.get());
  Do<v1::LogoutResponse>("AuthService/Logout", v1::LogoutRequest(), session.token(),
                         client.channel.get());
}

void CanaryLifeTest::KeepRevocations() {
  v1::RevokeRequest revoke;
  v1::CheckRequest check;
  v1::RevocationQuery& query = *check.add_queries();
  query.set_jti(Plant("RevocationTarget.jti", false));
  query.set_subject(Plant("RevocationTarget.subject", false));
  query.set_kid(Plant("RevocationTarget.kid", false));
  query.set_api_key(Plant("RevocationTarget.api_key", false));
  revoke.add_revocations()->mutable_target()->set_jti(query.jti());
  revoke.add_revocations()->mutable_target()->set_subject(query.subject());
  revoke.add_revocations()->mutable_target()->set_kid(query.kid());
  revoke.add_revocations()->mutable_target()->set_api_key(query.api_key());
  revoke.add_revocations()->mutable_target()->set_role(Plant("RevocationTarget.role", false));
  revoke.add_revocations()->mutable_target()->set_certificate(
      canaries_.Keep("life", "RevocationTarget.certificate", HexEncode(RandomBytes(12)), false));
  Do<v1::RevokeResponse>("RevocationService/Revoke", revoke);
  EXPECT_TRUE(Do<v1::CheckResponse>("RevocationService/Check", check).answers(0).revoked());
  query.Clear();
  query.set_jti(Plant("RevocationQuery.jti", false));
  query.set_subject(Plant("RevocationQuery.subject", false));
  query.set_kid(Plant("RevocationQuery.kid", false));
  query.set_role(Plant("RevocationQuery.role", false));
  query.set_certificate(
      canaries_.Keep("life", "RevocationQuery.certificate", HexEncode(RandomBytes(12)), false));
  EXPECT_FALSE(Do<v1::CheckResponse>("RevocationService/Check", check).answers(0).revoked());
  v1::ImportRevocationsRequest import;
  v1::ImportedKey& text = *import.add_keys();
  text.set_key(Plant("ImportedKey.key", false));
  text.set_value(Plant("ImportedKey.value", false));
  v1::ImportedKey& set = *import.add_keys();
  set.set_key(Plant("ImportedKey.key", false));
  set.add_members(Plant("ImportedKey.members", false));
  Do<v1::ImportRevocationsResponse>("RevocationService/Import", import);
}

void CanaryLifeTest::KeepTokens() {
  v1::CreateTokenRequest create;
  create.add_policies(policy_);
  create.add_bound_cidrs("127.0.0.0/8");
  create.add_bound_cidrs(canaries_.Keep("life", "CreateTokenRequest.bound_cidrs", Network(), true));
  create.set_ttl_seconds(600);
  std::vector<v1::CreateTokenResponse> made;
  for (const bool stateless : {true, false, false}) {
    create.set_stateless(stateless);
    create.set_display_name(Plant("CreateTokenRequest.display_name", false));
    made.push_back(Do<v1::CreateTokenResponse>("TokenService/Create", create));
    canaries_.KeepCredential("TokenService/Create", made.back().token());
    canaries_.Keep("TokenService/Create", "RevokeTokenRequest.id", made.back().info().id(), false);
    Do<v1::WhoAmIResponse>("AuthService/WhoAmI", v1::WhoAmIRequest(), made.back().token());
  }
  Do<v1::TokenInfo>("TokenService/Renew", v1::RenewTokenRequest(), made[1].token());
  v1::ListTokensRequest list;
  list.set_page_size(1);
  for (int page = 0; page < 2; ++page) {
    const auto tokens = Do<v1::ListTokensResponse>("TokenService/List", list);
    ASSERT_FALSE(tokens.next_page_token().empty());
    list.set_page_token(canaries_.Keep("TokenService/List", "RevokeTokenRequest.id",
                                       tokens.next_page_token(), false));
  }
  v1::RevokeTokenRequest revoke;
  revoke.set_id(made[2].info().id());
  Do<v1::RevokeTokenResponse>("TokenService/Revoke", revoke);
  Refused("AuthService/WhoAmI", v1::WhoAmIRequest(), made[2].token());
  v1::CanIRequest can;
  can.set_permission("secret:read");
  can.set_path(Plant("CanIRequest.path", false));
  can.add_policies(policy_);
  Do<v1::CanIResponse>("AuthService/CanI", can);
}

void CanaryLifeTest::KeepSecrets() {
  const std::string directory = path_;
  for (const char* const name : {"/a", "/b", "/c"}) Put(directory + name);
  Put(directory + "/a");
  v1::GenerateSpec spec;
  Generate(directory + "/made", spec);
  spec.set_length(40);
  spec.set_alphabet(canaries_.Keep("life", "GenerateSpec.alphabet",
                                   Shuffled("abcdefghijklmnopqrstuvwxyz0123456789"), true));
  Generate(directory + "/drawn", spec);
  v1::GenerateSpec by_recipe;
  by_recipe.set_policy(recipe_);
  Generate(directory + "/by-recipe", by_recipe);

  v1::BatchGetRequest batch;
  batch.add_requests()->set_path(directory + "/b");
  batch.add_requests()->set_path(Plant("GetRequest.path", false));
  const auto got = Do<v1::BatchGetResponse>("SecretService/BatchGet", batch);
  ASSERT_EQ(got.items_size(), 2);
  EXPECT_EQ(got.items(0).secret().data().fields_size(), 3);
  v1::DescribeRequest describe;
  describe.set_path(directory + "/a");
  Do<v1::SecretInfo>("SecretService/Describe", describe);
  v1::ListRequest list;
  list.set_path(directory);
  list.set_page_size(1);
  v1::SearchRequest search;
  search.set_path(directory);
  search.set_page_size(1);
  (*search.mutable_custom_metadata())[key_] = "";
  v1::SearchRequest no_match = search;
  (*no_match.mutable_custom_metadata())[key_] = Plant("SearchRequest.value", true);
  Do<v1::SearchResponse>("SecretService/Search", no_match);
  for (int page = 0; page < 2; ++page) {
    const auto listed = Do<v1::ListResponse>("SecretService/List", list);
    const auto found = Do<v1::SearchResponse>("SecretService/Search", search);
    ASSERT_FALSE(listed.next_page_token().empty());
    ASSERT_FALSE(found.next_page_token().empty());
    list.set_page_token(
        canaries_.Keep("life", "ListRequest.page_token", listed.next_page_token(), false));
    search.set_page_token(
        canaries_.Keep("life", "SearchRequest.page_token", found.next_page_token(), false));
  }
}

void CanaryLifeTest::TurnSecrets() {
  const std::string secret = path_ + "/turned", other = path_ + "/waits";
  Put(secret);
  Put(other);
  const auto of = [](auto request, const std::string& path) {
    request.set_path(path);
    return request;
  };
  const auto why = [&](auto request, const std::string& path) {
    request.set_reason(Plant("reason", false));
    return of(request, path);
  };
  auto set = of(v1::SetRotationPolicyRequest(), other);
  Do<v1::RotationStatus>("RotationService/SetPolicy", set);
  Do<v1::RotationStatus>("RotationService/Rotate", why(v1::RotateRequest(), other));
  Do<v1::RotationStatus>("RotationService/Cancel", why(v1::CancelRotationRequest(), other));
  set.set_path(secret);
  set.mutable_policy()->mutable_source()->mutable_generate()->set_field(
      Plant("RotationSource.Generate.field", true));
  set.mutable_policy()->add_after()->set_path(Plant("RotationOrder.path", true));
  v1::PutRequest put;  // what is made must be there before
  put.set_path(secret);
  v1::Field& field = *put.mutable_data()->add_fields();
  field.set_name(set.policy().source().generate().field());
  field.set_value(Plant("Field.value", true));
  Do<v1::PutResponse>("SecretService/Put", put);
  Do<v1::RotationStatus>("RotationService/SetPolicy", set);
  v1::GetRequest get;
  get.set_path(secret);
  get.add_fields(field.name());
  for (int i = 0; i < 2; ++i) {
    Do<v1::RotationStatus>("RotationService/Rotate", why(v1::RotateRequest(), secret));
    const auto got = Do<v1::GetResponse>("SecretService/Get", get);
    ASSERT_EQ(got.data().fields_size(), 1);
    canaries_.Keep("RotationService/Rotate", "generated value", got.data().fields(0).value(), true);
  }
  Do<v1::RotationStatus>("RotationService/Rollback", why(v1::RollbackRequest(), secret));
  auto grace = why(v1::SetGraceRequest(), secret);
  grace.mutable_end_time()->set_seconds(absl::ToUnixSeconds(Clock::Real().Now() + absl::Hours(1)));
  grace.set_version(4);
  Do<v1::RotationStatus>("RotationService/SetGrace", grace);
  auto retire = why(v1::RetireRequest(), secret);
  retire.set_version(4);
  Do<v1::RotationStatus>("RotationService/Retire", retire);
  Do<v1::RotationStatus>("RotationService/Pause", why(v1::PauseRotationRequest(), secret));
  Do<v1::RotationStatus>("RotationService/Resume", of(v1::ResumeRotationRequest(), secret));
  v1::AcceptClockRequest clock;
  clock.set_reason(Plant("reason", false));
  Do<v1::AcceptClockResponse>("RotationService/AcceptClock", clock);
  Do<v1::RotationStatus>("RotationService/GetStatus", of(v1::GetRotationStatusRequest(), secret));
  Do<v1::ListRotationRunsResponse>("RotationService/ListRuns",
                                   of(v1::ListRotationRunsRequest(), secret));
  // By another policy, of the secrets below the directory, with a page for each.
  auto ahead = of(v1::ForecastRequest(), path_);
  ahead.set_page_size(1);
  ahead.set_changes_only(true);
  ahead.mutable_policy()->add_after()->set_path(Plant("RotationOrder.path", true));
  const auto foreseen = Do<v1::ForecastResponse>("RotationService/Forecast", ahead);
  ASSERT_FALSE(foreseen.next_page_token().empty());
  ahead.set_page_token(
      canaries_.Keep("life", "ForecastRequest.page_token", foreseen.next_page_token(), false));
  Do<v1::ForecastResponse>("RotationService/Forecast", ahead);
  auto said = of(v1::AcknowledgeRequest(), secret);
  said.set_version(3);  // current since the rollback
  Do<v1::AcknowledgeResponse>("ConsumerService/Acknowledge", said);
  auto who = of(v1::ListConsumersRequest(), path_);
  who.set_page_size(1);
  const auto users = Do<v1::ListConsumersResponse>("ConsumerService/List", who);
  ASSERT_FALSE(users.next_page_token().empty());
  who.set_page_token(
      canaries_.Keep("life", "ListConsumersRequest.page_token", users.next_page_token(), false));
  Do<v1::ListConsumersResponse>("ConsumerService/List", who);
  auto forget = why(v1::ForgetConsumerRequest(), users.consumers(0).path());
  forget.set_name(users.consumers(0).name());
  Do<v1::ForgetConsumerResponse>("ConsumerService/Forget", forget);
  auto list = of(v1::ListRotationsRequest(), path_);
  list.set_page_size(1);
  const auto listed = Do<v1::ListRotationsResponse>("RotationService/List", list);
  ASSERT_FALSE(listed.next_page_token().empty());
  list.set_page_token(
      canaries_.Keep("life", "ListRotationsRequest.page_token", listed.next_page_token(), false));
  Do<v1::ListRotationsResponse>("RotationService/List", list);
  Do<v1::RotationStatus>("RotationService/RemovePolicy",
                         of(v1::RemoveRotationPolicyRequest(), other));
}

void CanaryLifeTest::SignTokens() {
  const std::string key = path_ + "/signs", text = path_ + "/adopted";
  const auto of = [](auto request, const std::string& path) {
    request.set_path(path);
    return request;
  };
  auto create = of(v1::CreateJwtKeyRequest(), key);
  v1::JwtKeySettings& settings = *create.mutable_settings();
  settings.set_algorithm("HS256");
  settings.set_readable(true);
  settings.set_issuer(Plant("JwtKeySettings.issuer", true));
  settings.add_audiences(Plant("JwtKeySettings.audiences", true));
  settings.add_audiences(Plant("JwtKeySettings.audiences", true));
  Do<v1::JwtKey>("JwtService/CreateKey", create);
  auto update = of(v1::UpdateJwtKeyRequest(), key);
  *update.mutable_settings() = settings;
  Do<v1::JwtKey>("JwtService/UpdateKey", update);
  v1::GetRequest get;
  get.set_path(key);
  const auto made = Do<v1::GetResponse>("SecretService/Get", get);
  ASSERT_EQ(made.data().fields_size(), 1);
  canaries_.Keep("JwtService/CreateKey", "private key", made.data().fields(0).value(), true);

  v1::GenerateRequest generate;
  generate.set_path(text);
  generate.mutable_spec()->set_bytes(64);
  Do<v1::PutResponse>("SecretService/Generate", generate);
  auto of_kind = of(v1::AdoptRequest(), text);
  of_kind.set_kind(v1::KIND_JWT_KEY);
  Do<v1::SecretInfo>("SecretService/Adopt", of_kind);
  auto adopt = of(v1::AdoptJwtKeyRequest(), text);
  *adopt.mutable_settings() = settings;
  Do<v1::JwtKey>("JwtService/AdoptKey", adopt);
  Do<v1::JwtKey>("JwtService/GetKey", of(v1::GetJwtKeyRequest(), key));
  auto asymmetric = of(v1::CreateJwtKeyRequest(), path_ + "/published");
  *asymmetric.mutable_settings() = settings;
  asymmetric.mutable_settings()->set_algorithm("EdDSA");
  Do<v1::JwtKey>("JwtService/CreateKey", asymmetric);
  Do<v1::GetJwksResponse>("JwtService/GetJwks", of(v1::GetJwksRequest(), asymmetric.path()));

  auto sign = of(v1::SignJwtRequest(), key);
  sign.set_subject(Plant("SignJwtRequest.subject", true));
  sign.add_audiences(settings.audiences(0));
  sign.add_permissions(Plant("SignJwtRequest.permissions", true));
  sign.set_claims_json(absl::StrCat("{\"a\":\"", Plant("SignJwtRequest.claims_json", true), "\"}"));
  sign.set_with_refresh_token(true);
  const auto signed_ = Do<v1::SignJwtResponse>("JwtService/Sign", sign);
  canaries_.Keep("JwtService/Sign", "token", signed_.token(), true);
  canaries_.KeepCredential("JwtService/Sign", signed_.refresh_token());
  auto verify = of(v1::VerifyJwtRequest(), key);
  verify.set_token(signed_.token());
  verify.set_audience(settings.audiences(0));
  EXPECT_TRUE(Do<v1::VerifyJwtResponse>("JwtService/Verify", verify).valid());
  verify.set_token(Plant("VerifyJwtRequest.token", true));  // pasted to the wrong place
  EXPECT_FALSE(Do<v1::VerifyJwtResponse>("JwtService/Verify", verify).valid());
  auto refresh = of(v1::RefreshJwtRequest(), key);
  refresh.set_refresh_token(signed_.refresh_token());
  const auto next = Do<v1::SignJwtResponse>("JwtService/Refresh", refresh);
  canaries_.Keep("JwtService/Refresh", "token", next.token(), true);
  canaries_.KeepCredential("JwtService/Refresh", next.refresh_token());
  Refused("JwtService/Refresh", refresh);  // used before
  auto logout = of(v1::RevokeRefreshRequest(), key);
  logout.set_refresh_token(next.refresh_token());
  Do<v1::RevokeRefreshResponse>("JwtService/RevokeRefresh", logout);
}

// Of a key, each part by itself as well; its id is public.
std::string CanaryLifeTest::KeepKey(const std::string& where, const std::string& text) {
  canaries_.Keep(where, "secret of a key", text.substr(21, 43), true);
  return canaries_.Keep(where, "VerifyApiKeyRequest.key", text, true);
}

// What is told goes to where nothing may connect to.
void CanaryLifeTest::KeepWebhooks() {
  v1::CreateWebhookRequest create;
  create.set_url(absl::StrCat("https://127.0.0.1:1/", Plant("CreateWebhookRequest.url", true)));
  create.set_description(Plant("CreateWebhookRequest.description", true));
  const auto made = Do<v1::CreateWebhookResponse>("WebhookService/Create", create);
  webhook_ = made.info().id();
  create.add_paths(Plant("CreateWebhookRequest.paths", true));
  create.set_signature(v1::WebhookInfo::V1);
  const auto keyed = Do<v1::CreateWebhookResponse>("WebhookService/Create", create);
  canaries_.Keep("WebhookService/Create", "secret", keyed.secret().substr(6), true);
  v1::RollWebhookKeyRequest roll;
  roll.set_id(keyed.info().id());
  const auto rolled = Do<v1::RollWebhookKeyResponse>("WebhookService/RollKey", roll);
  canaries_.Keep("WebhookService/RollKey", "secret", rolled.secret().substr(6), true);
}

void CanaryLifeTest::EndWebhooks() {
  const auto of = [this](auto request) {
    request.set_id(webhook_);
    return request;
  };
  Do<v1::WebhookInfo>("WebhookService/Get", of(v1::GetWebhookRequest()));
  Do<v1::ListWebhooksResponse>("WebhookService/List", v1::ListWebhooksRequest());
  Do<v1::WebhookInfo>("WebhookService/Enable", of(v1::EnableWebhookRequest()));
  EXPECT_FALSE(
      Do<v1::TestWebhookResponse>("WebhookService/Test", of(v1::TestWebhookRequest())).delivered());
  const auto told = Do<v1::ListWebhookDeliveriesResponse>("WebhookService/ListDeliveries",
                                                          of(v1::ListWebhookDeliveriesRequest()));
  ASSERT_GT(told.deliveries_size(), 0);
  auto replay = of(v1::ReplayWebhookRequest());
  replay.set_delivery_id(told.deliveries(0).id());
  Do<v1::ReplayWebhookResponse>("WebhookService/Replay", replay);
  Do<v1::DeleteWebhookResponse>("WebhookService/Delete", of(v1::DeleteWebhookRequest()));
}

void CanaryLifeTest::IssueKeys() {
  v1::CreateApiKeyRequest create;
  create.set_path(Plant("CreateApiKeyRequest.path", false));
  create.set_description(Plant("CreateApiKeyRequest.description", true));
  create.add_scopes(Plant("CreateApiKeyRequest.scopes", true));
  (*create.mutable_custom_metadata())[Plant("CreateApiKeyRequest.key", true)] =
      Plant("CreateApiKeyRequest.value", true);
  const auto made = Do<v1::CreateApiKeyResponse>("ApiKeyService/Create", create);
  KeepKey("ApiKeyService/Create", made.key());
  const std::string id = made.info().id();
  const auto of = [&id](auto request) {
    request.set_id(id);
    return request;
  };
  const auto why = [&](auto request) {
    request.set_reason(Plant("reason", false));
    return of(request);
  };
  const auto rolled = Do<v1::RollApiKeyResponse>("ApiKeyService/Roll", of(v1::RollApiKeyRequest()));
  v1::VerifyApiKeyRequest verify;
  verify.set_key(KeepKey("ApiKeyService/Roll", rolled.key()));
  *verify.mutable_required_scopes() = create.scopes();
  EXPECT_TRUE(Do<v1::VerifyApiKeyResponse>("ApiKeyService/Verify", verify).valid());
  verify.set_key(Plant("VerifyApiKeyRequest.key", true));
  verify.add_required_scopes(Plant("VerifyApiKeyRequest.required_scopes", true));
  EXPECT_FALSE(Do<v1::VerifyApiKeyResponse>("ApiKeyService/Verify", verify).valid());
  Do<v1::ApiKeyInfo>("ApiKeyService/Get", of(v1::GetApiKeyRequest()));
  auto update = of(v1::UpdateApiKeyRequest());
  update.set_description(Plant("UpdateApiKeyRequest.description", true));
  update.add_scopes(Plant("UpdateApiKeyRequest.scopes", true));
  update.set_replace_scopes(true);
  (*update.mutable_custom_metadata())[Plant("UpdateApiKeyRequest.key", true)] =
      Plant("UpdateApiKeyRequest.value", true);
  Do<v1::ApiKeyInfo>("ApiKeyService/Update", update);
  auto grace = why(v1::SetApiKeyGraceRequest());
  grace.mutable_end_time()->set_seconds(absl::ToUnixSeconds(Clock::Real().Now() + absl::Hours(1)));
  Do<v1::ApiKeyInfo>("ApiKeyService/SetGrace", grace);
  v1::ImportApiKeysRequest import;
  v1::ImportedApiKey& entry = *import.add_entries();
  entry.set_sha256(canaries_.Keep("life", "ImportedApiKey.sha256", RandomBytes(32), true));
  entry.set_path(Plant("ImportedApiKey.path", true));
  entry.set_description(Plant("ImportedApiKey.description", true));
  entry.add_scopes(Plant("ImportedApiKey.scopes", true));
  Do<v1::ImportApiKeysResponse>("ApiKeyService/Import", import);
  v1::ListApiKeysRequest list;
  list.set_page_size(1);
  const auto listed = Do<v1::ListApiKeysResponse>("ApiKeyService/List", list);
  ASSERT_FALSE(listed.next_page_token().empty());
  list.set_page_token(
      canaries_.Keep("life", "ListApiKeysRequest.page_token", listed.next_page_token(), false));
  Do<v1::ListApiKeysResponse>("ApiKeyService/List", list);
  list.Clear();
  list.set_path(create.path());
  Do<v1::ListApiKeysResponse>("ApiKeyService/List", list);
  Do<v1::ApiKeyInfo>("ApiKeyService/Revoke", why(v1::RevokeApiKeyRequest()));
}

void CanaryLifeTest::MoveSecrets() {
  const std::string secret = path_ + "/a";
  v1::UpdateMetadataRequest update;
  update.set_path(secret);
  (*update.mutable_custom_metadata())[Plant("UpdateMetadataRequest.key", true)] =
      Plant("UpdateMetadataRequest.value", true);
  Do<v1::SecretInfo>("SecretService/UpdateMetadata", update);
  v1::DeleteRequest remove;
  remove.set_path(secret);
  Do<v1::SecretInfo>("SecretService/Delete", remove);
  v1::UndeleteRequest undelete;
  undelete.set_path(secret);
  Do<v1::SecretInfo>("SecretService/Undelete", undelete);
  v1::DestroyRequest destroy;
  destroy.set_path(secret);
  destroy.add_versions(1);
  Do<v1::DestroyResponse>("SecretService/Destroy", destroy);
  v1::RenameRequest rename;
  rename.set_path(secret);
  rename.set_new_path(path_ + "/" + Plant("RenameRequest.new_path", false));
  Do<v1::RenameResponse>("SecretService/Rename", rename);
  const std::string renamed = rename.new_path();
  rename.set_path(path_);
  rename.set_new_path(Plant("RenameRequest.new_path", false));
  rename.set_directory(true);
  Do<v1::RenameResponse>("SecretService/Rename", rename);
  path_ = rename.new_path();
  // A watch has no end: its first message will do.
  v1::WatchRequest watch;
  watch.set_path(path_ + "/");
  watch.set_from_revision(1);
  EXPECT_EQ(Text(Call("SecretService/Watch", watch, "", nullptr)), "OK");
}

void CanaryLifeTest::ReadAudit() {
  v1::TailRequest tail;
  tail.set_last(50);
  EXPECT_GT(Do<v1::AuditEntry>("AuditService/Tail", tail).sequence(), 0u);
  v1::SearchAuditRequest search;
  Do<v1::SearchAuditResponse>("AuditService/Search", search);
  search.set_event("secret_read");
  search.set_principal(Plant("SearchAuditRequest.principal", true));
  search.set_resource_prefix(Plant("SearchAuditRequest.resource_prefix", true));
  search.set_correlation_id(Plant("SearchAuditRequest.correlation_id", true));
  search.set_outcome("ok");
  Do<v1::SearchAuditResponse>("AuditService/Search", search);
  const auto audit = Do<v1::VerifyAuditResponse>("AuditService/Verify", v1::VerifyAuditRequest());
  EXPECT_TRUE(audit.done());
  EXPECT_EQ(audit.problems_size(), 0);
  const auto store = Do<v1::VerifyResponse>("SystemService/Verify", v1::VerifyRequest());
  EXPECT_TRUE(store.done());
  EXPECT_EQ(store.problems_size(), 0);
}

void CanaryLifeTest::TurnKeys() {
  v1::RotateKekRequest rotate;
  rotate.set_suite("xchacha20-poly1305");
  Do<v1::RotateKekResponse>("SystemService/RotateKek", rotate);
  Do<v1::RewrapStatusResponse>("SystemService/RewrapStatus", v1::RewrapStatusRequest());

  Do<v1::StartRekeyResponse>("SystemService/StartRekey", v1::StartRekeyRequest());
  Do<v1::RekeyStatusResponse>("SystemService/RekeyStatus", v1::RekeyStatusRequest());
  Do<v1::CancelRekeyResponse>("SystemService/CancelRekey", v1::CancelRekeyRequest());

  v1::StartRekeyRequest start;
  const std::string next = Plant("PassphraseSeal.passphrase", true);
  start.add_seals()->mutable_passphrase()->set_passphrase(next);
  v1::ShamirSeal* const shamir = start.add_seals()->mutable_shamir();
  shamir->set_shares(2);
  shamir->set_threshold(2);
  const auto started = Do<v1::StartRekeyResponse>("SystemService/StartRekey", start);
  v1::GiveRekeyKeyRequest give;
  give.set_nonce(
      canaries_.Keep("life", "GiveRekeyKeyRequest.nonce", started.rekey().nonce(), false));
  give.set_passphrase(Plant("GiveRekeyKeyRequest.passphrase", true));
  Refused("SystemService/GiveRekeyKey", give);
  give.set_share(server_->made().shares(0));
  Do<v1::GiveRekeyKeyResponse>("SystemService/GiveRekeyKey", give);
  give.set_passphrase(passphrase_);
  const auto authorized = Do<v1::GiveRekeyKeyResponse>("SystemService/GiveRekeyKey", give);
  ASSERT_EQ(authorized.shares_size(), 2);
  passphrase_ = next;
  give.set_passphrase(next);
  auto given = Do<v1::GiveRekeyKeyResponse>("SystemService/GiveRekeyKey", give);
  for (const std::string& share : authorized.shares()) {
    shares_.push_back(canaries_.KeepCredential("a new share", share));
    give.set_share(share);
    given = Do<v1::GiveRekeyKeyResponse>("SystemService/GiveRekeyKey", give);
  }
  EXPECT_TRUE(given.finished());
}

// People paste credentials where a name goes.
void CanaryLifeTest::Paste() {
  for (const std::string& text : {server_->root_token(), shares_[0]}) {
    v1::GetRequest get;
    get.set_path(text);
    Refused("SecretService/Get", get);
    v1::GetPolicyRequest policy;
    policy.set_name(text);
    Refused("PolicyService/GetPolicy", policy);
    v1::RevokeTokenRequest revoke;
    revoke.set_id(text);
    Refused("TokenService/Revoke", revoke);
    v1::GiveRekeyKeyRequest give;
    give.set_nonce(text);
    give.set_key_file(true);
    Refused("SystemService/GiveRekeyKey", give);
    Refused("AuthService/WhoAmI", v1::WhoAmIRequest(), text + "x");
  }
}

void CanaryLifeTest::TakeOut() {
  v1::EraseRequest erase;
  erase.set_path(path_ + "/b");
  erase.set_all(true);
  Do<v1::EraseResponse>("SecretService/Erase", erase);
  v1::DeleteRoleRequest role;
  role.set_name(role_);
  Do<v1::DeleteRoleResponse>("PolicyService/DeleteRole", role);
  v1::DeletePolicyRequest policy;
  policy.set_name(policy_);
  Do<v1::DeletePolicyResponse>("PolicyService/DeletePolicy", policy);
  v1::DeletePasswordPolicyRequest recipe;
  recipe.set_name(recipe_);
  Do<v1::DeletePasswordPolicyResponse>("PolicyService/DeletePasswordPolicy", recipe);
  EXPECT_TRUE(Do<v1::PurgeResponse>("SystemService/Purge", v1::PurgeRequest()).done());
}

void CanaryLifeTest::SealAndUnseal() {
  Do<v1::StatusResponse>("SystemService/Seal", v1::SealRequest());
  Refused("SecretService/List", v1::ListRequest());
  v1::UnsealRequest unseal;
  unseal.set_passphrase(Plant("UnsealRequest.passphrase", true));
  Refused("SystemService/Unseal", unseal);
  unseal.set_passphrase(passphrase_);
  EXPECT_FALSE(Do<v1::StatusResponse>("SystemService/Unseal", unseal).sealed());
  Do<v1::StatusResponse>("SystemService/Seal", v1::SealRequest());
  unseal.set_share(shares_[0]);
  const auto half = Do<v1::StatusResponse>("SystemService/Unseal", unseal);
  unseal.set_nonce(canaries_.Keep("life", "UnsealRequest.nonce", half.unseal_nonce(), false));
  unseal.set_share(shares_[1]);
  EXPECT_FALSE(Do<v1::StatusResponse>("SystemService/Unseal", unseal).sealed());
  EXPECT_FALSE(Do<v1::StatusResponse>("SystemService/Status", v1::StatusRequest()).sealed());
}

// Changes without a canary, until the entries of those before have left `audit_tail`.
void CanaryLifeTest::TrimTail() {
  const Stubs op = server_->Operator();
  Remains at_rest;
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 20; ++i) {
      v1::PutRequest put;
      put.set_path("quiet");
      put.mutable_data()->add_fields()->set_name("value");
      v1::PutResponse written;
      ASSERT_EQ(Text(op.secrets->Put(Ctx(), put, &written)), "OK");
    }
    Ctx context("", 60);
    const auto reader = op.system->Purge(context, {});
    v1::PurgeResponse purged;
    while (reader->Read(&purged)) {
    }
    ASSERT_EQ(Text(reader->Finish()), "OK");
    at_rest.files = FilesOf(*server_, "/data/audit/", false);
    if (canaries_.Leaks(at_rest).empty()) return;
  }
  ADD_FAILURE() << absl::StrJoin(canaries_.Leaks(at_rest), "\n");
}

void CanaryLifeTest::ExpectAllMethodsAndTexts() {
  // A method that only ever refuses shows nothing of what it does with what it takes.
  std::set<std::string> texts;
  for (const MethodInfo& method : methods_.methods()) {
    EXPECT_EQ(succeeded_.count(method.name), 1u) << method.name << " never succeeded";
    TextFields(RequestOf(method), &texts);
  }
  for (const std::string& text : texts) {
    EXPECT_NE(carried_.count(text), WithoutCanary().count(text)) << text;
  }
  std::printf("%zu methods succeeded; %zu of %zu texts of requests carried a canary; %zu planted\n",
              succeeded_.size(), carried_.size(), texts.size(), canaries_.size());
}

// The search must find what the server did write, in each of the places.
void CanaryLifeTest::ExpectFindsWhatThereIs(const Remains& remains) {
  Canaries there;
  there.Keep("log", "text", "the vault is sealed", true);
  there.Keep("metrics", "text", "keyturn_calls_total", true);
  there.Keep("errors", "text", "there is nothing to renew", true);
  there.Keep("audit", "text", "secret_renamed", true);
  there.Keep("files", "text", "audit/synced", true);
  const std::vector<std::string> found = there.Leaks(remains);
  EXPECT_THAT(found, Contains(HasSubstr("log (text): in the log")));
  EXPECT_THAT(found, Contains(HasSubstr("metrics (text): in the metrics")));
  EXPECT_THAT(found, Contains(HasSubstr("errors (text): in an error")));
  EXPECT_THAT(found, Contains(HasSubstr("audit (text): in the audit log")));
  EXPECT_THAT(found, Contains(HasSubstr("/data/store/")));
  // And what it wrote by design, had the design no place for it.
  const std::vector<std::string> undesigned = canaries_.Leaks(remains, {});
  EXPECT_THAT(undesigned, Contains(HasSubstr("(RenameRequest.new_path): in the audit log")));
  EXPECT_THAT(undesigned, Contains(HasSubstr("(correlation id): in the audit log")));
  EXPECT_THAT(undesigned, Contains(HasSubstr("(user agent): in the audit log")));
  EXPECT_THAT(undesigned, Contains(HasSubstr("(PutRequest.path): in /")));
}

TEST_F(CanaryLifeTest, NothingIsFoundOfWhatSucceeded) {
  if (!server_->running() || channel_ == nullptr) return;
  std::set<std::string> audited = AuditedFields();
  audited.insert({"user agent", "correlation id", "GiveRekeyKeyRequest.nonce",
                  "RevocationTarget.certificate", "RevocationTarget.role", "reason"});
  ASSERT_NO_FATAL_FAILURE(KeepRoles());
  ASSERT_NO_FATAL_FAILURE(KeepTokens());
  ASSERT_NO_FATAL_FAILURE(KeepRevocations());
  ASSERT_NO_FATAL_FAILURE(KeepSecrets());
  ASSERT_NO_FATAL_FAILURE(KeepWebhooks());
  ASSERT_NO_FATAL_FAILURE(TurnSecrets());
  ASSERT_NO_FATAL_FAILURE(EndWebhooks());
  ASSERT_NO_FATAL_FAILURE(SignTokens());
  ASSERT_NO_FATAL_FAILURE(IssueKeys());
  ASSERT_NO_FATAL_FAILURE(MoveSecrets());
  ASSERT_NO_FATAL_FAILURE(ReadAudit());
  ASSERT_NO_FATAL_FAILURE(TurnKeys());
  Paste();
  Refused("TokenService/Renew", v1::RenewTokenRequest());
  metrics_ = FetchPage(server_->metrics_address(), "/metrics");
  // As the changes left the files, before they are written anew.
  const Remains before = RemainsOf(*server_);
  EXPECT_EQ(absl::StrJoin(canaries_.Leaks(before, audited), "\n"), "");
  TakeOut();
  SealAndUnseal();
  ASSERT_NO_FATAL_FAILURE(TrimTail());
  metrics_ += FetchPage(server_->metrics_address(), "/metrics");
  server_->Stop();

  Remains remains = RemainsOf(*server_);
  remains.errors = errors_;
  remains.metrics = metrics_;
  EXPECT_EQ(absl::StrJoin(canaries_.Leaks(remains, audited), "\n"), "");
  ExpectAllMethodsAndTexts();
  remains.files.insert(before.files.begin(), before.files.end());
  ExpectFindsWhatThereIs(remains);
}

}  // namespace
}  // namespace keyturn
