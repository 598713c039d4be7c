#include "server/method_table.h"

#include <set>

#include "auth/permissions.h"
#include "server/resp_access.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

TEST(MethodTable, HasEveryMethodWithPermissionAndEvent) {
  ASSERT_OK_AND_ASSIGN(const MethodTable table, MethodTable::Create(MethodTable::Services()));
  EXPECT_EQ(table.methods().size(), 15u + 13 + 4 + 4 + 11 + 3 + 3 + 14 + 9 + 9 + 3 + 9);
  for (const MethodInfo& method : table.methods()) {
    const int kinds = (method.permission.empty() ? 0 : 1) + (method.is_public ? 1 : 0) +
                      (method.any_identity ? 1 : 0);
    EXPECT_EQ(kinds, 1) << method.name;
    EXPECT_FALSE(method.audit_event.empty()) << method.name;
  }
  const MethodInfo& get = table.Get("SecretService", "Get");
  EXPECT_EQ(get.permission, "secret:read");
  EXPECT_EQ(get.audit_event, "secret_read");
  EXPECT_TRUE(get.read_only);
  EXPECT_FALSE(get.streaming);
  EXPECT_TRUE(table.Get("SecretService", "Watch").streaming);
}

TEST(MethodTable, OnlyThreeMethodsArePublic) {
  ASSERT_OK_AND_ASSIGN(const MethodTable table, MethodTable::Create(MethodTable::Services()));
  std::set<std::string> open;
  for (const MethodInfo& method : table.methods()) {
    if (method.is_public) open.insert(method.name);
  }
  EXPECT_EQ(open, (std::set<std::string>{"/keyturn.v1.SystemService/Init",
                                         "/keyturn.v1.SystemService/Status",
                                         "/keyturn.v1.SystemService/Unseal"}));
}

TEST(MethodTable, EveryPermissionGuardsAMethod) {
  ASSERT_OK_AND_ASSIGN(const MethodTable table, MethodTable::Create(MethodTable::Services()));
  std::set<std::string> declared;
  for (const MethodInfo& method : table.methods()) {
    if (!method.permission.empty()) declared.insert(method.permission);
  }
  // What a field of a method's request asks for beyond it.
  declared.insert("jwt:publish");
  // Those of the Redis protocol, which has commands.
  declared.insert({kRevocationCheck, kRevocationWrite, kRevocationAdmin});
  EXPECT_EQ(declared, std::set<std::string>(Permissions().begin(), Permissions().end()));
}

TEST(MethodTable, RefusesAServiceWithoutOptions) {
  const absl::Status status =
      MethodTable::Create({"grpc.reflection.v1alpha.ServerReflection"}).status();
  EXPECT_CODE(status, kFailedPrecondition);
  EXPECT_EQ(status.message(),
            "method /grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo declares no "
            "permission: give it the option (keyturn.v1.permission) with \"domain:verb\", "
            "\"public\" or \"authenticated\"");
}

TEST(MethodTable, RefusesAnUnknownService) {
  EXPECT_CODE(MethodTable::Create({"keyturn.v1.NoService"}), kFailedPrecondition);
}

TEST(MethodTableDeathTest, AbortsWhenAServiceAsksForAMethodThatIsNot) {
  ASSERT_OK_AND_ASSIGN(const MethodTable table, MethodTable::Create(MethodTable::Services()));
  EXPECT_DEATH(table.Get("SecretService", "NoMethod"), "NoMethod");
}

}  // namespace
}  // namespace keyturn
