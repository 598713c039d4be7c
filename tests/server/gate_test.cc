// The order of a call's steps, asked of Call itself: over the rooms of a real server, with an audit
// log that can be made to fail.
#include "server/call.h"
#include "tests/server/gate_fixture.h"

namespace keyturn {
namespace {

class BreakableAudit : public AuditLog {
 public:
  explicit BreakableAudit(AuditLog& real) : real_(real) {}
  bool broken = false;

  absl::Status Append(const AuditEvent& event) override {
    return broken ? absl::UnavailableError("disk") : real_.Append(event);
  }
  std::vector<Revision> Trimmable(size_t limit) const override { return real_.Trimmable(limit); }
  void OnCommitted(absl::Span<const CommittedUpdate> group) override { real_.OnCommitted(group); }
  void SetKeys(std::shared_ptr<const KeyringSnapshot>) override {}
  std::string MacOf(absl::string_view value) const override { return real_.MacOf(value); }
  absl::Status Read(uint64_t from, const std::function<bool(const AuditRecord&)>& fn) override {
    return real_.Read(from, fn);
  }
  bool WaitFor(uint64_t sequence, absl::Time deadline) override {
    return real_.WaitFor(sequence, deadline);
  }
  uint64_t next_sequence() const override { return real_.next_sequence(); }
  absl::StatusOr<AuditVerification> Verify(ProgressFn progress) override {
    return real_.Verify(progress);
  }
  uint64_t unsynced_bytes() const override { return 0; }
  uint64_t synced_sequence() const override { return 0; }
  bool failing() const override { return broken; }

 private:
  AuditLog& real_;
};

class GateTest : public GateFixture {
 protected:
  void SetUp() override {
    GateFixture::SetUp();
    audit_ = std::make_unique<BreakableAudit>(*server_->rooms().audit);
    gate_ = MakeGate(*audit_);
  }

  CallOrigin Origin(const std::string& token) {
    CallOrigin origin;
    origin.credentials.bearer_token = token;
    origin.credentials.source = *IpAddress::Parse("192.0.2.1");
    origin.source = "192.0.2.1:1";
    origin.deadline = Clock::Real().Now() + absl::Seconds(5);
    return origin;
  }
  // Runs a call and says which steps were reached.
  std::string Steps(const char* service, const char* method, CallOrigin origin,
                    const absl::Status& result = absl::OkStatus()) {
    std::string steps;
    Call call(*gate_, methods_->Get(service, method), std::move(origin));
    const absl::Status status = call.Run(
        [&]() -> absl::StatusOr<Resource> {
          steps += "resource ";
          return Resource::Path("app/key");
        },
        [&](Call&) {
          steps += "body ";
          return result;
        });
    return steps + std::string(absl::StatusCodeToString(status.code()));
  }

