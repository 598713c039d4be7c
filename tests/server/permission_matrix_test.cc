// Every method, called as every identity on every path, against a model of grants that is written
// here on its own: is the answer PERMISSION_DENIED (or UNAUTHENTICATED) exactly when it should be?
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/rename_check.h"
#include "tests/server/raw_call.h"

namespace keyturn {
namespace {

// Whether a grant counts: always; for calls from this machine; for calls from another; no longer.
enum class When { kAlways, kFromHere, kFromElsewhere, kUntilPast };

struct Rule {
  bool deny;
  std::string permission, pattern;
  When when = When::kAlways;
};

bool Counts(const Rule& rule) { return rule.when == When::kAlways || rule.when == When::kFromHere; }

// Vault's rules, the slow way: of the patterns that match, the most specific decides.
bool PatternMatches(const std::string& pattern, const std::string& path, bool prefix) {
  const std::vector<std::string> p = absl::StrSplit(pattern, '/');
  const std::vector<std::string> s = absl::StrSplit(path, '/');
  for (size_t i = 0; i < p.size(); ++i) {
    const bool last = i + 1 == p.size();
    if (last && absl::EndsWith(p[i], "*")) {
      const std::string rest(
          absl::StrJoin(s.begin() + static_cast<long>(std::min(i, s.size())), s.end(), "/"));
      return (i < s.size() && absl::StartsWith(rest, p[i].substr(0, p[i].size() - 1))) || prefix;
    }
    if (i >= s.size()) return prefix;
    if (p[i] != "+" && p[i] != s[i]) return false;
  }
  return p.size() == s.size();
}

bool PermissionMatches(const std::string& granted, const std::string& asked) {
  if (granted == asked) return true;
  return absl::EndsWith(granted, ":*") &&
         absl::StartsWith(asked, granted.substr(0, granted.size() - 1));
}

// More literal characters before the first wildcard, then no trailing '*', then fewer '+', then
// longer; at a tie deny wins.
auto Specificity(const Rule& rule) {
  const std::string& p = rule.pattern;
  return std::make_tuple(std::min(p.find_first_of("+*"), p.size()), !absl::EndsWith(p, "*"),
                         -std::count(p.begin(), p.end(), '+'), p.size(), rule.deny);
}

bool ModelAllows(const std::vector<Rule>& rules, const std::string& permission,
                 const std::string& path) {
  const Rule* best = nullptr;
  for (const Rule& rule : rules) {
    if (!Counts(rule) || !PermissionMatches(rule.permission, permission)) continue;
    const bool matches = path.empty() ? rule.pattern == "*" || rule.pattern.empty()
                                      : PatternMatches(rule.pattern, path, false);
    if (matches && (best == nullptr || Specificity(rule) > Specificity(*best))) best = &rule;
  }
  return best != nullptr && !best->deny;
}

// Whether something at or below may be allowed. Rules here are chosen so that this is exact.
bool ModelMayAllowBelow(const std::vector<Rule>& rules, const std::string& permission,
                        const std::string& path) {
  for (const Rule& rule : rules) {
    if (!Counts(rule) || rule.deny || !PermissionMatches(rule.permission, permission)) continue;
    const bool hidden = std::any_of(rules.begin(), rules.end(), [&](const Rule& other) {
      return Counts(other) && other.deny && PermissionMatches(other.permission, permission) &&
             absl::EndsWith(other.pattern, "*") && !path.empty() &&
             PatternMatches(other.pattern, path + "/", false) &&
             Specificity(other) > Specificity(rule);
    });
    if (hidden) continue;
    if (path.empty() || rule.pattern == "*" || PatternMatches(rule.pattern, path, true) ||
        absl::StartsWith(rule.pattern, path + "/")) {
      return true;
    }
  }
  return false;
}

struct Caller {
  std::string name;
  bool known = true;
  bool root = false;
  std::vector<Rule> rules;
  std::string token;
  std::shared_ptr<grpc::Channel> channel = nullptr;  // null: one without client certificate
};

// A fault that a server could have, as the model would have it: the matrix must tell such a server
// from the real one.
struct Mutant {
  const char* name;
  std::function<void(Caller&)> forget;
  int told_apart = 0;
};

std::vector<Mutant> Mutants() {
  const auto each_rule = [](Caller& caller, const std::function<void(Rule&)>& change) {
    for (Rule& rule : caller.rules) change(rule);
  };
  return {
      {"forgets deny rules",
       [](Caller& caller) {
         caller.rules.erase(std::remove_if(caller.rules.begin(), caller.rules.end(),
                                           [](const Rule& rule) { return rule.deny; }),
                            caller.rules.end());
       }},
      {"forgets to identify", [](Caller& caller) { caller.known = true; }},
      {"forgets when a rule counts",
       [each_rule](Caller& caller) {
         each_rule(caller, [](Rule& rule) { rule.when = When::kAlways; });
       }},
      {"forgets paths",
       [each_rule](Caller& caller) { each_rule(caller, [](Rule& rule) { rule.pattern = "*"; }); }},
  };
}

class PermissionMatrix : public ServerFixture {
 protected:
  void SetUp() override {
    StartDev(nullptr, clock_);
    callers_ = {
        {"anonymous", false, false, {}, ""},
        {"forged", false, false, {}, "kts.forged.token"},
        {"nobody", true, false, {}, ""},
        {"reader", true, false, {{false, "secret:read", "app/*"}}, ""},
        {"writer",
         true,
         false,
         {{false, "secret:*", "app/*"}, {true, "secret:destroy", "app/*"}},
         ""},
        {"lister", true, false, {{false, "secret:list", "app/+/db"}}, ""},
        {"denied",
         true,
         false,
         {{false, "secret:*", "app/*"}, {true, "secret:*", "app/private/*"}},
         ""},
        {"signer",
         true,
         false,
         {{false, "jwt:sign", "app/one/*"}, {false, "jwt:verify", "app/*"}},
         ""},
        {"auditor", true, false, {{false, "admin:audit", "*"}}, ""},
        {"policies", true, false, {{false, "admin:policy", "*"}}, ""},
        {"conditions",
         true,
         false,
         {{false, "secret:read", "app/*", When::kFromHere},
          {true, "secret:read", "app/private/*", When::kFromHere},
          {true, "secret:read", "app/one/db", When::kUntilPast},
          {false, "secret:*", "*", When::kUntilPast},
          {false, "admin:*", "*", When::kFromElsewhere}},
         ""},
        {"gateway", true, false, {{false, "apikey:verify", "app/*"}}, ""},
        {"issuer",
         true,
         false,
         {{false, "apikey:*", "app/*"}, {true, "apikey:write", "app/private/*"}},
         ""},
        {"root", true, true, {}, root_},
    };
    for (Caller& caller : callers_) {
      if (!caller.known || caller.root) continue;
      PutRules(caller.name, caller.rules);
      caller.token = NewToken({caller.name});
    }
    const std::vector<Rule> reader = callers_[3].rules;
    callers_.push_back({"role", true, false, reader, "", CertificateWith({"reader"})});
    callers_.push_back(
        {"two roles", true, false, reader, "", CertificateWith({"reader", "auditor"})});
    callers_.back().rules.push_back({false, "admin:audit", "*"});
    callers_.push_back({"no role", false, false, {}, "", CertificateWith({})});
    callers_.push_back({"elsewhere", false, false, {}, NewToken({"root"}, [](auto& request) {
                          request.add_bound_cidrs("192.0.2.0/24");
                        })});
    callers_.push_back({"expired", false, false, {}, NewToken({"root"}, [](auto& request) {
                          request.set_ttl_seconds(60);
                        })});
    clock_.AdvanceTime(absl::Seconds(61));
    for (const char* path : {"app/one/db", "app/private/key", "other/secret"}) {
      ASSERT_EQ(Text(Put(path, {{"value", "1"}}, root_)), "OK");
      v1::CreateApiKeyRequest request;
      request.set_path(path);
      v1::CreateApiKeyResponse made;
      ASSERT_EQ(Text(stubs_->api_keys->Create(Ctx(root_), request, &made)), "OK");
      api_keys_[path] = made.info().id();
    }
  }

