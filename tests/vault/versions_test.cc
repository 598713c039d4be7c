#include "vault/versions.h"

#include "base/limits.h"
#include "tests/vault/vault_fixture.h"

namespace keyturn {
namespace {

constexpr int64_t kNowMs = 1'767'225'600'000;
const absl::Time kNow = absl::FromUnixMillis(kNowMs);

v1::VersionSelector Number(uint64_t number) {
  v1::VersionSelector selector;
  selector.set_number(number);
  return selector;
}
v1::VersionSelector Previous() {
  v1::VersionSelector selector;
  selector.set_alias(v1::VersionSelector::PREVIOUS);
  return selector;
}

class VersionsTest : public testing::Test {
 protected:
  VersionsTest() { metadata_.set_max_versions(10); }

  void Add(int count) {
    for (int i = 0; i < count; ++i) AddVersion(&metadata_, kNow, "p", absl::ZeroDuration(), 1);
  }
  // The number of the version, or the error.
  std::string Select(const v1::VersionSelector& selector, absl::Time now = kNow) {
    const auto version = SelectVersion(metadata_, selector, now);
    return version.ok() ? std::to_string((*version)->version()) : Said(version.status());
  }
  std::string Merge(const std::map<std::string, std::string>& changes) {
    return Said(MergeCustomMetadata({changes.begin(), changes.end()}, &metadata_));
  }

