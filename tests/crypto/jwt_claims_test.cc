#include "crypto/jwt_claims.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "base/reason.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

JwtClaims FullClaims() {
  JwtClaims claims;
  claims.iss = "https://issuer";
  claims.sub = "spiffe://prod/app";
  claims.aud = {"vault"};
  claims.exp = absl::FromUnixSeconds(1'000'000'900);
  claims.nbf = absl::FromUnixSeconds(1'000'000'001);
  claims.iat = absl::FromUnixSeconds(1'000'000'000);
  claims.jti = "id-1";
  claims.permissions = {"secret:read", "secret:write"};
  claims.other_json = R"({"cnf":{"x5t#S256":"abc"},"n":[1,-2,0.5,null]})";
  return claims;
}

constexpr char kFullText[] =
    R"({"iss":"https://issuer","sub":"spiffe://prod/app","aud":"vault","exp":1000000900,)"
    R"("nbf":1000000001,"iat":1000000000,"jti":"id-1","permissions":["secret:read","secret:write"],)"
    R"("cnf":{"x5t#S256":"abc"},"n":[1,-2,0.5,null]})";

TEST(JwtClaimsText, IsWrittenInOneOrderAndReadAsItWas) {
  ASSERT_OK_AND_ASSIGN(const std::string text, WriteClaims(FullClaims()));
  EXPECT_EQ(text, kFullText);
  ASSERT_OK_AND_ASSIGN(const JwtClaims read, ParseClaims(text));
  EXPECT_EQ(read, FullClaims());
}

TEST(JwtClaimsText, AbsentClaimsAreLeftOut) {
  EXPECT_EQ(*WriteClaims(JwtClaims()), "{}");
  ASSERT_OK_AND_ASSIGN(const JwtClaims read, ParseClaims("{}"));
  EXPECT_EQ(read, JwtClaims());
  EXPECT_EQ(read.exp, std::nullopt);
}

TEST(JwtClaimsText, AudiencesAreAStringOrAList) {
  const std::pair<const char*, std::vector<std::string>> kTexts[] = {
      {R"({"aud":"a"})", {"a"}}, {R"({"aud":["a"]})", {"a"}}, {R"({"aud":["a","b"]})", {"a", "b"}}};
  for (const auto& [text, audiences] : kTexts) {
    ASSERT_OK_AND_ASSIGN(const JwtClaims read, ParseClaims(text));
    EXPECT_EQ(read.aud, audiences);
  }
  JwtClaims two;
  two.aud = {"a", "b"};
  EXPECT_EQ(*WriteClaims(two), R"({"aud":["a","b"]})");
}

TEST(JwtClaimsText, TimesLoseTheirFractions) {
  JwtClaims claims;
  claims.exp = absl::FromUnixSeconds(99) + absl::Milliseconds(999);
  claims.iat = absl::FromUnixSeconds(7) + absl::Nanoseconds(1);
  EXPECT_EQ(*WriteClaims(claims), R"({"exp":99,"iat":7})");
  ASSERT_OK_AND_ASSIGN(const JwtClaims read, ParseClaims(R"({"exp":99})"));
  EXPECT_EQ(read.exp, absl::FromUnixSeconds(99));
}

TEST(JwtClaimsText, BoundsAreAllowed) {
  const auto list = [](size_t count, size_t size) {
    std::string out;
    for (size_t i = 0; i < count; ++i) {
      absl::StrAppend(&out, i == 0 ? "[" : ",", "\"", std::string(size, 'x'), "\"");
    }
    return out + "]";
  };
  const struct {
    std::string good, bad;
  } kCases[] = {
      {absl::StrCat(R"({"iss":")", std::string(2048, 'x'), "\"}"),
       absl::StrCat(R"({"iss":")", std::string(2049, 'x'), "\"}")},
      {absl::StrCat(R"({"sub":")", std::string(2048, 'x'), "\"}"),
       absl::StrCat(R"({"sub":")", std::string(2049, 'x'), "\"}")},
      {absl::StrCat(R"({"jti":")", std::string(2048, 'x'), "\"}"),
       absl::StrCat(R"({"jti":")", std::string(2049, 'x'), "\"}")},
      {absl::StrCat(R"({"aud":")", std::string(2048, 'x'), "\"}"),
       absl::StrCat(R"({"aud":")", std::string(2049, 'x'), "\"}")},
      {absl::StrCat(R"({"aud":)", list(16, 1), "}"), absl::StrCat(R"({"aud":)", list(17, 1), "}")},
      {absl::StrCat(R"({"permissions":)", list(256, 1), "}"),
       absl::StrCat(R"({"permissions":)", list(257, 1), "}")},
      {absl::StrCat(R"({"permissions":)", list(1, 128), "}"),
       absl::StrCat(R"({"permissions":)", list(1, 129), "}")},
      {R"({"exp":100000000000})", R"({"exp":100000000001})"},
      {R"({"permissions":[]})", R"({"permissions":[""]})"},
      {absl::StrCat("{}", std::string(8190, ' ')), absl::StrCat("{}", std::string(8191, ' '))},
  };
  for (const auto& one : kCases) {
    EXPECT_EQ(ToStatus(ParseClaims(one.good)), absl::OkStatus()) << one.good.substr(0, 20);
    const absl::Status refused = ParseClaims(one.bad).status();
    EXPECT_EQ(ToStatus(refused).code(), absl::StatusCode::kUnauthenticated)
        << one.bad.substr(0, 20);
    EXPECT_EQ(ReasonOf(refused), "TOKEN_CLAIMS");
  }
}