  void TearDown() override { server_.reset(); }  // before its clock

  void PutRules(const std::string& policy, const std::vector<Rule>& rules) {
    v1::PutPolicyRequest request;
    request.mutable_policy()->set_name(policy);
    for (const Rule& rule : rules) {
      v1::Grant* const grant = request.mutable_policy()->add_grants();
      grant->set_deny(rule.deny);
      grant->add_permissions(rule.permission);
      grant->set_path(rule.pattern);
      if (rule.when == When::kFromHere) grant->add_bound_cidrs("127.0.0.0/8");
      if (rule.when == When::kFromElsewhere) grant->add_bound_cidrs("192.0.2.0/24");
      if (rule.when == When::kUntilPast) {
        grant->mutable_not_after()->set_seconds(absl::ToUnixSeconds(clock_.Now()) + 30);
      }
    }
    v1::Policy response;
    ASSERT_EQ(Text(stubs_->policies->PutPolicy(Ctx(root_), request, &response)), "OK");
  }

  // A connection whose certificate has a role for each of `policies`.
  std::shared_ptr<grpc::Channel> CertificateWith(const std::vector<std::string>& policies) {
    const std::string id = absl::StrCat("spiffe://matrix/", policies.size());
    for (const std::string& policy : policies) {
      v1::PutRoleRequest role;
      role.mutable_role()->set_name(absl::StrCat(policy, "-", policies.size()));
      role.mutable_role()->add_bound_spiffe_ids(id);
      role.mutable_role()->add_policies(policy);
      v1::Role stored;
      EXPECT_EQ(Text(stubs_->policies->PutRole(Ctx(root_), role, &stored)), "OK");
    }
    const absl::StatusOr<CertificateRequest> csr = MakeCertificateRequest();
    v1::IssueCertificateRequest request;
    request.set_csr(csr->csr_der);
    request.set_spiffe_id(id);
    v1::IssueCertificateResponse issued;
    EXPECT_EQ(Text(stubs_->system->IssueCertificate(Ctx(root_), request, &issued)), "OK");
    return TlsChannel(issued.certificate_pem(), std::string(csr->key_pem.ExposeForCrypto()));
  }

