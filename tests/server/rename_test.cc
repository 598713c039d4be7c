// A move is a way past the grants of where a secret is; who may move what.
#include "server/rename_check.h"

#include <set>

#include "keyturn/v1/options.pb.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

class RenameTest : public ServerFixture {
 protected:
  void SetUp() override {
    StartDev();
    for (const std::string path : {"app/private/key", "app/open/key", "evil/key"}) {
      ASSERT_EQ(Text(Put(path, {{"value", path}}, root_)), "OK");
    }
  }

  // "OK", or the code with the reason.
  std::string Move(const std::string& token, const std::string& from, const std::string& to,
                   bool directory) {
    v1::RenameRequest request;
    request.set_path(from);
    request.set_new_path(to);
    request.set_directory(directory);
    v1::RenameResponse response;
    const grpc::Status status = stubs_->secrets->Rename(Ctx(token), request, &response);
    if (status.ok()) return "OK";
    EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED) << Text(status);
    return ReasonIn(status);
  }
};

constexpr char kDenied[] = "PERMISSION_DENIED";

TEST_F(RenameTest, ADirectoryIsNotMovedFromUnderADeny) {
  PutPolicy("p", {{"secret:*", "app/*"}, {"deny", "secret:*", "app/private/*"}});
  const std::string token = NewToken({"p"});
  EXPECT_EQ(Move(token, "app/private", "app/mine", true), kDenied);
  EXPECT_EQ(Move(token, "app", "app/mine", true), kDenied);
  EXPECT_EQ(Get("app/private/key", root_), "value=app/private/key");
}

TEST_F(RenameTest, NothingIsMovedIntoWhereTheCallerMayNotWrite) {
  PutPolicy("p", {{"secret:*", "*"}, {"deny", "secret:write", "safe/deep/*"}});
  const std::string token = NewToken({"p"});
  EXPECT_EQ(Move(token, "evil", "safe", true), kDenied);
  EXPECT_EQ(Move(token, "evil/key", "safe/deep/key", false), kDenied);
  EXPECT_EQ(Move(token, "evil", "free", true), "OK");
}

TEST_F(RenameTest, AWriterThatMayNotReadMovesNothing) {
  PutPolicy("p", {{"secret:write", "*"}, {"secret:*", "mine/*"}});
  const std::string token = NewToken({"p"});
  EXPECT_EQ(Move(token, "app/open/key", "mine/key", false), kDenied);
  EXPECT_EQ(Move(token, "app/open", "mine/open", true), kDenied);
}

TEST_F(RenameTest, AMoveGivesNoPermission) {
  PutPolicy("p", {{"secret:read", "app/*"},
                  {"secret:write", "app/*"},
                  {"secret:read", "mine/*"},
                  {"secret:write", "mine/*"},
                  {"secret:destroy", "mine/deep/*"}});
  const std::string token = NewToken({"p"});
  EXPECT_EQ(Move(token, "app/open/key", "mine/deep/key", false), "DELEGATION");
  EXPECT_EQ(Move(token, "app/open", "mine", true), "DELEGATION");
  EXPECT_EQ(Move(token, "app/open/key", "mine/key", false), "OK");
  EXPECT_EQ(Move(token, "mine/key", "app/open/key2", false), "OK");
}

// The check goes through the permissions of the services that ask for paths of secrets.
TEST(RenameCheck, KnowsEveryPermissionOfSecrets) {
  std::set<std::string> permissions;
  for (const char* const name : {"keyturn.v1.SecretService", "keyturn.v1.RotationService",
                                 "keyturn.v1.JwtService", "keyturn.v1.ConsumerService"}) {
    const google::protobuf::ServiceDescriptor* const service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    ASSERT_NE(service, nullptr);
    for (int i = 0; i < service->method_count(); ++i) {
      const std::string permission = service->method(i)->options().GetExtension(v1::permission);
      if (!absl::StartsWith(permission, "admin:")) permissions.insert(permission);  // of no path
    }
  }
  EXPECT_EQ(permissions,
            std::set<std::string>(std::begin(kSecretPermissions), std::end(kSecretPermissions)));
}

}  // namespace
}  // namespace keyturn
