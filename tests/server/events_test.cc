// Every event that the descriptors name, and those of refused calls, reach the audit log; and each
// successful call leaves exactly one.
#include <set>

#include "absl/strings/match.h"
#include "server/method_table.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

class EventsTest : public ServerFixture {
 protected:
  // The longest that is allowed: a machine with much else to do is slow, and not wrong.
  class Ctx : public keyturn::Ctx {
   public:
    explicit Ctx(const std::string& token = "") : keyturn::Ctx(token, 30) {}
  };

  void SetUp() override { StartReal(); }
  void ExpectRotations(Stubs& op);
  void ExpectJwts(Stubs& op);
  void ExpectApiKeys(Stubs& op);
  void ExpectConsumers(Stubs& op);
  void ExpectWebhooks(Stubs& op);

  // Not what the server does by itself, which comes when it comes.
  std::vector<AuditRecord> OfCalls() {
    std::vector<AuditRecord> records = Entries();
    std::erase_if(records, [](const auto& record) { return record.event.auth_method == "server"; });
    return records;
  }

  static std::string Names(const std::vector<AuditRecord>& records, size_t from) {
    std::string out;
    for (size_t i = from; i < records.size(); ++i) {
      absl::StrAppend(&out, " ", records[i].event.event, ":", records[i].event.outcome);
    }
    return out;
  }

  // One call that must succeed and leave `entries` entries, the last one of this event.
  template <typename Function>
  void Expect(const std::string& event, Function call, size_t entries = 1) {
    const size_t before = OfCalls().size();
    const grpc::Status status = call();
    EXPECT_EQ(Text(status), "OK") << event;
    const std::vector<AuditRecord> records = OfCalls();
    ASSERT_EQ(records.size(), before + entries)
        << event << ", and there are" << Names(records, before);
    EXPECT_EQ(records.back().event.event, event);
    EXPECT_EQ(records.back().event.outcome, "ok") << event;
  }
};

void EventsTest::ExpectApiKeys(Stubs& op) {
  v1::CreateApiKeyRequest create;
  create.set_path("partners/acme");
  v1::CreateApiKeyResponse created;
  Expect("apikey_created", [&] { return op.api_keys->Create(Ctx(), create, &created); });
  const auto of = [&created](auto request) {
    request.set_id(created.info().id());
    return request;
  };
  const auto why = [&of](auto request) {
    request.set_reason("a test");
    return of(request);
  };
  v1::ApiKeyInfo info;
  Expect("apikey_read", [&] { return op.api_keys->Get(Ctx(), of(v1::GetApiKeyRequest()), &info); });
  v1::ListApiKeysResponse listed;
  Expect("apikey_read", [&] { return op.api_keys->List(Ctx(), {}, &listed); });
  EXPECT_EQ(listed.keys_size(), 1);
  Expect("apikey_updated",
         [&] { return op.api_keys->Update(Ctx(), of(v1::UpdateApiKeyRequest()), &info); });
  v1::RollApiKeyResponse rolled;
  Expect("apikey_rolled",
         [&] { return op.api_keys->Roll(Ctx(), of(v1::RollApiKeyRequest()), &rolled); });
  auto grace = why(v1::SetApiKeyGraceRequest());
  grace.mutable_end_time()->set_seconds(absl::ToUnixSeconds(Clock::Real().Now() + absl::Hours(1)));
  Expect("apikey_grace_set", [&] { return op.api_keys->SetGrace(Ctx(), grace, &info); });
  v1::VerifyApiKeyRequest verify;
  verify.set_key(rolled.key());
  v1::VerifyApiKeyResponse answer;
  Expect("apikey_verified", [&] { return op.api_keys->Verify(Ctx(), verify, &answer); });
  EXPECT_TRUE(answer.valid());
  verify.set_key("of nobody");  // an answer like any other
  Expect("apikey_verified", [&] { return op.api_keys->Verify(Ctx(), verify, &answer); });
  EXPECT_FALSE(answer.valid());
  v1::ImportApiKeysRequest import;
  import.add_entries()->set_sha256(std::string(32, 'h'));
  import.mutable_entries(0)->set_path("partners/old");
  v1::ImportApiKeysResponse imported;
  Expect("apikey_imported", [&] { return op.api_keys->Import(Ctx(), import, &imported); });
  // Its own, then that of the change of the list.
  Expect(
      "revocations_changed",
      [&] { return op.api_keys->Revoke(Ctx(), why(v1::RevokeApiKeyRequest()), &info); }, 2);
  const std::vector<AuditRecord> records = OfCalls();
  EXPECT_EQ(records[records.size() - 2].event.event, "apikey_revoked");
}