  // Calls about a key by its id: that of the path, or one that is nobody's.
  bool ExpectedOfKey(const Caller& caller, const MethodInfo& method,
                     const std::string& path) const {
    if (absl::EndsWith(method.name, "/Import") || absl::EndsWith(method.name, "/Verify")) {
      return ModelMayAllowBelow(caller.rules, method.permission, "");
    }
    if (absl::EndsWith(method.name, "/List")) {
      return ModelMayAllowBelow(caller.rules, method.permission, path);
    }
    const bool known = absl::EndsWith(method.name, "/Create") || api_keys_.contains(path);
    return ModelAllows(caller.rules, method.permission, known ? path : "");
  }

  bool Expected(const Caller& caller, const MethodInfo& method, const std::string& path) const {
    if (method.is_public) return true;
    if (!caller.known) return false;
    if (method.any_identity || caller.root) return true;
    const bool lists = absl::EndsWith(method.name, "/List") ||
                       absl::EndsWith(method.name, "/Search") ||
                       absl::EndsWith(method.name, "/Forecast");
    if (absl::StrContains(method.name, "SecretService/BatchGet")) {
      return ModelMayAllowBelow(caller.rules, method.permission, "");
    }
    if (absl::StrContains(method.name, "ApiKeyService")) {
      return ExpectedOfKey(caller, method, path);
    }
    const bool has_path = absl::StartsWith(method.permission, "secret:") ||
                          absl::StartsWith(method.permission, "jwt:");
    if (has_path && lists) {
      return ModelMayAllowBelow(caller.rules, method.permission, path);
    }
    return ModelAllows(caller.rules, method.permission, has_path ? path : "");
  }

