#include "rotation/jwt/settings.h"

#include <gtest/gtest.h>

#include "base/coding.h"
#include "base/limits.h"
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
            "(settings.max_token_seconds, or what that was while tokens were signed that live "
            "still), the age of cached public keys and 30 seconds between clocks, or tokens would "
            "outlive the key that verifies them");
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
            "settings.publish_lead_seconds is 3601; it must be at most 3600, half of the time for "
            "which the policy lets a key sign: its period, and what max_credential_age or "
            "grace_mode BEFORE leave of it beside the grace");
  policy.Clear();
  policy.mutable_source()->mutable_reminder();
  EXPECT_EQ(CheckJwtPolicy(Good(), policy).message(),
            "policy.source must be unset for a key that signs: settings.algorithm says what is "
            "made");
}

// What is left for signing is what the next key has to be published in.
TEST(JwtSettings, TheLeadFitsWhatAgeAndGraceLeave) {
  v1::JwtKeySettings settings = Good();
  settings.set_max_token_seconds(900);
  settings.set_publish_lead_seconds(3'600);
  v1::RotationPolicy policy;
  policy.set_period_seconds(30 * 86'400);
  policy.set_grace_seconds(86'400);
  policy.set_max_credential_age_seconds(86'400 + 7'200);
  EXPECT_OK(CheckJwtPolicy(settings, policy));
  policy.set_max_credential_age_seconds(86'400 + 7'198);
  EXPECT_FALSE(CheckJwtPolicy(settings, policy).ok());
  policy.Clear();
  policy.set_period_seconds(10'800);
  policy.set_grace_seconds(3'600);
  EXPECT_OK(CheckJwtPolicy(settings, policy));
  policy.set_grace_mode(v1::RotationPolicy::BEFORE);
  EXPECT_OK(CheckJwtPolicy(settings, policy));
  policy.set_grace_seconds(3'602);
  EXPECT_FALSE(CheckJwtPolicy(settings, policy).ok());
}

TEST(JwtSettings, TokensOfALongerLimitLiveOut) {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  const auto with = [](int64_t seconds) {
    v1::JwtKeySettings settings = Good();
    settings.set_max_token_seconds(seconds);
    return settings;
  };
  record::v1::SecretMetadata metadata;
  *metadata.mutable_jwt() = with(7'200);
  EXPECT_EQ(LongestTokenOf(metadata, now), absl::Hours(2));
  ChangeJwtSettings(with(600), now, &metadata);
  const absl::Time over = now + absl::Hours(2) + absl::Seconds(limits::kJwtLeewaySecondsMax);
  EXPECT_EQ(LongestTokenOf(metadata, over - absl::Seconds(1)), absl::Hours(2));
  EXPECT_EQ(LongestTokenOf(metadata, over), absl::Minutes(10));
  // A second change keeps what is left of the first, and for no longer.
  record::v1::SecretMetadata twice = metadata;
  ChangeJwtSettings(with(300), now + absl::Minutes(30), &twice);
  EXPECT_EQ(LongestTokenOf(twice, over - absl::Seconds(1)), absl::Hours(2));
  EXPECT_EQ(LongestTokenOf(twice, over), absl::Minutes(5));
  // Nothing is left of it: the change counts alone.
  record::v1::SecretMetadata later = metadata;
  ChangeJwtSettings(with(300), over, &later);
  EXPECT_EQ(LongestTokenOf(later, over + absl::Minutes(9)), absl::Minutes(10));
  // A change of other things begins nothing; a longer limit ends it.
  record::v1::SecretMetadata same = metadata;
  ChangeJwtSettings(with(600), now + absl::Hours(1), &same);
  EXPECT_EQ(LongestTokenOf(same, over), absl::Minutes(10));
  ChangeJwtSettings(with(7'200), now, &metadata);
  EXPECT_EQ(metadata.jwt_former_until_ms(), 0);
}

// A set that was handed out with the former max-age lacks what was staged since, and is kept for so
// long, and half a minute on its way.
TEST(JwtSettings, NoKeySignsWhileASetOfALongerMaxAgeMayBeKept) {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  const auto led = [](int64_t seconds) {
    v1::JwtKeySettings settings = Good();
    settings.set_publish_lead_seconds(seconds);
    return settings;
  };
  // In seconds after `now`, of a version that was staged then.
  const auto signs = [&](record::v1::SecretMetadata metadata, int64_t staged) {
    record::v1::VersionRecord& version = *metadata.add_versions();
    version.set_version(1);
    version.set_staged_ms(absl::ToUnixMillis(now + absl::Seconds(staged)));
    return absl::ToInt64Seconds(SignsFrom(metadata, 1) - now);
  };
  record::v1::SecretMetadata metadata;
  *metadata.mutable_jwt() = led(3'600);  // sets are kept for 300 seconds
  EXPECT_EQ(signs(metadata, 0), 3'600);
  ChangeJwtSettings(led(120), now + absl::Seconds(10), &metadata);
  EXPECT_EQ(signs(metadata, 0), 330);
  EXPECT_EQ(signs(metadata, 10), 340);
  EXPECT_EQ(signs(metadata, 20), 340);
  EXPECT_EQ(signs(metadata, 220), 340);
  EXPECT_EQ(signs(metadata, 221), 341);  // the lead alone
  EXPECT_EQ(signs(metadata, -86'400), 330 - 86'400);
  // A change of other things begins nothing, and a longer lead is waited for.
  ChangeJwtSettings(led(120), now + absl::Seconds(100), &metadata);
  EXPECT_EQ(signs(metadata, 20), 340);
  ChangeJwtSettings(led(3'600), now + absl::Seconds(100), &metadata);
  EXPECT_EQ(signs(metadata, 20), 3'620);

  // Twice: of 300, of 150 and of 60 seconds.
  record::v1::SecretMetadata twice;
  *twice.mutable_jwt() = led(3'600);
  ChangeJwtSettings(led(300), now, &twice);
  record::v1::SecretMetadata later = twice;
  ChangeJwtSettings(led(120), now + absl::Seconds(60), &twice);
  EXPECT_EQ(signs(twice, 70), 60 + 330);
  // Nothing is left of the first one: the second counts alone.
  ChangeJwtSettings(led(120), now + absl::Seconds(400), &later);
  EXPECT_EQ(signs(later, 410), 400 + 180);
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
  for (const uint64_t version : {uint64_t{1}, uint64_t{77}, ~uint64_t{0}}) {
    EXPECT_EQ(VersionIn(KidOf(one, SecretVersion(version))), SecretVersion(version));
  }
  for (const char* const other : {"", "-", "key", "key-", "key-x", "key-99999999999999999999"}) {
    EXPECT_EQ(VersionIn(other), SecretVersion()) << other;
  }
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
