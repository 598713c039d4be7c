#include "rotation/jwt/settings.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "vault/rotation_rules.h"
#include "vault/utf8.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

constexpr size_t kKidUuidBytes = 8;

absl::Status CheckName(absl::string_view field, const std::string& name) {
  if (!name.empty() && name.size() <= limits::kJwtStringBytesMax && IsUtf8(name) &&
      !HasControlCharacter(name)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("settings.", field, ": allowed are 1 to ",
                                                 limits::kJwtStringBytesMax,
                                                 " bytes of UTF-8 without control characters"));
}

absl::Status CheckRange(absl::string_view field, int64_t value, int64_t least, int64_t most) {
  if (value == 0 || (value >= least && value <= most)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("settings.", field, " is ", value,
                                                 "; allowed are 0 (the default) and ", least,
                                                 " to ", most));
}

absl::Duration SecondsOr(int64_t seconds, int64_t standard) {
  return absl::Seconds(seconds == 0 ? standard : seconds);
}

}  // namespace

absl::Status CheckJwtSettings(const v1::JwtKeySettings& settings) {
  if (!JoseAlgorithmFromName(settings.algorithm()).has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "settings.algorithm is '", settings.algorithm().substr(0, limits::kNameBytesMax),
        "'; allowed are HS256, RS256, ES256 and EdDSA"));
  }
  RETURN_IF_ERROR(CheckName("issuer", settings.issuer()));
  if (settings.audiences_size() > static_cast<int>(limits::kJwtAudiencesMax)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "settings.audiences: ", settings.audiences_size(), "; at most ", limits::kJwtAudiencesMax));
  }
  for (const std::string& audience : settings.audiences()) {
    RETURN_IF_ERROR(CheckName("audiences", audience));
  }
  RETURN_IF_ERROR(
      CheckRange("max_token_seconds", settings.max_token_seconds(), 1, limits::kJwtUserSecondsMax));
  return CheckRange("publish_lead_seconds", settings.publish_lead_seconds(),
                    limits::kJwtPublishLeadSecondsMin, limits::kJwtPublishLeadSecondsMax);
}

namespace {

// From when a version becomes current until it is to be replaced, without jitter and windows.
absl::Duration LifeOf(const v1::RotationPolicy& policy) {
  const bool before = policy.grace_mode() == v1::RotationPolicy::BEFORE;
  absl::Duration life = PeriodOf(policy) - (before ? GraceOf(policy) : absl::ZeroDuration());
  if (const absl::Duration age = MaxCredentialAgeOf(policy); age > absl::ZeroDuration()) {
    life = std::min(life, age - GraceOf(policy));
  }
  return life;
}

absl::Status CheckPolicyOf(const v1::JwtKeySettings& settings, const v1::RotationPolicy& policy,
                           absl::Duration longest_token) {
  if (policy.has_source()) {
    return absl::InvalidArgumentError(
        "policy.source must be unset for a key that signs: settings.algorithm says what is made");
  }
  const int64_t grace = absl::ToInt64Seconds(GraceOf(policy));
  const int64_t least = absl::ToInt64Seconds(longest_token + JwksMaxAgeOf(settings)) +
                        limits::kJwtLeewaySecondsDefault;
  if (grace < least) {
    return absl::InvalidArgumentError(absl::StrCat(
        "policy.grace_seconds is ", grace, "; it must be at least ", least,
        ": the longest token (settings.max_token_seconds, or what that was while tokens were "
        "signed that live still), the age of cached public keys and 30 seconds between clocks, or "
        "tokens would outlive the key that verifies them"));
  }
  const int64_t lead = absl::ToInt64Seconds(PublishLeadOf(settings));
  const int64_t life = absl::ToInt64Seconds(LifeOf(policy));
  if (2 * lead > life) {
    return absl::InvalidArgumentError(absl::StrCat(
        "settings.publish_lead_seconds is ", lead, "; it must be at most ", life / 2,
        ", half of the time for which the policy lets a key sign: its period, and what "
        "max_credential_age or grace_mode BEFORE leave of it beside the grace"));
  }
  return absl::OkStatus();
}

// Until when tokens of before `now` may live, if they are so long.
absl::Time OverAt(absl::Time now, absl::Duration longest) {
  return now + longest + absl::Seconds(limits::kJwtLeewaySecondsMax);
}

// Until when somebody may keep a set that was handed out before `published`, with the max-age of
// former settings. It may have been on its way for some seconds.
absl::Time FormerSetsKeptUntil(const record::v1::SecretMetadata& metadata, absl::Time published) {
  if (metadata.jwt_former_max_age_seconds() == 0) return absl::InfinitePast();
  return std::min(published, absl::FromUnixMillis(metadata.jwt_former_max_age_ms())) +
         absl::Seconds(metadata.jwt_former_max_age_seconds()) +
         absl::Seconds(limits::kJwtLeewaySecondsDefault);
}

void KeepFormerMaxAge(const v1::JwtKeySettings& settings, absl::Time now,
                      record::v1::SecretMetadata* metadata) {
  int64_t longest = absl::ToInt64Seconds(JwksMaxAgeOf(metadata->jwt()));
  if (absl::ToInt64Seconds(JwksMaxAgeOf(settings)) >= longest) return;
  // Sets with an even longer one, from before an earlier change, may be left.
  if (FormerSetsKeptUntil(*metadata, now) > now) {
    longest = std::max(longest, metadata->jwt_former_max_age_seconds());
  }
  metadata->set_jwt_former_max_age_seconds(longest);
  metadata->set_jwt_former_max_age_ms(absl::ToUnixMillis(now));
}

}  // namespace

