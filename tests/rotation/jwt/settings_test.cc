#include "rotation/jwt/settings.h"

#include <gtest/gtest.h>

#include "base/coding.h"
#include "crypto/random.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

v1::JwtKeySettings Good() {
  v1::JwtKeySettings settings;
  settings.set_algorithm("EdDSA");
  settings.set_issuer("alcs-auth");
  return settings;
}

template <typename Change>
std::string Refusal(Change change) {
  v1::JwtKeySettings settings = Good();
  change(settings);
  return std::string(CheckJwtSettings(settings).message());
}

TEST(JwtSettings, SayWhatIsWrongAndAllowed) {
  EXPECT_OK(CheckJwtSettings(Good()));
  for (const char* const name : {"none", "hs256", "PS256", "HS512", "", "EdDSA "}) {
    EXPECT_EQ(Refusal([&](auto& s) { s.set_algorithm(name); }),
              absl::StrCat("settings.algorithm is '", name,
                           "'; allowed are HS256, RS256, ES256 and EdDSA"));
  }
  EXPECT_EQ(Refusal([](auto& s) { s.clear_issuer(); }),
            "settings.issuer: allowed are 1 to 2048 bytes of UTF-8 without control characters");
  EXPECT_EQ(Refusal([](auto& s) { s.set_issuer("a\nb"); }),
            "settings.issuer: allowed are 1 to 2048 bytes of UTF-8 without control characters");
  EXPECT_EQ(Refusal([](auto& s) { s.add_audiences(""); }),
            "settings.audiences: allowed are 1 to 2048 bytes of UTF-8 without control characters");
  EXPECT_EQ(Refusal([](auto& s) {
              for (int i = 0; i < 17; ++i) s.add_audiences(absl::StrCat("a", i));
            }),
            "settings.audiences: 17; at most 16");
  EXPECT_EQ(Refusal([](auto& s) { s.set_max_token_seconds(86'401); }),
            "settings.max_token_seconds is 86401; allowed are 0 (the default) and 1 to 86400");
  EXPECT_EQ(Refusal([](auto& s) { s.set_max_token_seconds(-1); }),
            "settings.max_token_seconds is -1; allowed are 0 (the default) and 1 to 86400");
  EXPECT_EQ(Refusal([](auto& s) { s.set_publish_lead_seconds(119); }),
            "settings.publish_lead_seconds is 119; allowed are 0 (the default) and 120 to 604800");
}

TEST(JwtSettings, NoTokenOutlivesItsKey) {
  v1::RotationPolicy policy;
  EXPECT_OK(CheckJwtPolicy(Good(), policy));
  // 24 hours, 5 minutes of a cached set, 30 seconds between clocks.
  policy.set_grace_seconds(86'730);
  EXPECT_OK(CheckJwtPolicy(Good(), policy));
  policy.set_grace_seconds(86'729);
  EXPECT_EQ(CheckJwtPolicy(Good(), policy).message(),
            "policy.grace_seconds is 86729; it must be at least 86730: the longest token "
            "(settings.max_token_seconds), the age of cached public keys and 30 seconds between "
            "clocks, or tokens would outlive the key that verifies them");
  v1::JwtKeySettings brief = Good();
  brief.set_max_token_seconds(900);
  EXPECT_OK(CheckJwtPolicy(brief, policy));
  policy.set_grace_seconds(-1);  // none
  EXPECT_FALSE(CheckJwtPolicy(brief, policy).ok());
  policy.Clear();
  policy.set_period_seconds(7'200);
  policy.set_grace_seconds(3'600);
  EXPECT_OK(CheckJwtPolicy(brief, policy));
  brief.set_publish_lead_seconds(3'601);
  EXPECT_EQ(CheckJwtPolicy(brief, policy).message(),
            "settings.publish_lead_seconds is 3601; it must be at most 3600, half of the policy's "
            "period");
  policy.Clear();
  policy.mutable_source()->mutable_reminder();
  EXPECT_EQ(CheckJwtPolicy(Good(), policy).message(),
            "policy.source must be unset for a key that signs: settings.algorithm says what is "
            "made");
}

TEST(JwtSettings, TheAgeOfASetIsAtMostHalfOfTheLead) {
  v1::JwtKeySettings settings = Good();
  EXPECT_EQ(PublishLeadOf(settings), absl::Hours(1));
  EXPECT_EQ(JwksMaxAgeOf(settings), absl::Minutes(5));
  settings.set_publish_lead_seconds(120);
  EXPECT_EQ(JwksMaxAgeOf(settings), absl::Minutes(1));
  EXPECT_EQ(EffectiveJwtSettings(settings).max_token_seconds(), 86'400);
  EXPECT_EQ(EffectiveJwtSettings(settings).publish_lead_seconds(), 120);
}

TEST(JwtSettings, AKeyIdIsOfOneVersionOfOneSecret) {
  const Uuid one = RandomUuid(), other = RandomUuid();
  EXPECT_EQ(KidOf(one, SecretVersion(7)), KidOf(one, SecretVersion(7)));
  EXPECT_NE(KidOf(one, SecretVersion(7)), KidOf(one, SecretVersion(8)));
  EXPECT_NE(KidOf(one, SecretVersion(7)), KidOf(other, SecretVersion(7)));
  EXPECT_OK(ValidateKeyId(KidOf(one, SecretVersion(~uint64_t{0}))));
}

TEST(JwtSettings, TextsOfKeys) {
  for (const char* const name : {"HS256", "RS256", "ES256", "EdDSA"}) {
    v1::JwtKeySettings settings = Good();
    settings.set_algorithm(name);
    ASSERT_OK_AND_ASSIGN(const SecretBytes text, MakeJwtValue(settings));
    ASSERT_OK_AND_ASSIGN(const SecretBytes key, JwtKeyOf(AlgorithmOf(settings), text, true));
    EXPECT_OK(CheckJoseKey(AlgorithmOf(settings), key));
    const absl::string_view shown = text.ExposeForCrypto();
    if (absl::string_view(name) == "HS256") {
      EXPECT_EQ(shown.size(), 88u);             // base64 of 64 bytes
      EXPECT_EQ(key.ExposeForCrypto(), shown);  // the text is the key
    } else {
      EXPECT_EQ(shown.substr(0, 27), "-----BEGIN PRIVATE KEY-----");
    }
    // And no other algorithm takes it.
    for (const JoseAlgorithm other : {JoseAlgorithm::kHs256, JoseAlgorithm::kRs256,
                                      JoseAlgorithm::kEs256, JoseAlgorithm::kEdDsa}) {
      EXPECT_EQ(JwtKeyOf(other, text, false).ok(), other == AlgorithmOf(settings));
    }
  }
}

}  // namespace
}  // namespace keyturn
