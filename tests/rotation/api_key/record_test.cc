// What is refused, word by word: callers are told which field it is and what is allowed.
#include "rotation/api_key/record.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/rotation/api_key/api_key_fixture.h"

namespace keyturn {
namespace {

class ApiKeyRefusals : public ApiKeyFixture {
 protected:
  std::string Moved(const std::string& id, absl::Time end) {
    return std::string(SetGrace(id, end).status().message());
  }
  std::string RolledWithGrace(const std::string& id, int64_t seconds) {
    v1::RollApiKeyRequest request;
    request.set_id(id);
    request.set_grace_seconds(seconds);
    const absl::StatusOr<IssuedApiKey> rolled = keys_->Roll(*updater_, request);
    return std::string(rolled.status().message());
  }
};

TEST_F(ApiKeyRefusals, AGraceNeedsAnEnd) {
  const Key key = Make("a");
  Roll(key.id);
  v1::SetApiKeyGraceRequest request;
  request.set_id(key.id);
  request.set_reason("somebody is late");
  const absl::StatusOr<v1::ApiKeyInfo> moved = keys_->SetGrace(*updater_, request);
  EXPECT_CODE(moved, kInvalidArgument);
  EXPECT_EQ(moved.status().message(), "end_time: is required");
}

TEST_F(ApiKeyRefusals, AGraceEndsWithItsKey) {
  const Key key = Make("a");
  Roll(key.id);
  EXPECT_EQ(Moved(key.id, clock_.Now() + Days(90) + absl::Seconds(1)),
            "end_time: is later than the end of the key itself");
  EXPECT_CODE(SetGrace(key.id, clock_.Now() + Days(91)), kInvalidArgument);
  EXPECT_EQ(Moved(key.id, clock_.Now() + Days(90)), "");  // to the last moment
}

// Of a key that ends later than one that is made now: the clock was set back.
TEST_F(ApiKeyRefusals, AGraceIsNinetyDaysAtMost) {
  const Key key = Make("a");
  Roll(key.id);
  clock_.SetTime(clock_.Now() - Days(1));
  EXPECT_EQ(Moved(key.id, clock_.Now() + Days(90) + absl::Seconds(1)),
            "end_time: is more than 7776000 seconds ahead");
  EXPECT_CODE(SetGrace(key.id, clock_.Now() + Days(90) + absl::Seconds(1)), kInvalidArgument);
  EXPECT_EQ(Moved(key.id, clock_.Now() + Days(90)), "");
}

TEST_F(ApiKeyRefusals, ARollSaysWhichGracesThereAre) {
  const Key key = Make("a");
  EXPECT_EQ(RolledWithGrace(key.id, -1), "grace_seconds: -1; allowed are 0 to 7776000");
  EXPECT_EQ(RolledWithGrace(key.id, 7'776'001), "grace_seconds: 7776001; allowed are 0 to 7776000");
  EXPECT_EQ(States(key.id), "1 CURRENT");
  EXPECT_EQ(RolledWithGrace(key.id, 7'776'000), "");
  EXPECT_EQ(States(key.id), "2 CURRENT, 1 GRACE");
}

TEST_F(ApiKeyRefusals, ARollSaysWhatMakesRoom) {
  const Key key = Make("a");
  Roll(key.id);
  Roll(key.id);
  EXPECT_EQ(RolledWithGrace(key.id, 60),
            "3 secrets of the key would work beside each other; wait for a grace to end, end one, "
            "or force it, which ends the oldest");
  EXPECT_EQ(Roll(key.id), "GRACE_ACTIVE");
}

TEST_F(ApiKeyRefusals, AnUpdateSaysHowScopesAreReplaced) {
  const Key key = Make("a", {"read"});
  v1::UpdateApiKeyRequest update;
  update.set_id(key.id);
  update.add_scopes("write");
  const absl::StatusOr<v1::ApiKeyInfo> updated = keys_->Update(*updater_, update);
  EXPECT_CODE(updated, kInvalidArgument);
  EXPECT_EQ(updated.status().message(),
            "scopes: they replace those that are there; say so with replace_scopes");
  EXPECT_EQ(Verify(key.text, {"read"}), "VALID");
}

TEST_F(ApiKeyRefusals, AnUpdateSaysWhatRenewsAKey) {
  const Key key = Make("a");
  v1::UpdateApiKeyRequest update;
  update.set_id(key.id);
  update.mutable_not_after_time()->set_seconds(absl::ToUnixSeconds(clock_.Now() + Days(91)));
  EXPECT_EQ(keys_->Update(*updater_, update).status().message(),
            "not_after_time: is later than the key's; roll the key, which renews it");
}

}  // namespace
}  // namespace keyturn