absl::Status CheckJwtPolicy(const v1::JwtKeySettings& settings, const v1::RotationPolicy& policy) {
  return CheckPolicyOf(settings, policy, MaxTokenOf(settings));
}

absl::Status CheckJwtPolicy(const record::v1::SecretMetadata& metadata,
                            const v1::RotationPolicy& policy, absl::Time now) {
  return CheckPolicyOf(metadata.jwt(), policy, LongestTokenOf(metadata, now));
}

absl::Duration LongestTokenOf(const record::v1::SecretMetadata& metadata, absl::Time now) {
  const absl::Duration said = MaxTokenOf(metadata.jwt());
  if (absl::FromUnixMillis(metadata.jwt_former_until_ms()) <= now) return said;
  return std::max(said, absl::Seconds(metadata.jwt_former_token_seconds()));
}

void ChangeJwtSettings(const v1::JwtKeySettings& settings, absl::Time now,
                       record::v1::SecretMetadata* metadata) {
  const absl::Duration longest = LongestTokenOf(*metadata, now);
  const absl::Duration said = MaxTokenOf(metadata->jwt());
  // Of an even longer limit, tokens from before an earlier change may be left.
  const int64_t until = std::max(absl::ToUnixMillis(OverAt(now, said)),
                                 longest > said ? metadata->jwt_former_until_ms() : 0);
  KeepFormerMaxAge(settings, now, metadata);
  *metadata->mutable_jwt() = settings;
  if (MaxTokenOf(settings) >= longest) {
    metadata->clear_jwt_former_token_seconds();
    metadata->clear_jwt_former_until_ms();
    return;
  }
  metadata->set_jwt_former_token_seconds(absl::ToInt64Seconds(longest));
  metadata->set_jwt_former_until_ms(until);
}

absl::Duration MaxTokenOf(const v1::JwtKeySettings& settings) {
  return SecondsOr(settings.max_token_seconds(), limits::kJwtUserSecondsMax);
}

absl::Duration PublishLeadOf(const v1::JwtKeySettings& settings) {
  return SecondsOr(settings.publish_lead_seconds(), limits::kJwtPublishLeadSecondsDefault);
}

absl::Duration JwksMaxAgeOf(const v1::JwtKeySettings& settings) {
  return std::min(absl::Seconds(limits::kJwksMaxAgeSeconds), PublishLeadOf(settings) / 2);
}

v1::JwtKeySettings EffectiveJwtSettings(const v1::JwtKeySettings& settings) {
  v1::JwtKeySettings out = settings;
  out.set_max_token_seconds(absl::ToInt64Seconds(MaxTokenOf(settings)));
  out.set_publish_lead_seconds(absl::ToInt64Seconds(PublishLeadOf(settings)));
  return out;
}

absl::Time SignsFrom(const record::v1::SecretMetadata& metadata, uint64_t version) {
  const VersionRecord* const record = FindVersion(metadata, version);
  if (!metadata.has_jwt() || record == nullptr || record->staged_ms() == 0) {
    return absl::InfinitePast();
  }
  const absl::Time published = absl::FromUnixMillis(record->staged_ms());
  return std::max(published + PublishLeadOf(metadata.jwt()),
                  FormerSetsKeptUntil(metadata, published));
}

absl::Time KidRevokedUntil(absl::Time now) {
  return OverAt(now, absl::Seconds(limits::kJwtUserSecondsMax));
}

JoseAlgorithm AlgorithmOf(const v1::JwtKeySettings& settings) {
  return *JoseAlgorithmFromName(settings.algorithm());
}

std::string KidOf(const Uuid& secret, SecretVersion version) {
  return absl::StrCat(HexEncode(secret.bytes().substr(0, kKidUuidBytes)), "-", version.value());
}

SecretVersion VersionIn(absl::string_view kid) {
  uint64_t version = 0;
  const size_t dash = kid.rfind('-');
  if (dash == absl::string_view::npos || !absl::SimpleAtoi(kid.substr(dash + 1), &version)) {
    return SecretVersion();
  }
  return SecretVersion(version);
}

absl::StatusOr<SecretBytes> MakeJwtValue(const v1::JwtKeySettings& settings) {
  const JoseAlgorithm algorithm = AlgorithmOf(settings);
  ASSIGN_OR_RETURN(const SecretBytes key, GenerateJoseKey(algorithm));
  return ExportJoseKey(algorithm, key);
}

absl::StatusOr<SecretBytes> JwtKeyOf(JoseAlgorithm algorithm, const SecretBytes& text, bool check) {
  if (algorithm != JoseAlgorithm::kHs256) return ImportJosePem(algorithm, text, check);
  ASSIGN_OR_RETURN(SecretBytes key, SecretBytes::CopyOf(text.ExposeForCrypto()));
  RETURN_IF_ERROR(CheckJoseKey(algorithm, key));
  return key;
}

}  // namespace keyturn
