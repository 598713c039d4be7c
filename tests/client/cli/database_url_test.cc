#include "client/cli/database_url.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/support/status.h"

namespace keyturn::cli {
namespace {

std::map<std::string, std::string> Parts(const std::string& url) {
  v1::SecretData data;
  EXPECT_OK(AddDatabaseFields(url, &data));
  std::map<std::string, std::string> parts;
  for (const v1::Field& field : data.fields()) parts[field.name()] = field.value();
  return parts;
}

using Map = std::map<std::string, std::string>;

TEST(DatabaseUrl, IsTakenApart) {
  EXPECT_EQ(Parts("postgres://alcs:correct-horse@db.internal/alcs?sslmode=require"),
            (Map{{"scheme", "postgres"},
                 {"username", "alcs"},
                 {"password", "correct-horse"},
                 {"host", "db.internal"},
                 {"database", "alcs"},
                 {"options", "sslmode=require"}}));
  EXPECT_EQ(Parts("mysql://u%40x:p%2Fa%3As%25@10.0.0.7:3306/a%20b"), (Map{{"scheme", "mysql"},
                                                                          {"username", "u@x"},
                                                                          {"password", "p/a:s%"},
                                                                          {"host", "10.0.0.7"},
                                                                          {"port", "3306"},
                                                                          {"database", "a b"}}));
  EXPECT_EQ(Parts("redis://:only-a-password@[::1]:6379/0"), (Map{{"scheme", "redis"},
                                                                 {"password", "only-a-password"},
                                                                 {"host", "[::1]"},
                                                                 {"port", "6379"},
                                                                 {"database", "0"}}));
}

TEST(DatabaseUrl, OtherTextsAreNone) {
  for (const char* const text :
       {"", "postgres", "postgres://db.internal/alcs", "postgres://alcs@db.internal/alcs",
        "https://user:pass@example.com/", "alcs:correct-horse@db.internal",
        "postgres://alcs:pw@db.internal:70000/alcs", "postgres://alcs:@db.internal/alcs"}) {
    v1::SecretData data;
    EXPECT_FALSE(AddDatabaseFields(text, &data).ok()) << text;
    EXPECT_EQ(data.fields_size(), 0) << text;
  }
  const std::string with_nul("postgres://a:b@c/d\0e", 20);
  v1::SecretData data;
  EXPECT_FALSE(AddDatabaseFields(with_nul, &data).ok());
}

TEST(DatabaseUrl, KindsAreGuessedByNameAndValue) {
  const char* const url = "postgres://alcs:pw@db/alcs";
  EXPECT_EQ(GuessKind("DATABASE_URL", url), v1::KIND_DB_CREDENTIAL);
  EXPECT_EQ(GuessKind("ANYTHING", url), v1::KIND_DB_CREDENTIAL);
  EXPECT_EQ(GuessKind("DATABASE_URL", "see the wiki"), v1::KIND_GENERIC);
  for (const char* const name : {"JWT_SECRET", "jwt_secret_key", "APP_JWT_KEY", "JWT_SIGNING_KEY",
                                 "JWT_ACCESS_TOKEN_SECRET", "API_JWT_SECRET"}) {
    EXPECT_EQ(GuessKind(name, "x"), v1::KIND_JWT_KEY) << name;
  }
  for (const char* const name :
       {"API_KEY", "STRIPE_API_KEY", "GITHUB_API_TOKEN", "X_API_SECRET", "JWT_API_KEY"}) {
    EXPECT_EQ(GuessKind(name, "x"), v1::KIND_API_KEY) << name;
  }
  EXPECT_EQ(GuessKind("LOG_LEVEL", "debug"), v1::KIND_GENERIC);
}

// A jwt_key's next value is made by the server: what only sounds like one would break by it.
TEST(DatabaseUrl, WhatIsBesideAKeyIsNotTakenForOne) {
  for (const char* const name :
       {"JWT_ISSUER", "JWT_KEY_ID", "JWT_SECRET_ID", "JWT_SECRET_NAME", "JWT_KEY_ALG",
        "JWT_SECRET_PATH", "JWT_KEY_FILE", "JWT_SECRET_URL", "JWT_SECRETS", "JWTISH_SECRET", "JWT",
        "SECRET_KEY", "SECRET", ""}) {
    EXPECT_EQ(GuessKind(name, "x"), v1::KIND_GENERIC) << name;
  }
  for (const char* const name :
       {"JWT_PRIVATE_KEY", "JWT_PRIVATE_KEY_PATH", "APP_JWT_PRIVATE_KEY", "JWT_PUBLIC_KEY",
        "jwt_public_key", "JWT_RSA_KEY", "JWT_VERIFICATION_KEY", "JWT_ENCRYPTION_KEY"}) {
    EXPECT_EQ(GuessKind(name, "x"), v1::KIND_GENERIC) << name;
  }
  for (const char* const name : {"API_KEY_ID", "API_KEY_FILE", "STRIPE_API_KEY_PATH",
                                 "API_KEY_NAME", "API_TOKEN_URL", "API_SECRET_ARN"}) {
    EXPECT_EQ(GuessKind(name, "x"), v1::KIND_GENERIC) << name;
  }
}

TEST(DatabaseUrl, WhatIsNoRandomTextIsNotTakenForAKey) {
  for (const char* const value :
       {"/run/jwt.pem", "/run/secrets/jwt", "./jwt", "../keys/jwt", "~/jwt", "keys/jwt.PEM",
        "C:\\keys\\jwt", "https://keys.example/jwt", "file:///run/jwt", "arn://x",
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQ==\n-----END PRIVATE KEY-----\n",
        "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1DNENBUUF3QlE9PQo=",
        " LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1DNENBUUF3QlE9PQo=",
        "{\"kty\":\"oct\",\"k\":\"eA\"}", "[1]"}) {
    EXPECT_EQ(GuessKind("JWT_SECRET", value), v1::KIND_GENERIC) << value;
    EXPECT_EQ(GuessKind("API_KEY", value), v1::KIND_GENERIC) << value;
  }
  for (const char* const value :
       {"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY0123456789abcdef",
        "/K7MDENG+bPxRfiCYEXAMPLEKEY0123456789abcdefw=", "a.b-c_d~e", "1:2"}) {
    EXPECT_EQ(GuessKind("JWT_SECRET", value), v1::KIND_JWT_KEY) << value;
    EXPECT_EQ(GuessKind("API_KEY", value), v1::KIND_API_KEY) << value;
  }
}

}  // namespace
}  // namespace keyturn::cli