  // The call's status, with any answer it gave thrown away.
  grpc::Status Invoke(const MethodInfo& method, const Caller& caller, const std::string& path,
                      const std::string& new_path = "") {
    grpc::ChannelInterface* const channel =
        caller.channel == nullptr ? stubs_->channel.get() : caller.channel.get();
    const std::unique_ptr<google::protobuf::Message> request = NewRequest(method);
    const google::protobuf::Descriptor& type = RequestOf(method);
    for (const char* name : {"path", "new_path"}) {
      const auto* const field = type.FindFieldByName(name);
      if (field != nullptr) request->GetReflection()->SetString(request.get(), field, path);
    }
    const auto* const id = type.FindFieldByName("id");
    if (id != nullptr && absl::StrContains(method.name, "ApiKeyService")) {
      const auto known = api_keys_.find(path);
      request->GetReflection()->SetString(
          request.get(), id, known == api_keys_.end() ? "0123456789ABCDEF" : known->second);
    }
    const auto* const target = type.FindFieldByName("new_path");
    if (target != nullptr && !new_path.empty()) {
      request->GetReflection()->SetString(request.get(), target, new_path);
    }
    const auto* const all = type.FindFieldByName("all");  // versions
    if (all != nullptr) request->GetReflection()->SetBool(request.get(), all, true);
    Ctx context(caller.token);
    return CallRaw(method, channel, context, *request);
  }

