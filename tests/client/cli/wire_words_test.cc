#include "client/cli/wire_words.h"

#include <gtest/gtest.h>

namespace keyturn::cli {
namespace {

TEST(WireWords, FieldsAreFlags) {
  EXPECT_EQ(InFlags("a role needs at least one of bound_spiffe_ids and bound_fingerprints"),
            "a role needs at least one of --spiffe-id and --fingerprint");
  EXPECT_EQ(InFlags("token_ttl_seconds must not be more than token_max_ttl_seconds"),
            "--token-ttl must not be more than --token-max-ttl");
  EXPECT_EQ(InFlags("this secret takes only writes with if_version (compare and set)"),
            "this secret takes only writes with --if-version (compare and set)");
}

TEST(WireWords, FieldsOfApiKeysAreFlags) {
  EXPECT_EQ(InFlags("scopes: number 1 is none"), "--scope: number 1 is none");
  EXPECT_EQ(InFlags("not_after_time: is later than the key's"),
            "--not-after: is later than the key's");
  EXPECT_EQ(InFlags("policy.target: there is no 'x' among targets; a target is the server's"),
            "--target: there is no 'x' among targets; a target is the server's");
  EXPECT_EQ(InFlags("source_address: is no IP address"), "--source: is no IP address");
  EXPECT_EQ(InFlags("ttl_seconds: 9; allowed are 1 to 7776000"),
            "--ttl: 9; allowed are 1 to 7776000 seconds (90d)");
}

TEST(WireWords, FieldsOfAPolicyAreFlagsToo) {
  EXPECT_EQ(InFlags("policy.grace_seconds is 9; allowed are 0 to 8"),
            "--grace is 9; allowed are 0 to 8");
  EXPECT_EQ(InFlags("policy.windows[0]: zone"), "policy.windows[0]: zone");
}

TEST(WireWords, BoundsInSecondsHaveTheirUnit) {
  EXPECT_EQ(InFlags("ttl_seconds must be 0 to 2764800"),
            "--ttl must be 0 to 2764800 seconds (32d)");
  EXPECT_EQ(InFlags("period_seconds must be 0 to 86401"), "--period must be 0 to 86401 seconds");
  EXPECT_EQ(InFlags("max_versions must be at most 100000"),
            "--max-versions must be at most 100000");
}

TEST(WireWords, NumbersThatCannotBeTypedAreWords) {
  EXPECT_EQ(InFlags("policy.grace_seconds is -2; allowed are -1 (none), 0 (the default) and 1 to "
                    "7776000, the period"),
            "--grace is -2; allowed are none and 1 to 7776000 seconds (90d), the period");
  EXPECT_EQ(InFlags("period_seconds is 5; allowed are 0 (the default) and 3600 to 7200"),
            "--period is 5; allowed are 3600 to 7200");
  EXPECT_EQ(InFlags("policy.max_credential_age_seconds is 5; allowed are 0 (no bound) and 1209600, "
                    "twice the grace, to 315360000"),
            "--max-age is 5; allowed are none and 1209600 seconds (14d), twice the grace, to "
            "315360000 seconds (3650d)");
  EXPECT_EQ(InFlags("hold_seconds: allowed are 0 (24 hours) and 1 to 7776000"),
            "--hold: allowed are 1 to 7776000 seconds (90d)");
  EXPECT_EQ(InFlags("max_live_versions is 9; allowed are 0 (the default) and 2 to 5"),
            "--max-live is 9; allowed are 0 (the default) and 2 to 5");
}

TEST(WireWords, FieldsOfWebhooksAreFlagsWhereTheyAreNamed) {
  EXPECT_EQ(InFlags("types: there are these types"), "--type: there are these types");
  EXPECT_EQ(InFlags("paths: a*b"), "--path: a*b");
  EXPECT_EQ(InFlags("it says which paths it is for"), "it says which paths it is for");
}

TEST(WireWords, OtherWordsStay) {
  EXPECT_EQ(InFlags("my_max_uses_file, b/ttl_secondsx: no secret"),
            "my_max_uses_file, b/ttl_secondsx: no secret");
  EXPECT_EQ(InFlags(""), "");
}

}  // namespace
}  // namespace keyturn::cli
