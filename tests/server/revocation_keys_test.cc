#include "server/revocation_keys.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

absl::StatusOr<RevocationName> NameFrom(void (v1::RevocationTarget::*set)(std::string&&),
                                        std::string name) {
  v1::RevocationTarget target;
  (target.*set)(std::move(name));
  return NameOf(target);
}

TEST(RevocationKeysTest, EachKindHasItsKey) {
  EXPECT_EQ(KeyOf(RevocationKind::kJti, "5f0c"), "5f0c");
  EXPECT_EQ(KeyOf(RevocationKind::kSubject, "alice"), "subject:alice");
  EXPECT_EQ(KeyOf(RevocationKind::kKid, "2026-11"), "kid:2026-11");
  EXPECT_EQ(KeyOf(RevocationKind::kApiKey, "9"), "api_key:9");
  EXPECT_EQ(KeyOf(RevocationKind::kCertificate, "0AFF"), "certificate:0aff");
  EXPECT_EQ(KeyOf(RevocationKind::kRole, "api"), "role:api");
  EXPECT_EQ(KeyOf(RevocationKind::kAll, ""), "all");
}

TEST(RevocationKeysTest, NoJtiIsTakenForAnotherKind) {
  for (const char* const name :
       {"all", "subject:a", "kid:", "api_key:x", "certificate:00", "role:api"}) {
    EXPECT_CODE(CheckName(RevocationKind::kJti, name), kInvalidArgument);
    EXPECT_OK(CheckName(RevocationKind::kSubject, name == std::string("kid:") ? "k" : name));
    const std::string key = name;
    const bool of_services = key.substr(0, 3) == "kid" || key.substr(0, 3) == "api";
    EXPECT_EQ(MayBeOurs(key), !of_services) << name;
  }
  for (const char* const name : {"all2", "subjects:a", "rolex", "subject", "5f0c2b1e-7d3a"}) {
    EXPECT_OK(CheckName(RevocationKind::kJti, name));
    EXPECT_FALSE(MayBeOurs(name)) << name;
  }
  EXPECT_TRUE(MayBeOurs("kts-00"));
  EXPECT_TRUE(MayBeOurs("ktb-00"));
}

TEST(RevocationKeysTest, ABadNameIsSaidToBe) {
  EXPECT_EQ(CheckName(RevocationKind::kSubject, "").message(), "subject must have 1 to 2048 bytes");
  EXPECT_OK(CheckName(RevocationKind::kSubject, std::string(limits::kRevocationNameBytesMax, 'a')));
  EXPECT_CODE(
      CheckName(RevocationKind::kSubject, std::string(limits::kRevocationNameBytesMax + 1, 'a')),
      kInvalidArgument);
  EXPECT_EQ(CheckName(RevocationKind::kKid, "a\nb").message(),
            "kid must have no control characters");
  EXPECT_OK(CheckName(RevocationKind::kCertificate, "0AfF"));
  EXPECT_OK(CheckName(RevocationKind::kCertificate, "af1"));
  EXPECT_EQ(KeyOf(RevocationKind::kCertificate, "00AF1"), "certificate:0af1");
  EXPECT_EQ(KeyOf(RevocationKind::kCertificate, "0000AB"), "certificate:ab");
  EXPECT_EQ(KeyOf(RevocationKind::kCertificate, "00"), "certificate:00");
  EXPECT_CODE(CheckName(RevocationKind::kCertificate, "0a:ff"), kInvalidArgument);
}

TEST(RevocationKeysTest, ATargetIsOneOfThem) {
  ASSERT_OK_AND_ASSIGN(const RevocationName kid,
                       NameFrom(&v1::RevocationTarget::set_kid<std::string>, "k"));
  EXPECT_EQ(kid.kind, RevocationKind::kKid);
  EXPECT_EQ(kid.name, "k");
  EXPECT_EQ(NameOf({}).status().message(),
            "target must be one of jti, subject, kid, api_key, certificate, role and all");
  v1::RevocationTarget all;
  all.set_all(false);
  EXPECT_EQ(NameOf(all).status().message(), "all must be true, or left out");
  all.set_all(true);
  ASSERT_OK_AND_ASSIGN(const RevocationName everything, NameOf(all));
  EXPECT_EQ(everything.kind, RevocationKind::kAll);
}

TEST(RevocationKeysTest, ATokenIsNotTakenForItsId) {
  for (const char* const token : {"kts.AAAA", "ktb.AAAA", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"}) {
    EXPECT_CODE(CheckName(RevocationKind::kJti, token), kInvalidArgument);
    EXPECT_EQ(std::string(CheckName(RevocationKind::kJti, token).message()).find(token),
              std::string::npos);
  }
  EXPECT_OK(CheckName(RevocationKind::kJti, "eyJhbGciOiJIUzI1NiJ9"));
}

TEST(RevocationKeysTest, ATimeIsANumericDate) {
  const absl::Time time = absl::FromUnixMillis(1'764'230'400'042);
  EXPECT_EQ(ValueOf({time}), "1764230400.042");
  EXPECT_EQ(RefusalOf("1764230400.042"), Refusal{time});
  EXPECT_EQ(RefusalOf("1764230400"), Refusal{absl::FromUnixSeconds(1'764'230'400)});
  EXPECT_EQ(RefusalOf("1764230400.5"), Refusal{absl::FromUnixMillis(1'764'230'400'500)});
  EXPECT_EQ(RefusalOf("1764230400.0429"), Refusal{time});
  EXPECT_EQ(RefusalOf("1000000000"), Refusal{absl::FromUnixSeconds(1'000'000'000)});
  const Refusal both = {time, time + absl::Hours(1)};
  EXPECT_EQ(ValueOf(both), "1764230400.042 1764234000.042");
  EXPECT_EQ(RefusalOf(ValueOf(both)), both);
  EXPECT_EQ(ValueOf({}), "1");
}

// Whoever puts something else means that it is revoked.
TEST(RevocationKeysTest, WhatIsNoTimeEndsEverything) {
  for (const char* const value :
       {"", "1", "true", "revoked", "999999999", "100000000000", "1764230400042", "-1764230400",
        "1764230400.", "1764230400.x", " 1764230400", "1764230400.04 ", "1764230400,5",
        "1764230400 1", "1764230400 1764230400 1764230400", "99999999999999999999999"}) {
    EXPECT_EQ(RefusalOf(value), Refusal()) << value;
  }
}

// A lock-out for a while and a password change: each goes on for as long as it would by itself.
TEST(RevocationKeysTest, TwoEntriesTogetherRefuseWhatEitherDoes) {
  const absl::Time now = absl::FromUnixSeconds(1'764'230'400);
  const TimedValue locked = {"1", now + absl::Minutes(15)};
  const TimedValue changed = {ValueOf({now}), absl::InfiniteFuture()};
  for (const TimedValue& merged : {Merge(locked, changed), Merge(changed, locked)}) {
    EXPECT_EQ(merged.value, ValueOf({now, now + absl::Minutes(15)}));
    EXPECT_EQ(merged.expires, absl::InfiniteFuture());
    EXPECT_EQ(Merge(merged, locked).value, merged.value);
    EXPECT_EQ(Merge(merged, changed).value, merged.value);
  }
  const TimedValue barred = {"1", absl::InfiniteFuture()};
  EXPECT_EQ(Merge(barred, changed).value, "1");
  EXPECT_EQ(Merge(changed, barred).value, "1");
  EXPECT_EQ(Merge({"1", now}, {"1", now + absl::Hours(1)}).value, "1");
}

}  // namespace
}  // namespace keyturn