void EventsTest::ExpectRotations(Stubs& op) {
  v1::PutRequest put;
  put.set_path("turned");
  put.mutable_data()->add_fields()->set_name("value");
  v1::PutResponse put_response;
  ASSERT_EQ(Text(op.secrets->Put(Ctx(), put, &put_response)), "OK");
  const auto of = [](auto request) {
    request.set_path("turned");
    return request;
  };
  const auto why = [&of](auto request) {
    request.set_reason("a test");
    return of(request);
  };
  v1::RotationStatus status;
  v1::SetRotationPolicyRequest set = of(v1::SetRotationPolicyRequest());
  Expect("rotation_policy_set", [&] { return op.rotations->SetPolicy(Ctx(), set, &status); });
  // A reminder: it waits for a value.
  Expect("rotation_requested",
         [&] { return op.rotations->Rotate(Ctx(), of(v1::RotateRequest()), &status); });
  Expect("rotation_cancelled",
         [&] { return op.rotations->Cancel(Ctx(), why(v1::CancelRotationRequest()), &status); });
  set.mutable_policy()->mutable_source()->mutable_generate();
  ASSERT_EQ(Text(op.rotations->SetPolicy(Ctx(), set, &status)), "OK");
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(Text(op.rotations->Rotate(Ctx(), of(v1::RotateRequest()), &status)), "OK");
  }
  EXPECT_EQ(status.current_version(), 3u);
  Expect("rotation_rolled_back",
         [&] { return op.rotations->Rollback(Ctx(), why(v1::RollbackRequest()), &status); });
  v1::SetGraceRequest grace = why(v1::SetGraceRequest());
  grace.mutable_end_time()->set_seconds(absl::ToUnixSeconds(Clock::Real().Now() + absl::Hours(1)));
  Expect("rotation_grace_set", [&] { return op.rotations->SetGrace(Ctx(), grace, &status); });
  v1::RetireRequest retire = why(v1::RetireRequest());
  retire.set_version(3);
  Expect("rotation_retire_requested", [&] { return op.rotations->Retire(Ctx(), retire, &status); });
  Expect("rotation_paused",
         [&] { return op.rotations->Pause(Ctx(), why(v1::PauseRotationRequest()), &status); });
  Expect("rotation_resumed",
         [&] { return op.rotations->Resume(Ctx(), of(v1::ResumeRotationRequest()), &status); });
  v1::AcceptClockRequest clock;
  clock.set_reason("it was set");
  v1::AcceptClockResponse accepted;
  Expect("clock_accepted", [&] { return op.rotations->AcceptClock(Ctx(), clock, &accepted); });
  EXPECT_TRUE(accepted.was_trusted());
  Expect("rotation_status_read", [&] {
    return op.rotations->GetStatus(Ctx(), of(v1::GetRotationStatusRequest()), &status);
  });
  v1::ListRotationsResponse listed;
  Expect("rotation_status_read", [&] { return op.rotations->List(Ctx(), {}, &listed); });
  EXPECT_EQ(listed.rotations_size(), 1);
  v1::ListRotationRunsResponse runs;
  Expect("rotation_status_read",
         [&] { return op.rotations->ListRuns(Ctx(), of(v1::ListRotationRunsRequest()), &runs); });
  EXPECT_EQ(runs.runs_size(), 4);
  v1::ForecastResponse foreseen;
  Expect("rotation_status_read",
         [&] { return op.rotations->Forecast(Ctx(), of(v1::ForecastRequest()), &foreseen); });
  EXPECT_EQ(foreseen.forecasts_size(), 1);
  ExpectConsumers(op);
  Expect("rotation_policy_removed", [&] {
    return op.rotations->RemovePolicy(Ctx(), of(v1::RemoveRotationPolicyRequest()), &status);
  });
}