TEST(JwtClaimsText, RefusalsNameTheClaimAndWhatIsAllowed) {
  const struct {
    const char *text, *message;
  } kCases[] = {
      {R"({"exp":1760000000000})",
       "\"exp\" must be in seconds since 1970, at most 100000000000: this looks like milliseconds"},
      {R"({"nbf":1.5})", "\"nbf\" must be a whole number of seconds since 1970, not negative"},
      {R"({"iat":-1})", "\"iat\" must be a whole number of seconds since 1970, not negative"},
      {R"({"sub":7})", "\"sub\" must be a string of at most 2048 bytes without control characters"},
      {R"({"aud":[]})", "\"aud\" must name an audience"},
      {R"({"aud":{}})",
       "\"aud\" must be a list of at most 16 strings, each of 1 to 2048 bytes without control "
       "characters"},
      {R"({"permissions":"a b"})",
       "\"permissions\" must be a list of at most 256 strings, each of 1 to 128 bytes without "
       "control characters"},
      {R"({"canary":1,"canary":2})",
       "the token's claims are not one JSON object as is allowed: a name appears twice in one "
       "object"},
  };
  for (const auto& one : kCases) {
    const absl::Status refused = ParseClaims(one.text).status();
    EXPECT_EQ(refused.message(), one.message);
    EXPECT_EQ(ReasonOf(refused), "TOKEN_CLAIMS");
  }
}

TEST(JwtClaimsText, WhatWouldBeReadAsOtherClaimsIsNotWritten) {
  const auto written = [](const std::function<void(JwtClaims&)>& change) {
    JwtClaims claims = FullClaims();
    change(claims);
    return WriteClaims(claims).status();
  };
  EXPECT_OK(written([](JwtClaims&) {}));
  const std::pair<const char*, std::function<void(JwtClaims&)>> kCases[] = {
      {"bytes that are not UTF-8", [](JwtClaims& c) { c.sub = "\xff"; }},
      {"a control character", [](JwtClaims& c) { c.sub = "a\n"; }},
      {"too long", [](JwtClaims& c) { c.jti = std::string(2049, 'x'); }},
      {"an empty audience", [](JwtClaims& c) { c.aud = {""}; }},
      {"an empty audience among others",
       [](JwtClaims& c) {
         c.aud = {"a", ""};
       }},
      {"an empty permission", [](JwtClaims& c) { c.permissions = {""}; }},
      {"before 1970", [](JwtClaims& c) { c.iat = absl::FromUnixSeconds(-1); }},
      {"for ever", [](JwtClaims& c) { c.exp = absl::InfiniteFuture(); }},
      {"others that are no object", [](JwtClaims& c) { c.other_json = "[]"; }},
      {"others that are nothing", [](JwtClaims& c) { c.other_json = ""; }},
      {"others with a name twice", [](JwtClaims& c) { c.other_json = R"({"a":1,"a":2})"; }},
      {"a claim that is a field too", [](JwtClaims& c) { c.other_json = R"({"exp":1})"; }},
      {"a claim whose field is absent",
       [](JwtClaims& c) {
         c.nbf = std::nullopt;
         c.other_json = R"({"nbf":1})";
       }},
  };
  for (const auto& [name, change] : kCases)
    EXPECT_EQ(ToStatus(written(change)).code(), absl::StatusCode::kInvalidArgument) << name;
}

// Writing what was read gives one form: a second time changes nothing.
TEST(JwtClaimsText, WhatWasReadCanBeWritten) {
  for (const char* text :
       {R"({"jti":"\u00e4\"\\","exp":5,"b":[{}],"a":1.5e3,"aud":["x"]})", R"({"iss":"","z":{}})",
        R"({"a":18446744073709551615,"b":-9223372036854775808,"c":1e-7,"":null})"}) {
    ASSERT_OK_AND_ASSIGN(const JwtClaims read, ParseClaims(text));
    ASSERT_OK_AND_ASSIGN(const std::string written, WriteClaims(read));
    ASSERT_OK_AND_ASSIGN(const JwtClaims again, ParseClaims(written));
    EXPECT_EQ(again, read) << text;
    EXPECT_EQ(*WriteClaims(again), written);
  }
}

}  // namespace
}  // namespace keyturn