  std::unique_ptr<BreakableAudit> audit_;
  std::unique_ptr<GateParts> gate_;
};

TEST_F(GateTest, AGrantedCallGoesAllTheWay) {
  EXPECT_EQ(Steps("SecretService", "Get", Origin(root_)), "resource body OK");
  EXPECT_EQ(Steps("SecretService", "Get", Origin(root_), absl::NotFoundError("no")),
            "resource body NOT_FOUND");
}

TEST_F(GateTest, RequestsOfStrangersAreNotLookedAt) {
  EXPECT_EQ(Steps("SecretService", "Get", Origin("")), "UNAUTHENTICATED");
  EXPECT_EQ(Steps("SecretService", "Get", Origin("kts.x")), "UNAUTHENTICATED");
  EXPECT_EQ(Steps("SystemService", "Status", Origin("")), "resource body OK");
}

TEST_F(GateTest, ADeniedCallDoesNotRun) {
  PutPolicy("none", {});
  const std::string token = NewToken({"none"});
  EXPECT_EQ(Steps("SecretService", "Get", Origin(token)), "resource PERMISSION_DENIED");
  EXPECT_EQ(Steps("AuthService", "WhoAmI", Origin(token)), "resource body OK");
}

TEST_F(GateTest, ASealedVaultRefusesBeforeIdentity) {
  server_->lifecycle().Seal();
  EXPECT_EQ(Steps("SecretService", "Get", Origin("kts.x")), "FAILED_PRECONDITION");
  EXPECT_EQ(Steps("SystemService", "Status", Origin("kts.x")), "resource body OK");
}

TEST_F(GateTest, TheOperatorSocketIsForPublicMethods) {
  CallOrigin origin = Origin(root_);
  origin.credentials.local_operator = true;
  EXPECT_EQ(Steps("SecretService", "Get", origin), "PERMISSION_DENIED");
  EXPECT_EQ(Steps("SystemService", "Status", origin), "resource body OK");
}

TEST_F(GateTest, DeadlinesAreNeededAndCut) {
  CallOrigin origin = Origin(root_);
  origin.deadline = absl::InfiniteFuture();
  EXPECT_EQ(Steps("SecretService", "Get", origin), "resource INVALID_ARGUMENT");
  EXPECT_EQ(Steps("SecretService", "Watch", origin), "resource body OK");
  origin.deadline = Clock::Real().Now() + absl::Hours(1);
  Call call(*gate_, methods_->Get("SecretService", "Get"), origin);
  ASSERT_OK(call.Admit([]() -> absl::StatusOr<Resource> { return Resource::Path("a"); }));
  EXPECT_LE(call.deadline(), Clock::Real().Now() + absl::Seconds(limits::kDeadlineSecondsMax));
}

TEST_F(GateTest, WithoutAuditNothingIsAnswered) {
  audit_->broken = true;
  EXPECT_EQ(Steps("SecretService", "Get", Origin(root_)), "resource body UNAVAILABLE");
  EXPECT_EQ(Steps("SecretService", "Get", Origin("")), "UNAVAILABLE");
  EXPECT_EQ(Steps("SystemService", "Status", Origin("")), "resource body UNAVAILABLE");
  audit_->broken = false;
  EXPECT_EQ(Steps("SecretService", "Get", Origin(root_)), "resource body OK");
}

TEST_F(GateTest, WithoutAuditNothingIsChanged) {
  audit_->broken = true;
  const Revision before = server_->rooms().store->LastRevision();
  Call call(*gate_, methods_->Get("SecretService", "Put"), Origin(root_));
  const absl::Status status =
      call.Run([]() -> absl::StatusOr<Resource> { return Resource::Path("app/key"); },
               [](Call& c) {
                 return c.updater()
                     .Update([](const View&, Batch& batch) {
                       batch.Put(Family::kMeta, "test", "x");
                       return absl::OkStatus();
                     })
                     .status();
               });
  EXPECT_CODE(status, kUnavailable);
  EXPECT_EQ(server_->rooms().store->LastRevision(), before);
}

TEST_F(GateTest, AFailureAfterACommitIsAnEntryOfItsOwn) {
  const size_t before = Entries().size();
  Call call(*gate_, methods_->Get("SecretService", "Put"), Origin(root_));
  const absl::Status status =
      call.Run([]() -> absl::StatusOr<Resource> { return Resource::Path("app/key"); },
               [](Call& c) {
                 EXPECT_OK(c.updater().Update([](const View&, Batch& batch) {
                   batch.Put(Family::kMeta, "test", "x");
                   return absl::OkStatus();
                 }));
                 return absl::AbortedError("the second half failed");
               });
  EXPECT_CODE(status, kAborted);
  const std::vector<AuditRecord> records = Entries();
  ASSERT_EQ(records.size(), before + 2);
  EXPECT_EQ(records[before].event.outcome, "ok");
  EXPECT_EQ(records[before + 1].event.outcome, "ABORTED");
}

TEST_F(GateTest, ABusyServerSaysSoAndAuditsIt) {
  Call call(*gate_, methods_->Get("SecretService", "Put"), Origin(root_));
  ASSERT_OK(call.Admit([]() -> absl::StatusOr<Resource> { return Resource::Path("a"); }));
  EXPECT_CODE(call.Refuse(absl::ResourceExhaustedError("busy")), kResourceExhausted);
  EXPECT_EQ(Entries().back().event.event, "secret_written");
  EXPECT_EQ(Entries().back().event.outcome, "RESOURCE_EXHAUSTED");
}

TEST_F(GateTest, RecheckSeesRevocationSealAndStop) {
  PutPolicy("reader", {{"secret:read", "app/*"}});
  const std::string token = NewToken({"reader"});
  Call call(*gate_, methods_->Get("SecretService", "Get"), Origin(token));
  ASSERT_OK(call.Admit([]() -> absl::StatusOr<Resource> { return Resource::Path("app/key"); }));
  EXPECT_OK(call.Recheck());
  PutPolicy("other", {});
  EXPECT_OK(call.Recheck());
  PutPolicy("reader", {});
  EXPECT_CODE(call.Recheck(), kPermissionDenied);
  draining_ = true;
  EXPECT_CODE(call.Recheck(), kUnavailable);
  draining_ = false;
  server_->lifecycle().Seal();
  EXPECT_CODE(call.Recheck(), kFailedPrecondition);
}

// A callback thread admits; the count waits for a disk.
TEST_F(GateTest, AUseIsCountedWhereTheCallRuns) {
  const std::string token =
      NewToken({"root"}, [](v1::CreateTokenRequest& request) { request.set_max_uses(1); });
  const Revision before = server_->rooms().store->LastRevision();
  const auto resource = []() -> absl::StatusOr<Resource> { return Resource::Path("app/key"); };
  const auto body = [](Call&) { return absl::OkStatus(); };
  Call first(*gate_, methods_->Get("SecretService", "Get"), Origin(token));
  Call second(*gate_, methods_->Get("SecretService", "Get"), Origin(token));
  ASSERT_OK(first.Admit(resource));
  ASSERT_OK(second.Admit(resource));
  EXPECT_TRUE(first.uses_token());
  EXPECT_EQ(server_->rooms().store->LastRevision(), before);
  EXPECT_OK(first.Execute(body));
  EXPECT_EQ(server_->rooms().store->LastRevision().value(), before.value() + 1);
  bool ran = false;
  EXPECT_CODE(second.Execute([&](Call&) {
    ran = true;
    return absl::OkStatus();
  }),
              kUnauthenticated);
  EXPECT_FALSE(ran);
  EXPECT_EQ(Entries().back().event.event, "authentication_failure");
  EXPECT_EQ(Steps("SecretService", "Get", Origin(token)), "UNAUTHENTICATED");
}

TEST_F(GateTest, AStreamUsesItsTokenOnceHoweverOftenItIsChecked) {
  PutPolicy("lister", {{"secret:list", "app/*"}});
  const std::string token =
      NewToken({"lister"}, [](v1::CreateTokenRequest& request) { request.set_max_uses(1); });
  Revision before = server_->rooms().store->LastRevision();
  Call call(*gate_, methods_->Get("SecretService", "Watch"), Origin(token));
  ASSERT_OK(call.Run([]() -> absl::StatusOr<Resource> { return Resource::Directory("app/"); },
                     [](Call&) { return absl::OkStatus(); }));
  EXPECT_EQ(server_->rooms().store->LastRevision(), before);
  EXPECT_OK(call.Recheck());
  EXPECT_EQ(server_->rooms().store->LastRevision().value(), before.value() + 1);
  for (int i = 0; i < 3; ++i) {
    PutPolicy(absl::StrCat("other", i), {});
    before = server_->rooms().store->LastRevision();
    EXPECT_OK(call.Recheck());
    EXPECT_EQ(server_->rooms().store->LastRevision(), before);
  }
  EXPECT_EQ(Steps("SecretService", "Get", Origin(token)), "UNAUTHENTICATED");
  PutPolicy("lister", {});
  EXPECT_CODE(call.Recheck(), kPermissionDenied);
}

}  // namespace
}  // namespace keyturn
