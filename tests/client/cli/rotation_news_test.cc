#include "client/cli/rotation_news.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/timestamps.h"

namespace keyturn::cli {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'767'225'600);

v1::RotationStatus StatusWith(uint64_t current, absl::Time due) {
  v1::RotationStatus status;
  status.set_path("app/key");
  status.set_rotates(true);
  status.set_current_version(current);
  *status.mutable_due_time() = ToTimestamp(due);
  v1::VersionInfo& version = *status.add_versions();
  version.set_version(current);
  version.set_state(v1::VERSION_STATE_CURRENT);
  return status;
}

void AddFormer(v1::RotationStatus* status, uint64_t number, v1::VersionState state,
               absl::Time grace_end) {
  v1::VersionInfo& version = *status->add_versions();
  version.set_version(number);
  version.set_state(state);
  *version.mutable_grace_end_time() = ToTimestamp(grace_end);
}

std::string Text(const std::vector<RotationNews>& news) {
  return absl::StrJoin(news, "; ", [](std::string* out, const RotationNews& item) {
    absl::StrAppend(out, item.path, " ", item.version, " ", item.state);
  });
}

TEST(RotationFollower, TellsWhatChangedFromOneLookToTheNext) {
  RotationFollower follower;
  EXPECT_EQ(Text(follower.Take(StatusWith(1, kNow + absl::Hours(1)), kNow)), "");
  EXPECT_EQ(Text(follower.Take(StatusWith(1, kNow + absl::Hours(1)), kNow)), "");
  v1::RotationStatus promoted = StatusWith(2, kNow + absl::Hours(48));
  AddFormer(&promoted, 1, v1::VERSION_STATE_GRACE, kNow + absl::Hours(24));
  EXPECT_EQ(Text(follower.TakeChanged(promoted, 2, kNow)),
            "app/key 1 grace until 2026-01-02T00:00:00Z; app/key 2 current; app/key 0 next "
            "2026-01-03T00:00:00Z");
  promoted.mutable_versions(1)->set_state(v1::VERSION_STATE_RETIRED);
  EXPECT_EQ(Text(follower.Take(promoted, kNow)), "app/key 1 retired");
}

// The moments that the status tells, and a server that is late is asked again.
TEST(RotationFollower, KnowsWhenToLookNext) {
  RotationFollower follower;
  EXPECT_EQ(follower.next(), absl::InfiniteFuture());
  v1::RotationStatus status = StatusWith(2, kNow + absl::Hours(48));
  AddFormer(&status, 1, v1::VERSION_STATE_GRACE, kNow + absl::Hours(24));
  follower.Take(status, kNow);
  const absl::Time end = kNow + absl::Hours(24) + absl::Seconds(2);
  EXPECT_EQ(follower.next(), end);
  EXPECT_TRUE(follower.Due(end - absl::Milliseconds(1)).empty());
  EXPECT_EQ(follower.Due(end), (std::vector<std::string>{"app/key"}));
  follower.Take(status, end);
  EXPECT_EQ(follower.next(), end + absl::Seconds(10));
  EXPECT_EQ(follower.Due(follower.next()).size(), 1u);
  status.mutable_versions(1)->set_state(v1::VERSION_STATE_RETIRING);
  *status.mutable_versions(1)->mutable_retire_retry_time() = ToTimestamp(end + absl::Minutes(3));
  follower.Take(status, end);
  EXPECT_EQ(follower.next(), end + absl::Minutes(3) + absl::Seconds(2));
}

TEST(RotationFollower, OfASecretNotKnownItTellsWhatAChangeWasOf) {
  RotationFollower follower;
  v1::RotationStatus status = StatusWith(2, kNow + absl::Hours(1));
  AddFormer(&status, 1, v1::VERSION_STATE_RETIRED, kNow);
  EXPECT_EQ(Text(follower.TakeChanged(status, 2, kNow)),
            "app/key 2 current; app/key 0 next 2026-01-01T01:00:00Z");
  follower.Forget("app/key");
  status.set_rotates(false);
  EXPECT_EQ(Text(follower.TakeChanged(status, 2, kNow)), "");
}

TEST(RotationFollower, SaysWhatTheSecretWaitsFor) {
  RotationFollower follower;
  v1::RotationStatus status = StatusWith(1, kNow + absl::Hours(1));
  follower.Take(status, kNow);
  status.set_paused(true);
  status.set_pause_reason("freeze");
  EXPECT_EQ(Text(follower.Take(status, kNow)), "app/key 0 paused: freeze");
  status.mutable_open_run()->set_state(v1::RotationRun::AWAITING_VALUE);
  EXPECT_EQ(Text(follower.Take(status, kNow)), "app/key 0 waits for a value of its owner");
  status.mutable_open_run()->set_state(v1::RotationRun::BLOCKED);
  status.mutable_open_run()->set_step(v1::RotationRun::APPLY);
  status.mutable_open_run()->set_error("refused");
  EXPECT_EQ(Text(follower.Take(status, kNow)), "app/key 0 blocked at apply: refused");
}

// A date would say that there is a rotation then.
TEST(RotationFollower, OfADeletedSecretItSaysThatNothingStarts) {
  RotationFollower follower;
  v1::RotationStatus status = StatusWith(2, kNow + absl::Hours(1));
  follower.Take(status, kNow);
  *status.mutable_versions(0)->mutable_delete_time() = ToTimestamp(kNow);
  EXPECT_EQ(Text(follower.TakeChanged(status, 0, kNow)),
            "app/key 2 current (deleted); app/key 0 nothing starts: version 2, the current one, is "
            "deleted");
  // Also of one that is seen for the first time.
  EXPECT_EQ(Text(RotationFollower().TakeChanged(status, 0, kNow)),
            "app/key 2 current (deleted); app/key 0 nothing starts: version 2, the current one, is "
            "deleted");
  status.set_paused(true);
  EXPECT_EQ(Text(follower.Take(status, kNow)), "");
  status.set_paused(false);
  status.mutable_versions(0)->clear_delete_time();
  EXPECT_EQ(Text(follower.Take(status, kNow)),
            "app/key 2 current; app/key 0 next 2026-01-01T01:00:00Z");
  // Deleted for good, and its data gone.
  status.mutable_versions(0)->set_state(v1::VERSION_STATE_DESTROYED);
  *status.mutable_versions(0)->mutable_delete_time() = ToTimestamp(kNow);
  EXPECT_EQ(Text(follower.Take(status, kNow)),
            "app/key 2 destroyed; app/key 0 nothing starts: version 2, the current one, is "
            "destroyed");
}

TEST(RotationFollower, LooksAgainWhenTheCurrentValueExpires) {
  RotationFollower follower;
  v1::RotationStatus status = StatusWith(1, kNow + absl::Hours(48));
  const absl::Time end = kNow + absl::Hours(1);
  *status.mutable_versions(0)->mutable_expire_time() = ToTimestamp(end);
  follower.Take(status, kNow);
  EXPECT_EQ(follower.Due(end + absl::Seconds(2)), std::vector<std::string>{"app/key"});
  EXPECT_EQ(Text(follower.Take(status, end + absl::Seconds(2))),
            "app/key 0 nothing starts: version 1, the current one, has expired");
}

TEST(RotationFollower, LooksAgainWhenSomethingFallsDue) {
  RotationFollower follower;
  v1::RotationStatus status = StatusWith(2, kNow + absl::Hours(3));
  AddFormer(&status, 1, v1::VERSION_STATE_GRACE, kNow + absl::Hours(1));
  follower.Take(status, kNow);
  follower.LookAt("other", kNow + absl::Hours(2));
  EXPECT_TRUE(follower.Due(kNow + absl::Hours(1)).empty());
  EXPECT_EQ(follower.Due(kNow + absl::Hours(1) + absl::Seconds(2)),
            std::vector<std::string>{"app/key"});
  EXPECT_EQ(follower.Due(kNow + absl::Hours(9)), (std::vector<std::string>{"other", "app/key"}));
  EXPECT_TRUE(follower.Due(kNow + absl::Hours(9)).empty());
}

}  // namespace
}  // namespace keyturn::cli
