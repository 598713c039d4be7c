#include "rotation/policy.h"

#include "tests/rotation/rotation_fixture.h"

namespace keyturn {
namespace {

using Edit = std::function<void(v1::RotationPolicy*)>;

std::string Check(const Edit& edit, v1::Kind kind = v1::KIND_API_KEY) {
  v1::RotationPolicy policy;
  edit(&policy);
  const absl::Status status = CheckRotationPolicy(policy, kind);
  EXPECT_TRUE(status.ok() || absl::IsInvalidArgument(status));
  return std::string(status.message());
}

TEST(RotationPolicyTest, TheDefaultsAreAllowed) {
  for (const v1::Kind kind :
       {v1::KIND_GENERIC, v1::KIND_API_KEY, v1::KIND_JWT_KEY, v1::KIND_DB_CREDENTIAL}) {
    EXPECT_OK(CheckRotationPolicy(v1::RotationPolicy(), kind));
  }
}

TEST(RotationPolicyTest, EachRefusalNamesWhatIsWrongAndWhatIsAllowed) {
  const std::vector<std::pair<Edit, std::string>> cases = {
      {[](auto* p) { p->set_period_seconds(59); },
       "policy.period_seconds is 59; allowed are 0 (the default) and 60 to 315360000"},
      {[](auto* p) { p->set_period_seconds(-90); },
       "policy.period_seconds is -90; allowed are 0 (the default) and 60 to 315360000"},
      {[](auto* p) { p->set_period_seconds(315'360'001); },
       "policy.period_seconds is 315360001; allowed are 0 (the default) and 60 to 315360000"},
      {[](auto* p) { p->set_grace_seconds(-2); },
       "policy.grace_seconds is -2; allowed are -1 (none), 0 (the default) and 1 to 7776000, the "
       "period"},
      {[](auto* p) { p->set_grace_seconds(7'776'001); },
       "policy.grace_seconds is 7776001; allowed are -1 (none), 0 (the default) and 1 to 7776000, "
       "the period"},
      {[](auto* p) { p->set_jitter_max_seconds(3'888'001); },
       "policy.jitter_max_seconds is 3888001; allowed are -1 (none), 0 (the default) and 1 to "
       "3888000, half of the period"},
      {[](auto* p) {
         p->set_period_seconds(3600);
         p->set_grace_mode(v1::RotationPolicy::BEFORE);
       },
       "policy.grace_seconds is 3600 with grace_mode BEFORE; it must be less than 3600, the "
       "period, or each version would be replaced at once"},
      {[](auto* p) { p->set_max_credential_age_seconds(604'800); },
       "policy.max_credential_age_seconds is 604800; allowed are 0 (no bound) and 1209600, twice "
       "the grace, to 315360000"},
      {[](auto* p) {
         for (int i = 0; i < 9; ++i) p->add_windows();
       },
       "policy.windows is 9; allowed are at most 8"},
      {[](auto* p) { p->mutable_source()->mutable_generate()->set_field(std::string(8190, 'x')); },
       "policy: 8199 bytes; at most 8192"},
      {[](auto* p) { p->set_destroy_after_seconds(-1); },
       "policy.destroy_after_seconds is -1; allowed are 0 (the default) and 1 to 315360000"},
      {[](auto* p) { p->set_grace_mode(static_cast<v1::RotationPolicy::GraceMode>(7)); },
       "policy.grace_mode is 7; allowed are AFTER and BEFORE"},
      {[](auto* p) { p->set_enforcement(static_cast<v1::RotationPolicy::Enforcement>(7)); },
       "policy.enforcement is 7; allowed are STRICT and SOFT"},
      {[](auto* p) { p->set_retire_gate(static_cast<v1::RotationPolicy::RetireGate>(7)); },
       "policy.retire_gate is 7; allowed are NONE, WARN and BLOCK"},
      {[](auto* p) { p->set_max_live_versions(1); },
       "policy.max_live_versions is 1; allowed are 0 (the default) and 2 to 20"},
      {[](auto* p) { p->set_max_live_versions(21); },
       "policy.max_live_versions is 21; allowed are 0 (the default) and 2 to 20"},
      {[](auto* p) { p->add_after()->set_path("a//b"); },
       "policy.after: path: segment 2 is empty; write a/b, without a leading, trailing or double "
       "'/'"},
      {[](auto* p) {
         p->add_after()->set_path("a");
         p->mutable_after(0)->set_offset_seconds(-1);
       },
       "policy.after.offset_seconds is -1; allowed are 0 to 3888000, half of the period"},
      {[](auto* p) {
         for (int i = 0; i < 9; ++i) p->add_after()->set_path("a");
       },
       "policy.after is 9; allowed are at most 8 secrets"},
  };
  for (const auto& [edit, said] : cases) EXPECT_EQ(Check(edit), said);
  EXPECT_EQ(Check([](auto* p) { p->mutable_source()->mutable_generate(); }, v1::KIND_DB_CREDENTIAL),
            "policy.source is generate for a db_credential, whose database would not know the "
            "value; allowed is reminder, or a target that sets it");
}

TEST(RotationPolicyTest, AWindowThatIsWrongIsNamed) {
  const auto window = [](const char* cron, int64_t seconds, const char* zone) {
    return Check([=](v1::RotationPolicy* p) {
      p->add_windows()->set_cron("0 2 * * SUN");
      p->mutable_windows(0)->set_duration_seconds(3600);
      v1::RotationWindow* const bad = p->add_windows();
      bad->set_cron(cron);
      bad->set_duration_seconds(seconds);
      bad->set_time_zone(zone);
    });
  };
  EXPECT_EQ(window("0 2 * * SUN", 3600, "Europe/Berlin"), "");
  EXPECT_EQ(window("0 2 * * SUN", 3600, ""), "");
  for (const std::string& said : {window("0 2 * *", 3600, ""), window("0 2 * * SUN", 1, ""),
                                  window("0 2 * * SUN", 3600, "Mars/Base")}) {
    EXPECT_TRUE(absl::StrContains(said, "policy.windows[1]: ")) << said;
  }
}

TEST(RotationPolicyTest, OnlyJwtKeysAreMadeByDefault) {
  v1::RotationPolicy policy;
  EXPECT_TRUE(MakesValues(policy, v1::KIND_JWT_KEY));
  EXPECT_FALSE(MakesValues(policy, v1::KIND_API_KEY));
  EXPECT_FALSE(MakesValues(policy, v1::KIND_GENERIC));
  policy.mutable_source()->mutable_generate();
  EXPECT_TRUE(MakesValues(policy, v1::KIND_GENERIC));
  policy.mutable_source()->mutable_reminder();
  EXPECT_FALSE(MakesValues(policy, v1::KIND_JWT_KEY));
}

}  // namespace
}  // namespace keyturn