void EventsTest::ExpectJwts(Stubs& op) {
  const auto of = [](auto request, const std::string& path = "signs") {
    request.set_path(path);
    return request;
  };
  v1::CreateJwtKeyRequest create = of(v1::CreateJwtKeyRequest());
  create.mutable_settings()->set_algorithm("ES256");
  create.mutable_settings()->set_issuer("test");
  create.mutable_settings()->add_audiences("test");
  v1::JwtKey key;
  Expect("jwt_key_created", [&] { return op.jwt->CreateKey(Ctx(), create, &key); });
  v1::UpdateJwtKeyRequest update = of(v1::UpdateJwtKeyRequest());
  *update.mutable_settings() = create.settings();
  Expect("jwt_key_updated", [&] { return op.jwt->UpdateKey(Ctx(), update, &key); });
  Expect("jwt_key_described",
         [&] { return op.jwt->GetKey(Ctx(), of(v1::GetJwtKeyRequest()), &key); });
  v1::GetJwksResponse jwks;
  Expect("jwks_read", [&] { return op.jwt->GetJwks(Ctx(), of(v1::GetJwksRequest()), &jwks); });
  v1::SignJwtRequest sign = of(v1::SignJwtRequest());
  sign.set_subject("u");
  v1::SignJwtResponse made;
  Expect("jwt_signed", [&] { return op.jwt->Sign(Ctx(), sign, &made); });
  sign.set_with_refresh_token(true);
  Expect("jwt_signed", [&] { return op.jwt->Sign(Ctx(), sign, &made); });
  v1::VerifyJwtRequest verify = of(v1::VerifyJwtRequest());
  verify.set_token(made.token());
  v1::VerifyJwtResponse answer;
  Expect("jwt_verified", [&] { return op.jwt->Verify(Ctx(), verify, &answer); });
  EXPECT_TRUE(answer.valid());
  v1::RefreshJwtRequest refresh = of(v1::RefreshJwtRequest());
  refresh.set_refresh_token(made.refresh_token());
  Expect("jwt_refreshed", [&] { return op.jwt->Refresh(Ctx(), refresh, &made); });
  v1::RevokeRefreshRequest revoke = of(v1::RevokeRefreshRequest());
  revoke.set_refresh_token(made.refresh_token());
  v1::RevokeRefreshResponse revoked;
  Expect("jwt_refresh_revoked", [&] { return op.jwt->RevokeRefresh(Ctx(), revoke, &revoked); });
  v1::GenerateRequest generate = of(v1::GenerateRequest(), "text");
  v1::PutResponse put;
  ASSERT_EQ(Text(op.secrets->Generate(Ctx(), generate, &put)), "OK");
  v1::AdoptRequest kind = of(v1::AdoptRequest(), "text");
  kind.set_kind(v1::KIND_JWT_KEY);
  v1::SecretInfo info;
  Expect("secret_adopted", [&] { return op.secrets->Adopt(Ctx(), kind, &info); });
  v1::AdoptJwtKeyRequest adopt = of(v1::AdoptJwtKeyRequest(), "text");
  *adopt.mutable_settings() = create.settings();
  adopt.mutable_settings()->set_algorithm("HS256");
  Expect("jwt_key_adopted", [&] { return op.jwt->AdoptKey(Ctx(), adopt, &key); });
}

