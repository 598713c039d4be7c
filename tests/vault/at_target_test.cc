#include "vault/at_target.h"

#include "tests/support/status.h"
#include "vault/rotation_rules.h"

namespace keyturn {
namespace {

constexpr v1::VersionState kStates[] = {v1::VERSION_STATE_PENDING,  v1::VERSION_STATE_CURRENT,
                                        v1::VERSION_STATE_GRACE,    v1::VERSION_STATE_RETIRING,
                                        v1::VERSION_STATE_RETIRED,  v1::VERSION_STATE_ABANDONED,
                                        v1::VERSION_STATE_DESTROYED};

std::string Working(const SecretMetadata& metadata) {
  std::string out;
  for (const v1::VersionState state : kStates) {
    VersionRecord version;
    version.set_state(state);
    out += WorksAtTarget(metadata, version) ? '1' : '0';
  }
  return out;
}

TEST(AtTarget, WhatIsInUseThereOrMayBeWorksThere) {
  SecretMetadata metadata;
  EXPECT_EQ(Working(metadata), "0000000");
  metadata.mutable_rotation();
  EXPECT_EQ(Working(metadata), "0000000");
  metadata.mutable_rotation()->mutable_policy()->set_target("a");
  EXPECT_EQ(Working(metadata), "1111000");
  metadata.mutable_jwt();  // a key that signs is nowhere but here
  EXPECT_EQ(Working(metadata), "0000000");
}

TEST(AtTarget, WithoutAPolicyNobodyWouldRetireIt) {
  VersionRecord version;
  version.set_state(v1::VERSION_STATE_CURRENT);
  version.set_target("a");
  EXPECT_FALSE(WorksAtTarget(SecretMetadata(), version));
}

TEST(AtTarget, WhatWasInUseIsRetiredAtOnceAndAGraceEndsWhenItWouldHave) {
  SecretMetadata metadata;
  metadata.mutable_rotation()->mutable_policy()->set_target("a");
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  for (const v1::VersionState state : {v1::VERSION_STATE_PENDING, v1::VERSION_STATE_CURRENT}) {
    VersionRecord version;
    version.set_state(state);
    version.set_retire_error("away");
    RetireAtTarget(metadata, now, &version);
    EXPECT_TRUE(IsState(version, v1::VERSION_STATE_RETIRING));
    EXPECT_EQ(version.target(), "a");
    EXPECT_EQ(version.grace_end_ms(), absl::ToUnixMillis(now));
    EXPECT_EQ(version.retire_error(), "");
  }
  VersionRecord version;
  version.set_state(v1::VERSION_STATE_GRACE);
  version.set_grace_end_ms(7);
  RetireAtTarget(metadata, now, &version);
  EXPECT_TRUE(IsState(version, v1::VERSION_STATE_GRACE));
  EXPECT_EQ(version.grace_end_ms(), 7);
}

}  // namespace
}  // namespace keyturn
