#include "rotation/usage/usage_record.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "crypto/random.h"
#include "storage/schema.h"
#include "tests/rotation/rotation_fixture.h"

namespace keyturn {
namespace {

constexpr int64_t kHour = 3'600'000;
constexpr int64_t kNowMs = int64_t{20'000} * 24 * kHour;

// 1 is in grace, since `kNowMs`; 2 is the current one.
SecretMetadata TwoVersions() {
  SecretMetadata metadata;
  metadata.set_current_version(2);
  for (const uint64_t number : {1, 2}) {
    VersionRecord& version = *metadata.add_versions();
    version.set_version(number);
    version.set_state(number == 1 ? v1::VERSION_STATE_GRACE : v1::VERSION_STATE_CURRENT);
    if (number == 1) version.set_replaced_ms(kNowMs);
  }
  return metadata;
}

CountedUses UsedBy(const std::string& consumer, uint64_t version, int64_t when,
                   uint64_t count = 1) {
  return {Uuid(), version, consumer, when, when, count, 0};
}

std::string Text(const record::v1::UsageRecord& record) {
  std::vector<std::string> out;
  for (const v1::Consumer& consumer :
       ConsumersIn(record, TwoVersions(), absl::FromUnixMillis(kNowMs))) {
    out.push_back(absl::StrCat(consumer.name(), " ", v1::Consumer::State_Name(consumer.state()),
                               " ", consumer.version(), " x", consumer.uses()));
  }
  return absl::StrJoin(out, ", ");
}

TEST(UsageRecord, AddsUpByVersion) {
  record::v1::UsageRecord record;
  Absorb({UsedBy("a", 1, kNowMs, 3), UsedBy("b", 1, kNowMs + 1)}, TwoVersions(), &record);
  Absorb({UsedBy("a", 1, kNowMs - 5, 2)}, TwoVersions(), &record);
  EXPECT_EQ(Text(record), "b LAGGING 1 x1, a LAGGING 1 x5");
  EXPECT_EQ(record.consumers(0).versions(0).first_ms(), kNowMs - 5);
  EXPECT_EQ(record.consumers(0).versions(0).last_ms(), kNowMs);
  CountedUses said{Uuid(), 2, "b", 0, 0, 0, kNowMs + 7};
  Absorb({UsedBy("a", 2, kNowMs + 6), said}, TwoVersions(), &record);
  EXPECT_EQ(Text(record), "b ACKNOWLEDGED 2 x0, a CURRENT 2 x1");
}

CountedUses TokenOf(const std::string& consumer, uint64_t version, int64_t when, int64_t end) {
  return {Uuid(), version, consumer, 0, 0, 0, 0, when, end};
}

TEST(UsageRecord, TokensAddUpApartFromUses) {
  record::v1::UsageRecord record;
  Absorb({TokenOf("a", 1, kNowMs - 2, kNowMs + 9), TokenOf("a", 1, kNowMs - 3, kNowMs + 7)},
         TwoVersions(), &record);
  EXPECT_EQ(Text(record), "a LAGGING 1 x0");
  EXPECT_EQ(record.consumers(0).versions(0).token_ms(), kNowMs - 2);
  EXPECT_EQ(record.consumers(0).versions(0).token_end_ms(), kNowMs + 9);
  EXPECT_EQ(record.consumers(0).versions(0).last_ms(), 0);
  const std::vector<v1::Consumer> shown =
      ConsumersIn(record, TwoVersions(), absl::FromUnixMillis(kNowMs));
  EXPECT_FALSE(shown[0].has_first_use_time());
  EXPECT_EQ(shown[0].last_use_time().seconds(), (kNowMs - 2) / 1000);
  Absorb({TokenOf("a", 2, kNowMs - 1, kNowMs + 1)}, TwoVersions(), &record);
  EXPECT_EQ(Text(record), "a CURRENT 2 x0");
}

// They hold nothing: who does is not crowded out by them, and they are nobody's "others".
TEST(UsageRecord, WhoOnlyHadTokensLeavesFirst) {
  record::v1::UsageRecord record;
  std::vector<CountedUses> uses;
  for (size_t i = 0; i < limits::kConsumersPerSecretMax; ++i) {
    uses.push_back(
        TokenOf(absl::StrCat("t", i), 1, kNowMs + static_cast<int64_t>(i) + 1, kNowMs + kHour));
  }
  uses.push_back(UsedBy("reader", 1, kNowMs - kHour));
  Absorb(uses, TwoVersions(), &record);
  EXPECT_EQ(record.consumers_size(), static_cast<int>(limits::kConsumersPerSecretMax));
  EXPECT_EQ(record.others_size(), 0);
  std::set<std::string> names;
  for (const record::v1::ConsumerRecord& one : record.consumers()) names.insert(one.name());
  EXPECT_EQ(names.count("reader"), 1u);
  EXPECT_EQ(names.count("t0"), 0u);  // the one that was seen longest ago
}

TEST(UsageRecord, KeepsOfAConsumerWhatItUsedLast) {
  record::v1::UsageRecord record;
  for (uint64_t version = 1; version <= 9; ++version) {
    Absorb({UsedBy("a", version, kNowMs + static_cast<int64_t>(version))}, TwoVersions(), &record);
  }
  Absorb({UsedBy("a", 1, kNowMs + 100)}, TwoVersions(), &record);
  ASSERT_EQ(record.consumers(0).versions_size(), static_cast<int>(limits::kConsumerVersionsMax));
  EXPECT_EQ(Text(record), "a LAGGING 1 x1");
}

// Who read a former version may hold it, whatever tokens it has verified since.
TEST(UsageRecord, ManyTokensLeaveARead) {
  record::v1::UsageRecord record;
  Absorb({UsedBy("a", 1, kNowMs)}, TwoVersions(), &record);
  for (uint64_t version = 2; version <= 2 + limits::kConsumerVersionsMax; ++version) {
    CountedUses token{Uuid(), version, "a", 0, 0, 0, 0};
    token.token_ms = kNowMs + static_cast<int64_t>(version);
    token.token_end_ms = token.token_ms + kHour;
    Absorb({token}, TwoVersions(), &record);
  }
  ASSERT_EQ(record.consumers(0).versions_size(), static_cast<int>(limits::kConsumerVersionsMax));
  EXPECT_EQ(Text(record), "a LAGGING 1 x1");
}

// As many reads as are kept, of versions long dead, and then tokens only.
TEST(UsageRecord, ManyReadsLeaveAToken) {
  record::v1::UsageRecord record;
  const auto most = static_cast<uint64_t>(limits::kConsumerVersionsMax);
  for (uint64_t version = 1; version <= most; ++version) {
    Absorb({UsedBy("a", version, kNowMs + static_cast<int64_t>(version))}, TwoVersions(), &record);
  }
  CountedUses token{Uuid(), most + 1, "a", 0, 0, 0, 0};
  token.token_ms = kNowMs + 100;
  token.token_end_ms = token.token_ms + kHour;
  Absorb({token}, TwoVersions(), &record);
  ASSERT_EQ(record.consumers(0).versions_size(), static_cast<int>(most));
  std::vector<uint64_t> kept;
  for (const auto& uses : record.consumers(0).versions()) kept.push_back(uses.version());
  std::sort(kept.begin(), kept.end());
  EXPECT_EQ(kept, (std::vector<uint64_t>{2, 3, 4, 5}));
}

TEST(UsageRecord, NobodyWhoMayUseAVersionIsForgottenForWantOfRoom) {
  record::v1::UsageRecord record;
  std::vector<CountedUses> uses;
  const auto most = static_cast<int>(limits::kConsumersPerSecretMax);
  for (int i = 0; i < most; ++i) uses.push_back(UsedBy(absl::StrCat("c", i), 1, kNowMs + i));
  Absorb(uses, TwoVersions(), &record);
  EXPECT_EQ(record.others_size(), 0);
  Absorb({UsedBy("new", 2, kNowMs + 5), UsedBy("newer", 2, kNowMs + 6)}, TwoVersions(), &record);
  EXPECT_EQ(record.consumers_size(), most);
  ASSERT_EQ(record.others_size(), 1);
  EXPECT_EQ(record.others(0).version(), 1u);
  EXPECT_EQ(record.others(0).consumers(), 2u);
  EXPECT_EQ(record.others(0).last_ms(), kNowMs + 1);
  // They are shown, and lag.
  const std::vector<v1::Consumer> all =
      ConsumersIn(record, TwoVersions(), absl::FromUnixMillis(kNowMs));
  const auto others = std::find_if(all.begin(), all.end(), [](const v1::Consumer& consumer) {
    return consumer.name() == kOtherConsumers;
  });
  ASSERT_NE(others, all.end());
  EXPECT_EQ(others->state(), v1::Consumer::LAGGING);
}

TEST(UsageRecord, WhoIsGoneLeavesFirstAndLeavesNothing) {
  record::v1::UsageRecord record;
  std::vector<CountedUses> uses;
  const auto most = static_cast<int>(limits::kConsumersPerSecretMax);
  const int64_t long_ago = kNowMs - limits::kConsumerGoneSeconds * 1000 - 1;
  uses.push_back(UsedBy("gone", 1, long_ago));
  uses.push_back(UsedBy("idle", 2, long_ago - 1));  // on the current one
  for (int i = 2; i < most; ++i) uses.push_back(UsedBy(absl::StrCat("c", i), 2, kNowMs + i));
  Absorb(uses, TwoVersions(), &record);
  Absorb({UsedBy("new", 2, kNowMs + 5)}, TwoVersions(), &record);
  EXPECT_EQ(record.others_size(), 0);
  const std::string text = Text(record);
  EXPECT_FALSE(absl::StrContains(text, "gone"));
  EXPECT_TRUE(absl::StrContains(text, "idle CURRENT 2"));
}

TEST(UsageRecord, OthersOfVersionsThatAreGoneAreNobody) {
  record::v1::UsageRecord record;
  AbsorbUnknown(1, absl::FromUnixMillis(kNowMs), &record);
  AbsorbUnknown(7, absl::FromUnixMillis(kNowMs), &record);
  Absorb({}, TwoVersions(), &record);
  EXPECT_EQ(Text(record), "(others) LAGGING 1 x1");
}

TEST(UsageRecord, ForgetsByTheNameThatIsShown) {
  record::v1::UsageRecord record;
  const std::string odd = "token:a, b\n\"\xff";
  Absorb({UsedBy(odd, 1, kNowMs), UsedBy("token:\xc3\xa4", 1, kNowMs - 1)}, TwoVersions(), &record);
  EXPECT_EQ(Text(record), "token:a, b\\n\\\"\\xff LAGGING 1 x1, token:\xc3\xa4 LAGGING 1 x1");
  EXPECT_FALSE(ForgetConsumer(odd, absl::FromUnixMillis(kNowMs), &record));
  EXPECT_TRUE(ForgetConsumer(ShownName(odd), absl::FromUnixMillis(kNowMs), &record));
  EXPECT_FALSE(ForgetConsumer("token:", absl::FromUnixMillis(kNowMs), &record));
  EXPECT_TRUE(ForgetConsumer("token:\xc3\xa4", absl::FromUnixMillis(kNowMs), &record));
  EXPECT_EQ(Text(record), "");
}

TEST(UsageRecord, ForgottenLossesComeBackOnlyWithLaterOnes) {
  record::v1::UsageRecord record;
  AbsorbUnknown(1, absl::FromUnixMillis(kNowMs), &record);
  EXPECT_TRUE(ForgetConsumer(kOtherConsumers, absl::FromUnixMillis(kNowMs + 10), &record));
  AbsorbUnknown(1, absl::FromUnixMillis(kNowMs), &record);
  EXPECT_EQ(Text(record), "");
  AbsorbUnknown(1, absl::FromUnixMillis(kNowMs + 11), &record);
  EXPECT_EQ(Text(record), "(others) LAGGING 1 x1");
}

TEST(UsageRecord, TheGreatestFitsInABatchBesideOthers) {
  record::v1::UsageRecord record;
  std::vector<CountedUses> uses;
  for (size_t i = 0; i < 2 * limits::kConsumersPerSecretMax; ++i) {
    const std::string name = KeptName(absl::StrCat(i, std::string(5000, 'x')));
    for (uint64_t version = 1; version <= 9; ++version) {
      CountedUses one = UsedBy(name, version, kNowMs + 1, ~uint64_t{0});
      one.acknowledged_ms = kNowMs;
      uses.push_back(one);
    }
  }
  Absorb(uses, TwoVersions(), &record);
  EXPECT_LT(record.ByteSizeLong(),
            limits::kConsumersPerSecretMax * (limits::kConsumerNameBytesMax + 256));
}

class StoredUsageTest : public RotationFixture {};

TEST_F(StoredUsageTest, IsSealedInItsPlaceWithAGeneration) {
  const auto keys = *keyring_->Snapshot();
  const Uuid secret = RandomUuid();
  ASSERT_OK_AND_ASSIGN(StoredUsage usage, ReadUsage(*keys, store_->Newest(), secret));
  EXPECT_FALSE(usage.sealed.has_value());
  Absorb({UsedBy("spiffe://prod/payments", 1, kNowMs)}, TwoVersions(), &usage.record);
  const auto write = [&](const Uuid& where, const std::string& sealed) {
    ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
      batch.Put(Family::kRecords, schema::UsageKey(where), sealed);
      return absl::OkStatus();
    }));
  };
  ASSERT_OK_AND_ASSIGN(const std::string sealed, SealUsage(*keys, secret, usage));
  EXPECT_FALSE(absl::StrContains(sealed, "payments"));
  write(secret, sealed);
  ASSERT_OK_AND_ASSIGN(const StoredUsage back, ReadUsage(*keys, store_->Newest(), secret));
  EXPECT_EQ(back.generation, 1u);
  EXPECT_EQ(back.record.SerializeAsString(), usage.record.SerializeAsString());
  const Uuid other = RandomUuid();
  write(other, sealed);
  EXPECT_CODE(ReadUsage(*keys, store_->Newest(), other), kDataLoss);
}

}  // namespace
}  // namespace keyturn