// Of "turned", whose current version is 2.
void EventsTest::ExpectConsumers(Stubs& op) {
  v1::AcknowledgeRequest said;
  said.set_path("turned");
  said.set_version(2);
  v1::AcknowledgeResponse known;
  Expect("consumer_acknowledged", [&] { return op.consumers->Acknowledge(Ctx(), said, &known); });
  EXPECT_EQ(known.current_version(), 2u);
  EXPECT_EQ(OfCalls().back().event.version, SecretVersion(2));
  v1::ListConsumersRequest list;
  v1::ListConsumersResponse listed;
  Expect("consumers_listed", [&] { return op.consumers->List(Ctx(), list, &listed); });
  const auto found = std::find_if(listed.consumers().begin(), listed.consumers().end(),
                                  [](const auto& consumer) { return consumer.path() == "turned"; });
  ASSERT_NE(found, listed.consumers().end());
  EXPECT_EQ(found->state(), v1::Consumer::ACKNOWLEDGED);
  v1::ForgetConsumerRequest forget;
  forget.set_path("turned");
  forget.set_name(found->name());
  forget.set_reason("a test");
  v1::ForgetConsumerResponse forgotten;
  Expect("consumer_forgotten", [&] { return op.consumers->Forget(Ctx(), forget, &forgotten); });
  EXPECT_GT(OfCalls().back().event.revision, Revision(0));
}

void EventsTest::ExpectWebhooks(Stubs& op) {
  v1::CreateWebhookRequest create;
  create.set_url("https://127.0.0.1:1/hook");  // which is not connected to
  v1::CreateWebhookResponse created;
  Expect("webhook_created", [&] { return op.webhooks->Create(Ctx(), create, &created); });
  const std::string id = created.info().id();
  using Details = decltype(OfCalls().back().event.details);
  EXPECT_EQ(OfCalls().back().event.details, (Details{{"webhook", id}}));
  const auto of = [&id](auto request) {
    request.set_id(id);
    return request;
  };
  v1::WebhookInfo info;
  Expect("webhook_read",
         [&] { return op.webhooks->Get(Ctx(), of(v1::GetWebhookRequest()), &info); });
  EXPECT_EQ(OfCalls().back().event.resource, id);
  v1::ListWebhooksResponse listed;
  Expect("webhook_read", [&] { return op.webhooks->List(Ctx(), {}, &listed); });
  Expect("webhook_enabled",
         [&] { return op.webhooks->Enable(Ctx(), of(v1::EnableWebhookRequest()), &info); });
  v1::TestWebhookResponse tested;
  Expect("webhook_tested",
         [&] { return op.webhooks->Test(Ctx(), of(v1::TestWebhookRequest()), &tested); });
  EXPECT_EQ(OfCalls().back().event.details, (Details{{"delivered", "false"}}));
  v1::ListWebhookDeliveriesResponse deliveries;
  Expect("webhook_deliveries_read", [&] {
    return op.webhooks->ListDeliveries(Ctx(), of(v1::ListWebhookDeliveriesRequest()), &deliveries);
  });
  auto replay = of(v1::ReplayWebhookRequest());
  replay.mutable_failed_since_time();
  v1::ReplayWebhookResponse replayed;
  Expect("webhook_replayed", [&] { return op.webhooks->Replay(Ctx(), replay, &replayed); });
  v1::RollWebhookKeyResponse rolled;
  Expect("webhook_key_rolled",
         [&] { return op.webhooks->RollKey(Ctx(), of(v1::RollWebhookKeyRequest()), &rolled); });
  v1::DeleteWebhookResponse deleted;
  Expect("webhook_deleted",
         [&] { return op.webhooks->Delete(Ctx(), of(v1::DeleteWebhookRequest()), &deleted); });
}

