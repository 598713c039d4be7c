#include "crypto/jwt_check.h"

#include <gtest/gtest.h>

#include "base/reason.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

const absl::Time kIssued = absl::FromUnixSeconds(1'000'000'000);

JwtClaims GoodClaims() {
  JwtClaims claims;
  claims.iss = "https://issuer";
  claims.sub = "app";
  claims.aud = {"vault"};
  claims.iat = kIssued;
  claims.exp = kIssued + absl::Minutes(10);
  claims.jti = "id-1";
  return claims;
}

JwtExpectations Expected() {
  JwtExpectations expected;
  expected.issuer = "https://issuer";
  expected.audience = "vault";
  return expected;
}

// The reason of the refusal, "" for none.
std::string Checked(const JwtClaims& claims, absl::Time now = kIssued,
                    const JwtExpectations& expected = Expected()) {
  const absl::Status status = CheckClaims(claims, expected, now);
  if (!status.ok()) EXPECT_CODE(status, kUnauthenticated);
  return ReasonOf(status);
}

TEST(CheckClaims, ATokenEndsAfterTheLeeway) {
  const absl::Time exp = *GoodClaims().exp;
  EXPECT_EQ(Checked(GoodClaims(), exp), "");
  EXPECT_EQ(Checked(GoodClaims(), exp + absl::Seconds(29)), "");
  EXPECT_EQ(Checked(GoodClaims(), exp + absl::Seconds(30) - absl::Nanoseconds(1)), "");
  EXPECT_EQ(Checked(GoodClaims(), exp + absl::Seconds(30)), "TOKEN_EXPIRED");
  EXPECT_EQ(Checked(GoodClaims(), exp + absl::Seconds(31)), "TOKEN_EXPIRED");
  EXPECT_EQ(Checked(GoodClaims(), absl::InfiniteFuture()), "TOKEN_EXPIRED");
  JwtExpectations strict = Expected();
  strict.leeway = absl::ZeroDuration();
  EXPECT_EQ(Checked(GoodClaims(), exp - absl::Seconds(1), strict), "");
  EXPECT_EQ(Checked(GoodClaims(), exp, strict), "TOKEN_EXPIRED");
}

TEST(CheckClaims, ATokenBeginsBeforeTheLeeway) {
  EXPECT_EQ(Checked(GoodClaims(), kIssued - absl::Seconds(29)), "");
  EXPECT_EQ(Checked(GoodClaims(), kIssued - absl::Seconds(30)), "");
  EXPECT_EQ(Checked(GoodClaims(), kIssued - absl::Seconds(31)), "TOKEN_NOT_YET_VALID");
  JwtClaims later = GoodClaims();
  later.nbf = kIssued + absl::Minutes(5);
  EXPECT_EQ(Checked(later, *later.nbf - absl::Seconds(29)), "");
  EXPECT_EQ(Checked(later, *later.nbf - absl::Seconds(30)), "");
  EXPECT_EQ(Checked(later, *later.nbf - absl::Seconds(31)), "TOKEN_NOT_YET_VALID");
}

TEST(CheckClaims, ALifetimeIsBounded) {
  JwtClaims claims = GoodClaims();
  claims.exp = kIssued + absl::Minutes(15);
  EXPECT_EQ(Checked(claims), "");
  claims.exp = kIssued + absl::Minutes(15) + absl::Seconds(1);
  EXPECT_EQ(Checked(claims), "TOKEN_CLAIMS");
  JwtExpectations longer = Expected();
  longer.max_lifetime = absl::Hours(1);
  EXPECT_EQ(Checked(claims, kIssued, longer), "");
  claims.exp = kIssued;
  EXPECT_EQ(Checked(claims), "TOKEN_CLAIMS");
  claims.exp = kIssued - absl::Seconds(1);
  EXPECT_EQ(Checked(claims), "TOKEN_CLAIMS");
  claims.exp = kIssued + absl::Seconds(1);
  EXPECT_EQ(Checked(claims), "");
}

TEST(CheckClaims, IssuerAndAudienceAreComparedByteByByte) {
  EXPECT_EQ(Checked(GoodClaims()), "");
  for (const char* other : {"", "https://issuer/", "https://Issuer", "https://issue", "issuer"}) {
    JwtClaims claims = GoodClaims();
    claims.iss = other;
    EXPECT_EQ(Checked(claims), "TOKEN_ISSUER") << other;
  }
  for (const std::vector<std::string>& other :
       std::vector<std::vector<std::string>>{{}, {"Vault"}, {"vaul"}, {"vaults"}, {"other", "x"}}) {
    JwtClaims claims = GoodClaims();
    claims.aud = other;
    EXPECT_EQ(Checked(claims), "TOKEN_AUDIENCE");
  }
}

TEST(CheckClaims, SeveralAudiencesMustBeAskedFor) {
  JwtExpectations several = Expected();
  several.allow_other_audiences = true;
  JwtClaims claims = GoodClaims();
  for (const std::vector<std::string>& two :
       std::vector<std::vector<std::string>>{{"vault", "other"}, {"other", "vault"}}) {
    claims.aud = two;
    EXPECT_EQ(Checked(claims), "TOKEN_AUDIENCE");
    EXPECT_EQ(Checked(claims, kIssued, several), "");
  }
  claims.aud = {"other", "x"};
  EXPECT_EQ(Checked(claims, kIssued, several), "TOKEN_AUDIENCE");
  EXPECT_EQ(Checked(GoodClaims(), kIssued, several), "");
}

TEST(CheckClaims, WhatIsRequiredMustBeThere) {
  const std::pair<const char*, std::function<void(JwtClaims&)>> kCases[] = {
      {"the token has no \"sub\"", [](JwtClaims& c) { c.sub.clear(); }},
      {"the token has no \"jti\"", [](JwtClaims& c) { c.jti.clear(); }},
      {"the token has no \"exp\"", [](JwtClaims& c) { c.exp.reset(); }},
      {"the token has no \"iat\"", [](JwtClaims& c) { c.iat.reset(); }},
  };
  for (const auto& [message, change] : kCases) {
    JwtClaims claims = GoodClaims();
    change(claims);
    const absl::Status refused = CheckClaims(claims, Expected(), kIssued);
    EXPECT_EQ(refused.message(), message);
    EXPECT_EQ(ReasonOf(refused), "TOKEN_CLAIMS");
  }
  JwtClaims claims = GoodClaims();
  claims.jti.clear();
  JwtExpectations without = Expected();
  without.require_jti = false;
  EXPECT_EQ(Checked(claims, kIssued, without), "");
}

// What a caller forgot to say must not accept tokens that do not say it either.
TEST(CheckClaims, ExpectationsMustBeSet) {
  const std::pair<const char*, std::function<void(JwtExpectations&)>> kCases[] = {
      {"no issuer", [](JwtExpectations& e) { e.issuer.clear(); }},
      {"no audience", [](JwtExpectations& e) { e.audience.clear(); }},
      {"a negative leeway", [](JwtExpectations& e) { e.leeway = absl::Seconds(-1); }},
      {"a long leeway", [](JwtExpectations& e) { e.leeway = absl::Seconds(301); }},
      {"an endless leeway", [](JwtExpectations& e) { e.leeway = absl::InfiniteDuration(); }},
  };
  for (const auto& [name, change] : kCases) {
    JwtExpectations expected = Expected();
    change(expected);
    EXPECT_EQ(ToStatus(CheckClaims(GoodClaims(), expected, kIssued)).code(),
              absl::StatusCode::kInvalidArgument)
        << name;
    EXPECT_EQ(ToStatus(CheckClaims(JwtClaims(), expected, kIssued)).code(),
              absl::StatusCode::kInvalidArgument)
        << name;
  }
  JwtExpectations expected = Expected();
  expected.leeway = absl::Seconds(300);
  EXPECT_EQ(Checked(GoodClaims(), kIssued, expected), "");
}

}  // namespace
}  // namespace keyturn