  SimulatedClock clock_{Clock::Real().Now()};
  std::vector<Caller> callers_;
  std::map<std::string, std::string> api_keys_;  // ids, by path
};

// Calls that change what the rest of the test stands on are made by tests of their own.
bool IsDisruptive(const MethodInfo& method) {
  return absl::EndsWith(method.name, "/Seal") || absl::EndsWith(method.name, "/Logout");
}

// These are called on secrets of their own.
bool TakesAway(const MethodInfo& method) {
  return absl::EndsWith(method.name, "SecretService/Destroy") ||
         absl::EndsWith(method.name, "SecretService/Delete");
}

// A certificate may be issued, and init taken, by few: those say so in another way.
bool Answered(const grpc::Status& status) {
  return ReasonIn(status) == "DELEGATION" ||
         (status.error_code() != grpc::StatusCode::PERMISSION_DENIED &&
          status.error_code() != grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(PermissionMatrix, AgreesWithTheModel) {
  ASSERT_OK_AND_ASSIGN(const MethodTable methods, MethodTable::Create(MethodTable::Services()));
  std::vector<Mutant> mutants = Mutants();
  int allowed = 0, refused = 0;
  for (const MethodInfo& method : methods.methods()) {
    for (const Caller& caller : callers_) {
      for (const std::string kept : {"app/one/db", "app/private/key", "other/secret", "app/none"}) {
        const std::string path = TakesAway(method) ? kept + "-spare" : kept;
        const bool expected = Expected(caller, method, path);
        if (expected && IsDisruptive(method)) continue;
        // Too many failures from one address lock it out.
        if (!caller.known && caller.name != "anonymous" && kept != "app/one/db") continue;
        if (TakesAway(method)) {
          ASSERT_EQ(Text(Put(path, {{"value", "1"}}, root_)), "OK");
        }
        const grpc::Status status = Invoke(method, caller, path);
        const auto where = absl::StrCat(method.name, " as ", caller.name, " on ", path);
        for (Mutant& mutant : mutants) {
          Caller forgotten = caller;
          mutant.forget(forgotten);
          mutant.told_apart += Expected(forgotten, method, path) != Answered(status);
        }
        if (expected) {
          EXPECT_TRUE(Answered(status)) << where << ": " << Text(status);
          EXPECT_TRUE(status.ok() || !TakesAway(method)) << where << ": " << Text(status);
          ++allowed;
        } else {
          EXPECT_EQ(status.error_code(), caller.known ? grpc::StatusCode::PERMISSION_DENIED
                                                      : grpc::StatusCode::UNAUTHENTICATED)
              << where << ": " << Text(status);
          ++refused;
        }
      }
    }
    clock_.AdvanceTime(absl::Seconds(5));
  }
  EXPECT_GT(allowed, 400);
  EXPECT_GT(refused, 1000);
  for (const Mutant& mutant : mutants) EXPECT_GT(mutant.told_apart, 0) << mutant.name;
}

TEST_F(PermissionMatrix, DenialsAreTheSameWhetherThePathExists) {
  const std::string token = callers_[3].token;  // reads app/*
  v1::GetRequest there, nowhere;
  there.set_path("other/secret");
  nowhere.set_path("other/nothing");
  v1::GetResponse response;
  const grpc::Status first = stubs_->secrets->Get(Ctx(token), there, &response);
  const grpc::Status second = stubs_->secrets->Get(Ctx(token), nowhere, &response);
  EXPECT_EQ(first.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Text(first), Text(second));
  EXPECT_EQ(ReasonIn(first), ReasonIn(second));
}

TEST_F(PermissionMatrix, RenameNeedsBothPaths) {
  v1::RenameRequest request;
  request.set_path("app/one/db");
  request.set_new_path("other/db");
  v1::RenameResponse response;
  EXPECT_EQ(stubs_->secrets->Rename(Ctx(callers_[4].token), request, &response).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  request.set_new_path("app/two/db");
  EXPECT_EQ(Text(stubs_->secrets->Rename(Ctx(callers_[4].token), request, &response)), "OK");
}

// Of the permissions on a secret, what a rename needs of both ends, and no more at the new one than
// the caller has at the old one.
TEST_F(PermissionMatrix, RenamesAgreeWithTheModelOnBothPaths) {
  ASSERT_OK_AND_ASSIGN(const MethodTable methods, MethodTable::Create(MethodTable::Services()));
  const MethodInfo& rename = methods.Get("SecretService", "Rename");
  const std::vector<std::string> paths = {"app/two/db", "app/private/two", "other/two"};
  int allowed = 0, refused = 0;
  for (const Caller& caller : callers_) {
    if (!caller.known) continue;
    for (const std::string& from : paths) {
      for (const std::string& to : paths) {
        if (from == to) continue;
        const auto may = [&](const std::string& permission, const std::string& path) {
          return caller.root || ModelAllows(caller.rules, permission, path);
        };
        bool expected =
            may("secret:read", from) && may("secret:write", from) && may("secret:write", to);
        for (const char* const permission : kSecretPermissions) {
          expected = expected && (!may(permission, to) || may(permission, from));
        }
        v1::DestroyRequest destroy;
        destroy.set_path(to);
        destroy.set_all(true);
        v1::DestroyResponse destroyed;
        stubs_->secrets->Destroy(Ctx(root_), destroy, &destroyed);  // what an earlier turn left
        ASSERT_EQ(Text(Put(from, {{"value", "1"}}, root_)), "OK");
        const grpc::Status status = Invoke(rename, caller, from, to);
        EXPECT_EQ(status.error_code(),
                  expected ? grpc::StatusCode::OK : grpc::StatusCode::PERMISSION_DENIED)
            << caller.name << " from " << from << " to " << to << ": " << Text(status);
        ++(expected ? allowed : refused);
      }
    }
    clock_.AdvanceTime(absl::Seconds(5));
  }
  EXPECT_GT(allowed, 5);
  EXPECT_GT(refused, 50);
}

// Each item of a batch is judged as a read of it alone, whatever stands beside it.
TEST_F(PermissionMatrix, ItemsOfABatchAgreeWithTheModel) {
  v1::BatchGetRequest request;
  for (const char* const path :
       {"app/one/db", "other/secret", "app/private/key", "app/none", "other/none", "app/one/db"}) {
    request.add_requests()->set_path(path);
  }
  std::vector<Mutant> mutants = Mutants();
  int given = 0, refused = 0;
  for (const Caller& caller : callers_) {
    if (!caller.known) continue;
    const auto may_read = [](const Caller& who, const std::string& path) {
      return who.root || ModelAllows(who.rules, "secret:read", path);
    };
    const std::unique_ptr<v1::SecretService::Stub> stub =
        v1::SecretService::NewStub(caller.channel == nullptr ? stubs_->channel : caller.channel);
    v1::BatchGetResponse response;
    const grpc::Status status = stub->BatchGet(Ctx(caller.token), request, &response);
    if (!caller.root && !ModelMayAllowBelow(caller.rules, "secret:read", "")) {
      EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED) << caller.name;
      continue;
    }
    ASSERT_EQ(Text(status), "OK") << caller.name;
    ASSERT_EQ(response.items_size(), request.requests_size()) << caller.name;
    for (int i = 0; i < response.items_size(); ++i) {
      const auto& item = response.items(i);
      const std::string& path = request.requests(i).path();
      const bool expected = may_read(caller, path);
      const bool there = !absl::EndsWith(path, "none");
      const auto code = !expected ? grpc::StatusCode::PERMISSION_DENIED
                        : there   ? grpc::StatusCode::OK
                                  : grpc::StatusCode::NOT_FOUND;
      EXPECT_EQ(item.code(), static_cast<int>(code)) << caller.name << " on " << path;
      EXPECT_EQ(item.has_secret(), expected && there) << caller.name << " on " << path;
      EXPECT_EQ(item.path(), path);
      for (Mutant& mutant : mutants) {
        Caller forgotten = caller;
        mutant.forget(forgotten);
        mutant.told_apart +=
            may_read(forgotten, path) != (item.code() != static_cast<int>(grpc::PERMISSION_DENIED));
      }
      ++(expected ? given : refused);
    }
  }
  EXPECT_GT(given, 15);
  EXPECT_GT(refused, 10);
  for (const Mutant& mutant : mutants) {
    if (absl::StrContains(mutant.name, "identify")) continue;  // nobody unknown asks here
    EXPECT_GT(mutant.told_apart, 0) << mutant.name;
  }
}

TEST_F(PermissionMatrix, BatchGetAsksForEachPath) {
  v1::BatchGetRequest request;
  request.add_requests()->set_path("app/one/db");
  request.add_requests()->set_path("other/secret");
  request.add_requests()->set_path("app/nothing");
  v1::BatchGetResponse response;
  ASSERT_EQ(Text(stubs_->secrets->BatchGet(Ctx(callers_[3].token), request, &response)), "OK");
  ASSERT_EQ(response.items_size(), 3);
  EXPECT_EQ(response.items(0).secret().data().fields(0).value(), "1");
  EXPECT_EQ(response.items(0).path(), "app/one/db");
  EXPECT_EQ(response.items(1).code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_FALSE(response.items(1).has_secret());
  EXPECT_EQ(response.items(2).code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(PermissionMatrix, ListingsShowOnlyWhatMayBeSeen) {
  const auto names = [&](const std::string& path, bool recursive) {
    v1::ListRequest request;
    request.set_path(path);
    request.set_recursive(recursive);
    v1::ListResponse response;
    EXPECT_EQ(Text(stubs_->secrets->List(Ctx(callers_[6].token), request, &response)), "OK");
    std::vector<std::string> out;
    for (const auto& entry : response.entries()) out.push_back(entry.name());
    return absl::StrJoin(out, " ");
  };
  EXPECT_EQ(names("", false), "app/");
  EXPECT_EQ(names("app", false), "one/");
  EXPECT_EQ(names("", true), "app/one/db");
}

}  // namespace
}  // namespace keyturn