TEST_F(EventsTest, EachIsEmittedByItsMethod) {
  InitReal();
  Stubs op = Operator();

  v1::PutRequest put;
  put.set_path("app/a");
  put.mutable_data()->add_fields()->set_name("value");
  v1::PutResponse put_response;
  Expect("secret_written", [&] { return op.secrets->Put(Ctx(), put, &put_response); });
  v1::GetRequest get;
  get.set_path("app/a");
  v1::GetResponse get_response;
  Expect("secret_read", [&] { return op.secrets->Get(Ctx(), get, &get_response); });
  v1::BatchGetRequest batch;
  *batch.add_requests() = get;
  v1::BatchGetResponse batch_response;
  // One for the secret and one for the call.
  Expect(
      "secret_read", [&] { return op.secrets->BatchGet(Ctx(), batch, &batch_response); }, 2);
  v1::GenerateRequest generate;
  generate.set_path("app/g");
  Expect("secret_generated", [&] { return op.secrets->Generate(Ctx(), generate, &put_response); });
  v1::DescribeRequest describe;
  describe.set_path("app/a");
  v1::SecretInfo info;
  Expect("secret_described", [&] { return op.secrets->Describe(Ctx(), describe, &info); });
  v1::ListResponse list;
  Expect("secret_listed", [&] { return op.secrets->List(Ctx(), {}, &list); });
  v1::SearchResponse search;
  v1::SearchRequest search_request;
  (*search_request.mutable_custom_metadata())["env"] = "";
  Expect("secret_searched", [&] { return op.secrets->Search(Ctx(), search_request, &search); });
  v1::UpdateMetadataRequest update;
  update.set_path("app/a");
  update.set_max_versions(5);
  Expect("secret_metadata_updated",
         [&] { return op.secrets->UpdateMetadata(Ctx(), update, &info); });
  v1::DeleteRequest del;
  del.set_path("app/a");
  Expect("secret_deleted", [&] { return op.secrets->Delete(Ctx(), del, &info); });
  v1::UndeleteRequest undelete;
  undelete.set_path("app/a");
  Expect("secret_undeleted", [&] { return op.secrets->Undelete(Ctx(), undelete, &info); });
  v1::RenameRequest rename;
  rename.set_path("app/a");
  rename.set_new_path("app/b");
  v1::RenameResponse renamed;
  Expect("secret_renamed", [&] { return op.secrets->Rename(Ctx(), rename, &renamed); });
  Expect("secret_watched", [&] {
    Ctx context;
    const auto reader = op.secrets->Watch(context, {});
    v1::WatchResponse event;
    EXPECT_TRUE(reader->Read(&event));
    context->TryCancel();
    while (reader->Read(&event)) {
    }
    return reader->Finish().error_code() == grpc::StatusCode::CANCELLED
               ? grpc::Status::OK
               : grpc::Status(grpc::StatusCode::UNKNOWN, "not cancelled");
  });
  v1::DestroyRequest destroy;
  destroy.set_path("app/b");
  destroy.set_all(true);
  v1::DestroyResponse destroyed;
  Expect("secret_destroyed", [&] { return op.secrets->Destroy(Ctx(), destroy, &destroyed); });

  ASSERT_EQ(Text(op.secrets->Put(Ctx(), put, &put_response)), "OK");
  v1::EraseRequest erase;
  erase.set_path("app/a");
  erase.set_all(true);
  v1::EraseResponse erased;
  Expect("secret_erased", [&] { return op.secrets->Erase(Ctx(), erase, &erased); });

  v1::StatusResponse status;
  Expect("system_status_read", [&] { return op.system->Status(Ctx(), {}, &status); });
  Expect("system_verified", [&] {
    Ctx context;
    const auto reader = op.system->Verify(context, {});
    v1::VerifyResponse message;
    while (reader->Read(&message)) {
    }
    return reader->Finish();
  });
  Expect("store_purged", [&] {
    Ctx context;
    const auto reader = op.system->Purge(context, {});
    v1::PurgeResponse message;
    while (reader->Read(&message)) {
    }
    return reader->Finish();
  });
  v1::RewrapStatusResponse rewrap;
  Expect("rewrap_status_read", [&] { return op.system->RewrapStatus(Ctx(), {}, &rewrap); });
  v1::RotateKekResponse rotated;
  Expect("kek_rotated", [&] { return op.system->RotateKek(Ctx(), {}, &rotated); });
  v1::StartRekeyResponse started;
  Expect("rekey_started", [&] { return op.system->StartRekey(Ctx(), {}, &started); });
  v1::GiveRekeyKeyRequest give;
  give.set_nonce(started.rekey().nonce());
  give.set_key_file(true);
  v1::GiveRekeyKeyResponse given;
  Expect("rekey_key_given", [&] { return op.system->GiveRekeyKey(Ctx(), give, &given); });
  v1::RekeyStatusResponse rekey;
  Expect("rekey_status_read", [&] { return op.system->RekeyStatus(Ctx(), {}, &rekey); });
  v1::CancelRekeyResponse cancelled;
  EXPECT_EQ(op.system->CancelRekey(Ctx(), {}, &cancelled).error_code(),
            grpc::StatusCode::FAILED_PRECONDITION)
      << "the change was finished";
  ASSERT_EQ(Text(op.system->StartRekey(Ctx(), {}, &started)), "OK");
  Expect("rekey_cancelled", [&] { return op.system->CancelRekey(Ctx(), {}, &cancelled); });
  ASSERT_OK_AND_ASSIGN(const CertificateRequest csr, MakeCertificateRequest());
  v1::IssueCertificateRequest issue;
  issue.set_csr(csr.csr_der);
  issue.set_spiffe_id("spiffe://keyturn/x");
  v1::IssueCertificateResponse issued;
  Expect("certificate_issued", [&] { return op.system->IssueCertificate(Ctx(), issue, &issued); });

  v1::LoginResponse login;
  Expect("authentication_success", [&] { return op.auth->Login(Ctx(), {}, &login); });
  v1::WhoAmIResponse who;
  Expect("identity_read", [&] { return op.auth->WhoAmI(Ctx(), {}, &who); });
  v1::CanIRequest can;
  can.set_permission("secret:read");
  v1::CanIResponse can_response;
  Expect("permission_checked", [&] { return op.auth->CanI(Ctx(), can, &can_response); });
  v1::LogoutResponse logout;
  Expect(
      "token_revoked", [&] { return op.auth->Logout(Ctx(login.token()), {}, &logout); }, 2);

  v1::CreateTokenRequest create;
  create.add_policies("root");
  v1::CreateTokenResponse created;
  Expect("token_created", [&] { return op.tokens->Create(Ctx(), create, &created); });
  v1::ListTokensResponse tokens;
  Expect("token_listed", [&] { return op.tokens->List(Ctx(), {}, &tokens); });
  v1::TokenInfo renewed;
  Expect("token_renewed", [&] { return op.tokens->Renew(Ctx(created.token()), {}, &renewed); });
  v1::RevokeTokenRequest revoke;
  revoke.set_id(created.info().id());
  v1::RevokeTokenResponse revoked;
  Expect(
      "token_revoked", [&] { return op.tokens->Revoke(Ctx(), revoke, &revoked); }, 2);

  v1::RevokeRequest revocation;
  revocation.add_revocations()->mutable_target()->set_subject("alice");
  v1::RevokeResponse no_more;
  Expect("revoked", [&] { return op.revocations->Revoke(Ctx(), revocation, &no_more); });
  v1::CheckRequest check;
  check.add_queries()->set_subject("alice");
  v1::CheckResponse checked;
  Expect("revocation_checked", [&] { return op.revocations->Check(Ctx(), check, &checked); });
  v1::ImportRevocationsRequest import;
  import.add_keys()->set_key("revoked:of-redis");
  v1::ImportRevocationsResponse imported;
  Expect("revocations_imported", [&] { return op.revocations->Import(Ctx(), import, &imported); });

  ExpectRotations(op);
  ExpectJwts(op);
  ExpectApiKeys(op);
  ExpectWebhooks(op);

  v1::PutPolicyRequest put_policy;
  put_policy.mutable_policy()->set_name("p");
  v1::Policy policy;
  Expect("policy_written", [&] { return op.policies->PutPolicy(Ctx(), put_policy, &policy); });
  v1::GetPolicyRequest get_policy;
  get_policy.set_name("p");
  Expect("policy_read", [&] { return op.policies->GetPolicy(Ctx(), get_policy, &policy); });
  v1::ListPoliciesResponse policies;
  Expect("policy_listed", [&] { return op.policies->ListPolicies(Ctx(), {}, &policies); });
  v1::DeletePolicyRequest delete_policy;
  delete_policy.set_name("p");
  v1::DeletePolicyResponse deleted_policy;
  Expect("policy_deleted",
         [&] { return op.policies->DeletePolicy(Ctx(), delete_policy, &deleted_policy); });
  v1::PutRoleRequest put_role;
  put_role.mutable_role()->set_name("r");
  put_role.mutable_role()->add_bound_spiffe_ids("spiffe://prod/*");
  v1::Role role;
  Expect("role_written", [&] { return op.policies->PutRole(Ctx(), put_role, &role); });
  v1::GetRoleRequest get_role;
  get_role.set_name("r");
  Expect("role_read", [&] { return op.policies->GetRole(Ctx(), get_role, &role); });
  v1::ListRolesResponse roles;
  Expect("role_listed", [&] { return op.policies->ListRoles(Ctx(), {}, &roles); });
  v1::DeleteRoleRequest delete_role;
  delete_role.set_name("r");
  v1::DeleteRoleResponse deleted_role;
  Expect(
      "role_deleted", [&] { return op.policies->DeleteRole(Ctx(), delete_role, &deleted_role); },
      2);
  v1::PutPasswordPolicyRequest put_password;
  put_password.mutable_policy()->set_name("w");
  put_password.mutable_policy()->set_length(40);
  put_password.mutable_policy()->set_alphabet("alphanumeric");
  v1::PasswordPolicy password;
  Expect("password_policy_written",
         [&] { return op.policies->PutPasswordPolicy(Ctx(), put_password, &password); });
  v1::ListPasswordPoliciesResponse passwords;
  Expect("password_policy_listed",
         [&] { return op.policies->ListPasswordPolicies(Ctx(), {}, &passwords); });
  v1::DeletePasswordPolicyRequest delete_password;
  delete_password.set_name("w");
  v1::DeletePasswordPolicyResponse deleted_password;
  Expect("password_policy_deleted", [&] {
    return op.policies->DeletePasswordPolicy(Ctx(), delete_password, &deleted_password);
  });

  v1::SearchAuditResponse found;
  Expect("audit_read", [&] { return op.audit->Search(Ctx(), {}, &found); });
  v1::VerifyAuditResponse verified;
  Expect("audit_verified", [&] { return VerifyAudit(op, &verified); });
  Expect("system_sealed", [&] { return op.system->Seal(Ctx(), {}, &status); });
  v1::UnsealRequest unseal;
  unseal.set_key_file(true);
  Expect("system_unsealed", [&] { return op.system->Unseal(Ctx(), unseal, &status); });

  // Nothing the descriptors name is missing above.
  ASSERT_OK_AND_ASSIGN(const MethodTable methods, MethodTable::Create(MethodTable::Services()));
  std::set<std::string> seen;
  for (const AuditRecord& record : Entries()) seen.insert(record.event.event);
  for (const MethodInfo& method : methods.methods()) {
    EXPECT_TRUE(seen.contains(method.audit_event)) << method.name;
  }
}

TEST_F(EventsTest, TheLogVerifiesAndTellsRootTokenFromOthers) {
  InitReal();
  Stubs op = Operator();
  v1::WhoAmIResponse who;
  ASSERT_EQ(Text(op.auth->WhoAmI(Ctx(root_), {}, &who)), "OK");
  EXPECT_EQ(who.method(), "root-token");
  EXPECT_EQ(Entries().back().event.auth_method, "root-token");
  v1::VerifyAuditResponse verified;
  ASSERT_EQ(Text(VerifyAudit(op, &verified)), "OK");
  EXPECT_EQ(verified.problems_size(), 0);
  EXPECT_EQ(verified.public_key().size(), 32u);
}

}  // namespace
}  // namespace keyturn
