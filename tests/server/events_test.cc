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
  void SetUp() override { StartReal(); }
  void ExpectRotations(Stubs& op);

  // Not what the server does by itself, which comes when it comes.
  std::vector<AuditRecord> OfCalls() {
    std::vector<AuditRecord> records = Entries();
    std::erase_if(records, [](const auto& record) { return record.event.auth_method == "server"; });
    return records;
  }

  // One call that must succeed and leave `entries` entries, the last one of this event.
  template <typename Function>
  void Expect(const std::string& event, Function call, size_t entries = 1) {
    const size_t before = OfCalls().size();
    const grpc::Status status = call();
    EXPECT_EQ(Text(status), "OK") << event;
    const std::vector<AuditRecord> records = OfCalls();
    ASSERT_EQ(records.size(), before + entries) << event;
    EXPECT_EQ(records.back().event.event, event);
    EXPECT_EQ(records.back().event.outcome, "ok") << event;
  }
};

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
  Expect("rotation_policy_removed", [&] {
    return op.rotations->RemovePolicy(Ctx(), of(v1::RemoveRotationPolicyRequest()), &status);
  });
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
