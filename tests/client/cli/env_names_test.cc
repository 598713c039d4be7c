#include "client/cli/env_names.h"

#include <gtest/gtest.h>

#include "tests/support/status.h"

namespace keyturn::cli {
namespace {

TEST(EnvNames, GoBothWays) {
  EXPECT_EQ(SecretNameFor("DATABASE_URL"), "database-url");
  EXPECT_EQ(VariableFor("db/api-key.v2"), "DB_API_KEY_V2");
  EXPECT_EQ(VariableFor("2fa"), "_2FA");
  EXPECT_EQ(VariableFor(""), "_");
  for (const char* variable : {"DATABASE_URL", "X", "API_KEY_2"}) {
    EXPECT_EQ(VariableFor(SecretNameFor(variable)), variable);
  }
  v1::GetResponse secret;
  secret.set_path("app/prod/db/main");
  secret.mutable_data()->add_fields()->set_name("value");
  EXPECT_EQ(VariableOf(secret, "app/prod", "value"), "DB_MAIN");
  secret.mutable_data()->add_fields()->set_name("user");
  EXPECT_EQ(VariableOf(secret, "app/prod", "user"), "DB_MAIN_USER");
  (*secret.mutable_custom_metadata())["env"] = "MAIN_DB";
  EXPECT_EQ(VariableOf(secret, "app/prod", "value"), "MAIN_DB");
  (*secret.mutable_custom_metadata())["env"] = "not a name";
  EXPECT_EQ(VariableOf(secret, "app/prod", "value"), "DB_MAIN");
}

}  // namespace
}  // namespace keyturn::cli