  SecretMetadata metadata_;
};

TEST_F(VersionsTest, ANewVersionIsTheCurrentOneAndItsFormerThePrevious) {
  const VersionRecord* first = AddVersion(&metadata_, kNow, "ci", absl::ZeroDuration(), 7);
  EXPECT_EQ(first->version(), 1u);
  EXPECT_EQ(first->created_ms(), kNowMs);
  EXPECT_EQ(first->created_by(), "ci");
  EXPECT_EQ(first->size(), 7u);
  EXPECT_EQ(first->expire_ms(), 0);
  Add(1);
  EXPECT_EQ(metadata_.newest_version(), 2u);
  EXPECT_EQ(metadata_.current_version(), 2u);
  EXPECT_EQ(metadata_.versions(0).state(), static_cast<uint32_t>(v1::VERSION_STATE_PREVIOUS));
  EXPECT_EQ(metadata_.versions(1).state(), static_cast<uint32_t>(v1::VERSION_STATE_CURRENT));
}

TEST_F(VersionsTest, ADestroyedVersionStaysDestroyedWhenANewOneComes) {
  Add(1);
  MarkDestroyed(FindVersion(&metadata_, 1));
  Add(1);
  EXPECT_TRUE(IsDestroyed(metadata_.versions(0)));
}

TEST_F(VersionsTest, AVersionsOwnTimeToLiveGoesBeforeThatOfTheSecret) {
  metadata_.set_version_ttl_seconds(60);
  EXPECT_EQ(AddVersion(&metadata_, kNow, "p", absl::ZeroDuration(), 1)->expire_ms(),
            kNowMs + 60'000);
  EXPECT_EQ(AddVersion(&metadata_, kNow, "p", absl::Seconds(5), 1)->expire_ms(), kNowMs + 5'000);
}

TEST_F(VersionsTest, PreviousIsTheNewestBeforeTheCurrentThatIsLeft) {
  EXPECT_EQ(Select(Previous()), "NOT_FOUND VERSION_NOT_FOUND: the secret has no such version");
  EXPECT_EQ(Select({}), "NOT_FOUND VERSION_NOT_FOUND: the secret has no such version");
  Add(3);
  EXPECT_EQ(Select({}), "3");
  EXPECT_EQ(Select(Previous()), "2");
  MarkDestroyed(FindVersion(&metadata_, 2));
  EXPECT_EQ(Select(Previous()), "1");
  MarkDestroyed(FindVersion(&metadata_, 1));
  EXPECT_EQ(Select(Previous()), "NOT_FOUND VERSION_NOT_FOUND: the secret has no such version");
}

TEST_F(VersionsTest, WhyAVersionCannotBeReadIsSaidInOrder) {
  Add(2);
  EXPECT_EQ(Select(Number(1)), "1");
  EXPECT_EQ(Select(Number(3)), "NOT_FOUND VERSION_NOT_FOUND: version 3 does not exist");
  VersionRecord* first = FindVersion(&metadata_, 1);
  first->set_deleted_ms(kNowMs);
  EXPECT_EQ(Select(Number(1)),
            "FAILED_PRECONDITION VERSION_DELETED: version 1 is deleted; run: keyturn secret "
            "undelete, or read another version");
  // Undeleting would not help any more.
  first->set_expire_ms(kNowMs + 1);
  EXPECT_EQ(Select(Number(1), kNow + absl::Milliseconds(1)),
            "NOT_FOUND VERSION_EXPIRED: version 1 has expired");
  MarkDestroyed(first);
  EXPECT_EQ(Select(Number(1), kNow + absl::Milliseconds(1)),
            "NOT_FOUND VERSION_DESTROYED: version 1 is destroyed");
}

TEST_F(VersionsTest, AVersionExpiresAtTheMomentItSays) {
  Add(1);
  metadata_.mutable_versions(0)->set_expire_ms(kNowMs + 5);
  EXPECT_EQ(Select({}, kNow + absl::Milliseconds(4)), "1");
  EXPECT_EQ(Select({}, kNow + absl::Milliseconds(5)),
            "NOT_FOUND VERSION_EXPIRED: version 1 has expired");
}

TEST_F(VersionsTest, TheOldestBeyondTheBoundArePruned) {
  Add(4);
  metadata_.set_max_versions(4);
  EXPECT_TRUE(PruneVersions(&metadata_).empty());
  metadata_.set_max_versions(2);
  const std::vector<VersionRecord> pruned = PruneVersions(&metadata_);
  ASSERT_EQ(pruned.size(), 2u);
  EXPECT_EQ(pruned[0].version(), 1u);
  EXPECT_EQ(pruned[1].version(), 2u);
  EXPECT_EQ(Select(Number(2)), "NOT_FOUND VERSION_NOT_FOUND: version 2 does not exist");
  EXPECT_EQ(Select({}), "4");
}

TEST_F(VersionsTest, NoMoreArePrunedThanFitInOneUpdate) {
  Add(60);
  metadata_.set_max_versions(1);
  EXPECT_EQ(PruneVersions(&metadata_).size(), limits::kVersionsPerUpdateMax);
  EXPECT_EQ(metadata_.versions(0).version(), 41u);
  EXPECT_EQ(PruneVersions(&metadata_, 5).size(), 5u);
  EXPECT_EQ(PruneVersions(&metadata_).size(), 14u);
  EXPECT_EQ(metadata_.versions_size(), 1);
}

TEST_F(VersionsTest, ADestroyedVersionKeepsItsStory) {
  Add(1);
  VersionRecord* version = FindVersion(&metadata_, 1);
  version->set_deleted_ms(kNowMs);
  version->set_purge_ms(kNowMs + 1);
  MarkDestroyed(version);
  const v1::VersionInfo info = ToInfo(*version);
  EXPECT_EQ(info.state(), v1::VERSION_STATE_DESTROYED);
  EXPECT_EQ(info.created_by(), "p");
  EXPECT_EQ(info.delete_time().seconds(), kNowMs / 1000);
  EXPECT_FALSE(info.has_purge_time());
  EXPECT_EQ(version->size(), 0u);
}

TEST_F(VersionsTest, CustomMetadataHasItsForms) {
  const std::string key =
      "INVALID_ARGUMENT: custom metadata key: allowed are 1 to 128 bytes of UTF-8 without control "
      "characters";
  for (const std::string& bad : {std::string(), std::string(129, 'k'), std::string("\xff"),
                                 std::string("a\tb"), std::string("\xc2\x85")}) {
    EXPECT_EQ(Merge({{bad, "v"}}), key);
  }
  const std::string value =
      "INVALID_ARGUMENT: custom metadata k: allowed are at most 512 bytes of UTF-8 without control "
      "characters";
  for (const std::string& bad : {std::string(513, 'v'), std::string("\xff"), std::string("\n")}) {
    EXPECT_EQ(Merge({{"k", bad}}), value);
  }
  EXPECT_EQ(Merge({{std::string(128, 'k'), std::string(512, 'v')}}), "OK");
  EXPECT_EQ(Merge({{std::string(128, 'k'), ""}, {"absent", ""}}), "OK");
  EXPECT_TRUE(metadata_.custom_metadata().empty());
}

}  // namespace
}  // namespace keyturn
